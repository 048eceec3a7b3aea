"""Both sides of a customer without replaying both: the baseline is the recording, the changed side goes along.

It is for customers of whom only their own events and time brought anything about. Whoever was merged or split, paused,
told of an event of the business, or sent late events is replayed in full; so is one customer in `SAMPLED`, by which the
recording itself is checked.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple
from zlib import crc32

from cairn_decisions import DecisioningDomain, ProfileState
from cairn_journey.engine.facts import ENTERED, EXITED, GOAL_REACHED, SOURCE
from cairn_kernel.event import Event
from cairn_kernel.partitions import partition_of
from journeyctl.simulate.along import Along, steps
from journeyctl.simulate.recording import Past
from journeyctl.simulate.touched import Touched, touched
from journeyctl.virtual.customer import OUTCOMES, Customer
from journeyctl.virtual.world import World

SAMPLED: Final = 32
"""One customer in so many is replayed in full."""


class Sides(NamedTuple):
    """A customer under the programme in force and under the changed one."""

    before: Customer
    after: Customer
    in_before: list[str]
    """Journeys that the customer is in at the end; `before` and `after` have no state."""
    in_after: list[str]
    outcomes_used: int
    """Recorded outcomes of our messages that the changed side heard of too."""
    outcomes_dropped: int


class Shortcut:
    """Finds both sides of customers. `changed` is the changed programme under the name of the one in force."""

    def __init__(self, before: World, changed: World, touched: Touched, settled: frozenset[int]) -> None:
        self._before = before
        self._changed = changed
        self._touched = touched
        self._settled = settled
        self._once = _OnceDecided(before)
        before.decisions = self._once
        if _decides_alike(before, changed):
            changed.decisions = self._once

    @classmethod
    def between(cls, before: World, after: World, recorded: World, *, settled: frozenset[int]) -> "Shortcut | None":
        """The way from one programme to another; None where events may take effect late.

        The recording of a partition in `settled` holds all that time has brought about.
        """
        if any(world.may_be_late for world in (before, after, recorded)):
            return None
        tenant, version = before.tenant, before.programme.version
        changed = World(after.programme.standing_in(version), tenant)
        one = before.programmes.version(tenant, version)
        other = changed.programmes.version(tenant, version)
        return cls(World(before.programme, tenant), changed, touched(one, other), settled)

    def leads(self, profile_id: str, past: Past) -> bool:
        """Whether this customer can go by it, and need not be replayed for the check."""
        return past.by_itself and bool(past.touchpoints) and crc32(profile_id.encode()) % SAMPLED != 0

    def sides(self, profile_id: str, past: Past, upto: int) -> Sides:
        """What became of a customer under both programmes until an instant."""
        before, after = Customer(self._before, profile_id), Customer(self._changed, profile_id)
        after.ledger = before.ledger
        used = dropped = 0
        stream = self._stream(profile_id, past, upto)
        reached = self._touched.reaches(stream)
        along = Along(self._changed.journeys, self._touched, after.state, reached=reached)
        told: list[Event] = []
        done: list[Event] = []
        for step in steps(stream, upto):
            heard = True
            if step.touchpoint.type.startswith(OUTCOMES):
                before.follow(told)
                after.follow(done)
                told, done = [], []
                after.send_due(step.touchpoint.as_of)
                decision = step.touchpoint.data.get("decision_id", "")
                heard = after.made.get(decision) == before.made.get(decision)
                used += heard
                dropped += not heard
            told += step.told
            done += along.take(step, heard=heard)
        before.follow(told)
        after.follow(done)
        before.send_due(upto)
        after.send_due(upto)
        self._once.forget()
        stays = _in_flight(stream)
        apart = along.in_flight()
        return Sides(before, after, stays, stays if apart is None else apart, used, dropped)

    def _stream(self, profile_id: str, past: Past, upto: int) -> Sequence[Event]:
        """What the programme in force did: as it was recorded if it was in force all along, else replayed."""
        version = self._before.programme.version
        stream = past.stream
        settled = partition_of(self._before.tenant, profile_id) in self._settled
        if (
            settled
            and not past.activated
            and stream[0] is past.touchpoints[0]
            and stream[-1].as_of <= max(upto, past.touchpoints[-1].as_of)
            and all(event.definition_version == version for event in stream)
        ):
            return stream
        journeys = self._before.journeys
        state = journeys.initial(self._before.tenant, profile_id)
        told: list[Event] = []
        for event in past.stream:
            if event.source != SOURCE:
                facts, state = journeys.handle(state, event)
                told += facts
        return told + journeys.tick(state, upto)[0]


def _in_flight(stream: Sequence[Event]) -> list[str]:
    """The journeys of a stream that were entered and not left."""
    open: dict[str, str] = {}
    for fact in stream:
        if fact.type == ENTERED:
            open[fact.data["instance_id"]] = fact.data["journey"]
        elif fact.type in (GOAL_REACHED, EXITED):
            del open[fact.data["instance_id"]]
    return list(open.values())


class _OnceDecided(DecisioningDomain):
    """Decides a moment once for sides that have come to it with the same ledger."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._known: dict[tuple[int, int], tuple[ProfileState, Event, list[Event], ProfileState]] = {}

    def handle(self, state: ProfileState, event: Event) -> tuple[list[Event], ProfileState]:
        """See DecisioningDomain."""
        known = self._known.get((id(state), id(event)))
        if known is None:
            known = self._known[id(state), id(event)] = (state, event, *super().handle(state, event))
        return known[2], known[3]

    def forget(self) -> None:
        """Go on with somebody else."""
        self._known.clear()


def _decides_alike(before: World, changed: World) -> bool:
    """Whether both programmes make the same decision of the same moment."""
    one, other = before.programme, changed.programme
    return (one.actions, one.policies, one.connectors) == (other.actions, other.policies, other.connectors)
