"""Compare what came of a scenario with what was expected."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cairn_journey import Programme
from cairn_kernel.event import Event
from cairn_kernel.time import DAY, format_instant
from journeyctl.testing.playing import Played, play
from journeyctl.testing.scenario import DEFAULT_START, Expected, Place, Scenario
from journeyctl.virtual.customer import Customer

NEAR: Final = 8
"""Happenings shown beside what was missed."""

_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "entered": ("journey.entered",),
    "stage": ("journey.stage_entered",),
    "goal": ("journey.goal_reached",),
    "exited": ("journey.exited",),
    "friction": ("journey.friction_met",),
    "moment": ("journey.moment_reached",),
    "suppressed_moment": ("journey.moment_suppressed",),
    "decided": ("decision.made",),
    "delivery": ("delivery.sent", "delivery.suppressed", "delivery.expired"),
}
_DELIVERIES: Final = frozenset(_TYPES["delivery"])
_TOLD: Final = frozenset(type for types in _TYPES.values() for type in types) | {
    "journey.wait_started",
    "journey.wait_ended",
    "journey.stage_skipped",
    "journey.step_failed",
    "journey.condition_failed",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that was not met."""

    place: Place
    message: str
    seen: tuple[str, ...] = ()
    """What happened instead, line by line."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a scenario ended."""

    scenario: Scenario
    failures: tuple[Failure, ...]
    played: Played


def judge(scenario: Scenario, programmes: dict[Path, Programme]) -> Verdict:
    """Play a scenario and compare."""
    failures: list[Failure] = []
    matched: set[str] = set()
    stops = {one.at for one in scenario.expect if one.at is not None and one.kind in ("state", "messages")}
    for at, played in play(scenario, programmes, stops):
        for one in scenario.expect:
            if one.kind in ("state", "messages"):
                if at == (scenario.until if one.at is None else one.at):
                    failures += _standing(scenario, one, played)
    for one in scenario.expect:
        if one.kind not in ("state", "messages"):
            failures += _happened(scenario, one, played, matched)
    if scenario.strict:
        failures += _unexpected(scenario, played, matched)
    return Verdict(scenario, tuple(sorted(failures, key=lambda failure: failure.place.line)), played)


def _happened(scenario: Scenario, one: Expected, played: Played, matched: set[str]) -> Iterator[Failure]:
    """Something that must have happened, so often."""
    log = played.customer(one.customer).log
    alike = [fact for fact in log if _is(fact, one)]
    found = [fact for fact in alike if _in_time(fact, one)]
    matched.update(fact.id for fact in found)
    if (one.times is None and found) or one.times == len(found):
        return
    wanted = f"expected {_words(one)}{_when(one, scenario.start)}"
    if one.times is not None:
        wanted += f" {one.times} times, found {len(found)} times"
    elsewhere = ", ".join(day(fact.as_of, scenario.start) for fact in alike if fact not in found)
    if elsewhere and one.times is None:
        wanted += f", but that was at {elsewhere}"
    yield Failure(one.place, wanted, _seen(scenario, log, one))


def _standing(scenario: Scenario, one: Expected, played: Played) -> Iterator[Failure]:
    """How things must stand at an instant."""
    customer = played.customer(one.customer)
    at = scenario.until if one.at is None else one.at
    when = day(at, scenario.start)
    if one.kind == "messages":
        sent = sum(fact.type == "delivery.sent" and fact.source == "activation" for fact in customer.log)
        if sent != one.what:
            yield Failure(
                one.place, f"expected {one.what} messages by {when}, found {sent}", _seen(scenario, customer.log, one)
            )
        return
    open = _stands(customer)
    for slot, wanted in dict(one.what).items():
        found = open.get(slot)
        if found != (None if wanted == "out" else "" if wanted == "in" else wanted) and not (wanted == "in" and found):
            said = "out" if found is None else found or "in, at no stage"
            yield Failure(
                one.place, f"expected {slot} to be {wanted} at {when}, found {said}", _seen(scenario, customer.log, one)
            )


def _stands(customer: Customer) -> dict[str, str]:
    """Stage by slot (a journey, or `journey/key`) of what is open."""
    return {slot: instance.stage for slot, instance in customer.state.open.items()}


def _is(fact: Event, one: Expected) -> bool:
    """Whether a fact is what is expected, its time aside."""
    data = fact.data
    if one.kind == "fact":
        return fact.type == one.what and all(
            _same(data.get(name), value) for name, value in one.more.get("where", {}).items()
        )
    if fact.type not in _TYPES[one.kind] or (one.kind == "delivery" and fact.source != "activation"):
        return False
    more = one.more
    match one.kind:
        case "entered" | "exited" | "goal":
            fits = _slot(data) == one.what or data["journey"] == one.what
        case "stage" | "friction":
            fits = one.what in (f"{_slot(data)}/{data[one.kind]}", f"{data['journey']}/{data[one.kind]}")
        case "moment" | "suppressed_moment":
            fits = one.what == f"{data['journey']}/{data['intervention']}"
        case "decided":
            chosen = data["chosen"]["action"] if data["chosen"] else None
            fits = chosen == (None if one.what in ("nothing", None) else one.what)
        case _:
            fits = fact.type == f"delivery.{one.what}"
    return fits and all(_same(data.get(name), value) for name, value in more.items())


def _same(found: Any, wanted: Any) -> bool:
    return found == wanted or str(found) == str(wanted)


def _slot(data: Mapping[str, Any]) -> str:
    return f"{data['journey']}/{data['key']}" if data.get("key") else str(data["journey"])


def _in_time(fact: Event, one: Expected) -> bool:
    return (one.at is None or fact.as_of == one.at) and (one.by is None or fact.as_of <= one.by)


def _unexpected(scenario: Scenario, played: Played, matched: set[str]) -> Iterator[Failure]:
    """Moments, decisions and messages that nobody expected."""
    for name, customer in played.customers.items():
        for fact in customer.log:
            if fact.type == "delivery.sent" and fact.source == "activation" and fact.id not in matched:
                yield Failure(scenario.place, f"nobody expected this for {name}: {line(fact, scenario.start)}")


def _words(one: Expected) -> str:
    more = "".join(f", {name} {_written(value)}" for name, value in one.more.items())
    return f"{one.kind.replace('_', ' ')} {one.what}{more}"


def _written(value: Any) -> str:
    """As an author writes it: `{n: 1}`."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {_written(one)}' for name, one in value.items())}}}"
    return str(value)


def _when(one: Expected, start: int) -> str:
    if one.at is not None:
        return f" at {day(one.at, start)}"
    return f" by {day(one.by, start)}" if one.by is not None else ""


def day(at: int, start: int = DEFAULT_START) -> str:
    """As scenarios write times: 31d12h after the start."""
    days, rest = divmod(at - start, DAY)
    hours, rest = divmod(rest, DAY // 24)
    minutes = rest // (DAY // 1440)
    text = "".join(f"{count}{unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if count)
    return f"{text or '0d'} ({format_instant(at)[:16]})"


def _seen(scenario: Scenario, log: list[Event], one: Expected) -> tuple[str, ...]:
    """What happened around the time in question."""
    told = [
        fact
        for fact in log
        if fact.type == one.what or (fact.type in _TOLD and not (fact.type in _DELIVERIES and fact.source == "cairn"))
    ]
    about = one.at if one.at is not None else one.by
    if about is not None:
        nearest = sorted(told, key=lambda fact: abs(fact.as_of - about))[:NEAR]
        told = [fact for fact in told if fact in nearest]
    return tuple(line(fact, scenario.start) for fact in told[-NEAR:]) or ("nothing happened",)


def line(fact: Event, start: int) -> str:
    """A happening in a line."""
    data = fact.data
    return f"{day(fact.as_of, start):>32}  {_told(fact.type, data)}"


def _told(type: str, data: Mapping[str, Any]) -> str:
    match type:
        case "decision.made":
            chosen = data["chosen"]
            why = (
                data["candidates"][0]["gates"][-1]["saw"]
                if data["candidates"] and data["candidates"][0]["gates"]
                else ""
            )
            return f"decided {chosen['action']}" if chosen else f"decided nothing, reason {data['reason']}: {why}"
        case "delivery.sent" | "delivery.suppressed" | "delivery.expired":
            return f"delivery {type.partition('.')[2]}, action {data['action']}"
        case _:
            shown = ("stage", "friction", "intervention", "step", "error", "expression", "reason", "value", "timed_out")
            more = "".join(f", {name} {data[name]}" for name in shown if data.get(name) not in (None, ""))
            return f"{type.removeprefix('journey.').replace('_', ' ')} {_slot(data) if 'journey' in data else ''}{more}"
