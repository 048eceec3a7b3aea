"""Read scenario files; every mistake is told at its place, with its cure."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from cairn_journey.language.documents import Node, read_yaml
from cairn_journey.language.faults import DefinitionFaults, Fault
from cairn_journey.language.reading import Fields, Reading
from cairn_kernel.event_names import normalised
from cairn_kernel.time import DAY, parse_duration, parse_instant
from journeyctl.errors import CannotRun
from journeyctl.testing.scenario import DEFAULT_CUSTOMER, DEFAULT_START, SUFFIX, Expected, Given, Place, Scenario

GIVEN: Final[Mapping[str, tuple[str, ...]]] = {
    "event": ("data", "id", "happened", "historical"),
    "identify": ("id",),
    "consent": ("happened",),
    "outcome": ("action",),
    "merge": (),
    "split": ("events",),
    "programme": (),
    "pause": (),
    "resume": (),
    "stop": ("mode",),
    "broadcast": ("data",),
}
"""What can happen, and what else may be said of it."""

EXPECT: Final[Mapping[str, tuple[str, ...]]] = {
    "entered": (),
    "stage": (),
    "goal": ("value",),
    "exited": ("reason",),
    "friction": (),
    "moment": ("step",),
    "suppressed_moment": ("reason",),
    "decided": ("reason", "journey"),
    "delivery": ("action", "reason"),
    "state": (),
    "messages": (),
    "fact": ("where",),
}
"""What can be expected, and what narrows it."""

_WHEN: Final = ("at", "customer")
_TOP: Final = ("kind", "name", "programme", "start", "until", "given", "expect", "strict", "description")


def find(folder: Path) -> list[Path]:
    """The scenario files in a folder, or the file itself. Raises CannotRun if there are none."""
    if folder.is_file():
        return [folder]
    found = sorted(folder.rglob(f"*{SUFFIX}")) if folder.is_dir() else []
    if not found:
        raise CannotRun(f"There is no file *{SUFFIX} in {folder}.")
    return found


def read(path: Path) -> list[Scenario]:
    """The scenarios of a file. Raises DefinitionFaults with every mistake."""
    faults: list[Fault] = []
    reading = Reading(faults)
    nodes = list(read_yaml(path.read_text(encoding="utf-8"), str(path), faults))
    scenarios = [_scenario(reading, node, path) for node in nodes]
    if faults:
        raise DefinitionFaults(faults)
    return scenarios


def _scenario(reading: Reading, node: Node, path: Path) -> Scenario:
    fields = Fields(reading, node, "a scenario", _TOP)
    kind = fields.text("kind")
    if kind != "Scenario" and fields.is_map:
        reading.fault(node, "a file of scenarios holds nothing else", "begin each with kind: Scenario")
    start = _instant(reading, fields, "start") or DEFAULT_START
    given = tuple(sorted(_givens(reading, fields, start), key=lambda one: one.at))
    expect = tuple(_expects(reading, fields, start))
    if not expect and fields.is_map:
        reading.fault(node, "a scenario needs expect", "say what must come of it, such as - {entered: win-back}")
    last = max((one.at for one in given), default=start)
    stated = _time(reading, fields.node_of("until"), start)
    asked = max((one.at or one.by or 0 for one in expect), default=0)
    strict = fields.node_of("strict")
    return Scenario(
        name=fields.text("name") or path.name.removesuffix(SUFFIX),
        place=_place(node),
        programme=path.parent / (fields.text("programme") or "."),
        start=start,
        until=stated if stated is not None else max(last + DAY, asked),
        given=given,
        expect=expect,
        strict=strict is not None and strict.value is True,
    )


def _givens(reading: Reading, fields: Fields, start: int) -> Iterator[Given]:
    at = start
    for node in fields.items("given"):
        one = _one(reading, node, GIVEN, "something given", _WHEN)
        if one is None:
            continue
        own, kind, what = one
        when = _time(reading, own.node_of("at"), start)
        at = when if when is not None else at
        more = _more(own, GIVEN[kind])
        if "happened" in more:
            more["happened"] = _time(reading, own.node_of("happened"), start)
        yield Given(_place(node), at, kind, what, own.text("customer") or DEFAULT_CUSTOMER, more)


def _expects(reading: Reading, fields: Fields, start: int) -> Iterator[Expected]:
    for node in fields.items("expect"):
        one = _one(reading, node, EXPECT, "something expected", (*_WHEN, "by", "times"))
        if one is None:
            continue
        own, kind, what = one
        yield Expected(
            place=_place(node),
            kind=kind,
            what=what,
            customer=own.text("customer") or DEFAULT_CUSTOMER,
            at=_time(reading, own.node_of("at"), start),
            by=_time(reading, own.node_of("by"), start),
            times=own.whole("times", minimum=0, default=0) if own.node_of("times") is not None else None,
            more=_more(own, EXPECT[kind]),
        )


def _one(
    reading: Reading, node: Node, kinds: Mapping[str, tuple[str, ...]], what: str, always: tuple[str, ...]
) -> tuple[Fields, str, Any] | None:
    """The fields of an item, the one key that says what it is, and its value."""
    if not isinstance(node.value, dict):
        Fields(reading, node, what, tuple(kinds))
        return None
    found = [kind for kind in kinds if kind in node.value]
    if len(found) != 1:
        reading.fault(node, f"{what} is one thing", f"use one of: {', '.join(kinds)}")
        return None
    kind = found[0]
    own = Fields(reading, node, f"{kind} in a scenario", (kind, *kinds[kind], *always))
    value = node.value[kind][1].plain()
    if kind == "event":
        name = str(value)
        if name != normalised(name):
            reading.fault(node.value[kind][1], f"{name} is not an event type", f"write {normalised(name) or 'a name'}")
    return own, kind, value


def _more(own: Fields, names: tuple[str, ...]) -> dict[str, Any]:
    found = {name: own.node_of(name) for name in names}
    return {name: node.plain() for name, node in found.items() if node is not None}


def _instant(reading: Reading, fields: Fields, key: str) -> int | None:
    node = fields.node_of(key)
    return _time(reading, node, 0) if node is not None else None


def _time(reading: Reading, node: Node | None, start: int) -> int | None:
    """A duration since the scenario's start, or an instant."""
    if node is None:
        return None
    text = str(node.value)
    if text == "0":
        return start
    try:
        return start + parse_duration(text)
    except ValueError:
        pass
    try:
        return parse_instant(text)
    except ValueError:
        cure = "write a duration since the start, such as 31d12h, or 2026-01-31T12:00:00Z"
        reading.fault(node, f"{text} is no time", cure)
    return None


def _place(node: Node) -> Place:
    return Place(node.file, node.line)
