"""Where instances are, counted by place, and the transition that a programme's activation asks for."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg

from cairn_journey import Programme, Programmes, parse_bundle
from cairn_journey.engine.migration import Place
from cairn_runtime.definitions import Transition
from cairn_runtime.walks import Command
from journey_state.application.planning import Occupied, Planned, plan, transition

OCCUPIED = """
SELECT journey, version, stage, waits, count(*) AS instances FROM instances WHERE tenant = $1
GROUP BY journey, version, stage, waits ORDER BY journey, version, stage, waits
"""


async def occupied(connection: Any, tenant: str) -> Sequence[Occupied]:
    """The places where somebody is, seen by an asyncpg connection or pool."""
    return [
        Occupied(journey, version, Place(stage, tuple(_wait(text) for text in waits)), instances)
        for journey, version, stage, waits, instances in await connection.fetch(OCCUPIED, tenant, timeout=60)
    ]


class Plans:
    """What would become of those in flight."""

    def __init__(self, pool: asyncpg.Pool, programmes: Programmes, reload: Callable[[], Awaitable[None]]) -> None:
        self._pool = pool
        self._programmes = programmes
        self._reload = reload

    def in_force(self, tenant: str) -> str:
        """The version in force; empty if there is none."""
        active = self._programmes.active(tenant)
        return active.version if active is not None else ""

    async def of(self, tenant: str, programme: Programme) -> list[Planned]:
        """Under a programme that may come into force."""
        await self._reload()
        return plan(self._programmes, tenant, programme, await occupied(self._pool, tenant))


def transition_of(programmes: Programmes) -> Transition:
    """The Transition of journey-state: everybody in flight is accounted for."""

    async def decide(
        connection: Any, tenant: str, before: bytes | None, after: bytes, reverted: bool
    ) -> Command | None:
        leaving = parse_bundle(before) if before is not None else None
        places = await occupied(connection, tenant)
        return transition(programmes, tenant, leaving, parse_bundle(after), places, reverted=reverted)

    return decide


def _wait(text: str) -> tuple[str, str]:
    name, _, path = text.partition("/")
    return name, path
