"""uvicorn in our own event loop: the chassis keeps the signals, we keep the order of leaving."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from cairn_kernel.errors import Refused
from ingestion.adapters.http_protocol import IDLE_S, BoundedProtocol

BACKLOG: Final = 1_024
LEAVE_S: Final = 5
"""How long open requests have to end."""


def listen(address: str) -> socket.socket:
    """A bound socket for `host:port`. Raises Refused (HTTP_ADDRESS)."""
    host, _, port = address.rpartition(":")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host.strip("[]") or "127.0.0.1", int(port)))
    except (OSError, ValueError, OverflowError) as error:
        raise Refused(
            "The HTTP address is in use or wrong; choose another CAIRN_HTTP_ADDRESS", reason="HTTP_ADDRESS"
        ) from error
    return bound


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(application: Any, bound: socket.socket) -> None:
    """Serve until cancelled; then take no new connection and let open requests end."""
    config = uvicorn.Config(
        application,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=LEAVE_S,
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(server.serve(sockets=[bound]))
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            server.should_exit = True
            await asyncio.wait([running], timeout=LEAVE_S + 2)
            raise
