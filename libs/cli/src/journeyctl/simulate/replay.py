"""One person replayed under two programmes: the one in force, and the changed one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from cairn_decisions import DECISION_MADE, MOMENT_REACHED
from cairn_journey.engine.walking import OPERATED
from cairn_kernel.event import DEFINITION_ACTIVATED, MERGED, WALKED, Event
from cairn_kernel.partitions import partition_of
from cairn_kernel.time import DAY, format_instant
from cairn_kernel.two_sided import TWO_SIDED, other_copy, waits_for
from journeyctl.simulate.difference import Moment, compare
from journeyctl.simulate.outcomes import Observed
from journeyctl.simulate.recording import Past
from journeyctl.simulate.shortcut import Shortcut
from journeyctl.simulate.tally import Sample, Side, Tally, one_more, worth
from journeyctl.virtual.customer import OUTCOMES, Customer
from journeyctl.virtual.world import World

LIMITS: Final = frozenset({"CONTACT_POLICY_CAP", "COOLDOWN"})
CONTROLS: Final = TWO_SIDED | WALKED
NEVER: Final = -(1 << 62)
_NOTED: Final = ("journey.", "decision.", "delivery.")


@dataclass(frozen=True, slots=True)
class Life:
    """One profile under both programmes, and under the versions that were in force if they were others."""

    before: Customer
    after: Customer
    own: Customer | None
    in_before: Sequence[str] | None = None
    """Journeys that somebody is in at the end, if `before` and `after` do not know it."""
    in_after: Sequence[str] | None = None

    def all(self) -> Iterator[Customer]:
        """Each of them."""
        yield self.before
        yield self.after
        if self.own is not None:
            yield self.own


class Replay:
    """Replays persons and counts; one per worker and partition."""

    def __init__(
        self,
        before: World,
        after: World,
        recorded: World,
        *,
        upto: Mapping[int, int],
        walks: Mapping[int, Sequence[Event]] = MappingProxyType({}),
        since: int | None = None,
        observed: Observed | None = None,
        shortcut: Shortcut | None = None,
    ) -> None:
        """`recorded` knows every version that touchpoints name; `upto` is how far time had passed in each partition.

        `walks` are the pauses, stops and so on that everybody in a partition was told of.
        """
        self._before = before
        self._after = after
        self._recorded = recorded
        self._upto = upto
        self._walks = walks
        self._operated: list[Event] = []
        self._since = NEVER if since is None else since
        self._observed = observed
        self._shortcut = shortcut if observed is None else None
        self.tally = Tally()

    def person(self, members: Mapping[str, Past]) -> None:
        """Replay all profiles of one person, and count."""
        profile_id, past = next(iter(members.items()))
        if self._shortcut is not None and len(members) == 1 and self._shortcut.leads(profile_id, past):
            self.sum_up({profile_id: self._short(self._shortcut, profile_id, past)})
        else:
            self.sum_up(self._lives(members))

    def sum_up(self, lives: "Mapping[str, Life]") -> None:
        """Count what became of all profiles of one person, and compare."""
        tally = self.tally
        tally.people += 1
        tally.profiles += len(lives)
        one = [self._count(life.before, tally.before, life.in_before) for life in lives.values()]
        other = [self._count(life.after, tally.after, life.in_after) for life in lives.values()]
        if self._observed is not None:
            tally.outcomes_assumed += self._observed.taken()
        person = min(lives)
        before = [moment for moments, _ in one for moment in moments]
        after = [moment for moments, _ in other for moment in moments]
        compare(person, before, after, self._since, tally)
        self._compare_entries(
            person, {name for _, entered in one for name in entered}, {name for _, entered in other for name in entered}
        )

    def _short(self, shortcut: Shortcut, profile_id: str, past: Past) -> "Life":
        sides = shortcut.sides(profile_id, past, self._upto_of(profile_id))
        tally = self.tally
        tally.events += len(past.touchpoints)
        tally.recorded += len(past.moments)
        tally.outcomes_used += sides.outcomes_used
        tally.outcomes_dropped += sides.outcomes_dropped
        return Life(sides.before, sides.after, None, sides.in_before, sides.in_after)

    def _lives(self, members: Mapping[str, Past]) -> "dict[str, Life]":
        """What became of each profile. One waits where a merge or split has to be told in another's stream first."""
        version = self._before.programme.version
        older = any(
            event.definition_version != version and event.type not in CONTROLS
            for past in members.values()
            for event in past.touchpoints
        )
        lives = {profile: self.begin(profile, older=older, several=len(members) > 1) for profile in members}
        late = self._recorded.may_be_late
        reached = dict.fromkeys(members, 0)
        moving = patient = True
        while moving:
            moving = False
            for profile, past in members.items():
                touchpoints, came_in = past.touchpoints, past.came_in
                start = reached[profile]
                while reached[profile] < len(touchpoints):
                    event = touchpoints[reached[profile]]
                    if event.type in TWO_SIDED and patient and must_wait(event, lives):
                        break
                    self.take(self._as_it_came(event, came_in) if late else event, lives[profile], lives)
                    reached[profile] += 1
                moving |= reached[profile] > start
            if not moving and patient:  # what one waits for was not recorded: go on without it
                moving, patient = any(reached[each] < len(members[each].touchpoints) for each in members), False
        for profile, past in members.items():
            life, upto = lives[profile], self._upto_of(profile)
            for customer in life.all():
                customer.advance(upto)
            self.tally.events += len(past.touchpoints)
            self._check(profile, past.moments, life.own or life.before)
        return lives

    def begin(self, profile_id: str, *, older: bool, several: bool) -> "Life":
        """Somebody of whom nothing is known yet; `several` if they may turn out to be somebody else too."""
        before = Customer(self._before, profile_id, histories=several)
        answers = self._observed.answers(before.made) if self._observed is not None else None
        after = Customer(self._after, profile_id, answers=answers, histories=several)
        return Life(before, after, Customer(self._recorded, profile_id, histories=several) if older else None)

    def take(self, event: Event, life: "Life", lives: "Mapping[str, Life]") -> None:
        """One recorded touchpoint; of our messages' outcomes the changed side sees only its own."""
        kind = event.type
        if self._walks:
            self._close(life.before.profile_id, event.as_of)
        if kind in WALKED:
            self._walk(event, life)
            return
        if life.own is not None and event.definition_version:
            self._recorded.activate_version(event.definition_version)
        if kind in TWO_SIDED:
            self.tally.merges += kind == MERGED and event.data["to"] == life.before.profile_id
            other = lives.get(_other(event))
            for side in ("before", "after", "own"):
                customer: Customer | None = getattr(life, side)
                if customer is not None:
                    customer.join_or_part(event, getattr(other, side, None))
            return
        before, after = life.before, life.after
        before.take(event)
        if life.own is not None:
            life.own.take(event)
        if kind.startswith(OUTCOMES):
            after.advance(event.as_of)  # what it should have answered by now
            decision = event.data.get("decision_id", "")
            if after.made.get(decision) != before.made.get(decision):
                self.tally.outcomes_dropped += 1
                return
            self.tally.outcomes_used += 1
        after.take(event)

    def _walk(self, event: Event, life: "Life") -> None:
        """What many were told; only the replay under its own versions hears of programmes coming into force."""
        if event.type != DEFINITION_ACTIVATED:
            for customer in life.all():
                customer.walk(event)
        elif life.own is not None and self._recorded.activate_version(str(event.data["version"])):
            life.own.walk(event)

    def _close(self, profile_id: str, at: int) -> None:
        """Let nobody enter what was paused or stopped then."""
        walks = self._walks.get(partition_of(self._before.tenant, profile_id), ())
        operated = [walk for walk in walks if walk.as_of <= at and walk.type in OPERATED]
        if operated != self._operated:
            self._operated = operated
            for world in (self._before, self._after, self._recorded):
                world.programmes.operated({(world.tenant, None): operated})

    def _as_it_came(self, event: Event, came_in: Mapping[str, int]) -> Event:
        """A late event stands in the log at the instant of its effect: as it was when it came in."""
        lateness = self._recorded.lateness_of(event.definition_version)
        if not lateness:
            return event
        at = came_in.get(event.id) or (event.as_of + lateness if event.event_time < event.as_of else event.as_of)
        return event if at == event.as_of else replace(event, as_of=at)

    def _upto_of(self, profile_id: str) -> int:
        return self._upto.get(partition_of(self._before.tenant, profile_id), NEVER)

    def _check(self, profile_id: str, recorded: Sequence[Event], replayed: Customer) -> None:
        """Compare the recorded moments with those that the replay states."""
        stated = [(fact.data["moment_id"], fact.as_of) for fact in replayed.log if fact.type == MOMENT_REACHED]
        told = [(fact.data["moment_id"], fact.as_of) for fact in recorded]
        tally = self.tally
        tally.recorded += len(told)
        tally.checked += len(told)
        if told == stated:
            tally.reproduced += len(told)
            return
        missing = [at for id, at in told if (id, at) not in set(stated)]
        extra = [at for id, at in stated if (id, at) not in set(told)]
        tally.reproduced += len(told) - len(missing)
        tally.extra += len(extra)
        words = [f"recorded {format_instant(at)}, not stated again" for at in missing[:1]]
        words += [f"stated {format_instant(at)}, not recorded" for at in extra[:1]]
        at = min([*missing, *extra], default=0)
        tally.differing.append(Sample(profile_id, at, "; ".join(words) or "stated in another order"))

    def _count(self, customer: Customer, side: Side, stays: Sequence[str] | None) -> tuple[list[Moment], set[str]]:
        """Add what a customer's log says; return the moments with their decisions, and the journeys entered."""
        moments: dict[str, Moment] = {}
        entered: set[str] = set()
        for fact in customer.log:
            kind = fact.type
            if kind == MOMENT_REACHED:
                moments[fact.data["moment_id"]] = Moment(fact, None)
            elif kind == DECISION_MADE:
                id = fact.data["moment_id"]
                moments[id] = Moment(moments[id].told, fact)
            if fact.as_of >= self._since:
                _note(fact, side, entered)
        for journey in [one.journey for one in customer.state.open.values()] if stays is None else stays:
            side.stay(journey).in_flight += 1
        return list(moments.values()), entered

    def _compare_entries(self, person: str, before: set[str], after: set[str]) -> None:
        for journey in sorted(before ^ after):
            change = self.tally.change(journey)
            if journey in before:
                change.entered_only_before += 1
                change.show("no longer enters", Sample(person, 0, "enters only under the programme in force"))
            else:
                change.entered_only_after += 1
                change.show("enters", Sample(person, 0, "enters only under the changed programme"))


def must_wait(event: Event, lives: "Mapping[str, Life]") -> bool:
    """Whether the other profile's stream has to tell of it first, and has not yet."""
    other = lives.get(waits_for(event))
    return other is not None and other_copy(event, other.before.history) is None


def _other(event: Event) -> str:
    """The other profile of a merge or a split."""
    data = event.data
    return str(data["from"] if data["to"] == event.profile_id else data["to"])


def _note(fact: Event, side: Side, entered: set[str]) -> None:
    kind = fact.type
    if not kind.startswith(_NOTED):
        return
    data = fact.data
    match kind:
        case "journey.entered":
            entered.add(data["journey"])
            side.stay(data["journey"]).entered += 1
        case "journey.stage_entered":
            one_more(side.stay(data["journey"]).stages, data["stage"])
        case "journey.goal_reached":
            stay = side.stay(data["journey"])
            stay.goals += 1
            worth(stay.values, data["value"], data["currency"])
        case "journey.exited":
            one_more(side.stay(data["journey"]).exits, data["reason"])
        case "journey.friction_met":
            one_more(side.stay(data["journey"]).frictions, data["friction"])
        case "journey.moment_reached":
            side.stay(data["journey"]).moments += 1
        case "journey.moment_suppressed":
            side.stay(data["journey"]).suppressed += 1
        case "decision.made":
            _note_decision(fact, side)
        case "delivery.sent" if fact.source == "activation":
            days = side.load.setdefault(data["connector"] or data["channel"], {})
            one_more(days, fact.as_of // DAY)
        case "delivery.suppressed" | "delivery.expired" if fact.source == "activation":
            one_more(side.held, data["reason"])


def _note_decision(decision: Event, side: Side) -> None:
    data = decision.data
    if data["chosen"]:
        one_more(side.actions, data["chosen"]["action"])
        return
    one_more(side.nothing, data["reason"])
    if data["reason"] in LIMITS:
        one_more(side.limits.setdefault(data["journey"], {}), data["reason"])
