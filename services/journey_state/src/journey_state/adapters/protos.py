"""States and facts as the contract shows them."""

from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from cairn.journey.v1 import journey_pb2 as pb
from cairn_journey import CustomerState, Instance, Programmes, instance_health, purpose
from cairn_kernel.event import Event
from cairn_kernel.time import to_datetime
from journey_state.application.customers import Folded
from journey_state.application.listing import features_of
from journey_state.application.planning import Planned
from journey_state.application.ports import JourneyCount


def timestamp(instant: int | None) -> Timestamp | None:
    """Absent for None."""
    if instant is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(to_datetime(instant))
    return stamp


HIDDEN: Final = frozenset({"contacts", "state", "touchpoints", "facts", "done", "undone", "moved", "events"})
"""Fields of facts that a timeline leaves out: sealed addresses, and what merges, splits and late events carry whole."""


def customer_to_proto(state: CustomerState, version: int, programmes: Programmes, at: int) -> pb.GetCustomerResponse:
    answer = pb.GetCustomerResponse(
        profile_id=state.profile_id, stream_version=version, last_seen_time=timestamp(state.last_seen)
    )
    answer.traits.update(state.traits)
    answer.features.update(features_of(programmes, state, at))
    for journey, record in sorted(state.records.items()):
        for instance in (*record.past, *state.instances(journey)):
            answer.instances.append(instance_to_proto(state, instance, programmes, at))
    return answer


def context_to_proto(folded: Folded, programmes: Programmes) -> pb.GetContextResponse:
    state = folded.state
    answer = pb.GetContextResponse(
        profile_id=state.profile_id, stream_version=folded.version, last_seen_time=timestamp(state.last_seen)
    )
    answer.traits.update(state.traits)
    answer.features.update(features_of(programmes, state, folded.at))
    for slot in sorted(state.open):
        answer.instances.append(instance_to_proto(state, state.open[slot], programmes, folded.at))
    return answer


def instance_to_proto(state: CustomerState, instance: Instance, programmes: Programmes, at: int) -> pb.Instance:
    is_open = state.open.get(instance.slot) == instance
    timers = [
        pb.Timer(timer_id=key, due_time=timestamp(timer.due), purpose=purpose(timer))
        for key, timer in sorted(state.timers.items(), key=lambda item: (item[1].due, item[0]))
        if is_open and timer.slot == instance.slot
    ]
    return pb.Instance(
        instance_id=instance.instance_id,
        journey=instance.journey,
        definition_version=instance.version,
        entered_time=timestamp(instance.entered),
        stage=instance.stage,
        stage_entered_time=timestamp(instance.stage_entered),
        goal_time=timestamp(instance.goal),
        goal_value=instance.goal_value,
        exited_time=timestamp(instance.exited),
        exit_reason=instance.exit_reason,
        timers=timers,
        occurrence=instance.occurrence,
        key=instance.key,
        held_time=timestamp(instance.held),
        waits=sorted(f"{name}/{run.step}" for name, run in instance.runs.items()),
        health=instance_health(programmes, state.tenant, instance, at),
        attributed=instance.attributed,
    )


def entry_to_proto(event: Event) -> pb.TimelineEntry:
    entry = pb.TimelineEntry(event_id=event.id, type=event.type, event_time=timestamp(event.event_time))
    entry.data.update({key: value for key, value in event.data.items() if key not in HIDDEN})
    return entry


def counts_to_proto(count: JourneyCount) -> pb.JourneyCounts:
    fields: dict[str, Any] = {name: getattr(count, name) for name in count.__slots__ if name != "goal_value"}
    return pb.JourneyCounts(**fields, goal_value=format(count.goal_value, "f"))


_OUTCOMES: Final = {
    "stay": pb.OUTCOME_STAY,
    "migrate": pb.OUTCOME_MIGRATE,
    "leave": pb.OUTCOME_LEAVE,
    "strand": pb.OUTCOME_STRAND,
}


def planned_to_proto(planned: Planned) -> pb.PlannedPlace:
    one, fate = planned
    return pb.PlannedPlace(
        journey=one.journey,
        definition_version=one.version,
        stage=one.place.stage,
        waits=[f"{name}/{path}" for name, path in one.place.waits],
        instances=one.instances,
        outcome=_OUTCOMES[fate.kind],
        to_stage=fate.to.stage if fate.to is not None else "",
        to_waits=[f"{name}/{path}" for name, path in fate.to.waits] if fate.to is not None else [],
        problems=fate.problems,
    )
