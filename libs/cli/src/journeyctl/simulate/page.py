"""A simulation's answer as one HTML page that needs nothing but itself."""

# ruff: noqa: E501  (markup reads better unbroken)

from collections.abc import Iterable, Mapping
from html import escape
from importlib.resources import files
from typing import Any, Final

from journeyctl.demo.pictures import LOGO, number
from journeyctl.simulate.report import Report
from journeyctl.simulate.tables import is_right
from journeyctl.words import reason

_WIDTH: Final = 1080
_BASE: Final = 150.0


def page(report: Report) -> str:
    """The whole document."""
    style = (files("journeyctl.demo") / "report.css").read_text() + _STYLE
    body = "".join(
        [
            _head(report),
            _tiles(report),
            "<h2>The journeys, before and after</h2>",
            *(_journey(name, journey) for name, journey in report["journeys"].items()),
            "<h2>Messages per day</h2><p>The bars are the programme in force, the line is the changed one.</p>",
            *(_load(connector, days) for connector, days in report["load"].items()),
            _decisions(report),
            _small_print(report),
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Cairn: what the change would have done</title><style>{style}</style></head><body><main>{body}</main></body></html>"
    )


_STYLE: Final = (
    ".up{color:#2f7d4f}.down{color:#b4443c}.pair i{display:block;height:9px;border-radius:4px;margin:1px 0;background:#8a94a6}"
    ".pair i.after{background:#d9822b}.pair{min-width:220px}td.n{text-align:right}table{width:100%}"
)


def _head(report: Report) -> str:
    recorded = report["recorded"]
    window = " to ".join(word for word in (report["since"], report["until"]) if word)
    return (
        f"<header>{LOGO}<div><h1>What the change would have done</h1>"
        f'<p class="muted">{number(recorded["events"])} recorded events of {number(recorded["people"])} customers, replayed under '
        f"<code>{escape(report['before'])}</code> (in force) and <code>{escape(report['after'])}</code> (changed)"
        f"{f', counted from {escape(window)}' if window else ''}. Nothing was sent.</p></div></header>"
    )


def _tiles(report: Report) -> str:
    said = report["baseline"]
    changes = [journey["change"] for journey in report["journeys"].values()]
    tiles = [
        (
            f"{number(said['moments_reproduced'])} of {number(said['moments_checked'])}",
            f"recorded moments that the replay of the programme in force states again{_checked(said)}",
            "good" if is_right(report) else "bad",
        ),
        *(
            (number(sum(change[key] for change in changes)), words, "")
            for key, words in (
                ("moments_appeared", "moments appear"),
                ("moments_vanished", "moments vanish"),
                ("moments_moved", "moments move in time"),
                ("decided_otherwise", "moments are decided otherwise"),
            )
        ),
    ]
    cells = "".join(
        f'<div class="tile {kind}"><b>{value}</b><span>{escape(text)}</span></div>' for value, text, kind in tiles
    )
    return f'<div class="tiles">{cells}</div>'


def _checked(said: Mapping[str, Any]) -> str:
    every = said["moments_checked"] == said["moments_recorded"]
    return "" if every else f"; {number(said['moments_recorded'])} were recorded, and some were checked"


def _journey(name: str, journey: Mapping[str, Any]) -> str:
    one, other, change = journey["before"], journey["after"], journey["change"]
    measures = [
        ("entered", one["entered"], other["entered"]),
        ("goals reached", one["goals"], other["goals"]),
        ("left without", sum(one["exits"].values()), sum(other["exits"].values())),
        ("on the way", one["in_flight"], other["in_flight"]),
        ("moments", one["moments"], other["moments"]),
        ("stopped by the contact policy", sum(one["contact_policy"].values()), sum(other["contact_policy"].values())),
        *(
            (f"stage {stage}", one["stages"].get(stage, 0), other["stages"].get(stage, 0))
            for stage in sorted({*one["stages"], *other["stages"]})
        ),
    ]
    most = max((max(before, after) for _, before, after in measures), default=1) or 1
    rows = "".join(_measure(text, before, after, most) for text, before, after in measures)
    moved = ", ".join(f"{int(days):+d} d: {number(count)}" for days, count in change["moved_by_days"].items())
    return (
        f'<div class="card"><h3>{escape(name)}</h3><p class="muted">{number(change["moments_same"])} moments stay, '
        f"{number(change['moments_moved'])} move{f' ({moved})' if moved else ''}, {number(change['moments_appeared'])} appear, "
        f"{number(change['moments_vanished'])} vanish; {number(change['decided_otherwise'])} are decided otherwise. "
        f"Customers: {number(change['customers_entering'])} more enter, {number(change['customers_no_longer_entering'])} no longer do.</p>"
        f"<table><tr><th></th><th>before</th><th>after</th><th></th><th></th></tr>{rows}</table>{_samples(change)}</div>"
    )


def _measure(text: str, before: int, after: int, most: int) -> str:
    difference = (
        f'<span class="{"up" if after > before else "down"}">{after - before:+,}</span>' if after != before else ""
    )
    bars = "".join(
        f'<i class="{kind}" style="width:{100 * count / most:.1f}%"></i>'
        for kind, count in (("before", before), ("after", after))
    )
    return (
        f'<tr><td>{escape(text)}</td><td class="n">{number(before)}</td><td class="n">{number(after)}</td>'
        f'<td class="n">{difference}</td><td class="pair">{bars}</td></tr>'
    )


def _samples(change: Mapping[str, Any]) -> str:
    return "".join(
        f"<details><summary>{escape(kind)}: customers</summary><ul>"
        + "".join(
            f"<li><code>{escape(each['profile_id'])}</code> {escape((each['at'] or '')[:10])} {escape(each['why'])}</li>"
            for each in samples
        )
        + "</ul></details>"
        for kind, samples in change["samples"].items()
    )


def _load(connector: str, days: Mapping[str, Mapping[str, int]]) -> str:
    most = max(max(day["before"], day["after"]) for day in days.values()) or 1
    step = (_WIDTH - 40) / len(days)
    bars, points = [], []
    for index, (day, counts) in enumerate(days.items()):
        x = 20 + index * step
        tall = (_BASE - 20) * counts["before"] / most
        points.append(f"{x + step * 0.37:.1f},{_BASE - (_BASE - 20) * counts['after'] / most:.1f}")
        title = f"<title>{day}: {number(counts['before'])} before, {number(counts['after'])} after</title>"
        bars.append(
            f'<g><rect class="column" x="{x:.1f}" y="{_BASE - tall:.1f}" width="{step * 0.74:.1f}" height="{tall:.1f}" rx="2"/>{title}</g>'
        )
        if index % max(1, len(days) // 10) == 0:
            bars.append(f'<text x="{x:.1f}" y="{_BASE + 18}" class="small">{day}</text>')
    total = tuple(number(sum(day[side] for day in days.values())) for side in ("before", "after"))
    return (
        f'<div class="card"><h3>{escape(connector)}</h3><p class="muted">{total[0]} messages before, {total[1]} after; at most {number(most)} in a day.</p>'
        f'<div class="scroll"><svg class="columns" viewBox="0 0 {_WIDTH} 180" role="img" aria-label="Messages by day of {escape(connector)}">'
        f'<path class="grid" d="M0 {_BASE}H{_WIDTH}"/>{"".join(bars)}<polyline class="line" points="{" ".join(points)}"/></svg></div></div>'
    )


def _decisions(report: Report) -> str:
    one, other = report["decisions"]["before"], report["decisions"]["after"]
    cards = []
    for kind, title in (
        ("chosen", "Actions chosen"),
        ("nothing_chosen", "Nothing chosen, because"),
        ("not_sent", "Chosen, but not sent, because"),
    ):
        names = sorted({*one[kind], *other[kind]})
        most = max((max(one[kind].get(name, 0), other[kind].get(name, 0)) for name in names), default=1) or 1
        rows = "".join(
            _measure(name if kind == "chosen" else reason(name), one[kind].get(name, 0), other[kind].get(name, 0), most)
            for name in names
        )
        if rows:
            cards.append(f'<div class="card"><h3>{title}</h3><table>{rows}</table></div>')
    return f"<h2>What would be decided</h2>{''.join(cards)}"


def _small_print(report: Report) -> str:
    said = report["assumptions"]
    rows: Iterable[tuple[str, str]] = (
        ("Customers", said["customers"]),
        ("New messages", said["new_messages"]),
        ("Recorded outcomes of messages that both programmes send", number(said["outcomes_used"])),
        (
            "Recorded outcomes left out: the changed programme would not have sent these messages so",
            number(said["outcomes_left_out"]),
        ),
        ("Outcomes assumed", number(said["outcomes_assumed"])),
        ("Profiles, merges", f"{number(report['recorded']['profiles'])}, {number(report['recorded']['merges'])}"),
    )
    body = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
    return f'<h2>What this rests on</h2><div class="card"><table>{body}</table></div>'
