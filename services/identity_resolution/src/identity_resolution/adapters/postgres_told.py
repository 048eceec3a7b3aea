"""The events that tell traits or consent, in PostgreSQL."""

from collections.abc import Collection, Sequence
from typing import Final

import asyncpg

from cairn_eventstore import UnitOfWork, columns
from cairn_kernel.event import Event, from_canonical_json, to_canonical_json
from cairn_kernel.identifiers import CAIRN_PROFILE
from cairn_kernel.ids import stable_id
from identity_resolution.adapters.held import HeldConnection
from identity_resolution.application.told_ports import KEPT, Came

READ_TIMEOUT_S: Final = 30
MOST: Final = 5_000
KEEP: Final = """
INSERT INTO told (event_id, kind, own_ids, event_time, as_of, body)
SELECT event_id, kind, string_to_array(own_ids, ' ')::uuid[], event_time, as_of, body
FROM unnest($1::text[]::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bytea[])
    AS t(event_id, kind, own_ids, event_time, as_of, body)
ON CONFLICT DO NOTHING
"""
TOLD: Final = """
SELECT body FROM told
WHERE own_ids && $2::text[]::uuid[] AND kind = $1 AND event_time <= $3 AND as_of <= $4
ORDER BY event_time DESC, event_id LIMIT $5
"""
CAME: Final = """
SELECT DISTINCT ON (own_id) own_id::text, profile_id::text, as_of FROM memberships
WHERE own_id = ANY($1::text[]::uuid[]) AND as_of <= $2 ORDER BY own_id, ordinal DESC
"""


class PostgresTold:
    """A ToldStore over the service's pool."""

    def __init__(self, pool: asyncpg.Pool | HeldConnection) -> None:
        self._pool = pool

    def keep(self, work: UnitOfWork, events: Sequence[Event]) -> None:
        rows = [
            (event.id, KEPT[event.type], " ".join(_own_ids(event)), event.event_time, event.as_of,
             to_canonical_json(event))
            for event in events
        ]  # fmt: skip
        work.rows.append((KEEP, [columns(rows)]))

    async def told(self, kind: str, own_ids: Collection[str], as_of: int, known_at: int) -> list[Event]:
        rows = await self._pool.fetch(TOLD, kind, list(own_ids), as_of, known_at, MOST, timeout=READ_TIMEOUT_S)
        return [from_canonical_json(row["body"]) for row in rows]

    async def came(self, own_ids: Collection[str], known_at: int) -> list[Came]:
        rows = await self._pool.fetch(CAME, list(own_ids), known_at, timeout=READ_TIMEOUT_S)
        return [Came(*row) for row in rows]


def _own_ids(event: Event) -> list[str]:
    named = {
        one.token if one.namespace == CAIRN_PROFILE else stable_id("profile", event.tenant, *one)
        for one in event.identifiers
    }
    return sorted(named) or [event.profile_id]
