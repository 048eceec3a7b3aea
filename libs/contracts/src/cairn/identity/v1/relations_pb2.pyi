import datetime

from cairn.identity.v1 import identity_pb2 as _identity_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Subject(_message.Message):
    __slots__ = ("kind", "key", "profile_id")
    KIND_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    kind: str
    key: str
    profile_id: str
    def __init__(self, kind: _Optional[str] = ..., key: _Optional[str] = ..., profile_id: _Optional[str] = ...) -> None: ...

class GetRelationsRequest(_message.Message):
    __slots__ = ("tenant", "subject", "profile_id", "as_of_time", "all", "page_size", "page_token")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    AS_OF_TIME_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    subject: Subject
    profile_id: str
    as_of_time: _timestamp_pb2.Timestamp
    all: bool
    page_size: int
    page_token: str
    def __init__(self, tenant: _Optional[str] = ..., subject: _Optional[_Union[Subject, _Mapping]] = ..., profile_id: _Optional[str] = ..., as_of_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., all: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class GetRelationsResponse(_message.Message):
    __slots__ = ("relations", "statements", "next_page_token")
    RELATIONS_FIELD_NUMBER: _ClassVar[int]
    STATEMENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    relations: _containers.RepeatedCompositeFieldContainer[Relation]
    statements: _containers.RepeatedCompositeFieldContainer[RelationStatement]
    next_page_token: str
    def __init__(self, relations: _Optional[_Iterable[_Union[Relation, _Mapping]]] = ..., statements: _Optional[_Iterable[_Union[RelationStatement, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Relation(_message.Message):
    __slots__ = ("subject", "profile_id", "role", "since_time", "until_time")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    subject: Subject
    profile_id: str
    role: str
    since_time: _timestamp_pb2.Timestamp
    until_time: _timestamp_pb2.Timestamp
    def __init__(self, subject: _Optional[_Union[Subject, _Mapping]] = ..., profile_id: _Optional[str] = ..., role: _Optional[str] = ..., since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RelationStatement(_message.Message):
    __slots__ = ("subject", "ends", "role", "author", "reason", "statement_time")
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    ENDS_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_TIME_FIELD_NUMBER: _ClassVar[int]
    subject: Subject
    ends: bool
    role: str
    author: str
    reason: str
    statement_time: _timestamp_pb2.Timestamp
    def __init__(self, subject: _Optional[_Union[Subject, _Mapping]] = ..., ends: _Optional[bool] = ..., role: _Optional[str] = ..., author: _Optional[str] = ..., reason: _Optional[str] = ..., statement_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RelateRequest(_message.Message):
    __slots__ = ("request_id", "tenant", "member", "subject", "role", "ends", "since_time", "until_time", "author", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    MEMBER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    ENDS_FIELD_NUMBER: _ClassVar[int]
    SINCE_TIME_FIELD_NUMBER: _ClassVar[int]
    UNTIL_TIME_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant: str
    member: _identity_pb2.IdentifierRef
    subject: Subject
    role: str
    ends: bool
    since_time: _timestamp_pb2.Timestamp
    until_time: _timestamp_pb2.Timestamp
    author: str
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., tenant: _Optional[str] = ..., member: _Optional[_Union[_identity_pb2.IdentifierRef, _Mapping]] = ..., subject: _Optional[_Union[Subject, _Mapping]] = ..., role: _Optional[str] = ..., ends: _Optional[bool] = ..., since_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., author: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RelateResponse(_message.Message):
    __slots__ = ("statement_id", "profile_id", "relations")
    STATEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PROFILE_ID_FIELD_NUMBER: _ClassVar[int]
    RELATIONS_FIELD_NUMBER: _ClassVar[int]
    statement_id: str
    profile_id: str
    relations: _containers.RepeatedCompositeFieldContainer[Relation]
    def __init__(self, statement_id: _Optional[str] = ..., profile_id: _Optional[str] = ..., relations: _Optional[_Iterable[_Union[Relation, _Mapping]]] = ...) -> None: ...
