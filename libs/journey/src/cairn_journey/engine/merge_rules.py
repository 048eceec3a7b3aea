"""What becomes of the journeys that two profiles were in when they turn out to be one, by each journey's `merge`.

`furthest` needs nothing here: the one instance stands where the events of both lead together. Under every other rule
the instances of both go on as they are, and where both are in the journey at once the rule chooses.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from cairn_journey.engine import facts
from cairn_journey.engine.evolve import NO_RECORD, timer_id
from cairn_journey.engine.features import add
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.state import MAX_PAST, CustomerState, Instance, Record
from cairn_journey.engine.turn import Turn
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id

MERGED_AWAY: Final = "merged"
"""Reason of the exit of an instance that gave way to another when two profiles became one."""


class Side(NamedTuple):
    """One of the two, and what it had stated."""

    state: CustomerState
    stream: Sequence[Event]


def follow_rules(
    programmes: Programmes, united: CustomerState, mine: Side, theirs: Side, merged: Event
) -> tuple[CustomerState, dict[str, Any]]:
    """The united state with the journeys as their rules have it, and what was done to each of them."""
    active = programmes.active(united.tenant)
    turn = Turn(programmes, united, quiet=True)
    turn.cause, turn.occasion = merged, merged.id
    done: dict[str, Any] = {}
    for name, journey in sorted(active.journeys.items()) if active is not None else ():
        rule = journey.definition.merge
        if rule != "furthest" and (name in mine.state.records or name in theirs.state.records):
            done[name] = _Joining(turn, name, rule, mine, theirs).joined()
    return turn.state, done


class _Joining:
    """One journey of two profiles becomes that of one."""

    def __init__(self, turn: Turn, name: str, rule: str, mine: Side, theirs: Side) -> None:
        self._turn = turn
        self._name = name
        self._rule = rule
        self._sides = (mine, theirs)
        self._ended: list[str] = []

    def joined(self) -> dict[str, Any]:
        draft, name = self._turn.draft, self._name
        for instance in self._turn.state.instances(name):
            self._take_out(instance)
        mine, theirs = (side.state for side in self._sides)
        draft.records[name] = _sum(mine.records.get(name, NO_RECORD), theirs.records.get(name, NO_RECORD))
        others = {instance.slot: instance for instance in theirs.instances(name)}
        for instance in mine.instances(name):
            other = others.pop(instance.slot, None)
            if other is None:
                self._put(instance, mine)
            else:
                self._choose(instance, other)
        for instance in others.values():
            self._put(instance, theirs)
        kept = [instance.instance_id for instance in self._turn.state.instances(name)]
        return {"rule": self._rule, "kept": kept, "ended": self._ended}

    def _choose(self, one: Instance, other: Instance) -> None:
        mine, theirs = (side.state for side in self._sides)
        if self._rule == "both" and not one.key:
            self._put(one, mine)
            self._put(other, theirs, key=other.instance_id[:8])
        elif self._rule == "restart":
            self._end(one, mine)
            self._end(other, theirs)
            self._begin(one)
        elif (one.entered, one.instance_id) <= (other.entered, other.instance_id):
            self._end(other, theirs)
            self._put(one, mine)
            self._adopt(one, other, theirs)
        else:
            self._end(one, mine)
            self._put(other, theirs)
            self._adopt(other, one, mine)

    def _take_out(self, instance: Instance) -> None:
        draft = self._turn.draft
        del draft.open[instance.slot]
        for id in _timers_of(draft.state, instance):
            del draft.timers[id]

    def _put(self, instance: Instance, state: CustomerState, *, key: str | None = None) -> None:
        draft = self._turn.draft
        moved = instance if key is None else replace(instance, key=key)
        draft.open[moved.slot] = moved
        draft.timers.update({id: replace(state.timers[id], key=moved.key) for id in _timers_of(state, instance)})

    def _end(self, instance: Instance, state: CustomerState) -> None:
        self._put(instance, state)
        self._turn.tell(instance, facts.EXITED, reason=MERGED_AWAY)
        self._ended.append(instance.instance_id)

    def _begin(self, like: Instance) -> None:
        turn, active = self._turn, self._turn.programmes.active(self._turn.state.tenant)
        occurrence = turn.state.records[self._name].entered + 1
        tenant, profile_id = turn.state.tenant, turn.state.profile_id
        data: dict[str, Any] = {
            "journey": self._name,
            "instance_id": stable_id("instance", tenant, profile_id, self._name, occurrence),
            "occurrence": occurrence,
            **({"key": like.key} if like.key else {}),
        }
        version = active.version if active is not None else like.version
        turn.record(facts.make(turn.cause, profile_id, facts.ENTERED, version, turn.occasion, data))

    def _adopt(self, kept: Instance, gone: Instance, state: CustomerState) -> None:
        """A wait goes on in the instance that is kept, unless that one has seen to the same intervention since."""
        if kept.version != gone.version:
            return
        draft = self._turn.draft
        for name, run in gone.runs.items():
            timer = state.timers.get(timer_id(gone.instance_id, "wait", name))
            if timer is None or name in kept.runs or self._seen_to(kept, name, self._began(gone, name, run.run)):
                continue
            instance = draft.state.open[kept.slot]
            draft.open[kept.slot] = replace(instance, runs={**instance.runs, name: run})
            draft.timers[timer_id(kept.instance_id, "wait", name)] = timer

    def _began(self, instance: Instance, intervention: str, run: str) -> int:
        waits = (fact for fact in self._told(instance, intervention, facts.WAIT_STARTED) if fact.data["run"] == run)
        return min((fact.as_of for fact in waits), default=instance.entered)

    def _seen_to(self, instance: Instance, intervention: str, since: int) -> bool:
        return any(fact.as_of >= since for fact in self._told(instance, intervention, facts.MOMENT_REACHED))

    def _told(self, instance: Instance, intervention: str, type: str) -> Iterable[Event]:
        for side in self._sides:
            for fact in side.stream:
                if fact.type == type and fact.data["instance_id"] == instance.instance_id:
                    if fact.data["intervention"] == intervention:
                        yield fact


def _timers_of(state: CustomerState, instance: Instance) -> list[str]:
    own = f"{instance.instance_id}:"
    return [id for id in state.timers if id.startswith(own)]


def _sum(one: Record, other: Record) -> Record:
    """Both histories as one: counts added, the latest ended instances of both."""
    past = sorted((*one.past, *other.past), key=lambda instance: (instance.ended or 0, instance.instance_id))
    values = dict(one.values)
    for currency, value in other.values.items():
        values[currency] = add(values[currency], value) if currency in values else value
    return Record(
        entered=one.entered + other.entered,
        goals=one.goals + other.goals,
        attributed=one.attributed + other.attributed,
        exits=one.exits + other.exits,
        values=values,
        stage_entries=_added(one.stage_entries, other.stage_entries),
        transitions=_added(one.transitions, other.transitions),
        dwell=_added(one.dwell, other.dwell),
        frictions=_added(one.frictions, other.frictions),
        arms={**other.arms, **one.arms},
        past=tuple(past[-MAX_PAST:]),
        keys={key: max(one.keys.get(key, 0), other.keys.get(key, 0)) for key in {**one.keys, **other.keys}},
    )


def _added(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
