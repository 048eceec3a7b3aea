import datetime

from cairn.event.v1 import event_pb2 as _event_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReadRequest(_message.Message):
    __slots__ = ("partition", "after", "limit")
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    partition: int
    after: int
    limit: int
    def __init__(self, partition: _Optional[int] = ..., after: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ReadResponse(_message.Message):
    __slots__ = ("batch",)
    BATCH_FIELD_NUMBER: _ClassVar[int]
    batch: _event_pb2.Batch
    def __init__(self, batch: _Optional[_Union[_event_pb2.Batch, _Mapping]] = ...) -> None: ...

class HeadsRequest(_message.Message):
    __slots__ = ("with_complete_to",)
    WITH_COMPLETE_TO_FIELD_NUMBER: _ClassVar[int]
    with_complete_to: bool
    def __init__(self, with_complete_to: _Optional[bool] = ...) -> None: ...

class HeadsResponse(_message.Message):
    __slots__ = ("heads",)
    HEADS_FIELD_NUMBER: _ClassVar[int]
    heads: _containers.RepeatedCompositeFieldContainer[Head]
    def __init__(self, heads: _Optional[_Iterable[_Union[Head, _Mapping]]] = ...) -> None: ...

class Head(_message.Message):
    __slots__ = ("partition", "position", "complete_to_time")
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_TO_TIME_FIELD_NUMBER: _ClassVar[int]
    partition: int
    position: int
    complete_to_time: _timestamp_pb2.Timestamp
    def __init__(self, partition: _Optional[int] = ..., position: _Optional[int] = ..., complete_to_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
