"""A gate before the front door: lets requests through, turns them away, or loses the answer on its way back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

Answer = Literal["through", "429", "503", "lost"]

_TURNED_AWAY = {
    "429": b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "503": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
}


class Gate:
    """Gives the answers of a script, one for each POST; after its end everything goes through."""

    def __init__(self, door: str, script: Sequence[Answer]) -> None:
        self._host, _, self._port = door.removeprefix("http://").partition(":")
        self._script = list(script)
        self.requests = 0

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request: the gate closes it after its answer."""
        try:
            request = await _one_request(reader)
            if not request:
                return
            answer = self._next() if request.startswith(b"POST") else "through"
            if answer in _TURNED_AWAY:
                writer.write(_TURNED_AWAY[answer])
            else:
                said = await self._ask(request)
                writer.write(said if answer == "through" else _TURNED_AWAY["503"])
            await writer.drain()
        finally:
            writer.close()

    def _next(self) -> Answer:
        self.requests += 1
        return self._script.pop(0) if self._script else "through"

    async def _ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self._host, int(self._port))
        head, blank, body = request.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"connection:", b"expect:"))]
        writer.write(b"\r\n".join([*lines, b"Connection: close"]) + blank + body)
        await writer.drain()
        answer = await reader.read()
        writer.close()
        return answer


@asynccontextmanager
async def gate(door: str, script: Sequence[Answer]) -> AsyncIterator[tuple[Gate, str]]:
    """The gate, and the address at which it stands."""
    made = Gate(door, script)
    server = await asyncio.start_server(made.pass_on, "127.0.0.1", 0)
    async with server:
        yield made, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _one_request(reader: asyncio.StreamReader) -> bytes:
    """A request as its bytes, with a length or in chunks."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    lowered = head.lower()
    if b"transfer-encoding: chunked" in lowered:
        return head + await reader.readuntil(b"0\r\n\r\n")
    length = next(
        (int(line.partition(b":")[2]) for line in lowered.split(b"\r\n") if line.startswith(b"content-length:")), 0
    )
    return head + await reader.readexactly(length)
