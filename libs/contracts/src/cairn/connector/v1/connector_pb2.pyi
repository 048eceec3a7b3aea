import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Dispatch(_message.Message):
    __slots__ = ("delivery_id", "attempt", "tenant", "action", "recipient", "content", "locale", "not_after_time", "traceparent", "test_mode")
    class ContentEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    NOT_AFTER_TIME_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENT_FIELD_NUMBER: _ClassVar[int]
    TEST_MODE_FIELD_NUMBER: _ClassVar[int]
    delivery_id: str
    attempt: int
    tenant: str
    action: str
    recipient: str
    content: _containers.ScalarMap[str, str]
    locale: str
    not_after_time: _timestamp_pb2.Timestamp
    traceparent: str
    test_mode: bool
    def __init__(self, delivery_id: _Optional[str] = ..., attempt: _Optional[int] = ..., tenant: _Optional[str] = ..., action: _Optional[str] = ..., recipient: _Optional[str] = ..., content: _Optional[_Mapping[str, str]] = ..., locale: _Optional[str] = ..., not_after_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., traceparent: _Optional[str] = ..., test_mode: _Optional[bool] = ...) -> None: ...

class Receipt(_message.Message):
    __slots__ = ("delivery_id", "attempt", "tenant", "status", "occurred_time", "provider_id", "reason", "resolved_by_query")
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        STATUS_UNSPECIFIED: _ClassVar[Receipt.Status]
        STATUS_ACCEPTED: _ClassVar[Receipt.Status]
        STATUS_SENT: _ClassVar[Receipt.Status]
        STATUS_DELIVERED: _ClassVar[Receipt.Status]
        STATUS_OPENED: _ClassVar[Receipt.Status]
        STATUS_CLICKED: _ClassVar[Receipt.Status]
        STATUS_BOUNCED: _ClassVar[Receipt.Status]
        STATUS_REJECTED: _ClassVar[Receipt.Status]
        STATUS_RETURNED: _ClassVar[Receipt.Status]
        STATUS_IN_DOUBT: _ClassVar[Receipt.Status]
    STATUS_UNSPECIFIED: Receipt.Status
    STATUS_ACCEPTED: Receipt.Status
    STATUS_SENT: Receipt.Status
    STATUS_DELIVERED: Receipt.Status
    STATUS_OPENED: Receipt.Status
    STATUS_CLICKED: Receipt.Status
    STATUS_BOUNCED: Receipt.Status
    STATUS_REJECTED: Receipt.Status
    STATUS_RETURNED: Receipt.Status
    STATUS_IN_DOUBT: Receipt.Status
    DELIVERY_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_TIME_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_BY_QUERY_FIELD_NUMBER: _ClassVar[int]
    delivery_id: str
    attempt: int
    tenant: str
    status: Receipt.Status
    occurred_time: _timestamp_pb2.Timestamp
    provider_id: str
    reason: str
    resolved_by_query: bool
    def __init__(self, delivery_id: _Optional[str] = ..., attempt: _Optional[int] = ..., tenant: _Optional[str] = ..., status: _Optional[_Union[Receipt.Status, str]] = ..., occurred_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., provider_id: _Optional[str] = ..., reason: _Optional[str] = ..., resolved_by_query: _Optional[bool] = ...) -> None: ...
