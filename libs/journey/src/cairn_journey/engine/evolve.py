"""Fold one fact of a customer's stream into the state. Total: it follows what the facts say and judges nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from cairn_expressions import Activation, activate
from cairn_journey.engine import arming, facts
from cairn_journey.engine.compiler import CompiledJourney, JourneyRules
from cairn_journey.engine.conditions import IDENTIFIED
from cairn_journey.engine.failing import with_told
from cairn_journey.engine.features import CompiledFeature, add, amount
from cairn_journey.engine.friction import DWELL, SILENCE, Watch, traced, traced_stage
from cairn_journey.engine.health import progressed, struck
from cairn_journey.engine.looking import next_change
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.slots import key_of, remembered, slot_of
from cairn_journey.engine.state import (
    MAX_PAST,
    Before,
    CustomerState,
    Draft,
    Instance,
    Record,
    Run,
    Sealed,
    Timer,
    state_from_plain,
)
from cairn_journey.engine.surviving import survive
from cairn_journey.subjects.intervals import Interval
from cairn_kernel.event import MEMBER_ADDRESSED, MERGED, RELATION_CHANGED, SPLIT, Event
from cairn_kernel.survivorship import Survivorship

NO_RECORD: Final = Record()

MEANING: Final = 2
"""Version of what this module makes of facts: raise it with every change after which the same facts fold to another
state, so that kept states are folded anew."""
_SEEN: Final = frozenset({"goal", "idle", "look", DWELL, SILENCE})
"""Kinds of timers by which a journey sees what the customer does; a pause leaves them armed."""


def evolve(programmes: Programmes, draft: Draft, fact: Event) -> None:
    """Change the draft as the fact says. Raises NotFound only if the fact's programme version was never added."""
    fold = _FOLDS.get(fact.type) if fact.source == facts.SOURCE else None
    if fold is not None:
        fold(programmes, draft, fact)
        latest = draft.state.latest[0]
        if latest and fact.as_of > latest and fact.type not in facts.WHOLE:
            draft.state.latest = (fact.as_of, 0, "")
    elif fact.type == MERGED:
        _merged(draft, fact)
    elif fact.type != SPLIT:
        _touch(programmes, draft, fact)


def journey_of(programmes: Programmes, tenant: str, instance: Instance) -> CompiledJourney:
    """The journey an instance runs under."""
    return programmes.version(tenant, instance.version).journeys[instance.journey]


def timer_id(instance_id: str, kind: str, ref: str = "") -> str:
    """The id of a timer: one of a kind per instance, stage or intervention."""
    return f"{instance_id}:{kind}:{ref}" if ref else f"{instance_id}:{kind}"


def _touch(programmes: Programmes, draft: Draft, event: Event) -> None:
    state = draft.state
    if event.hops == 0:
        state.last_seen = event.as_of
    version = event.definition_version
    timezone = state.traits.get("timezone")
    compiled = programmes.version(state.tenant, version) if version else None
    if event.subject:
        state.subject = event.subject
    if state.subject and compiled is not None:
        compiled = compiled.about(state.subject)
    rules = compiled.by_type.get(event.type) if compiled is not None else None
    if event.member_id:
        if event.type == RELATION_CHANGED:
            _relate(draft, event)
    elif event.type == IDENTIFIED:
        _identify(draft, event, compiled.survivorship if compiled is not None else {})
    if compiled is not None and compiled.lateness:
        state.latest = max(state.latest, (event.as_of, event.event_time, event.id))
    if rules is not None and rules.features:
        _keep(draft, event, rules.features)
    if compiled is not None and (compiled.arms or state.version):
        arming.follow(draft, event, compiled, moved=state.traits.get("timezone") != timezone)
    open = state.open
    if not open:
        return
    if compiled is not None and under_one(open, version):
        for journey, found in rules.followed if rules is not None else ():
            if journey.several:
                for instance in state.instances(journey.name):
                    _follow(draft, event, instance, journey, found)
            elif (only := open.get(journey.name)) is not None:
                _follow(draft, event, only, journey, found)
        return
    _keep(draft, event, _features_of_others(programmes, state, event, rules.features if rules is not None else ()))
    for instance in list(open.values()):
        journey = journey_of(programmes, state.tenant, instance)
        if (looked := journey.on.get(event.type)) is not None and looked.follows:
            _follow(draft, event, instance, journey, looked)


def under_one(open: Mapping[str, Instance], version: str) -> bool:
    """Whether all open instances run under this version."""
    for instance in open.values():  # a loop costs a third of all() over a generator, and this is the hot path
        if instance.version != version:
            return False
    return True


def _follow(draft: Draft, event: Event, instance: Instance, journey: CompiledJourney, rules: JourneyRules) -> None:
    """What an open instance keeps of an event."""
    if rules.key is None or key_of(rules.key, event.data) in ("", instance.key):
        for stage, length in rules.idle:
            _arm(draft, event, instance, "idle", length, stage)
        if rules.watches:
            _watch(draft, event, instance, rules.watches)
    if rules.looks and rules.exits_on_time:
        _look_again(draft, event, instance, journey)


def _watch(draft: Draft, event: Event, instance: Instance, watches: Sequence[Watch]) -> None:
    """What an event may mean to frictions."""
    for watch in watches:
        id = timer_id(instance.instance_id, SILENCE, watch.friction.name)
        if watch.part == "ends":
            if id in draft.state.timers:
                del draft.timers[id]
        elif watch.part == "begins" and id not in draft.state.timers and watch.sees(event.data):
            _arm(draft, event, instance, SILENCE, watch.friction.within, watch.friction.name)
    after = traced(instance, watches, event.data, event.as_of)
    if after is not instance:
        draft.open[instance.slot] = after


def _look_again(draft: Draft, cause: Event, instance: Instance, journey: CompiledJourney) -> None:
    """Have the exit conditions looked at when time alone may next change them, or before."""
    due = next_change(journey.exits.timed, draft.state, cause.as_of)
    timer = draft.state.timers.get(timer_id(instance.instance_id, "look"))
    if due is not None and (timer is None or timer.due > due):
        _arm(draft, cause, instance, "look", due - cause.as_of)


def _keep(draft: Draft, event: Event, features: Sequence[CompiledFeature]) -> None:
    kept = draft.features
    seen: Activation | None = None
    for feature in features:
        if feature.where is None:
            feature.keep(kept, event)
            continue
        seen = seen or activate({"event": event.data})
        if feature.where.holds(seen):
            feature.keep(kept, event)


def _features_of_others(
    programmes: Programmes, state: CustomerState, event: Event, known: Sequence[CompiledFeature]
) -> list[CompiledFeature]:
    """Features that only open instances of other versions keep."""
    found: dict[str, CompiledFeature] = {}
    for instance in state.open.values():
        rules = programmes.version(state.tenant, instance.version).about(state.subject).by_type.get(event.type)
        found.update({feature.key: feature for feature in rules.features} if rules is not None else {})
    for feature in known:
        found.pop(feature.key, None)
    return list(found.values())


def _identify(draft: Draft, event: Event, rules: Mapping[str, Survivorship]) -> None:
    """What was told later of a trait stays, whichever came in first; where a trait has a rule, what that says."""
    state, at = draft.state, event.event_time
    told = {name: value for name, value in event.data.items() if state.told.get(name, at) <= at}
    sealed = {name: Sealed(text, event.key_id) for name, text in event.sealed.items() if state.told.get(name, at) <= at}
    if rules:
        changed = survive(state, event, rules)
        told = {name: value for name, value in told.items() if name not in rules}
        sealed = {name: value for name, value in sealed.items() if name not in rules}
        for name, value in changed.items():
            (sealed if isinstance(value, Sealed) else told)[name] = value
    _tell_traits(draft, told)
    if sealed:
        state.sealed = {**state.sealed, **sealed}
    state.told = {**state.told, **dict.fromkeys((*told, *sealed), at)}


def _relate(draft: Draft, event: Event) -> None:
    """Who belongs to the subject; what is over by now is of no more use."""
    key, at = str(event.data["key"]), event.as_of
    found = (Interval(key, role, since, until) for role, since, until in event.data["intervals"])
    current = tuple(one for one in found if one.until is None or one.until > at)
    others = {member: known for member, known in draft.state.members.items() if member != event.member_id}
    draft.state.members = {**others, event.member_id: current} if current else others


def _arm(draft: Draft, cause: Event, instance: Instance, kind: str, length: int, ref: str = "") -> None:
    draft.timers[timer_id(instance.instance_id, kind, ref)] = Timer(
        due=cause.as_of + length,
        kind=kind,
        journey=instance.journey,
        ref=ref,
        cause=cause.id,
        correlation_id=cause.correlation_id or cause.id,
        hops=cause.hops,
        historical=cause.historical,
        key=instance.key,
    )


def _merged(draft: Draft, fact: Event) -> None:
    if fact.data.get("from") != draft.state.profile_id:
        return
    state = draft.state
    state.closed_into = str(fact.data.get("to", ""))
    state.traits, state.sealed, state.survivors, state.failures = {}, {}, {}, {}
    state.audiences, state.version = {}, ""
    draft.features.clear()
    draft.open.clear()
    draft.records.clear()
    draft.timers.clear()


def _entered(programmes: Programmes, draft: Draft, fact: Event) -> None:
    name, instance_id = fact.data["journey"], fact.data["instance_id"]
    journey = programmes.version(draft.state.tenant, fact.definition_version).journeys[name]
    instance = Instance(
        instance_id=instance_id,
        journey=name,
        version=fact.definition_version,
        occurrence=fact.data["occurrence"],
        entered=fact.as_of,
        key=fact.data.get("key", ""),
    )
    draft.open[instance.slot] = instance
    record = draft.state.records.get(name, NO_RECORD)
    draft.records[name] = replace(record, entered=record.entered + 1)
    if journey.definition.goal.within is not None:
        _arm(draft, fact, instance, "goal", journey.definition.goal.within)
    if journey.exits.timed:
        _look_again(draft, fact, instance, journey)
    for stage, length in journey.idle_stages:
        _arm(draft, fact, instance, "idle", length, stage)
    for friction in fact.data.get("silences", ()):
        _arm(draft, fact, instance, SILENCE, journey.frictions.by_name[friction].within, friction)


def _stage_entered(programmes: Programmes, draft: Draft, fact: Event) -> None:
    name, stage = fact.data["journey"], fact.data["stage"]
    instance = _instance(draft, fact)
    record = draft.state.records[name]
    transitions = record.transitions
    if instance.stage:
        transitions = _one_more(transitions, f"{instance.stage}>{stage}")
    draft.records[name] = replace(
        record,
        stage_entries=_one_more(record.stage_entries, stage),
        transitions=transitions,
        dwell=_dwelt(record, instance, fact.as_of),
    )
    journey = journey_of(programmes, draft.state.tenant, instance)
    if journey.frictions:
        instance = _follow_stage(draft, fact, instance, journey, stage)
    draft.open[instance.slot] = replace(instance, stage=stage, stage_entered=fact.as_of)
    _disarm(draft, timer_id(instance.instance_id, "idle", stage), fact.as_of)


def _follow_stage(draft: Draft, fact: Event, instance: Instance, journey: CompiledJourney, stage: str) -> Instance:
    """What a stage may mean to frictions, and that it is progress."""
    frictions = journey.frictions
    for friction in frictions.dwell.get(instance.stage, ()):
        draft.timers.pop(timer_id(instance.instance_id, DWELL, friction.name), None)
    for friction in frictions.dwell.get(stage, ()):
        _arm(draft, fact, instance, DWELL, friction.within, friction.name)
    instance = progressed(journey.definition.health, instance, frictions.order[stage], fact.as_of)
    return traced_stage(instance, frictions, stage, fact.as_of)


def _stage_skipped(_: Programmes, draft: Draft, fact: Event) -> None:
    _disarm(draft, timer_id(fact.data["instance_id"], "idle", fact.data["stage"]), fact.as_of)


def _disarm(draft: Draft, id: str, at: int) -> None:
    timer = draft.state.timers.get(id)
    if timer is not None and timer.due <= at:
        del draft.timers[id]


def _goal_reached(_: Programmes, draft: Draft, fact: Event) -> None:
    name, value, currency = fact.data["journey"], fact.data["value"], fact.data["currency"]
    instance = _instance(draft, fact)
    record = draft.state.records[name]
    values = record.values
    number = amount(value)
    if number is not None:
        before = values.get(currency)
        values = {**values, currency: number if before is None else add(before, number)}
    attributed = fact.data.get("attributed")
    draft.records[name] = replace(
        record, goals=record.goals + 1, values=values, attributed=record.attributed + int(attributed is True)
    )
    ended = replace(instance, goal=fact.as_of, goal_value=value, currency=currency, attributed=attributed, runs={})
    _end(draft, ended)


def _exited(_: Programmes, draft: Draft, fact: Event) -> None:
    name = fact.data["journey"]
    instance = _instance(draft, fact)
    record = draft.state.records[name]
    draft.records[name] = replace(record, exits=record.exits + 1)
    _end(draft, replace(instance, exited=fact.as_of, exit_reason=fact.data["reason"], runs={}))


def _end(draft: Draft, instance: Instance) -> None:
    name = instance.journey
    record = draft.state.records[name]
    ended = instance.ended or 0
    keys = remembered(record.keys, instance.key, ended) if instance.key else record.keys
    dwell = _dwelt(record, instance, ended)
    draft.records[name] = replace(record, past=(*record.past, instance)[-MAX_PAST:], keys=keys, dwell=dwell)
    del draft.open[instance.slot]
    own = f"{instance.instance_id}:"
    for id in [id for id in draft.state.timers if id.startswith(own)]:
        del draft.timers[id]


def _friction_met(programmes: Programmes, draft: Draft, fact: Event) -> None:
    name, friction = fact.data["journey"], fact.data["friction"]
    instance = _instance(draft, fact)
    record = draft.state.records[name]
    draft.records[name] = replace(record, frictions=_one_more(record.frictions, friction))
    journey = journey_of(programmes, draft.state.tenant, instance)
    weight = journey.frictions.by_name[friction].weight
    traces = {one: trace for one, trace in instance.traces.items() if one != friction}
    after = struck(journey.definition.health, replace(instance, traces=traces), weight, fact.as_of)
    draft.open[instance.slot] = after
    for kind in (DWELL, SILENCE):
        _disarm(draft, timer_id(instance.instance_id, kind, friction), fact.as_of)


def _wait_started(_: Programmes, draft: Draft, fact: Event) -> None:
    data = fact.data
    instance = _instance(draft, fact)
    run = Run(
        data["run"],
        data["step"],
        data["due"],
        limit=data.get("limit"),
        awaited=data.get("awaited", False),
        counters=data.get("counters", {}),
    )
    draft.open[instance.slot] = replace(instance, runs={**instance.runs, data["intervention"]: run})
    length = data["due"] - fact.as_of
    _arm(draft, fact, instance, "wait", length, data["intervention"])


def _wait_moved(_: Programmes, draft: Draft, fact: Event) -> None:
    data = fact.data
    instance = _instance(draft, fact)
    run = replace(instance.runs[data["intervention"]], due=data["due"], awaited=data["awaited"])
    draft.open[instance.slot] = replace(instance, runs={**instance.runs, data["intervention"]: run})
    length = data["due"] - fact.as_of
    _arm(draft, fact, instance, "wait", length, data["intervention"])
    if instance.held is not None:
        _sleep(draft, instance.slot, [timer_id(instance.instance_id, "wait", data["intervention"])])


def _wait_ended(_: Programmes, draft: Draft, fact: Event) -> None:
    data = fact.data
    instance = _instance(draft, fact)
    runs = {name: run for name, run in instance.runs.items() if name != data["intervention"]}
    draft.open[instance.slot] = replace(instance, runs=runs)
    draft.timers.pop(timer_id(instance.instance_id, "wait", data["intervention"]), None)


def _held(_: Programmes, draft: Draft, fact: Event) -> None:
    instance = _instance(draft, fact)
    own = f"{instance.instance_id}:"
    draft.open[instance.slot] = replace(instance, held=fact.as_of)
    timers = draft.state.timers
    _sleep(draft, instance.slot, [id for id in timers if id.startswith(own) and timers[id].kind not in _SEEN])


def _sleep(draft: Draft, slot: str, ids: Iterable[str]) -> None:
    """Disarm timers of a paused instance until it goes on."""
    instance = draft.state.open[slot]
    draft.open[slot] = replace(instance, asleep={**instance.asleep, **{id: draft.timers.pop(id) for id in ids}})


def _released(_: Programmes, draft: Draft, fact: Event) -> None:
    instance = _instance(draft, fact)
    for id, timer in instance.asleep.items():
        draft.timers[id] = replace(timer, due=max(timer.due, fact.as_of))
    draft.open[instance.slot] = replace(instance, held=None, asleep={})


def _arm_assigned(_: Programmes, draft: Draft, fact: Event) -> None:
    name, data = fact.data["journey"], fact.data
    record = draft.state.records[name]
    if data["by"] == "person":
        draft.records[name] = replace(record, arms={**record.arms, data["experiment"]: data["arm"]})


def _traits_set(_: Programmes, draft: Draft, fact: Event) -> None:
    _tell_traits(draft, fact.data["traits"])


def _tell_traits(draft: Draft, told: Mapping[str, Any]) -> None:
    traits = {**draft.state.traits, **told}
    draft.state.traits = {name: value for name, value in traits.items() if value is not None}


def _migrated(programmes: Programmes, draft: Draft, fact: Event) -> None:
    data, was = fact.data, _instance(draft, fact)
    old = journey_of(programmes, draft.state.tenant, was)
    runs = {name: msgspec.convert(run, Run) for name, run in data["runs"].items()}
    before = msgspec.convert(data["before"], Before | None)
    instance = replace(was, version=data["to_version"], stage=data["stage"], runs=runs, before=before)
    draft.open[was.slot] = instance = replace(instance, stage_entered=data["stage_entered"], asleep={})
    _rearm(draft, fact, instance, old, journey_of(programmes, draft.state.tenant, instance))


def _rearm(draft: Draft, fact: Event, instance: Instance, old: CompiledJourney, new: CompiledJourney) -> None:
    """Timers as the new version wants them; what is timed since some event or entry stays timed since then."""
    own = f"{instance.instance_id}:"
    armed = {id: timer for id, timer in draft.state.timers.items() if id.startswith(own)}
    for id in armed:
        del draft.timers[id]
    at = fact.as_of
    within = new.definition.goal.within
    if within is not None:
        _arm(draft, fact, instance, "goal", max(0, instance.entered + within - at))
    lengths, names = dict(old.idle_stages), _former_names(fact, old, new)
    for stage, length in new.idle_stages:
        former = names.get(stage, stage)
        timer = armed.get(timer_id(instance.instance_id, "idle", former))
        if timer is not None and former in lengths:
            _arm(draft, fact, instance, "idle", max(0, timer.due - lengths[former] + length - at), stage)
        elif former not in lengths:
            _arm(draft, fact, instance, "idle", length, stage)
    for name, run in instance.runs.items():
        _arm(draft, fact, instance, "wait", max(0, run.due - at), name)
    if new.exits.timed:
        _look_again(draft, fact, instance, new)
    if instance.held is not None:
        _sleep(draft, instance.slot, [id for id in draft.state.timers if id.startswith(f"{own}wait")])


def _former_names(fact: Event, old: CompiledJourney, new: CompiledJourney) -> dict[str, str]:
    """What stages were called in the version left, where that says so; a way back goes by the mapping of the way on."""
    if fact.data["before"] is None:
        return dict(old.definition.in_flight.stages) if old.definition.in_flight is not None else {}
    mapping = new.definition.in_flight
    return {to: was for was, to in mapping.stages} if mapping is not None else {}


def _replaced(_: Programmes, draft: Draft, fact: Event) -> None:
    draft.replace(state_from_plain(fact.data["state"]))


def _moment_reached(programmes: Programmes, draft: Draft, fact: Event) -> None:
    instance = draft.state.open.get(slot_of(fact.data["journey"], fact.data.get("key", "")))
    if instance is not None:  # a late event may bring about a moment of an instance that `journey.revised` tells of
        influenced(programmes, draft, instance, fact.as_of)


def influenced(programmes: Programmes, draft: Draft, instance: Instance, at: int) -> None:
    """A moment was reached: keep when, if the goal of the journey asks for it."""
    if journey_of(programmes, draft.state.tenant, instance).definition.goal.attribution is not None:
        draft.open[instance.slot] = replace(draft.state.open[instance.slot], moment=at)


def _looked(_: Programmes, draft: Draft, fact: Event) -> None:
    if "audience" in fact.data:
        arming.set_look(draft, fact, fact.data["audience"], fact.data["next"])
        return
    instance = _instance(draft, fact)
    draft.timers.pop(timer_id(instance.instance_id, "look"), None)
    if fact.data["next"] is not None:
        _arm(draft, fact, instance, "look", fact.data["next"] - fact.as_of)


def _condition_failed(_: Programmes, draft: Draft, fact: Event) -> None:
    draft.state.failures = with_told(draft.state.failures, fact)


def _nothing(_: Programmes, draft: Draft, fact: Event) -> None:
    """What did not happen changes nothing."""


def _instance(draft: Draft, fact: Event) -> Instance:
    """The open instance that a fact is about."""
    return draft.state.open[slot_of(fact.data["journey"], fact.data.get("key", ""))]


def _dwelt(record: Record, instance: Instance, at: int) -> dict[str, int]:
    """Time spent by stage, with the stage that ends now."""
    if not instance.stage or instance.stage_entered is None:
        return record.dwell
    return {**record.dwell, instance.stage: record.dwell.get(instance.stage, 0) + at - instance.stage_entered}


def _one_more(counts: dict[str, int], name: str) -> dict[str, int]:
    return {**counts, name: counts.get(name, 0) + 1}


_FOLDS: Final[Mapping[str, Callable[[Programmes, Draft, Event], Any]]] = {
    facts.ENTERED: _entered,
    facts.ENTRY_REFUSED: _nothing,
    facts.STAGE_ENTERED: _stage_entered,
    facts.STAGE_SKIPPED: _stage_skipped,
    facts.GOAL_REACHED: _goal_reached,
    facts.EXITED: _exited,
    facts.FRICTION_MET: _friction_met,
    facts.LOOKED: _looked,
    facts.AUDIENCE_JOINED: arming.joined,
    facts.AUDIENCE_LEFT: arming.left,
    facts.SCHEDULE_REACHED: arming.came_round,
    facts.ARMED: arming.armed,
    facts.FEATURES_FILLED: arming.filled,
    facts.MOMENT_REACHED: _moment_reached,
    facts.MOMENT_SUPPRESSED: _nothing,
    MEMBER_ADDRESSED: _moment_reached,
    facts.WAIT_STARTED: _wait_started,
    facts.WAIT_MOVED: _wait_moved,
    facts.WAIT_ENDED: _wait_ended,
    facts.HELD: _held,
    facts.RELEASED: _released,
    facts.MIGRATED: _migrated,
    facts.ARM_ASSIGNED: _arm_assigned,
    facts.TRAITS_SET: _traits_set,
    facts.EMIT_SUPPRESSED: _nothing,
    facts.STEP_FAILED: _nothing,
    facts.CONDITION_FAILED: _condition_failed,
    facts.UNITED: _replaced,
    facts.PARTED: _replaced,
    facts.REVISED: _replaced,
    facts.MOMENT_WITHDRAWN: _nothing,
}
