"""Read waits."""

import re
from collections.abc import Mapping
from typing import Final, Literal, cast

from cairn_journey.language.documents import Node
from cairn_journey.language.local_time import known_zones
from cairn_journey.language.model import On
from cairn_journey.language.reading import Fields, suggestion
from cairn_journey.language.steps_model import CUSTOMER, UntilClock, UntilTime, UntilTrue
from cairn_journey.language.steps_shapes import DAYS, UNTIL, WAIT
from cairn_kernel.time import parse_duration

CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")

Until = On | UntilClock | UntilTime | UntilTrue


def read_wait(
    step: Fields, variables: Mapping[str, type], in_steps: Mapping[str, type]
) -> tuple[Fields, int | None, tuple[Until, Node, str] | None] | None:
    """Its fields, its `for`, and what is waited for, with the node and the text of its expression over `wait`."""
    fields = step.fields("wait", WAIT)
    if fields is None or not fields.is_map:
        return None
    until = _until(fields, variables, in_steps)
    ends = until is not None and isinstance(until[0], UntilClock | UntilTime)
    length = fields.optional_duration("for") if ends else fields.duration("for", "every wait has an end: for: 7d")
    late = fields.node_of("on_timeout")
    if late is not None and (until is None or length is None):
        cure = "give `until` and `for`; a wait of a fixed length always passes"
        fields.reading.fault(late, "nothing can come before the timeout, or there is none", cure)
    return fields, length, until


def _until(wait: Fields, variables: Mapping[str, type], in_steps: Mapping[str, type]) -> tuple[Until, Node, str] | None:
    fields = wait.fields("until", UNTIL)
    if fields is None or not fields.is_map:
        return None
    kinds = [key for key in ("on", "time") if fields.node_of(key) is not None]
    if any(fields.node_of(key) is not None for key in ("at", "between", "day")):
        kinds.append("clock")
    if fields.node_of("when") is not None and "on" not in kinds:
        kinds.append("when")
    if len(kinds) != 1:
        cure = "give one of: `on` (with `when`), `at` or `between` or `day`, `time`, or `when` alone"
        fields.reading.fault(fields.node, "say what is waited for, one thing", cure)
        return None
    _refuse_stray(fields, kinds[0])
    match kinds[0]:
        case "on":
            return On(fields.event("on"), fields.condition("when", variables)), fields.node, ""
        case "time":
            return _time(fields, in_steps)
        case "clock":
            return _clock(fields), fields.node, ""
    standing = {name: kind for name, kind in variables.items() if name != "event"}
    return UntilTrue(fields.condition("when", standing)), fields.node, ""


def _refuse_stray(fields: Fields, kind: str) -> None:
    """Keys that mean nothing beside what is waited for."""
    about = {"on": ("on", "when"), "time": ("time", "offset", "past", "zone"), "when": ("when",)}
    fitting = about.get(kind, ("at", "between", "day", "zone"))
    for key in UNTIL.keys:
        node = fields.node_of(key)
        if node is not None and key not in fitting:
            fields.reading.fault(
                node, f"`{key}` means nothing here", f"leave it out, or keep only {', '.join(fitting)}"
            )


def _time(fields: Fields, in_steps: Mapping[str, type]) -> tuple[UntilTime, Node, str]:
    node = fields.node_of("time") or fields.node
    text = fields.value_text(node, "time", in_steps)
    past = fields.choice("past", ("go_on", "skip"), default="go_on")
    until = UntilTime(text, _offset(fields), cast(Literal["go_on", "skip"], past), read_zone(fields))
    return until, node, text


def _offset(fields: Fields) -> int:
    node = fields.node_of("offset")
    if node is None:
        return 0
    text = str(node.plain())
    try:
        return (-1 if text.startswith("-") else 1) * parse_duration(text.lstrip("+-"))
    except ValueError:
        fields.reading.fault(node, f"{text} is not a duration", "write such as -24h or 30m")
        return 0


def _clock(fields: Fields) -> UntilClock:
    at, between = fields.node_of("at"), fields.node_of("between")
    if at is not None and between is not None:
        fields.reading.fault(between, "`at` and `between` exclude each other", "keep one of them")
    limits = fields.items("between")
    if between is not None and isinstance(between.value, list) and len(limits) != 2:
        fields.reading.fault(between, "between has a begin and an end", 'write between: ["09:00", "17:00"]')
    minutes = [read_clock(fields, item) for item in limits]
    return UntilClock(
        at=read_clock(fields, at) if at is not None else None,
        between=(minutes[0], minutes[1]) if len(minutes) == 2 else None,
        days=_days(fields),
        zone=read_zone(fields),
    )


def _days(fields: Fields) -> tuple[int, ...]:
    node = fields.node_of("day")
    if node is None:
        return ()
    days = []
    for item in node.value if isinstance(node.value, list) else [node]:
        if item.value in DAYS:
            days.append(DAYS.index(item.value))
        else:
            fields.reading.fault(item, f"{item.plain()} is not a day", suggestion(str(item.plain()), DAYS))
    if isinstance(node.value, list) and not node.value:
        fields.reading.fault(node, "day is empty", "name at least one day, such as monday")
    return tuple(sorted(set(days)))


def read_zone(fields: Fields) -> str:
    """`customer` or the name of a time zone."""
    zone, node = fields.text("zone") or CUSTOMER, fields.node_of("zone")
    if node is not None and zone != CUSTOMER and zone not in known_zones():
        fields.reading.fault(node, f"there is no time zone {zone}", "write customer, or a name such as Europe/Berlin")
    return zone


def read_clock(fields: Fields, node: Node) -> int:
    """Minutes since midnight."""
    match = CLOCK.fullmatch(str(node.plain()))
    if match is None:
        fields.reading.fault(node, f"{node.plain()} is not a time of day", 'write it as "21:00"')
        return 0
    return int(match[1]) * 60 + int(match[2])
