"""What relearning needs of the live tables, over one connection that sees the shadow tables first."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from cairn_eventstore import UnitOfWork
from cairn_eventstore.postgres import execute_rows
from cairn_kernel.event import Event
from cairn_runtime.definitions import ALL as DEFINITIONS
from identity_resolution.adapters.held import HeldConnection
from identity_resolution.adapters.postgres_records import PostgresRecordStore
from identity_resolution.application.learn_again import Linked
from identity_resolution.application.rulebook import Rulebook, Tokens
from identity_resolution.domain.candidates import Ends
from identity_resolution.domain.matching import Suggested
from identity_resolution.domain.outputs import stated_event
from identity_resolution.domain.resolution import Resolution
from identity_resolution.domain.statements import BY_SERVICE, Statement

BLOCKS: Final = """
SELECT tenant, body, since FROM identity_resolution.statements l
WHERE body::json ->> 'author' = $1 AND NOT EXISTS (SELECT FROM statements s WHERE (s.tenant, s.id) = (l.tenant, l.id))
ORDER BY since, id
"""
TOLD: Final = """
SELECT originator_id::text FROM events WHERE originator_id = ANY($1::text[]::uuid[])
UNION SELECT stream::text FROM archived_streams WHERE stream = ANY($1::text[]::uuid[])
"""
LINKED: Final = """
SELECT tenant, left_id::text, right_id::text, bits, linked_since FROM suggestions
WHERE counts AND linked_since IS NOT NULL AND linked_until IS NULL ORDER BY linked_since, id
"""
LINKED_OTHERWISE: Final = """
WITH wanted AS (
    SELECT tenant, left_id, right_id, bits AS weight, linked_since FROM suggestions
    WHERE counts AND linked_since IS NOT NULL AND linked_until IS NULL
), known AS (
    SELECT least(l.left_id, l.right_id) AS left_id, greatest(l.left_id, l.right_id) AS right_id, weight, n.tenant
    FROM links l JOIN nodes n ON n.own_id = l.left_id WHERE weight >= 0 AND left_ranked
)
SELECT coalesce(w.tenant, k.tenant), left_id::text, right_id::text, w.weight,
       coalesce(w.linked_since, (SELECT max(as_of) FROM heads))
FROM wanted w FULL JOIN known k USING (left_id, right_id) WHERE w.weight IS DISTINCT FROM k.weight
ORDER BY 5, 2, 3
"""
CHANGED: Final = "SELECT EXISTS (SELECT FROM identity_resolution.rules_changes WHERE NOT done)"


class PostgresRelearning:
    """The Records of a Relearning."""

    def __init__(self, connection: Any, tokens: Tokens) -> None:
        self._connection = connection
        self._tokens = tokens
        self._seen = PostgresRecordStore(HeldConnection(connection)).seen

    async def rulebook(self) -> Rulebook:
        found = Rulebook(self._tokens)
        for row in await self._connection.fetch(DEFINITIONS):
            found.install(*row)
        return found

    async def untold_blocks(self) -> Sequence[Event]:
        made = [
            stated_event(tenant, msgspec.json.decode(body, type=Statement), "stated", since, Resolution(""))
            for tenant, body, since in await self._connection.fetch(BLOCKS, BY_SERVICE)
        ]
        told = {row[0] for row in await self._connection.fetch(TOLD, [event.id for event in made])}
        return [event for event in made if event.id not in told]

    async def linked(self) -> Sequence[Linked]:
        return [_linked(row) for row in await self._connection.fetch(LINKED)]

    async def linked_otherwise(self) -> Sequence[Linked]:
        return [_linked(row) for row in await self._connection.fetch(LINKED_OTHERWISE)]

    async def seen(self, ends: set[Ends]) -> set[Ends]:
        return await self._seen(ends)

    async def rules_are_changed(self) -> bool:
        return bool(await self._connection.fetchval(CHANGED))

    async def write(self, work: UnitOfWork) -> None:
        await execute_rows(self._connection, work)


def _linked(row: Sequence[Any]) -> Linked:
    tenant, left, right, weight, since = row
    return Linked(tenant, Suggested((left, right), weight), since)
