"""The HTTP side that both sinks share: ask by id, page through, count, and hold answers back on purpose."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from journeyctl.sinks.kept import Arrival, Kept

PAGE: Final = 1_000


class Gate:
    """Holds answers back while it is shut: what arrived is kept, and the sender does not learn of it."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()

    async def passed(self) -> None:
        """Return when the gate is open."""
        await self._open.wait()

    def shut(self) -> None:
        """From now on nobody gets an answer."""
        self._open.clear()

    def open(self) -> None:
        """Answer everybody who waits, and those who come."""
        self._open.set()


@dataclass(frozen=True)
class Sink:
    """What the routes work with."""

    kept: Kept
    gate: Gate
    told: Callable[[Arrival], dict[str, Any]]
    """What a kept message says, as JSON."""


def routes(sink: Sink) -> list[Route]:
    """`GET /messages?id=`, `GET /messages?after=&limit=`, `GET /counts`, `POST /hold`, `POST /release`."""

    async def messages(request: Request) -> Response:
        wanted = request.query_params.get("id")
        if wanted is not None:
            found = await sink.kept.by_id(wanted)
        else:
            after = int(request.query_params.get("after", "0"))
            found = await sink.kept.page(after, min(PAGE, int(request.query_params.get("limit", str(PAGE)))))
        return JSONResponse({"messages": [_row(sink, arrival) for arrival in found]})

    async def counts(request: Request) -> Response:
        arrived, ids = await sink.kept.counts()
        return JSONResponse({"messages": arrived, "ids": ids})

    async def hold(request: Request) -> Response:
        sink.gate.shut()
        return Response(status_code=204)

    async def release(request: Request) -> Response:
        sink.gate.open()
        return Response(status_code=204)

    return [
        Route("/messages", messages),
        Route("/counts", counts),
        Route("/hold", hold, methods=["POST"]),
        Route("/release", release, methods=["POST"]),
    ]


def _row(sink: Sink, arrival: Arrival) -> dict[str, Any]:
    return {
        "number": arrival.number,
        "id": arrival.id,
        "recipient": arrival.recipient,
        "received_at": arrival.received_at,
        **sink.told(arrival),
    }


def serve(http_address: str, found: list[Route], open_beside: Callable[[], AbstractAsyncContextManager[None]]) -> None:
    """Serve HTTP, and whatever `open_beside` opens, until SIGTERM or SIGINT."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with open_beside():
            yield

    host, _, port = http_address.rpartition(":")
    uvicorn.run(
        Starlette(routes=found, lifespan=lifespan),
        host=host,
        port=int(port),
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


def arguments(description: str) -> argparse.ArgumentParser:
    """The options that both sinks have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--http", default="127.0.0.1:8025", help="host:port to ask at")
    parser.add_argument("--folder", type=Path, default=Path(".cairn/sinks"), help="where what arrived is kept")
    return parser
