"""The changed side of a customer, which goes along with the baseline for as long as the change does not show.

What the baseline did is folded, which costs a fraction of deciding it anew. The engine is asked only where it may say
something else: at events that the change touches, and when a timer is due. If it does say something else the two go
apart: the changed side is decided event by event, until nothing is left of it that could make a difference. A customer
whom the change does not reach at all is not even folded, unless a message that was sent to them is not sent any more.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from cairn_journey import JourneyDomain
from cairn_journey.engine.evolve import NO_RECORD, evolve
from cairn_journey.engine.facts import SOURCE
from cairn_journey.engine.state import CustomerState, Draft, Record
from cairn_kernel.event import Event
from journeyctl.simulate.touched import Touched

_FIRST: Final = ("timers", "open")
"""Where two states differ most often."""
_COMPARED: Final = (*_FIRST, *sorted({*CustomerState.__struct_fields__} - {*_FIRST, "records", "last_seen"}))
_COUNTS: Final = {
    "goals",
    "attributed",
    "exits",
    "values",
    "stage_entries",
    "transitions",
    "dwell",
    "frictions",
    "past",
}
_GONE_BY: Final = tuple(name for name in Record.__struct_fields__ if name not in _COUNTS)
"""All of a record but counts, and but past instances, of which only the end of the last one matters."""


class Step(NamedTuple):
    """A touchpoint, and everything up to the next one."""

    touchpoint: Event
    told: list[Event]
    """The touchpoint itself, what it brought about, and what time alone brought about after it."""
    until: int
    """When the next touchpoint comes, or how far time has passed (µs)."""


def steps(stream: Sequence[Event], upto: int) -> Iterator[Step]:
    """A stream that begins with a touchpoint, touchpoint by touchpoint."""
    begins = [place for place, event in enumerate(stream) if event.source != SOURCE]
    for number, begin in enumerate(begins, start=1):
        end = begins[number] if number < len(begins) else len(stream)
        until = stream[end].as_of if number < len(begins) else upto
        yield Step(stream[begin], list(stream[begin:end]), until)


class Along:
    """Journeys of one customer under the changed programme, which must go by the version's name of the baseline."""

    def __init__(self, domain: JourneyDomain, touched: Touched, initial: CustomerState, *, reached: bool) -> None:
        self._asleep: list[Event] | None = None if reached else []
        """What has not been folded since it made no difference."""
        self._domain = domain
        self._programmes = domain.programmes
        self._touched = touched
        self._along = Draft(initial)
        """As if it had done what the baseline did."""
        self._apart: CustomerState | None = None
        """Where it is, if that is not the same."""

    def in_flight(self) -> list[str] | None:
        """The journeys it is in; None: the same as the baseline."""
        if self._asleep is not None or (self._apart is None and not self._touched.foreign):
            return None
        state = self._along.state if self._apart is None else self._apart
        return [stay.journey for stay in state.open.values()]

    def take(self, step: Step, *, heard: bool) -> list[Event]:
        """What the changed side does: `step.told` itself if it is the same. `heard`: whether it hears of the event."""
        if self._asleep is not None:
            if heard:
                self._asleep += step.told
                return step.told
            self._fold(self._asleep)
            self._asleep = None
        if self._apart is not None:
            facts, self._apart = self._decide(self._apart, step, heard=heard)
            self._fold(step.told)
            if alike(self._apart, self._along.state):
                self._apart = None
            return facts
        told = step.told
        now = _at_once(told)
        if not heard or self._is_touched(told, now):
            return self._either(*self._decide(self._along.state, step, heard=heard), told, told)
        self._fold(told if now == len(told) else told[:now])
        if now == len(told) and not self._along.state.is_due(step.until):
            return told
        later, state = self._domain.tick(self._along.state, step.until)
        said = self._either(later, state, told[now:], told)
        return said if said is told else [*told[:now], *said]

    def _either(
        self, facts: list[Event], state: CustomerState, baseline: list[Event], whole: list[Event]
    ) -> list[Event]:
        """Stay together if the facts are those of the baseline, else go apart; `whole` if they are, else the facts."""
        if facts == baseline:
            self._along = Draft(state)
            return whole
        self._along = Draft(self._along.state)  # what the other side has of it must not change any more
        self._fold(baseline)
        self._apart = None if alike(state, self._along.state) else state
        return facts

    def _decide(self, state: CustomerState, step: Step, *, heard: bool) -> tuple[list[Event], CustomerState]:
        facts: list[Event] = []
        if heard:
            facts, state = self._domain.handle(state, step.touchpoint)
        later, state = self._domain.tick(state, step.until)
        return facts + later, state

    def _fold(self, facts: Sequence[Event]) -> None:
        programmes, draft, foreign = self._programmes, self._along, self._touched.foreign
        for fact in facts:
            if not foreign or fact.source != SOURCE or fact.data.get("journey") not in foreign:
                evolve(programmes, draft, fact)

    def _is_touched(self, told: list[Event], now: int) -> bool:
        """Whether the event, or one that interventions stated on it, is of a type that the change touches."""
        types = self._touched.types
        if now == 1:
            return self._touched.everything or told[0].type in types
        return self._touched.everything or any(told[place].type in types for place in range(now))


def _at_once(told: list[Event]) -> int:
    """How many of a step's facts belong to the instant of its touchpoint; the others time alone brought about."""
    at = told[0].as_of
    if told[-1].as_of <= at:
        return len(told)
    return next(place for place, fact in enumerate(told) if fact.as_of > at)


def alike(one: CustomerState, other: CustomerState) -> bool:
    """Whether the same will become of two states, whatever comes: they differ in counts alone, if at all."""
    return all(getattr(one, name) == getattr(other, name) for name in _COMPARED) and _rests(one) == _rests(other)


def _rests(state: CustomerState) -> dict[str, list[object]]:
    """What entries and steps go by in the past of journeys."""
    return {journey: _rest(record) for journey, record in state.records.items() if record != NO_RECORD}


def _rest(record: Record) -> list[object]:
    return [bool(record.past), record.last_ended, *(getattr(record, name) for name in _GONE_BY)]
