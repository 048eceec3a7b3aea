import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StatementKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATEMENT_KIND_UNSPECIFIED: _ClassVar[StatementKind]
    STATEMENT_KIND_SAME: _ClassVar[StatementKind]
    STATEMENT_KIND_NOT_SAME: _ClassVar[StatementKind]
    STATEMENT_KIND_BLOCK: _ClassVar[StatementKind]
    STATEMENT_KIND_ALLOW: _ClassVar[StatementKind]

class ConsentStanding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSENT_STANDING_UNSPECIFIED: _ClassVar[ConsentStanding]
    CONSENT_STANDING_SILENT: _ClassVar[ConsentStanding]
    CONSENT_STANDING_GRANTED: _ClassVar[ConsentStanding]
    CONSENT_STANDING_REFUSED: _ClassVar[ConsentStanding]

class ReviewState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVIEW_STATE_UNSPECIFIED: _ClassVar[ReviewState]
    REVIEW_STATE_OPEN: _ClassVar[ReviewState]
    REVIEW_STATE_ACCEPTED: _ClassVar[ReviewState]
    REVIEW_STATE_REJECTED: _ClassVar[ReviewState]
    REVIEW_STATE_JOINED: _ClassVar[ReviewState]
STATEMENT_KIND_UNSPECIFIED: StatementKind
STATEMENT_KIND_SAME: StatementKind
STATEMENT_KIND_NOT_SAME: StatementKind
STATEMENT_KIND_BLOCK: StatementKind
STATEMENT_KIND_ALLOW: StatementKind
CONSENT_STANDING_UNSPECIFIED: ConsentStanding
CONSENT_STANDING_SILENT: ConsentStanding
CONSENT_STANDING_GRANTED: ConsentStanding
CONSENT_STANDING_REFUSED: ConsentStanding
REVIEW_STATE_UNSPECIFIED: ReviewState
REVIEW_STATE_OPEN: ReviewState
REVIEW_STATE_ACCEPTED: ReviewState
REVIEW_STATE_REJECTED: ReviewState
REVIEW_STATE_JOINED: ReviewState

class IdentifierRef(_message.Message):
    __slots__ = ("namespace", "value", "token")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    value: str
    token: str
    def __init__(self, namespace: _Optional[str] = ..., value: _Optional[str] = ..., token: _Optional[str] = ...) -> None: ...

class MakeStatementRequest(_message.Message):
    __slots__ = ("request_id", "tenant", "kind", "left", "right", "author", "reason", "expire_time")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant: str
    kind: StatementKind
    left: _containers.RepeatedCompositeFieldContainer[IdentifierRef]
    right: _containers.RepeatedCompositeFieldContainer[IdentifierRef]
    author: str
    reason: str
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, request_id: _Optional[str] = ..., tenant: _Optional[str] = ..., kind: _Optional[_Union[StatementKind, str]] = ..., left: _Optional[_Iterable[_Union[IdentifierRef, _Mapping]]] = ..., right: _Optional[_Iterable[_Union[IdentifierRef, _Mapping]]] = ..., author: _Optional[str] = ..., reason: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class MakeStatementResponse(_message.Message):
    __slots__ = ("statement_id", "moves")
    STATEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    MOVES_FIELD_NUMBER: _ClassVar[int]
    statement_id: str
    moves: _containers.RepeatedCompositeFieldContainer[ProfileMove]
    def __init__(self, statement_id: _Optional[str] = ..., moves: _Optional[_Iterable[_Union[ProfileMove, _Mapping]]] = ...) -> None: ...

class ProfileMove(_message.Message):
    __slots__ = ("from_profile_id", "to_profile_id", "moved")
    FROM_PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    TO_PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    MOVED_FIELD_NUMBER: _ClassVar[int]
    from_profile_id: str
    to_profile_id: str
    moved: int
    def __init__(self, from_profile_id: _Optional[str] = ..., to_profile_id: _Optional[str] = ..., moved: _Optional[int] = ...) -> None: ...

class WithdrawStatementsRequest(_message.Message):
    __slots__ = ("request_id", "tenant", "statement_ids", "kind", "identifiers")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant: str
    statement_ids: _containers.RepeatedScalarFieldContainer[str]
    kind: StatementKind
    identifiers: _containers.RepeatedCompositeFieldContainer[IdentifierRef]
    def __init__(self, request_id: _Optional[str] = ..., tenant: _Optional[str] = ..., statement_ids: _Optional[_Iterable[str]] = ..., kind: _Optional[_Union[StatementKind, str]] = ..., identifiers: _Optional[_Iterable[_Union[IdentifierRef, _Mapping]]] = ...) -> None: ...

class WithdrawStatementsResponse(_message.Message):
    __slots__ = ("statement_ids", "moves")
    STATEMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    MOVES_FIELD_NUMBER: _ClassVar[int]
    statement_ids: _containers.RepeatedScalarFieldContainer[str]
    moves: _containers.RepeatedCompositeFieldContainer[ProfileMove]
    def __init__(self, statement_ids: _Optional[_Iterable[str]] = ..., moves: _Optional[_Iterable[_Union[ProfileMove, _Mapping]]] = ...) -> None: ...

class SplitProfileRequest(_message.Message):
    __slots__ = ("request_id", "tenant", "profile_id", "identifiers", "author", "reason", "expire_time")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant: str
    profile_id: str
    identifiers: _containers.RepeatedCompositeFieldContainer[IdentifierRef]
    author: str
    reason: str
    expire_time: _timestamp_pb2.Timestamp
    def __init__(self, request_id: _Optional[str] = ..., tenant: _Optional[str] = ..., profile_id: _Optional[str] = ..., identifiers: _Optional[_Iterable[_Union[IdentifierRef, _Mapping]]] = ..., author: _Optional[str] = ..., reason: _Optional[str] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class SplitProfileResponse(_message.Message):
    __slots__ = ("statement_id", "moves")
    STATEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    MOVES_FIELD_NUMBER: _ClassVar[int]
    statement_id: str
    moves: _containers.RepeatedCompositeFieldContainer[ProfileMove]
    def __init__(self, statement_id: _Optional[str] = ..., moves: _Optional[_Iterable[_Union[ProfileMove, _Mapping]]] = ...) -> None: ...

class ListStatementsRequest(_message.Message):
    __slots__ = ("tenant", "identifiers", "limit", "ended")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    identifiers: _containers.RepeatedCompositeFieldContainer[IdentifierRef]
    limit: int
    ended: bool
    def __init__(self, tenant: _Optional[str] = ..., identifiers: _Optional[_Iterable[_Union[IdentifierRef, _Mapping]]] = ..., limit: _Optional[int] = ..., ended: _Optional[bool] = ...) -> None: ...

class ListStatementsResponse(_message.Message):
    __slots__ = ("statements",)
    STATEMENTS_FIELD_NUMBER: _ClassVar[int]
    statements: _containers.RepeatedCompositeFieldContainer[Statement]
    def __init__(self, statements: _Optional[_Iterable[_Union[Statement, _Mapping]]] = ...) -> None: ...

class Statement(_message.Message):
    __slots__ = ("id", "kind", "left", "right", "author", "reason", "statement_time", "expire_time", "ended")
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    id: str
    kind: StatementKind
    left: _containers.RepeatedCompositeFieldContainer[ProfileIdentifier]
    right: _containers.RepeatedCompositeFieldContainer[ProfileIdentifier]
    author: str
    reason: str
    statement_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    ended: bool
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[_Union[StatementKind, str]] = ..., left: _Optional[_Iterable[_Union[ProfileIdentifier, _Mapping]]] = ..., right: _Optional[_Iterable[_Union[ProfileIdentifier, _Mapping]]] = ..., author: _Optional[str] = ..., reason: _Optional[str] = ..., statement_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ended: _Optional[bool] = ...) -> None: ...

class ResolveRequest(_message.Message):
    __slots__ = ("tenant", "namespace", "value")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    namespace: str
    value: str
    def __init__(self, tenant: _Optional[str] = ..., namespace: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class ResolveResponse(_message.Message):
    __slots__ = ("profile_id",)
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    profile_id: str
    def __init__(self, profile_id: _Optional[str] = ...) -> None: ...

class GetProfileRequest(_message.Message):
    __slots__ = ("tenant", "profile_id", "as_of_time", "known_time", "open_sealed")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    KNOWN_TIME_FIELD_NUMBER: _ClassVar[int]
    OPEN_SEALED_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    profile_id: str
    as_of_time: _timestamp_pb2.Timestamp
    known_time: _timestamp_pb2.Timestamp
    open_sealed: bool
    def __init__(self, tenant: _Optional[str] = ..., profile_id: _Optional[str] = ..., as_of_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., known_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., open_sealed: _Optional[bool] = ...) -> None: ...

class GetProfileResponse(_message.Message):
    __slots__ = ("profile_id", "identifiers", "merged_profile_ids", "traits", "consents")
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    MERGED_PROFILE_IDS_FIELD_NUMBER: _ClassVar[int]
    TRAITS_FIELD_NUMBER: _ClassVar[int]
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    profile_id: str
    identifiers: _containers.RepeatedCompositeFieldContainer[ProfileIdentifier]
    merged_profile_ids: _containers.RepeatedScalarFieldContainer[str]
    traits: _containers.RepeatedCompositeFieldContainer[Trait]
    consents: _containers.RepeatedCompositeFieldContainer[ConsentEntry]
    def __init__(self, profile_id: _Optional[str] = ..., identifiers: _Optional[_Iterable[_Union[ProfileIdentifier, _Mapping]]] = ..., merged_profile_ids: _Optional[_Iterable[str]] = ..., traits: _Optional[_Iterable[_Union[Trait, _Mapping]]] = ..., consents: _Optional[_Iterable[_Union[ConsentEntry, _Mapping]]] = ...) -> None: ...

class Trait(_message.Message):
    __slots__ = ("name", "rule", "values")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    name: str
    rule: str
    values: _containers.RepeatedCompositeFieldContainer[TraitValue]
    def __init__(self, name: _Optional[str] = ..., rule: _Optional[str] = ..., values: _Optional[_Iterable[_Union[TraitValue, _Mapping]]] = ...) -> None: ...

class TraitValue(_message.Message):
    __slots__ = ("json", "sealed", "event_id", "source", "event_time", "known_time", "times")
    JSON_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    KNOWN_TIME_FIELD_NUMBER: _ClassVar[int]
    TIMES_FIELD_NUMBER: _ClassVar[int]
    json: str
    sealed: bool
    event_id: str
    source: str
    event_time: _timestamp_pb2.Timestamp
    known_time: _timestamp_pb2.Timestamp
    times: int
    def __init__(self, json: _Optional[str] = ..., sealed: _Optional[bool] = ..., event_id: _Optional[str] = ..., source: _Optional[str] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., known_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., times: _Optional[int] = ...) -> None: ...

class GetConsentsRequest(_message.Message):
    __slots__ = ("tenant", "profile_id", "as_of_time", "known_time", "channel")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    KNOWN_TIME_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    CLASS_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    profile_id: str
    as_of_time: _timestamp_pb2.Timestamp
    known_time: _timestamp_pb2.Timestamp
    channel: str
    def __init__(self, tenant: _Optional[str] = ..., profile_id: _Optional[str] = ..., as_of_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., known_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., channel: _Optional[str] = ..., **kwargs) -> None: ...

class GetConsentsResponse(_message.Message):
    __slots__ = ("profile_id", "entries", "standing", "decided_by_event_id")
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    profile_id: str
    entries: _containers.RepeatedCompositeFieldContainer[ConsentEntry]
    standing: ConsentStanding
    decided_by_event_id: str
    def __init__(self, profile_id: _Optional[str] = ..., entries: _Optional[_Iterable[_Union[ConsentEntry, _Mapping]]] = ..., standing: _Optional[_Union[ConsentStanding, str]] = ..., decided_by_event_id: _Optional[str] = ...) -> None: ...

class ConsentEntry(_message.Message):
    __slots__ = ("event_id", "channel", "state", "reason", "purpose", "source", "proof", "author", "time", "known_time", "profile_id")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    CLASS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    KNOWN_TIME_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    channel: str
    state: str
    reason: str
    purpose: str
    source: str
    proof: str
    author: str
    time: _timestamp_pb2.Timestamp
    known_time: _timestamp_pb2.Timestamp
    profile_id: str
    def __init__(self, event_id: _Optional[str] = ..., channel: _Optional[str] = ..., state: _Optional[str] = ..., reason: _Optional[str] = ..., purpose: _Optional[str] = ..., source: _Optional[str] = ..., proof: _Optional[str] = ..., author: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., known_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., profile_id: _Optional[str] = ..., **kwargs) -> None: ...

class ProfileIdentifier(_message.Message):
    __slots__ = ("namespace", "token")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    token: str
    def __init__(self, namespace: _Optional[str] = ..., token: _Optional[str] = ...) -> None: ...

class ExplainRequest(_message.Message):
    __slots__ = ("tenant", "profile_id")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    profile_id: str
    def __init__(self, tenant: _Optional[str] = ..., profile_id: _Optional[str] = ...) -> None: ...

class ExplainResponse(_message.Message):
    __slots__ = ("links", "refused", "rules_version")
    LINKS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    RULES_VERSION_FIELD_NUMBER: _ClassVar[int]
    links: _containers.RepeatedCompositeFieldContainer[Link]
    refused: _containers.RepeatedCompositeFieldContainer[Link]
    rules_version: str
    def __init__(self, links: _Optional[_Iterable[_Union[Link, _Mapping]]] = ..., refused: _Optional[_Iterable[_Union[Link, _Mapping]]] = ..., rules_version: _Optional[str] = ...) -> None: ...

class Link(_message.Message):
    __slots__ = ("left", "right", "support", "first_event_id", "first_event_time", "refusal", "weight", "fields", "rule")
    LEFT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_FIELD_NUMBER: _ClassVar[int]
    FIRST_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    left: ProfileIdentifier
    right: ProfileIdentifier
    support: int
    first_event_id: str
    first_event_time: _timestamp_pb2.Timestamp
    refusal: str
    weight: float
    fields: _containers.RepeatedCompositeFieldContainer[FieldWeight]
    rule: str
    def __init__(self, left: _Optional[_Union[ProfileIdentifier, _Mapping]] = ..., right: _Optional[_Union[ProfileIdentifier, _Mapping]] = ..., support: _Optional[int] = ..., first_event_id: _Optional[str] = ..., first_event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., refusal: _Optional[str] = ..., weight: _Optional[float] = ..., fields: _Optional[_Iterable[_Union[FieldWeight, _Mapping]]] = ..., rule: _Optional[str] = ...) -> None: ...

class GetRulesRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class GetRulesResponse(_message.Message):
    __slots__ = ("version", "done", "share", "merges", "splits")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    MERGES_FIELD_NUMBER: _ClassVar[int]
    SPLITS_FIELD_NUMBER: _ClassVar[int]
    version: str
    done: bool
    share: float
    merges: int
    splits: int
    def __init__(self, version: _Optional[str] = ..., done: _Optional[bool] = ..., share: _Optional[float] = ..., merges: _Optional[int] = ..., splits: _Optional[int] = ...) -> None: ...

class PreviewRulesRequest(_message.Message):
    __slots__ = ("tenant", "bundle", "samples")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    bundle: bytes
    samples: int
    def __init__(self, tenant: _Optional[str] = ..., bundle: _Optional[bytes] = ..., samples: _Optional[int] = ...) -> None: ...

class PreviewRulesResponse(_message.Message):
    __slots__ = ("rules_version", "in_force_version", "seen", "total", "profiles", "profiles_then", "merges", "splits", "samples", "records")
    RULES_VERSION_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_VERSION_FIELD_NUMBER: _ClassVar[int]
    SEEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    PROFILES_FIELD_NUMBER: _ClassVar[int]
    PROFILES_THEN_FIELD_NUMBER: _ClassVar[int]
    MERGES_FIELD_NUMBER: _ClassVar[int]
    SPLITS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    rules_version: str
    in_force_version: str
    seen: int
    total: int
    profiles: int
    profiles_then: int
    merges: int
    splits: int
    samples: _containers.RepeatedCompositeFieldContainer[RulesSample]
    records: int
    def __init__(self, rules_version: _Optional[str] = ..., in_force_version: _Optional[str] = ..., seen: _Optional[int] = ..., total: _Optional[int] = ..., profiles: _Optional[int] = ..., profiles_then: _Optional[int] = ..., merges: _Optional[int] = ..., splits: _Optional[int] = ..., samples: _Optional[_Iterable[_Union[RulesSample, _Mapping]]] = ..., records: _Optional[int] = ...) -> None: ...

class RulesSample(_message.Message):
    __slots__ = ("profile_id", "identifiers", "to_profile_ids", "sizes", "refusal", "rule")
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIERS_FIELD_NUMBER: _ClassVar[int]
    TO_PROFILE_IDS_FIELD_NUMBER: _ClassVar[int]
    SIZES_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    profile_id: str
    identifiers: int
    to_profile_ids: _containers.RepeatedScalarFieldContainer[str]
    sizes: _containers.RepeatedScalarFieldContainer[int]
    refusal: str
    rule: str
    def __init__(self, profile_id: _Optional[str] = ..., identifiers: _Optional[int] = ..., to_profile_ids: _Optional[_Iterable[str]] = ..., sizes: _Optional[_Iterable[int]] = ..., refusal: _Optional[str] = ..., rule: _Optional[str] = ...) -> None: ...

class FieldWeight(_message.Message):
    __slots__ = ("field", "level", "bits")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    BITS_FIELD_NUMBER: _ClassVar[int]
    field: str
    level: str
    bits: float
    def __init__(self, field: _Optional[str] = ..., level: _Optional[str] = ..., bits: _Optional[float] = ...) -> None: ...

class ListReviewsRequest(_message.Message):
    __slots__ = ("tenant", "state", "min_bits", "page_size", "page_token")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MIN_BITS_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    state: ReviewState
    min_bits: float
    page_size: int
    page_token: str
    def __init__(self, tenant: _Optional[str] = ..., state: _Optional[_Union[ReviewState, str]] = ..., min_bits: _Optional[float] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListReviewsResponse(_message.Message):
    __slots__ = ("reviews", "next_page_token")
    REVIEWS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    reviews: _containers.RepeatedCompositeFieldContainer[Review]
    next_page_token: str
    def __init__(self, reviews: _Optional[_Iterable[_Union[Review, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Review(_message.Message):
    __slots__ = ("id", "state", "left_profile_id", "right_profile_id", "left", "right", "bits", "fields", "refusal", "since_time", "statement_id", "author", "reason")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    LEFT_PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    RIGHT_PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    BITS_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    id: str
    state: ReviewState
    left_profile_id: str
    right_profile_id: str
    left: ProfileIdentifier
    right: ProfileIdentifier
    bits: float
    fields: _containers.RepeatedCompositeFieldContainer[FieldWeight]
    refusal: str
    since_time: _timestamp_pb2.Timestamp
    statement_id: str
    author: str
    reason: str
    def __init__(self, id: _Optional[str] = ..., state: _Optional[_Union[ReviewState, str]] = ..., left_profile_id: _Optional[str] = ..., right_profile_id: _Optional[str] = ..., left: _Optional[_Union[ProfileIdentifier, _Mapping]] = ..., right: _Optional[_Union[ProfileIdentifier, _Mapping]] = ..., bits: _Optional[float] = ..., fields: _Optional[_Iterable[_Union[FieldWeight, _Mapping]]] = ..., refusal: _Optional[str] = ..., since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., statement_id: _Optional[str] = ..., author: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DecideReviewRequest(_message.Message):
    __slots__ = ("request_id", "tenant", "review_id", "accept", "author", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    REVIEW_ID_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant: str
    review_id: str
    accept: bool
    author: str
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., tenant: _Optional[str] = ..., review_id: _Optional[str] = ..., accept: _Optional[bool] = ..., author: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DecideReviewResponse(_message.Message):
    __slots__ = ("statement_id", "moves")
    STATEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    MOVES_FIELD_NUMBER: _ClassVar[int]
    statement_id: str
    moves: _containers.RepeatedCompositeFieldContainer[ProfileMove]
    def __init__(self, statement_id: _Optional[str] = ..., moves: _Optional[_Iterable[_Union[ProfileMove, _Mapping]]] = ...) -> None: ...

class ExplainPairRequest(_message.Message):
    __slots__ = ("tenant", "left", "right", "as_of_time", "known_time")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    KNOWN_TIME_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    left: IdentifierRef
    right: IdentifierRef
    as_of_time: _timestamp_pb2.Timestamp
    known_time: _timestamp_pb2.Timestamp
    def __init__(self, tenant: _Optional[str] = ..., left: _Optional[_Union[IdentifierRef, _Mapping]] = ..., right: _Optional[_Union[IdentifierRef, _Mapping]] = ..., as_of_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., known_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ExplainPairResponse(_message.Message):
    __slots__ = ("same", "left_profile_id", "right_profile_id", "path", "rules_version")
    SAME_FIELD_NUMBER: _ClassVar[int]
    LEFT_PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    RIGHT_PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    RULES_VERSION_FIELD_NUMBER: _ClassVar[int]
    same: bool
    left_profile_id: str
    right_profile_id: str
    path: _containers.RepeatedCompositeFieldContainer[PathStep]
    rules_version: str
    def __init__(self, same: _Optional[bool] = ..., left_profile_id: _Optional[str] = ..., right_profile_id: _Optional[str] = ..., path: _Optional[_Iterable[_Union[PathStep, _Mapping]]] = ..., rules_version: _Optional[str] = ...) -> None: ...

class PathStep(_message.Message):
    __slots__ = ("to", "event_id", "event_time", "statement_id", "refusal", "limit", "weight", "rule", "fields")
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    to: ProfileIdentifier
    event_id: str
    event_time: _timestamp_pb2.Timestamp
    statement_id: str
    refusal: str
    limit: str
    weight: float
    rule: str
    fields: _containers.RepeatedCompositeFieldContainer[FieldWeight]
    def __init__(self, to: _Optional[_Union[ProfileIdentifier, _Mapping]] = ..., event_id: _Optional[str] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., statement_id: _Optional[str] = ..., refusal: _Optional[str] = ..., limit: _Optional[str] = ..., weight: _Optional[float] = ..., rule: _Optional[str] = ..., fields: _Optional[_Iterable[_Union[FieldWeight, _Mapping]]] = ..., **kwargs) -> None: ...

class GetCountsRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class GetCountsResponse(_message.Message):
    __slots__ = ("profiles", "merges")
    PROFILES_FIELD_NUMBER: _ClassVar[int]
    MERGES_FIELD_NUMBER: _ClassVar[int]
    profiles: int
    merges: int
    def __init__(self, profiles: _Optional[int] = ..., merges: _Optional[int] = ...) -> None: ...
