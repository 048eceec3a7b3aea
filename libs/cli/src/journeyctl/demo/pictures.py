"""Pictures as inline SVG; the page's style sheet gives the colours, so they follow light and dark."""

# ruff: noqa: E501  (markup reads better unbroken)

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Final

from journeyctl.demo.results import JourneyCount, Lane, Mark, Slice, Span

LOGO: Final = (
    '<svg class="logo" viewBox="0 0 64 64" aria-hidden="true">'
    '<ellipse cx="32" cy="52" rx="26" ry="8"/><ellipse cx="33" cy="37" rx="19" ry="7"/>'
    '<ellipse cx="31" cy="24" rx="13" ry="6"/><ellipse cx="33" cy="12" rx="7.5" ry="5"/></svg>'
)

_BOX_W: Final = 148
_BOX_H: Final = 80
_WIDTH: Final = 1080


def number(count: int) -> str:
    """A count with separators: 155,848."""
    return f"{count:,}"


def flow(journey: JourneyCount) -> str:
    """How customers went through the stages of a journey: boxes, and ribbons as wide as the crowd."""
    stages = list(journey.stage_entries)
    columns = len(stages) + 2
    gap = (_WIDTH - _BOX_W * columns) / (columns - 1)
    left = {name: index * (_BOX_W + gap) for index, name in enumerate(["", *stages])}
    order = {name: index for index, name in enumerate(["", *stages])}
    ribbons = _ribbons(journey, stages)
    back = any(order[a] >= order[b] for a, b, _ in ribbons if b is not None)
    skips = [order[b] - order[a] for a, b, _ in ribbons if b is not None and order[b] > order[a] + 1]
    skips += [len(stages) + 1 - order[a] for a, b, _ in ribbons if b is None and order[a] < len(stages)]
    middle = 76.0 + 26 * (max(skips, default=1) - 1)
    height = middle + 76 + (40 if back else 0)
    parts: list[str] = []
    for source, target, count in ribbons:
        width = 1.5 + 20 * count / max(1, journey.entered)
        x1 = left[source] + _BOX_W
        if target is None:
            x2, hop, kind = float(_WIDTH - _BOX_W), len(stages) + 1 - order[source], "out"
        else:
            x2, hop, kind = left[target], order[target] - order[source], "on"
        parts.append(_ribbon(x1, x2, middle, hop, width, count, kind))
    parts.append(_box(0, middle, "entered", number(journey.entered), "entered", ""))
    for name in stages:
        there = journey.stages.get(name, 0)
        parts.append(
            _box(
                left[name],
                middle,
                name,
                number(journey.stage_entries[name]),
                "stage",
                f"{number(there)} there now" if there else "",
            )
        )
    parts.append(_outcomes(journey, _WIDTH - _BOX_W, middle))
    label = f"Stage flow of the journey {journey.name}"
    return (
        f'<svg class="flow" viewBox="-2 0 {_WIDTH + 4} {height:.0f}" role="img" aria-label="{escape(label)}">'
        + "".join(parts)
        + "</svg>"
    )


def _ribbons(journey: JourneyCount, stages: Sequence[str]) -> list[tuple[str, str | None, int]]:
    """(from, to, count): from the empty name for the entry, to None for the end."""
    came: dict[str, int] = dict.fromkeys(stages, 0)
    went: dict[str, int] = dict.fromkeys(stages, 0)
    ribbons: list[tuple[str, str | None, int]] = []
    for key, count in journey.stage_transitions.items():
        source, _, target = key.partition(">")
        if source not in came or target not in came:
            continue
        came[target] += count
        went[source] += count
        if source != target:
            ribbons.append((source, target, count))
    first = {name: journey.stage_entries[name] - came[name] for name in stages}
    ribbons += [("", name, count) for name, count in first.items() if count > 0]
    ended = {name: journey.stage_entries[name] - went[name] - journey.stages.get(name, 0) for name in stages}
    ribbons += [(name, None, count) for name, count in ended.items() if count > 0]
    straight = journey.entered - sum(count for count in first.values() if count > 0) - journey.stages.get("", 0)
    if straight > 0:
        ribbons.append(("", None, straight))
    return sorted(ribbons, key=lambda ribbon: -ribbon[2])


def _ribbon(x1: float, x2: float, middle: float, hop: int, width: float, count: int, kind: str) -> str:
    title = f"<title>{number(count)}</title>"
    if hop == 1:
        label = _label((x1 + x2) / 2, middle - width / 2 - 5, count)
        return f'<g class="ribbon {kind}"><path d="M{x1:.1f} {middle}H{x2:.1f}" stroke-width="{width:.1f}"/>{title}{label}</g>'
    if hop > 1:
        top = middle - _BOX_H / 2 - 26 * (hop - 1)
        start, end = x1 - _BOX_W * 0.35, x2 + _BOX_W * 0.2
        edge = middle - _BOX_H / 2
    else:
        top = middle + _BOX_H / 2 + 48
        start, end = x1 - _BOX_W * 0.5, x2 + _BOX_W * 0.5
        edge = middle + _BOX_H / 2
    bend = min(60.0, abs(end - start) / 3) * (1 if end > start else -1)
    path = (
        f"M{start:.1f} {edge}C{start:.1f} {top} {start:.1f} {top} {start + bend:.1f} {top}"
        f"H{end - bend:.1f}C{end:.1f} {top} {end:.1f} {top} {end:.1f} {edge}"
    )
    label = _label((start + end) / 2, top - width / 2 - 5, count)
    return f'<g class="ribbon {kind}"><path d="{path}" stroke-width="{width:.1f}"/>{title}{label}</g>'


def _label(x: float, y: float, count: int) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="small" text-anchor="middle">{number(count)}</text>'


def _box(x: float, middle: float, name: str, count: str, kind: str, note: str) -> str:
    top = middle - _BOX_H / 2
    return (
        f'<g class="box {kind}"><rect x="{x:.1f}" y="{top:.1f}" width="{_BOX_W}" height="{_BOX_H}" rx="12"/>'
        f'<text x="{x + _BOX_W / 2:.1f}" y="{top + 24:.1f}" class="name" text-anchor="middle">{escape(name)}</text>'
        f'<text x="{x + _BOX_W / 2:.1f}" y="{top + 48:.1f}" class="count" text-anchor="middle">{count}</text>'
        f'<text x="{x + _BOX_W / 2:.1f}" y="{top + 68:.1f}" class="small" text-anchor="middle">{escape(note)}</text></g>'
    )


def _outcomes(journey: JourneyCount, x: float, middle: float) -> str:
    """One bar cut into what became of all who entered."""
    height = 132.0
    top = middle - height / 2
    shares = [
        ("goal", "goal", journey.goal),
        ("left", "exit", journey.exited),
        ("on the way", "flight", journey.in_flight),
    ]
    total = max(1, sum(count for _, _, count in shares))
    parts = []
    for name, kind, count in shares:
        if not count:
            continue
        tall = max(26.0, height * count / total)
        parts.append((name, kind, count, tall))
    scale = height / sum(tall for *_, tall in parts) if parts else 1.0
    drawn = []
    for name, kind, count, tall in parts:
        tall *= scale
        drawn.append(
            f'<g class="outcome {kind}"><rect x="{x:.1f}" y="{top:.1f}" width="{_BOX_W}" height="{tall - 2:.1f}" rx="8"/>'
            f'<text x="{x + 12:.1f}" y="{top + tall / 2 + 4:.1f}" class="name">{name}</text>'
            f'<text x="{x + _BOX_W - 12:.1f}" y="{top + tall / 2 + 4:.1f}" class="name" text-anchor="end">{number(count)}</text></g>'
        )
        top += tall
    return "".join(drawn)


_LABEL_W: Final = 120
_MARK_LANE: Final = 44
_SPAN_LANE: Final = 40


def timeline(lanes: Sequence[Lane], start: datetime, end: datetime) -> str:
    """One customer's time, a lane for each kind of thing."""
    scale = (_WIDTH - _LABEL_W - 16) / (end - start).total_seconds()

    def x_of(moment: datetime) -> float:
        return _LABEL_W + max(0.0, (min(moment, end) - start).total_seconds()) * scale

    top = 26.0
    parts: list[str] = []
    for lane in lanes:
        tall = _SPAN_LANE if lane.spans else _MARK_LANE
        centre = top + tall / 2
        parts.append(f'<text x="0" y="{centre + 4:.1f}" class="name">{escape(lane.name)}</text>')
        parts.append(f'<path class="rule" d="M{_LABEL_W} {top + tall:.1f}H{_WIDTH}"/>')
        parts += [_span(span, x_of(span.start), x_of(span.end or end), centre, x_of) for span in lane.spans]
        parts += [_end(span, x_of(span.end), centre) for span in lane.spans if span.end is not None]
        parts += [_mark(mark, x_of(mark.at), centre) for mark in lane.marks]
        top += tall
    grid = "".join(
        f'<path class="grid" d="M{x_of(at):.1f} 18V{top:.1f}"/><text x="{x_of(at) + 4:.1f}" y="12" class="small">{label}</text>'
        for at, label in _ticks(start, end)
    )
    return (
        f'<svg class="timeline" viewBox="-2 0 {_WIDTH + 4} {top + 6:.0f}" role="img" '
        f'aria-label="Timeline of one customer">{grid}{"".join(parts)}</svg>'
    )


def legend() -> str:
    """What the marks of a timeline mean."""
    marks = [
        ("basket", "a basket, as large as its amount"),
        ("identify", "told who they are"),
        ("merge", "two profiles became one"),
        ("campaign", "campaign received"),
        ("coupon", "coupon redeemed"),
        ("chosen", "an action was chosen"),
        ("suppressed", "nothing was chosen"),
        ("mail", "a message"),
    ]
    middle = datetime(2017, 1, 1, tzinfo=UTC)
    return (
        '<div class="legend">'
        + "".join(
            f'<span><svg viewBox="0 0 24 24" aria-hidden="true">{_mark(Mark(middle, kind, "", 0.3), 12, 12)}</svg>{text}</span>'
            for kind, text in marks
        )
        + "</div>"
    )


def _ticks(start: datetime, end: datetime) -> list[tuple[datetime, str]]:
    if end - start > timedelta(days=70):
        months = [start.replace(month=month, day=1) for month in range(start.month, 13)]
        return [(month, f"{month:%b}") for month in months if month < end]
    weeks = range(0, (end - start).days, 7)
    return [(start + timedelta(days=day), f"{start + timedelta(days=day):%-d %b}") for day in weeks]


def _mark(mark: Mark, x: float, y: float) -> str:
    title = f"<title>{escape(mark.text)}</title>"
    match mark.kind:
        case "basket":
            return (
                f'<circle class="basket" cx="{x:.1f}" cy="{y:.1f}" r="{2.5 + 12 * mark.size**0.5:.1f}">{title}</circle>'
            )
        case "chosen" | "suppressed":
            d = f"M{x:.1f} {y - 8:.1f}l8 8l-8 8l-8 -8z"
            return f'<path class="{mark.kind}" d="{d}">{title}</path>'
        case "mail":
            d = f"M{x - 8:.1f} {y - 6:.1f}h16v12h-16zl8 7l8 -7"
            return f'<path class="mail" d="{d}">{title}</path>'
        case _:
            return (
                f'<rect class="{escape(mark.kind)}" x="{x - 5:.1f}" y="{y - 10:.1f}" width="10" height="20" rx="3">'
                f"{title}</rect>"
            )


def _span(span: Span, x1: float, x2: float, y: float, x_of: Callable[[datetime], float]) -> str:
    kind = span.outcome or "flight"
    width = max(4.0, x2 - x1)
    parts = [f'<rect class="span {kind}" x="{x1:.1f}" y="{y - 9:.1f}" width="{width:.1f}" height="18" rx="6"/>']
    for at, stage in span.stages:
        x = x_of(at)
        parts.append(
            f'<path class="cut" d="M{x:.1f} {y - 9:.1f}v18"><title>{escape(f"{stage} since {at:%-d %b %Y}")}</title></path>'
        )
    return f"<g>{''.join(parts)}<title>{escape(span.text)}</title></g>"


def _end(span: Span, x: float, y: float) -> str:
    """A flag where a stay ended; drawn over the stay that may begin there."""
    title = f"<title>{escape(span.text)}</title>"
    if span.outcome == "goal":
        return f'<circle class="goalmark" cx="{x:.1f}" cy="{y:.1f}" r="7">{title}</circle>'
    if span.outcome == "exited":
        return f'<path class="exitmark" d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8">{title}</path>'
    return ""


def columns(slices: Sequence[Slice], unit: str) -> str:
    """Baskets in and messages out, by day or week (`unit`)."""
    if not slices:
        return ""
    height, base = 190.0, 150.0
    most = max(max(one.baskets for one in slices), 1)
    most_out = max(max(one.messages for one in slices), 1)
    step = (_WIDTH - 40) / len(slices)
    parts = [f'<path class="grid" d="M0 {base}H{_WIDTH}"/>']
    for index, one in enumerate(slices):
        x = 20 + index * step
        tall = (base - 20) * one.baskets / most
        title = f"<title>{one.start:%-d %b %Y}: {number(one.baskets)} baskets, {number(one.messages)} messages</title>"
        parts.append(
            f'<g><rect class="column" x="{x:.1f}" y="{base - tall:.1f}" width="{step * 0.74:.1f}" height="{tall:.1f}" rx="2"/>{title}</g>'
        )
        if index % max(1, len(slices) // 10) == 0:
            parts.append(f'<text x="{x:.1f}" y="{base + 18}" class="small">{one.start:%-d %b}</text>')
    points = [
        f"{20 + (index + 0.37) * step:.1f},{base - (base - 20) * one.messages / most_out:.1f}"
        for index, one in enumerate(slices)
    ]
    parts.append(f'<polyline class="line" points="{" ".join(points)}"/>')
    legend = (
        f'<rect class="column" x="20" y="{height - 12}" width="10" height="10" rx="2"/>'
        f'<text x="36" y="{height - 3}" class="small">baskets (most in a {unit}: {number(most)})</text>'
        f'<path class="line" d="M280 {height - 7}h16"/>'
        f'<text x="302" y="{height - 3}" class="small">messages decided (most in a {unit}: {number(most_out)})</text>'
    )
    return (
        f'<svg class="columns" viewBox="0 0 {_WIDTH} {height:.0f}" role="img" '
        f'aria-label="Baskets and messages by {unit}">{"".join(parts)}{legend}</svg>'
    )


def bars(counts: Mapping[str, int], kind: str) -> str:
    """Counts by name as horizontal bars, largest first."""
    if not counts:
        return '<p class="muted">none</p>'
    most = max(counts.values()) or 1
    rows = "".join(
        f'<div class="bar"><span>{escape(name)}</span><i class="{kind}" style="width:{max(0.6, 100 * count / most):.1f}%"></i>'
        f"<b>{number(count)}</b></div>"
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )
    return f'<div class="bars">{rows}</div>'
