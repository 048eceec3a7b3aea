import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class IngestRequest(_message.Message):
    __slots__ = ("events", "historical")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    HISTORICAL_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[IngestEvent]
    historical: bool
    def __init__(self, events: _Optional[_Iterable[_Union[IngestEvent, _Mapping]]] = ..., historical: _Optional[bool] = ...) -> None: ...

class IngestEvent(_message.Message):
    __slots__ = ("message_id", "type", "event_time", "identifiers", "properties", "unreadable")
    class IdentifiersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    UNREADABLE_FIELD_NUMBER: _ClassVar[int]
    message_id: str
    type: str
    event_time: _timestamp_pb2.Timestamp
    identifiers: _containers.ScalarMap[str, str]
    properties: _struct_pb2.Struct
    unreadable: str
    def __init__(self, message_id: _Optional[str] = ..., type: _Optional[str] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., identifiers: _Optional[_Mapping[str, str]] = ..., properties: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., unreadable: _Optional[str] = ...) -> None: ...

class IngestResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[IngestResult]
    def __init__(self, results: _Optional[_Iterable[_Union[IngestResult, _Mapping]]] = ...) -> None: ...

class IngestResult(_message.Message):
    __slots__ = ("outcome", "event_id", "reason", "field")
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OUTCOME_UNSPECIFIED: _ClassVar[IngestResult.Outcome]
        OUTCOME_ACCEPTED: _ClassVar[IngestResult.Outcome]
        OUTCOME_DUPLICATE: _ClassVar[IngestResult.Outcome]
        OUTCOME_QUARANTINED: _ClassVar[IngestResult.Outcome]
    OUTCOME_UNSPECIFIED: IngestResult.Outcome
    OUTCOME_ACCEPTED: IngestResult.Outcome
    OUTCOME_DUPLICATE: IngestResult.Outcome
    OUTCOME_QUARANTINED: IngestResult.Outcome
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    outcome: IngestResult.Outcome
    event_id: str
    reason: str
    field: str
    def __init__(self, outcome: _Optional[_Union[IngestResult.Outcome, str]] = ..., event_id: _Optional[str] = ..., reason: _Optional[str] = ..., field: _Optional[str] = ...) -> None: ...

class ListQuarantineRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListQuarantineResponse(_message.Message):
    __slots__ = ("events", "next_page_token")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[QuarantinedEvent]
    next_page_token: str
    def __init__(self, events: _Optional[_Iterable[_Union[QuarantinedEvent, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class QuarantinedEvent(_message.Message):
    __slots__ = ("quarantine_id", "source", "reason", "field", "received_time", "message_id")
    QUARANTINE_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_TIME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_ID_FIELD_NUMBER: _ClassVar[int]
    quarantine_id: str
    source: str
    reason: str
    field: str
    received_time: _timestamp_pb2.Timestamp
    message_id: str
    def __init__(self, quarantine_id: _Optional[str] = ..., source: _Optional[str] = ..., reason: _Optional[str] = ..., field: _Optional[str] = ..., received_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., message_id: _Optional[str] = ...) -> None: ...

class UnwrapRequest(_message.Message):
    __slots__ = ("key_ids",)
    KEY_IDS_FIELD_NUMBER: _ClassVar[int]
    key_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, key_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class UnwrapResponse(_message.Message):
    __slots__ = ("keys",)
    class KeysEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    KEYS_FIELD_NUMBER: _ClassVar[int]
    keys: _containers.ScalarMap[str, bytes]
    def __init__(self, keys: _Optional[_Mapping[str, bytes]] = ...) -> None: ...

class StepRequest(_message.Message):
    __slots__ = ("step", "end_time", "last")
    STEP_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    step: int
    end_time: _timestamp_pb2.Timestamp
    last: bool
    def __init__(self, step: _Optional[int] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last: _Optional[bool] = ...) -> None: ...

class StepResponse(_message.Message):
    __slots__ = ("open_step", "feedback_events")
    OPEN_STEP_FIELD_NUMBER: _ClassVar[int]
    FEEDBACK_EVENTS_FIELD_NUMBER: _ClassVar[int]
    open_step: int
    feedback_events: int
    def __init__(self, open_step: _Optional[int] = ..., feedback_events: _Optional[int] = ...) -> None: ...

class GetClockRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetClockResponse(_message.Message):
    __slots__ = ("mode", "open_step", "step_start_time")
    class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        MODE_UNSPECIFIED: _ClassVar[GetClockResponse.Mode]
        MODE_LIVE: _ClassVar[GetClockResponse.Mode]
        MODE_TIME_LAPSE: _ClassVar[GetClockResponse.Mode]
    MODE_UNSPECIFIED: GetClockResponse.Mode
    MODE_LIVE: GetClockResponse.Mode
    MODE_TIME_LAPSE: GetClockResponse.Mode
    MODE_FIELD_NUMBER: _ClassVar[int]
    OPEN_STEP_FIELD_NUMBER: _ClassVar[int]
    STEP_START_TIME_FIELD_NUMBER: _ClassVar[int]
    mode: GetClockResponse.Mode
    open_step: int
    step_start_time: _timestamp_pb2.Timestamp
    def __init__(self, mode: _Optional[_Union[GetClockResponse.Mode, str]] = ..., open_step: _Optional[int] = ..., step_start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListGroupsRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class ListGroupsResponse(_message.Message):
    __slots__ = ("groups",)
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedCompositeFieldContainer[QuarantineGroup]
    def __init__(self, groups: _Optional[_Iterable[_Union[QuarantineGroup, _Mapping]]] = ...) -> None: ...

class QuarantineGroup(_message.Message):
    __slots__ = ("source", "reason", "field", "count", "first_received_time", "last_received_time", "latest_quarantine_id")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRST_RECEIVED_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_RECEIVED_TIME_FIELD_NUMBER: _ClassVar[int]
    LATEST_QUARANTINE_ID_FIELD_NUMBER: _ClassVar[int]
    source: str
    reason: str
    field: str
    count: int
    first_received_time: _timestamp_pb2.Timestamp
    last_received_time: _timestamp_pb2.Timestamp
    latest_quarantine_id: str
    def __init__(self, source: _Optional[str] = ..., reason: _Optional[str] = ..., field: _Optional[str] = ..., count: _Optional[int] = ..., first_received_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_received_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., latest_quarantine_id: _Optional[str] = ...) -> None: ...

class GetPayloadRequest(_message.Message):
    __slots__ = ("tenant", "quarantine_id")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    QUARANTINE_ID_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    quarantine_id: str
    def __init__(self, tenant: _Optional[str] = ..., quarantine_id: _Optional[str] = ...) -> None: ...

class GetPayloadResponse(_message.Message):
    __slots__ = ("payload",)
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    def __init__(self, payload: _Optional[bytes] = ...) -> None: ...

class QuarantineSelection(_message.Message):
    __slots__ = ("tenant", "quarantine_ids", "source", "reason", "field")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    QUARANTINE_IDS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    quarantine_ids: _containers.RepeatedScalarFieldContainer[str]
    source: str
    reason: str
    field: str
    def __init__(self, tenant: _Optional[str] = ..., quarantine_ids: _Optional[_Iterable[str]] = ..., source: _Optional[str] = ..., reason: _Optional[str] = ..., field: _Optional[str] = ...) -> None: ...

class RedriveRequest(_message.Message):
    __slots__ = ("selection", "merge_patch", "dry_run", "page_token")
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    MERGE_PATCH_FIELD_NUMBER: _ClassVar[int]
    DRY_RUN_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    selection: QuarantineSelection
    merge_patch: _struct_pb2.Struct
    dry_run: bool
    page_token: str
    def __init__(self, selection: _Optional[_Union[QuarantineSelection, _Mapping]] = ..., merge_patch: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., dry_run: _Optional[bool] = ..., page_token: _Optional[str] = ...) -> None: ...

class RedriveResponse(_message.Message):
    __slots__ = ("results", "next_page_token")
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[RedriveResult]
    next_page_token: str
    def __init__(self, results: _Optional[_Iterable[_Union[RedriveResult, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RedriveResult(_message.Message):
    __slots__ = ("quarantine_id", "result", "kept_quarantine_id")
    QUARANTINE_ID_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    KEPT_QUARANTINE_ID_FIELD_NUMBER: _ClassVar[int]
    quarantine_id: str
    result: IngestResult
    kept_quarantine_id: str
    def __init__(self, quarantine_id: _Optional[str] = ..., result: _Optional[_Union[IngestResult, _Mapping]] = ..., kept_quarantine_id: _Optional[str] = ...) -> None: ...

class DiscardRequest(_message.Message):
    __slots__ = ("selection",)
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    selection: QuarantineSelection
    def __init__(self, selection: _Optional[_Union[QuarantineSelection, _Mapping]] = ...) -> None: ...

class DiscardResponse(_message.Message):
    __slots__ = ("discarded",)
    DISCARDED_FIELD_NUMBER: _ClassVar[int]
    discarded: int
    def __init__(self, discarded: _Optional[int] = ...) -> None: ...

class GetQualityRequest(_message.Message):
    __slots__ = ("tenant", "days")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    days: int
    def __init__(self, tenant: _Optional[str] = ..., days: _Optional[int] = ...) -> None: ...

class GetQualityResponse(_message.Message):
    __slots__ = ("sources", "event_types")
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPES_FIELD_NUMBER: _ClassVar[int]
    sources: _containers.RepeatedCompositeFieldContainer[SourceQuality]
    event_types: _containers.RepeatedCompositeFieldContainer[EventTypeQuality]
    def __init__(self, sources: _Optional[_Iterable[_Union[SourceQuality, _Mapping]]] = ..., event_types: _Optional[_Iterable[_Union[EventTypeQuality, _Mapping]]] = ...) -> None: ...

class SourceQuality(_message.Message):
    __slots__ = ("source", "accepted", "duplicates", "quarantined", "last_received_time")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    LAST_RECEIVED_TIME_FIELD_NUMBER: _ClassVar[int]
    source: str
    accepted: int
    duplicates: int
    quarantined: int
    last_received_time: _timestamp_pb2.Timestamp
    def __init__(self, source: _Optional[str] = ..., accepted: _Optional[int] = ..., duplicates: _Optional[int] = ..., quarantined: _Optional[int] = ..., last_received_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class EventTypeQuality(_message.Message):
    __slots__ = ("source", "event_type", "events", "fields", "drift", "described")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    DRIFT_FIELD_NUMBER: _ClassVar[int]
    DESCRIBED_FIELD_NUMBER: _ClassVar[int]
    source: str
    event_type: str
    events: int
    fields: _containers.RepeatedCompositeFieldContainer[FieldQuality]
    drift: _containers.RepeatedScalarFieldContainer[str]
    described: bool
    def __init__(self, source: _Optional[str] = ..., event_type: _Optional[str] = ..., events: _Optional[int] = ..., fields: _Optional[_Iterable[_Union[FieldQuality, _Mapping]]] = ..., drift: _Optional[_Iterable[str]] = ..., described: _Optional[bool] = ...) -> None: ...

class FieldQuality(_message.Message):
    __slots__ = ("path", "missing_share", "kinds")
    PATH_FIELD_NUMBER: _ClassVar[int]
    MISSING_SHARE_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    path: str
    missing_share: float
    kinds: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, path: _Optional[str] = ..., missing_share: _Optional[float] = ..., kinds: _Optional[_Iterable[str]] = ...) -> None: ...

class ProposeSchemaRequest(_message.Message):
    __slots__ = ("tenant", "event_type", "days")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    EVENT_TYPE_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    event_type: str
    days: int
    def __init__(self, tenant: _Optional[str] = ..., event_type: _Optional[str] = ..., days: _Optional[int] = ...) -> None: ...

class ProposeSchemaResponse(_message.Message):
    __slots__ = ("json_schema", "events")
    JSON_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    json_schema: str
    events: int
    def __init__(self, json_schema: _Optional[str] = ..., events: _Optional[int] = ...) -> None: ...

class IngestStreamRequest(_message.Message):
    __slots__ = ("sequence", "request")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    request: IngestRequest
    def __init__(self, sequence: _Optional[int] = ..., request: _Optional[_Union[IngestRequest, _Mapping]] = ...) -> None: ...

class IngestStreamResponse(_message.Message):
    __slots__ = ("sequence", "results", "retry_delay")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    RETRY_DELAY_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    results: _containers.RepeatedCompositeFieldContainer[IngestResult]
    retry_delay: _duration_pb2.Duration
    def __init__(self, sequence: _Optional[int] = ..., results: _Optional[_Iterable[_Union[IngestResult, _Mapping]]] = ..., retry_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
