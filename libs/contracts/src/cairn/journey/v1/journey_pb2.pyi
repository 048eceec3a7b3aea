import datetime

from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StopMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STOP_MODE_UNSPECIFIED: _ClassVar[StopMode]
    STOP_MODE_DRAIN: _ClassVar[StopMode]
    STOP_MODE_NOW: _ClassVar[StopMode]

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_STAY: _ClassVar[Outcome]
    OUTCOME_MIGRATE: _ClassVar[Outcome]
    OUTCOME_LEAVE: _ClassVar[Outcome]
    OUTCOME_STRAND: _ClassVar[Outcome]
STOP_MODE_UNSPECIFIED: StopMode
STOP_MODE_DRAIN: StopMode
STOP_MODE_NOW: StopMode
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_STAY: Outcome
OUTCOME_MIGRATE: Outcome
OUTCOME_LEAVE: Outcome
OUTCOME_STRAND: Outcome

class GetCustomerRequest(_message.Message):
    __slots__ = ("tenant", "profile_id", "as_of_time")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    profile_id: str
    as_of_time: _timestamp_pb2.Timestamp
    def __init__(self, tenant: _Optional[str] = ..., profile_id: _Optional[str] = ..., as_of_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetCustomerResponse(_message.Message):
    __slots__ = ("profile_id", "stream_version", "traits", "instances", "last_seen_time", "features")
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    STREAM_VERSION_FIELD_NUMBER: _ClassVar[int]
    TRAITS_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_TIME_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    profile_id: str
    stream_version: int
    traits: _struct_pb2.Struct
    instances: _containers.RepeatedCompositeFieldContainer[Instance]
    last_seen_time: _timestamp_pb2.Timestamp
    features: _struct_pb2.Struct
    def __init__(self, profile_id: _Optional[str] = ..., stream_version: _Optional[int] = ..., traits: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., instances: _Optional[_Iterable[_Union[Instance, _Mapping]]] = ..., last_seen_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., features: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class Instance(_message.Message):
    __slots__ = ("instance_id", "journey", "definition_version", "entered_time", "stage", "stage_entered_time", "goal_time", "goal_value", "exited_time", "exit_reason", "timers", "occurrence", "key", "held_time", "waits", "health", "attributed")
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    JOURNEY_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_VERSION_FIELD_NUMBER: _ClassVar[int]
    ENTERED_TIME_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    STAGE_ENTERED_TIME_FIELD_NUMBER: _ClassVar[int]
    GOAL_TIME_FIELD_NUMBER: _ClassVar[int]
    GOAL_VALUE_FIELD_NUMBER: _ClassVar[int]
    EXITED_TIME_FIELD_NUMBER: _ClassVar[int]
    EXIT_REASON_FIELD_NUMBER: _ClassVar[int]
    TIMERS_FIELD_NUMBER: _ClassVar[int]
    OCCURRENCE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    HELD_TIME_FIELD_NUMBER: _ClassVar[int]
    WAITS_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTED_FIELD_NUMBER: _ClassVar[int]
    instance_id: str
    journey: str
    definition_version: str
    entered_time: _timestamp_pb2.Timestamp
    stage: str
    stage_entered_time: _timestamp_pb2.Timestamp
    goal_time: _timestamp_pb2.Timestamp
    goal_value: str
    exited_time: _timestamp_pb2.Timestamp
    exit_reason: str
    timers: _containers.RepeatedCompositeFieldContainer[Timer]
    occurrence: int
    key: str
    held_time: _timestamp_pb2.Timestamp
    waits: _containers.RepeatedScalarFieldContainer[str]
    health: int
    attributed: bool
    def __init__(self, instance_id: _Optional[str] = ..., journey: _Optional[str] = ..., definition_version: _Optional[str] = ..., entered_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., stage: _Optional[str] = ..., stage_entered_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., goal_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., goal_value: _Optional[str] = ..., exited_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., exit_reason: _Optional[str] = ..., timers: _Optional[_Iterable[_Union[Timer, _Mapping]]] = ..., occurrence: _Optional[int] = ..., key: _Optional[str] = ..., held_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., waits: _Optional[_Iterable[str]] = ..., health: _Optional[int] = ..., attributed: _Optional[bool] = ...) -> None: ...

class Timer(_message.Message):
    __slots__ = ("timer_id", "due_time", "purpose")
    TIMER_ID_FIELD_NUMBER: _ClassVar[int]
    DUE_TIME_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    timer_id: str
    due_time: _timestamp_pb2.Timestamp
    purpose: str
    def __init__(self, timer_id: _Optional[str] = ..., due_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., purpose: _Optional[str] = ...) -> None: ...

class ExplainInstanceRequest(_message.Message):
    __slots__ = ("tenant", "profile_id", "journey")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    JOURNEY_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    profile_id: str
    journey: str
    def __init__(self, tenant: _Optional[str] = ..., profile_id: _Optional[str] = ..., journey: _Optional[str] = ...) -> None: ...

class ExplainInstanceResponse(_message.Message):
    __slots__ = ("summary", "conditions", "facts")
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    summary: str
    conditions: _containers.RepeatedCompositeFieldContainer[Condition]
    facts: _containers.RepeatedCompositeFieldContainer[TimelineEntry]
    def __init__(self, summary: _Optional[str] = ..., conditions: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ..., facts: _Optional[_Iterable[_Union[TimelineEntry, _Mapping]]] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ("role", "expression", "holds", "saw")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    EXPRESSION_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    SAW_FIELD_NUMBER: _ClassVar[int]
    role: str
    expression: str
    holds: bool
    saw: str
    def __init__(self, role: _Optional[str] = ..., expression: _Optional[str] = ..., holds: _Optional[bool] = ..., saw: _Optional[str] = ...) -> None: ...

class GetTimelineRequest(_message.Message):
    __slots__ = ("tenant", "profile_id")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    profile_id: str
    def __init__(self, tenant: _Optional[str] = ..., profile_id: _Optional[str] = ...) -> None: ...

class GetTimelineResponse(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[TimelineEntry]
    def __init__(self, entries: _Optional[_Iterable[_Union[TimelineEntry, _Mapping]]] = ...) -> None: ...

class TimelineEntry(_message.Message):
    __slots__ = ("event_id", "type", "event_time", "data")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    type: str
    event_time: _timestamp_pb2.Timestamp
    data: _struct_pb2.Struct
    def __init__(self, event_id: _Optional[str] = ..., type: _Optional[str] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., data: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class GetCountsRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class GetCountsResponse(_message.Message):
    __slots__ = ("journeys", "customers")
    JOURNEYS_FIELD_NUMBER: _ClassVar[int]
    CUSTOMERS_FIELD_NUMBER: _ClassVar[int]
    journeys: _containers.RepeatedCompositeFieldContainer[JourneyCounts]
    customers: int
    def __init__(self, journeys: _Optional[_Iterable[_Union[JourneyCounts, _Mapping]]] = ..., customers: _Optional[int] = ...) -> None: ...

class JourneyCounts(_message.Message):
    __slots__ = ("journey", "entered", "in_flight", "goal", "goal_value", "exited", "currency", "stages", "stage_entries", "stage_transitions", "control", "attributed", "frictions", "health", "dwell_seconds")
    class StagesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class StageEntriesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class StageTransitionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class FrictionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class HealthEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class DwellSecondsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    JOURNEY_FIELD_NUMBER: _ClassVar[int]
    ENTERED_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    GOAL_FIELD_NUMBER: _ClassVar[int]
    GOAL_VALUE_FIELD_NUMBER: _ClassVar[int]
    EXITED_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    STAGES_FIELD_NUMBER: _ClassVar[int]
    STAGE_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    STAGE_TRANSITIONS_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTED_FIELD_NUMBER: _ClassVar[int]
    FRICTIONS_FIELD_NUMBER: _ClassVar[int]
    HEALTH_FIELD_NUMBER: _ClassVar[int]
    DWELL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    journey: str
    entered: int
    in_flight: int
    goal: int
    goal_value: str
    exited: int
    currency: str
    stages: _containers.ScalarMap[str, int]
    stage_entries: _containers.ScalarMap[str, int]
    stage_transitions: _containers.ScalarMap[str, int]
    control: str
    attributed: int
    frictions: _containers.ScalarMap[str, int]
    health: _containers.ScalarMap[str, int]
    dwell_seconds: _containers.ScalarMap[str, float]
    def __init__(self, journey: _Optional[str] = ..., entered: _Optional[int] = ..., in_flight: _Optional[int] = ..., goal: _Optional[int] = ..., goal_value: _Optional[str] = ..., exited: _Optional[int] = ..., currency: _Optional[str] = ..., stages: _Optional[_Mapping[str, int]] = ..., stage_entries: _Optional[_Mapping[str, int]] = ..., stage_transitions: _Optional[_Mapping[str, int]] = ..., control: _Optional[str] = ..., attributed: _Optional[int] = ..., frictions: _Optional[_Mapping[str, int]] = ..., health: _Optional[_Mapping[str, int]] = ..., dwell_seconds: _Optional[_Mapping[str, float]] = ...) -> None: ...

class GetStateHashRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class GetStateHashResponse(_message.Message):
    __slots__ = ("state_hash", "customers")
    STATE_HASH_FIELD_NUMBER: _ClassVar[int]
    CUSTOMERS_FIELD_NUMBER: _ClassVar[int]
    state_hash: str
    customers: int
    def __init__(self, state_hash: _Optional[str] = ..., customers: _Optional[int] = ...) -> None: ...

class GetContextRequest(_message.Message):
    __slots__ = ("tenant", "profile_id")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    profile_id: str
    def __init__(self, tenant: _Optional[str] = ..., profile_id: _Optional[str] = ...) -> None: ...

class GetContextResponse(_message.Message):
    __slots__ = ("profile_id", "stream_version", "traits", "features", "instances", "last_seen_time")
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    STREAM_VERSION_FIELD_NUMBER: _ClassVar[int]
    TRAITS_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_TIME_FIELD_NUMBER: _ClassVar[int]
    profile_id: str
    stream_version: int
    traits: _struct_pb2.Struct
    features: _struct_pb2.Struct
    instances: _containers.RepeatedCompositeFieldContainer[Instance]
    last_seen_time: _timestamp_pb2.Timestamp
    def __init__(self, profile_id: _Optional[str] = ..., stream_version: _Optional[int] = ..., traits: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., features: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., instances: _Optional[_Iterable[_Union[Instance, _Mapping]]] = ..., last_seen_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListInstancesRequest(_message.Message):
    __slots__ = ("tenant", "journey", "stage", "filter", "page_size", "page_token")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    JOURNEY_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    journey: str
    stage: str
    filter: str
    page_size: int
    page_token: str
    def __init__(self, tenant: _Optional[str] = ..., journey: _Optional[str] = ..., stage: _Optional[str] = ..., filter: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListInstancesResponse(_message.Message):
    __slots__ = ("instances", "next_page_token", "looked_at")
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    LOOKED_AT_FIELD_NUMBER: _ClassVar[int]
    instances: _containers.RepeatedCompositeFieldContainer[ListedInstance]
    next_page_token: str
    looked_at: int
    def __init__(self, instances: _Optional[_Iterable[_Union[ListedInstance, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., looked_at: _Optional[int] = ...) -> None: ...

class ListedInstance(_message.Message):
    __slots__ = ("profile_id", "instance")
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    profile_id: str
    instance: Instance
    def __init__(self, profile_id: _Optional[str] = ..., instance: _Optional[_Union[Instance, _Mapping]] = ...) -> None: ...

class WatchJourneyRequest(_message.Message):
    __slots__ = ("tenant", "journey")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    JOURNEY_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    journey: str
    def __init__(self, tenant: _Optional[str] = ..., journey: _Optional[str] = ...) -> None: ...

class WatchJourneyResponse(_message.Message):
    __slots__ = ("journeys", "customers")
    JOURNEYS_FIELD_NUMBER: _ClassVar[int]
    CUSTOMERS_FIELD_NUMBER: _ClassVar[int]
    journeys: _containers.RepeatedCompositeFieldContainer[JourneyCounts]
    customers: int
    def __init__(self, journeys: _Optional[_Iterable[_Union[JourneyCounts, _Mapping]]] = ..., customers: _Optional[int] = ...) -> None: ...

class BroadcastRequest(_message.Message):
    __slots__ = ("request_id", "tenant", "type", "data")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant: str
    type: str
    data: _struct_pb2.Struct
    def __init__(self, request_id: _Optional[str] = ..., tenant: _Optional[str] = ..., type: _Optional[str] = ..., data: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class BroadcastResponse(_message.Message):
    __slots__ = ("walk",)
    WALK_FIELD_NUMBER: _ClassVar[int]
    walk: int
    def __init__(self, walk: _Optional[int] = ...) -> None: ...

class PauseJourneyRequest(_message.Message):
    __slots__ = ("request_id", "tenant", "journey")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    JOURNEY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant: str
    journey: str
    def __init__(self, request_id: _Optional[str] = ..., tenant: _Optional[str] = ..., journey: _Optional[str] = ...) -> None: ...

class PauseJourneyResponse(_message.Message):
    __slots__ = ("walk",)
    WALK_FIELD_NUMBER: _ClassVar[int]
    walk: int
    def __init__(self, walk: _Optional[int] = ...) -> None: ...

class ResumeJourneyRequest(_message.Message):
    __slots__ = ("request_id", "tenant", "journey")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    JOURNEY_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant: str
    journey: str
    def __init__(self, request_id: _Optional[str] = ..., tenant: _Optional[str] = ..., journey: _Optional[str] = ...) -> None: ...

class ResumeJourneyResponse(_message.Message):
    __slots__ = ("walk",)
    WALK_FIELD_NUMBER: _ClassVar[int]
    walk: int
    def __init__(self, walk: _Optional[int] = ...) -> None: ...

class StopJourneyRequest(_message.Message):
    __slots__ = ("request_id", "tenant", "journey", "mode")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    JOURNEY_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant: str
    journey: str
    mode: StopMode
    def __init__(self, request_id: _Optional[str] = ..., tenant: _Optional[str] = ..., journey: _Optional[str] = ..., mode: _Optional[_Union[StopMode, str]] = ...) -> None: ...

class StopJourneyResponse(_message.Message):
    __slots__ = ("walk",)
    WALK_FIELD_NUMBER: _ClassVar[int]
    walk: int
    def __init__(self, walk: _Optional[int] = ...) -> None: ...

class GetWalkRequest(_message.Message):
    __slots__ = ("walk",)
    WALK_FIELD_NUMBER: _ClassVar[int]
    walk: int
    def __init__(self, walk: _Optional[int] = ...) -> None: ...

class GetWalkResponse(_message.Message):
    __slots__ = ("type", "visited", "changed", "partitions_left")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    VISITED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    PARTITIONS_LEFT_FIELD_NUMBER: _ClassVar[int]
    type: str
    visited: int
    changed: int
    partitions_left: int
    def __init__(self, type: _Optional[str] = ..., visited: _Optional[int] = ..., changed: _Optional[int] = ..., partitions_left: _Optional[int] = ...) -> None: ...

class ListControlsRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class ListControlsResponse(_message.Message):
    __slots__ = ("controls",)
    CONTROLS_FIELD_NUMBER: _ClassVar[int]
    controls: _containers.RepeatedCompositeFieldContainer[Control]
    def __init__(self, controls: _Optional[_Iterable[_Union[Control, _Mapping]]] = ...) -> None: ...

class Control(_message.Message):
    __slots__ = ("journey", "mode", "since_time", "walk")
    JOURNEY_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    WALK_FIELD_NUMBER: _ClassVar[int]
    journey: str
    mode: str
    since_time: _timestamp_pb2.Timestamp
    walk: int
    def __init__(self, journey: _Optional[str] = ..., mode: _Optional[str] = ..., since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., walk: _Optional[int] = ...) -> None: ...

class PlanProgrammeRequest(_message.Message):
    __slots__ = ("tenant", "bundle")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    bundle: bytes
    def __init__(self, tenant: _Optional[str] = ..., bundle: _Optional[bytes] = ...) -> None: ...

class PlanProgrammeResponse(_message.Message):
    __slots__ = ("version", "in_force_version", "places")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_VERSION_FIELD_NUMBER: _ClassVar[int]
    PLACES_FIELD_NUMBER: _ClassVar[int]
    version: str
    in_force_version: str
    places: _containers.RepeatedCompositeFieldContainer[PlannedPlace]
    def __init__(self, version: _Optional[str] = ..., in_force_version: _Optional[str] = ..., places: _Optional[_Iterable[_Union[PlannedPlace, _Mapping]]] = ...) -> None: ...

class PlannedPlace(_message.Message):
    __slots__ = ("journey", "definition_version", "stage", "waits", "instances", "outcome", "to_stage", "to_waits", "problems")
    JOURNEY_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_VERSION_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    WAITS_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TO_STAGE_FIELD_NUMBER: _ClassVar[int]
    TO_WAITS_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    journey: str
    definition_version: str
    stage: str
    waits: _containers.RepeatedScalarFieldContainer[str]
    instances: int
    outcome: Outcome
    to_stage: str
    to_waits: _containers.RepeatedScalarFieldContainer[str]
    problems: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, journey: _Optional[str] = ..., definition_version: _Optional[str] = ..., stage: _Optional[str] = ..., waits: _Optional[_Iterable[str]] = ..., instances: _Optional[int] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., to_stage: _Optional[str] = ..., to_waits: _Optional[_Iterable[str]] = ..., problems: _Optional[_Iterable[str]] = ...) -> None: ...
