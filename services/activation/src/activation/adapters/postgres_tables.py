"""Tables on PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import asyncpg

from activation.application.ports import OpenRow
from activation.domain.consent import Ledger, Merge, Split
from cairn_kernel.consents import Word

OPEN_DELIVERIES: Final = """
SELECT delivery_id::text, partition, connector, due, expires_at, due > planned_at AND attempt = 0 AS deferred,
    status <> 'planned' AS flying, attempt, not_after
FROM deliveries WHERE open AND partition = ANY($1::smallint[])
"""
MODES: Final = "SELECT partition, step, mode FROM modes WHERE partition = ANY($1::smallint[])"
FAMILY: Final = """
WITH RECURSIVE family(profile_id) AS (
    SELECT unnest($1::uuid[])
    UNION
    SELECT tie.other FROM family f CROSS JOIN LATERAL (
        SELECT loser FROM merges WHERE survivor = f.profile_id
        UNION ALL SELECT survivor FROM merges WHERE loser = f.profile_id
        UNION ALL SELECT receiver FROM splits WHERE giver = f.profile_id
        UNION ALL SELECT giver FROM splits WHERE receiver = f.profile_id
    ) AS tie(other)
)
SELECT profile_id FROM family
"""
"""Profiles, and all that were ever one with them."""
MERGES: Final = """
SELECT loser::text, survivor::text, as_of, loser_told, survivor_told, cause FROM merges WHERE loser = ANY($1::uuid[])
"""
SPLITS: Final = """
SELECT giver::text, receiver::text, as_of, events, giver_told, receiver_told, cause
FROM splits WHERE giver = ANY($1::uuid[])
"""
CONSENTS: Final = """
SELECT at, refuses, as_of, event_id::text, profile_id::text, channel, class, state, reason, purpose, source, proof,
    author
FROM consents WHERE profile_id = ANY($1::uuid[])
"""


class PostgresTables:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def open_deliveries(self, partitions: Collection[int]) -> Sequence[OpenRow]:
        return [OpenRow(*row) for row in await self._pool.fetch(OPEN_DELIVERIES, list(partitions), timeout=60)]

    async def modes(self, partitions: Collection[int]) -> Mapping[int, tuple[int, str]]:
        rows = await self._pool.fetch(MODES, list(partitions), timeout=30)
        return {partition: (step, mode) for partition, step, mode in rows}

    async def ledger(self, connection: Any, profiles: Collection[str]) -> Ledger:
        wanted = [profile_id for (profile_id,) in await connection.fetch(FAMILY, sorted(profiles))]
        merges = [Merge(*row) for row in await connection.fetch(MERGES, wanted)]
        words = [Word(*row) for row in await connection.fetch(CONSENTS, wanted)]
        splits = [
            Split(giver, receiver, as_of, tuple(events), *told)
            for giver, receiver, as_of, events, *told in await connection.fetch(SPLITS, wanted)
        ]
        return Ledger(words, merges, splits)
