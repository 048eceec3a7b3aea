"""gRPC served and called: errors become codes in one place, and no exception text leaves."""

from __future__ import annotations  # grpc has no generics at run time

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import grpc
import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_status.rpc_status import to_status

from cairn_kernel.errors import CairnError, Conflict, Denied, Invalid, NotFound, Refused, Unavailable
from cairn_runtime import metrics

log = structlog.get_logger()

STATUS: Final[dict[type[CairnError], grpc.StatusCode]] = {
    Invalid: grpc.StatusCode.INVALID_ARGUMENT,
    NotFound: grpc.StatusCode.NOT_FOUND,
    Refused: grpc.StatusCode.FAILED_PRECONDITION,
    Conflict: grpc.StatusCode.ABORTED,
    Unavailable: grpc.StatusCode.UNAVAILABLE,
    Denied: grpc.StatusCode.PERMISSION_DENIED,
}
MAX_CONCURRENT: Final = 1_000
MAX_MESSAGE_BYTES: Final = 64 * 1024**2
MAX_VIOLATIONS: Final = 25
"""Told of one request; all of it travels in headers, which are limited."""
DEFAULT_DEADLINE_S: Final = 60.0
OPTIONS: Final = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),
]


def code_of(error: CairnError) -> grpc.StatusCode:
    """The code for an error, by its class or the nearest base class that has one."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), grpc.StatusCode.INTERNAL)


def status_of(error: CairnError) -> Status:
    """Code, sentence, google.rpc.ErrorInfo and, for a request that is wrong in several places, BadRequest."""
    details: list[Any] = [ErrorInfo(reason=error.reason, domain="cairn", metadata=error.facts)]
    if error.violations:
        told = error.violations[:MAX_VIOLATIONS]
        fields = [BadRequest.FieldViolation(field=place, description=said) for place, said in told]
        details.append(BadRequest(field_violations=fields))
    packed = [AnyMessage() for _ in details]
    for one, detail in zip(packed, details, strict=True):
        one.Pack(detail)
    return Status(code=code_of(error).value[0], message=str(error), details=packed)


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Deadline, error codes, metrics."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wrap handlers that answer once or in a stream."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method.rsplit("/", 1)[-1]
        if handler is not None and handler.response_streaming:
            return _streaming(handler, method)
        if handler is None or handler.unary_unary is None:
            return handler
        call = handler.unary_unary

        async def serve(request: Any, context: Any) -> Any:
            started = time.perf_counter()
            code = "OK"
            try:
                left = context.time_remaining()
                async with asyncio.timeout(DEFAULT_DEADLINE_S if left is None else left):
                    return await call(_decoded(request), context)
            except BaseExceptionGroup as group:
                error = group.exceptions[0] if len(group.exceptions) == 1 else group
                code = await _abort(context, method, error)
            except Exception as error:
                code = await _abort(context, method, error)
            finally:
                metrics.RPC_SECONDS.labels(method, code).observe(time.perf_counter() - started)

        return grpc.unary_unary_rpc_method_handler(
            serve,
            request_deserializer=_or_undecodable(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )


def _streaming(handler: grpc.RpcMethodHandler[Any, Any], method: str) -> grpc.RpcMethodHandler[Any, Any]:
    """Errors of a stream of answers become codes too; it has no deadline of its own."""
    call: Any = handler.stream_stream or handler.unary_stream
    kind = grpc.stream_stream_rpc_method_handler if handler.stream_stream else grpc.unary_stream_rpc_method_handler

    async def serve(request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            told = _all_decoded(request) if handler.request_streaming else _decoded(request)
            async for answer in call(told, context):
                yield answer
        except BaseExceptionGroup as group:
            await _abort(context, method, group.exceptions[0])
        except Exception as error:
            await _abort(context, method, error)

    return kind(
        serve,
        request_deserializer=_or_undecodable(handler.request_deserializer),
        response_serializer=handler.response_serializer,
    )


class _Undecodable:
    """Stands for bytes that are no message; gRPC itself would call them a fault of ours."""


def _or_undecodable(deserializer: Callable[[bytes], Any] | None) -> Callable[[bytes], Any] | None:
    if deserializer is None:
        return None

    def decode(told: bytes) -> Any:
        try:
            return deserializer(told)
        except (DecodeError, ValueError):
            return _Undecodable()

    return decode


def _decoded(request: Any) -> Any:
    if isinstance(request, _Undecodable):
        raise Invalid("these bytes are no message of this method", reason="UNDECODABLE")
    return request


async def _all_decoded(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        yield _decoded(request)


async def _abort(context: Any, method: str, error: BaseException) -> str:
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if isinstance(error, CairnError):
        await context.abort_with_status(to_status(status_of(error)))
    if isinstance(error, TimeoutError):
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline has passed")
    log.error("call.failed", method=method, exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, "an unexpected fault; the service's log has it")
    return "ABORTED"


def open_channel(address: str) -> grpc.aio.Channel:
    """A channel to another service of this installation."""
    options = [
        *OPTIONS,
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1_000),
    ]
    return grpc.aio.insecure_channel(address, options=options)


def translated(error: grpc.aio.AioRpcError) -> CairnError:
    """What another service's refusal means here: Unavailable if a retry may help."""
    retriable = (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
    )
    if error.code() in retriable:
        return Unavailable("another service does not answer", reason="UPSTREAM_UNREACHABLE")
    if error.code() is grpc.StatusCode.NOT_FOUND:
        return NotFound("not found")
    if error.code() is grpc.StatusCode.PERMISSION_DENIED:
        return Denied("another service does not allow it", reason="UPSTREAM_DENIED")
    return Invalid("another service refused the request", reason="UPSTREAM_REFUSED", code=error.code().name)
