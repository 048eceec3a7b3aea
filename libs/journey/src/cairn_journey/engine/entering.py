"""How customers come into journeys: whether they may, and what leads in besides an event."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cairn_journey.engine import facts
from cairn_journey.engine.arming import AUDIENCE
from cairn_journey.engine.compiler import CompiledJourney, CompiledProgramme, EntryRule, JourneyRules
from cairn_journey.engine.conditions import CompiledAudience
from cairn_journey.engine.evolve import NO_RECORD
from cairn_journey.engine.friction import Watch
from cairn_journey.engine.looking import any_holds, turns_at
from cairn_journey.engine.reentry import may_enter
from cairn_journey.engine.running import intervene
from cairn_journey.engine.scene import Scene
from cairn_journey.engine.schedules import next_due
from cairn_journey.engine.slots import MAX_OPEN, slot_of
from cairn_journey.engine.state import Timer
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id

MAX_CHAIN: Final = 8
"""So many entries may follow from other journeys on one occasion; the next is refused by a fact."""
MAX_OPEN_REACHED: Final = "MAX_OPEN"
"""As many instances are open as may be."""
CHAIN_TOO_LONG: Final = "CHAIN"
"""Too many entries followed from one another at once."""

_MOMENTS: Final[Mapping[str, str]] = {
    facts.ENTERED: "entered",
    facts.GOAL_REACHED: "goal",
    facts.EXITED: "exited",
}


class Entering:
    """Lets one customer into journeys. It does not hold on to the scene that holds it: turns are let go of at once."""

    __slots__ = ("_programme", "_waiting", "follows")

    def __init__(self) -> None:
        self._programme: CompiledProgramme | None = None
        self.follows = False
        """Whether anything in a journey leads into another one."""
        self._waiting: list[tuple[CompiledJourney, EntryRule, str]] = []

    def under(self, programme: CompiledProgramme | None) -> None:
        """The programme in force, which says what leads in from now on."""
        self._programme = programme
        self.follows = programme is not None and bool(programme.followers)

    def note(self, fact: Event) -> None:
        """A fact was stated: keep in mind whom it leads into other journeys."""
        programme, moment = self._programme, _MOMENTS.get(fact.type)
        if programme is not None and moment is not None:
            for journey, rule in programme.followers.get((fact.data["journey"], moment), ()):
                self._waiting.append((journey, rule, fact.data.get("key", "")))

    def by_event(
        self, scene: Scene, journey: CompiledJourney, key: str, version: str, rules: JourneyRules
    ) -> str | None:
        """Enter if the event at hand leads in; the stage in which one begins (empty: none), None: not entered."""
        if not rules.entries or not self._may(scene, journey, key):
            return None
        for rule in rules.entries:
            if scene.sight.holds(rule.when):
                return rule.stage if self._admit(scene, journey, key, version, rule.stage, rules.watches) else None
        return None

    def on_time(self, scene: Scene, id: str, timer: Timer) -> None:
        """A schedule came round, or time alone may have changed an audience."""
        programme = self._programme
        if programme is None:
            return
        if timer.kind == AUDIENCE:
            self._look(scene, programme.audiences[timer.ref], on_time=True)
            return
        schedule = next(one for one in programme.schedules if one.timer == id)
        due = next_due(schedule.schedule, scene.sight.at, scene.state.traits.get("timezone"))
        self._tell(scene, facts.SCHEDULE_REACHED, {"journey": timer.journey, "schedule": timer.ref, "next": due})
        self._otherwise(scene, schedule.journey, schedule.rule, "")

    def look(self, scene: Scene, audiences: Sequence[CompiledAudience]) -> None:
        """See whether the customer has come into, or has left, audiences that lead in."""
        for audience in audiences:
            self._look(scene, audience, on_time=False)

    def follow(self, scene: Scene) -> None:
        """Enter what audiences and other journeys have led to, in the order in which they did."""
        entered = 0
        while self._waiting:
            journey, rule, key = self._waiting.pop(0)
            if entered == MAX_CHAIN:
                self._refuse(scene, journey, key, CHAIN_TOO_LONG)
            elif self._otherwise(scene, journey, rule, key):
                entered += 1

    def _look(self, scene: Scene, audience: CompiledAudience, *, on_time: bool) -> None:
        programme = self._programme
        state, at = scene.state, scene.sight.at
        inside = scene.sight.holds(audience.condition)
        data: dict[str, Any] = {"audience": audience.name}
        if on_time:
            data["next"] = turns_at((audience.condition,), audience.timed, state, at, now=inside)
        if inside == (audience.name in state.audiences):
            if on_time:
                self._tell(scene, facts.LOOKED, data)
            return
        self._tell(scene, facts.AUDIENCE_JOINED if inside else facts.AUDIENCE_LEFT, data)
        if inside and programme is not None:
            self._waiting.extend((journey, rule, "") for journey, rule in programme.led_by.get(audience.name, ()))

    def _otherwise(self, scene: Scene, journey: CompiledJourney, rule: EntryRule, key: str) -> bool:
        """Enter by something else than an event, unless one is in it already."""
        programme = self._programme
        slot = slot_of(journey.name, key)
        if programme is None or slot in scene.state.open or bool(key) is not journey.keyed:
            return False
        if not scene.sight.holds(rule.when) or not self._may(scene, journey, key):
            return False
        if not self._admit(scene, journey, key, programme.version, rule.stage):
            return False
        if rule.stage:
            intervene(scene, journey, slot, "", rule.stage)
        return True

    def _may(self, scene: Scene, journey: CompiledJourney, key: str) -> bool:
        state = scene.state
        record = state.records.get(journey.name, NO_RECORD)
        return may_enter(journey.definition.reentry, record, key, scene.sight.at)

    def _admit(
        self, scene: Scene, journey: CompiledJourney, key: str, version: str, stage: str, watches: Sequence[Watch] = ()
    ) -> bool:
        """Enter, unless the audience, an exit condition, a pause or a limit forbids it."""
        state = scene.state
        if not scene.sight.holds(journey.audience):
            return False
        if journey.exits.rules and any_holds(journey.exits.conditions, scene.sight):
            return False
        if _is_closed(scene, journey):
            self._refuse(scene, journey, key, facts.CLOSED)
            return False
        if key and len(state.instances(journey.name)) >= MAX_OPEN:
            self._refuse(scene, journey, key, MAX_OPEN_REACHED)
            return False
        occurrence = state.records.get(journey.name, NO_RECORD).entered + 1
        instance_id = stable_id("instance", state.tenant, state.profile_id, journey.name, occurrence)
        data: dict[str, Any] = {"journey": journey.name, "instance_id": instance_id, "occurrence": occurrence}
        if key:
            data["key"] = key
        if watches:
            event = scene.sight.event
            begun = [one.friction.name for one in watches if one.part == "begins" and one.sees(event)]
            data |= {"silences": begun} if begun else {}
        self._tell(scene, facts.ENTERED, data, version)
        if stage:
            scene.tell(scene.state.open[slot_of(journey.name, key)], facts.STAGE_ENTERED, stage=stage)
        return True

    def _refuse(self, scene: Scene, journey: CompiledJourney, key: str, reason: str) -> None:
        self._tell(scene, facts.ENTRY_REFUSED, {"journey": journey.name, "key": key, "reason": reason})

    def _tell(self, scene: Scene, type: str, data: dict[str, Any], version: str | None = None) -> None:
        told = version if version is not None else self._programme.version if self._programme is not None else ""
        scene.record(facts.make(scene.cause, scene.state.profile_id, type, told, scene.occasion, data))


def _is_closed(scene: Scene, journey: CompiledJourney) -> bool:
    """Whether nobody may enter now; or, when the past is gone through again, might then."""
    at = scene.sight.at if scene.quiet else None
    return scene.programmes.is_closed(scene.state.tenant, journey.name, scene.home or scene.state.profile_id, at)
