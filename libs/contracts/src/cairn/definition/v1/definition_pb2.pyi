import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ApplyRequest(_message.Message):
    __slots__ = ("request_id", "tenant", "bundle", "revert")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    REVERT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    tenant: str
    bundle: bytes
    revert: bool
    def __init__(self, request_id: _Optional[str] = ..., tenant: _Optional[str] = ..., bundle: _Optional[bytes] = ..., revert: _Optional[bool] = ...) -> None: ...

class ApplyResponse(_message.Message):
    __slots__ = ("version", "changed", "walk")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    WALK_FIELD_NUMBER: _ClassVar[int]
    version: str
    changed: bool
    walk: int
    def __init__(self, version: _Optional[str] = ..., changed: _Optional[bool] = ..., walk: _Optional[int] = ...) -> None: ...

class CheckRequest(_message.Message):
    __slots__ = ("tenant", "bundle", "revert")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    REVERT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    bundle: bytes
    revert: bool
    def __init__(self, tenant: _Optional[str] = ..., bundle: _Optional[bytes] = ..., revert: _Optional[bool] = ...) -> None: ...

class CheckResponse(_message.Message):
    __slots__ = ("version", "in_force")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    version: str
    in_force: bool
    def __init__(self, version: _Optional[str] = ..., in_force: _Optional[bool] = ...) -> None: ...

class GetPreviousRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class GetPreviousResponse(_message.Message):
    __slots__ = ("version", "bundle")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    version: str
    bundle: bytes
    def __init__(self, version: _Optional[str] = ..., bundle: _Optional[bytes] = ...) -> None: ...

class GetActiveRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class GetActiveResponse(_message.Message):
    __slots__ = ("version", "bundle", "activated_time")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    ACTIVATED_TIME_FIELD_NUMBER: _ClassVar[int]
    version: str
    bundle: bytes
    activated_time: _timestamp_pb2.Timestamp
    def __init__(self, version: _Optional[str] = ..., bundle: _Optional[bytes] = ..., activated_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GetVersionRequest(_message.Message):
    __slots__ = ("tenant", "version")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    version: str
    def __init__(self, tenant: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...

class GetVersionResponse(_message.Message):
    __slots__ = ("version", "bundle")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    version: str
    bundle: bytes
    def __init__(self, version: _Optional[str] = ..., bundle: _Optional[bytes] = ...) -> None: ...
