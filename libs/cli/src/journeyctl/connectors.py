"""Who serves the connectors of a programme: each is asked over NATS, as the connector contract has it."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import asyncpg
import nats
from nats.aio.client import Client
from nats.errors import Error as NatsFault

from cairn.definition.v1 import definition_pb2 as pb
from cairn_journey import Programme, parse_bundle
from journeyctl.services import ServiceRefused, Services, ask

_ANSWER_S: Final = 2.0
_WAITING: Final = "SELECT connector, count(*) AS waiting FROM activation.deliveries WHERE open GROUP BY connector"


@dataclass(frozen=True, slots=True)
class Standing:
    """How it is with one connector of the programme."""

    name: str
    channel: str
    served: bool
    """Whether a process of this name runs."""
    usable: bool
    """Whether it can send."""
    fault: str
    """What it met last."""
    waiting: int = 0
    """Messages that are to go out by it, or whose outcome is not known yet."""

    @property
    def told(self) -> str:
        """In a few words."""
        if not self.served:
            return f"nobody; start a connector named {self.name}"
        return "a process" if self.usable else f"a process that cannot send now ({self.fault or 'not usable'})"


def programme_of(services: Services, tenant: str = "default") -> Programme | None:
    """What activation has in force; None if there is nothing, or it cannot be asked."""
    with suppress(ServiceRefused):
        answer = ask(services.definitions("activation").GetActive, pb.GetActiveRequest(tenant=tenant))
        return parse_bundle(answer.bundle)
    return None


async def standings(nats_url: str, programme: Programme, waiting: Mapping[str, int]) -> list[Standing]:
    """How it is with each connector of a programme, in order of their names."""
    found = await answers(nats_url, programme.connectors) if programme.connectors else ()
    return [
        Standing(
            name=connector.name,
            channel=connector.channel,
            served=answer is not None,
            usable=bool(answer and answer.get("usable")),
            fault=str(answer.get("last_fault", "")) if answer else "",
            waiting=waiting.get(connector.name, 0),
        )
        for connector, answer in zip(programme.connectors.values(), found, strict=True)
    ]


async def answers(nats_url: str, names: Iterable[str]) -> Sequence[dict[str, object] | None]:
    """What connectors answer to a probe; None for those that do not."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            client = await nats.connect(nats_url, allow_reconnect=False, reconnect_time_wait=0, error_cb=_quiet)
    except (NatsFault, OSError, TimeoutError):
        return [{"last_fault": "NATS does not answer"} for _ in names]
    try:
        return await asyncio.gather(*(_answer(client, name) for name in names))
    finally:
        await client.close()


async def _answer(client: Client, name: str) -> dict[str, object] | None:
    with suppress(NatsFault, ValueError):
        message = await client.request(f"connector.{name}.probe", timeout=_ANSWER_S)
        answer = json.loads(message.data)
        return answer if isinstance(answer, dict) else None
    return None


async def _quiet(_: Exception) -> None:
    """What went wrong is told by the exception."""


async def messages_waiting(dsn: str) -> dict[str, int]:
    """Messages that are open, by connector."""
    connection = await asyncpg.connect(dsn, timeout=_ANSWER_S, command_timeout=_ANSWER_S)
    try:
        if not await connection.fetchval("SELECT to_regclass('activation.deliveries')"):
            return {}
        return {row["connector"]: row["waiting"] for row in await connection.fetch(_WAITING)}
    finally:
        await connection.close()
