"""uvicorn's protocol, with an end to every wait: senders may be slow, endless or half gone."""

import asyncio
from typing import Any, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

IDLE_S: Final = 75
"""How long a connection may stay open without a request."""
ARRIVE_S: Final = 60.0
"""How long a request may take from its first byte to its last: 4 MB at 70 KB/s."""
MAX_HEAD_BYTES: Final = 64 * 1024
_SENTENCES: Final = {
    "400 Bad Request": ("BROKEN_HTTP", "this is no HTTP request; the connection is closed"),
    "408 Request Timeout": ("TOO_SLOW", "a request arrives whole within 60 s; send less at once"),
    "431 Request Header Fields Too Large": ("HEAD_SIZE", "path and headers have at most 64 KB together"),
}


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    _limit: asyncio.TimerHandle | None = None
    _head_bytes: int | None = None
    """Of the request whose head is not whole yet."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._end_after(IDLE_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def eof_received(self) -> bool | None:  # type: ignore[override]  # as asyncio has it
        """Who has sent a whole request and says that it was the last gets the answer."""
        if self.cycle is None or self.cycle.response_complete or self.cycle.more_body:
            return None
        self.cycle.keep_alive = False
        return True

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse("431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        self._end_after(ARRIVE_S)

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_time()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse("400 Bad Request")

    def _end_after(self, seconds: float) -> None:
        self._in_time()
        self._limit = self.loop.call_later(seconds, self._too_late)

    def _in_time(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _too_late(self) -> None:
        asked = self._head_bytes is not None or (self.cycle is not None and self.cycle.more_body)
        if asked:
            self._refuse("408 Request Timeout")
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: str) -> None:
        """Say why, if nothing else is being said on this connection, and close it."""
        if self.transport.is_closing():
            return
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete or not (cycle.response_started or cycle.more_body is False):
            code, sentence = _SENTENCES[status]
            body = msgspec.json.encode({"success": False, "code": code, "message": sentence})
            head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            self.transport.write(head.encode() + b"connection: close\r\n\r\n" + body)
        self.transport.close()
