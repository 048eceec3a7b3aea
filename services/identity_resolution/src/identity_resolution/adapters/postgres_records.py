"""The tables of matching in PostgreSQL."""

from array import array
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import asyncpg
import msgspec

from cairn_eventstore import UnitOfWork, columns
from cairn_kernel.event import Identifier
from identity_resolution.adapters.held import HeldConnection
from identity_resolution.application.decide_reviews import STATES, After, Review
from identity_resolution.application.find_profile import is_uuid
from identity_resolution.application.record_ports import RecordChanges, SealedRecord, StoredSuggestion, Suggestion
from identity_resolution.domain.candidates import Ends, Pair
from identity_resolution.domain.matching import Told
from identity_resolution.domain.statements import Statement

READ_TIMEOUT_S: Final = 30
KNOWN: Final = "SELECT id FROM records WHERE id = ANY($1::bigint[])"
RECORDS: Final = """
SELECT id, tenant, own_id::text, event_time, key_id, sealed FROM records WHERE id = ANY($1::bigint[])
"""
RECORDS_PAGE: Final = """
SELECT id, tenant, own_id::text, event_time, key_id, sealed FROM records
WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3
"""
COUNT: Final = "SELECT count(*) FROM records WHERE tenant = $1"
LISTS: Final = "SELECT key, records FROM record_lists WHERE key = ANY($1::bigint[])"
PAIRS_AMONG: Final = """
SELECT DISTINCT left_id::text, right_id::text FROM record_pairs
WHERE left_record = ANY($1::bigint[]) AND right_record = ANY($1::bigint[]) AND keys <> ''
"""
PAIRS: Final = """
SELECT left_id::text, right_id::text, left_record, right_record, bits, keys, event_time, told
FROM record_pairs JOIN unnest($1::text[]::uuid[], $2::text[]::uuid[]) AS w(left_id, right_id) USING (left_id, right_id)
WHERE keys <> ''
"""
PAIRS_UPTO: Final = """
SELECT left_id::text, right_id::text, left_record, right_record, bits, keys, event_time, told FROM record_pairs
WHERE (left_record = ANY($1::bigint[]) AND right_record <= $2 OR right_record = ANY($1::bigint[]) AND left_record <= $2)
  AND keys <> ''
"""
SEEN: Final = """
SELECT l.left_id::text, l.right_id::text
FROM links l JOIN unnest($1::text[]::uuid[], $2::text[]::uuid[]) AS w(one, other)
  ON (l.left_id, l.right_id) IN ((w.one, w.other), (w.other, w.one))
WHERE l.weight < 0
"""
SUGGESTED: Final = """
SELECT left_id::text, right_id::text, bits, told FROM suggestions
WHERE (left_id = ANY($1::text[]::uuid[]) OR right_id = ANY($1::text[]::uuid[]))
  AND event_time <= $2 AND linked_since <= $3 AND (linked_until IS NULL OR linked_until > $3)
"""
TOLD: Final = "SELECT id::text, told FROM suggestions WHERE id = ANY($1::text[]::uuid[])"
WRITE_RECORDS: Final = """
INSERT INTO records (id, tenant, own_id, event_time, key_id, sealed)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[]::uuid[], $4::bigint[], $5::text[], $6::bytea[])
ON CONFLICT DO NOTHING
"""
WRITE_LISTS: Final = """
INSERT INTO record_lists (key, records) SELECT * FROM unnest($1::bigint[], $2::bytea[])
ON CONFLICT (key) DO UPDATE SET records = excluded.records
"""
WRITE_PAIRS: Final = """
INSERT INTO record_pairs (left_id, right_id, left_record, right_record, bits, keys, event_time, told)
SELECT * FROM unnest($1::text[]::uuid[], $2::text[]::uuid[], $3::bigint[], $4::bigint[], $5::float8[], $6::bytea[],
                     $7::bigint[], $8::text[])
ON CONFLICT (left_id, right_id, left_record, right_record) DO UPDATE SET
    bits = excluded.bits, keys = excluded.keys, told = excluded.told
"""
DROP_LISTS: Final = "DELETE FROM record_lists WHERE key = ANY($1::bigint[])"
WRITE_SUGGESTION: Final = """
INSERT INTO suggestions AS known
    (id, tenant, left_id, right_id, bits, told, event_time, since, linked_since, linked_until, counts)
VALUES ($1::text::uuid, $2, $3::text::uuid, $4::text::uuid, $5, $6, $7, $8::bigint,
        CASE WHEN $9::boolean THEN $8::bigint END, NULL, $10)
ON CONFLICT (id) DO UPDATE SET
    bits = CASE WHEN excluded.counts THEN excluded.bits ELSE known.bits END,
    told = CASE WHEN excluded.counts THEN excluded.told ELSE known.told END,
    event_time = CASE WHEN excluded.counts THEN excluded.event_time ELSE known.event_time END,
    linked_since = CASE WHEN known.linked_since IS NOT NULL AND known.linked_until IS NULL THEN known.linked_since
                        ELSE coalesce(excluded.linked_since, known.linked_since) END,
    linked_until = CASE WHEN excluded.linked_since IS NOT NULL THEN NULL
                        WHEN known.linked_since IS NULL THEN NULL
                        ELSE coalesce(known.linked_until, excluded.since) END,
    counts = excluded.counts
"""
REVIEWS: Final = """
WITH found AS (
    SELECT s.id::text, s.bits, s.told, s.since, l.profile_id::text AS left_profile, r.profile_id::text AS right_profile,
           l.namespace AS left_namespace, l.token AS left_token, r.namespace AS right_namespace, r.token AS right_token,
           coalesce(k.refusal, o.refusal, '') AS refusal, st.body,
           CASE WHEN st.body::json ->> 'kind' = 'same' THEN 'accepted'
                WHEN st.body IS NOT NULL OR 'DENIED' IN (k.refusal, o.refusal) THEN 'rejected'
                WHEN l.profile_id = r.profile_id THEN 'joined' ELSE 'open' END AS state
    FROM suggestions s
    JOIN nodes l ON l.own_id = s.left_id
    JOIN nodes r ON r.own_id = s.right_id
    LEFT JOIN statements st ON st.tenant = s.tenant AND st.id = s.statement_id AND st.until IS NULL
    LEFT JOIN links k ON k.left_id = s.left_id AND k.right_id = s.right_id AND k.left_ranked
    LEFT JOIN links o ON o.left_id = s.right_id AND o.right_id = s.left_id AND o.left_ranked
    WHERE s.tenant = $1 AND s.counts AND {which}
)
SELECT * FROM found WHERE state = ANY($2) ORDER BY bits DESC, id LIMIT $3
"""
PAGE: Final = REVIEWS.format(
    which="s.bits >= $4 AND ($5::float8 IS NULL OR s.bits < $5 OR (s.bits = $5 AND s.id > $6::text::uuid))"
)
REVIEW: Final = REVIEWS.format(which="s.id = $4::text::uuid")
DECIDE: Final = "UPDATE suggestions SET statement_id = $2 WHERE id = $1::text::uuid"
_statements = msgspec.json.Decoder(Statement)
_told = msgspec.json.Decoder(tuple[Told, ...])


class PostgresRecordStore:
    """A RecordStore over the service's pool."""

    def __init__(self, pool: asyncpg.Pool | HeldConnection) -> None:
        self._pool = pool

    async def known(self, ids: Collection[int]) -> set[int]:
        return {row["id"] for row in await self._fetch(KNOWN, list(ids))}

    async def records(self, ids: Collection[int]) -> list[SealedRecord]:
        return [SealedRecord(*row) for row in await self._fetch(RECORDS, list(ids))]

    async def page(self, tenant: str, after: int, limit: int) -> list[SealedRecord]:
        return [SealedRecord(*row) for row in await self._fetch(RECORDS_PAGE, tenant, after, limit)]

    async def count(self, tenant: str) -> int:
        return int((await self._fetch(COUNT, tenant))[0]["count"])

    async def lists(self, keys: Collection[int]) -> dict[int, list[int] | None]:
        return {key: None if held is None else _numbers(held) for key, held in await self._fetch(LISTS, list(keys))}

    async def pairs_among(self, records: Collection[int]) -> set[Ends]:
        return {(left, right) for left, right in await self._fetch(PAIRS_AMONG, list(records))}

    async def pairs(self, ends: Collection[Ends]) -> list[Pair]:
        return [_stored_pair(row) for row in await self._fetch(PAIRS, *_sides(ends))]

    async def pairs_upto(self, records: Collection[int], upto: int) -> list[Pair]:
        return [_stored_pair(row) for row in await self._fetch(PAIRS_UPTO, list(records), upto)]

    async def seen(self, ends: Collection[Ends]) -> set[Ends]:
        return {(min(pair), max(pair)) for pair in map(tuple, await self._fetch(SEEN, *_sides(ends)))}

    async def suggested(self, own_ids: Collection[str], as_of: int, known_at: int) -> list[StoredSuggestion]:
        rows = await self._fetch(SUGGESTED, list(own_ids), as_of, known_at)
        return [StoredSuggestion((left, right), bits, _told.decode(told)) for left, right, bits, told in rows]

    async def told(self, ids: Collection[str]) -> Mapping[str, tuple[Told, ...]]:
        return {id: _told.decode(told) for id, told in await self._fetch(TOLD, list(ids))}

    async def reviews(
        self, tenant: str, states: Collection[str], least_bits: float, after: After | None, limit: int
    ) -> list[Review]:
        last = (after.bits, after.id) if after else (None, None)
        rows = await self._fetch(PAGE, tenant, list(states), limit, least_bits, *last)
        return [_review(row) for row in rows]

    async def review(self, tenant: str, id: str) -> Review | None:
        if not is_uuid(id):
            return None
        rows = await self._fetch(REVIEW, tenant, list(STATES), 1, id)
        return _review(rows[0]) if rows else None

    def decide(self, work: UnitOfWork, suggestion_id: str, statement_id: str) -> None:
        work.rows.append((DECIDE, [(suggestion_id, statement_id)]))

    def write(self, work: UnitOfWork, changes: RecordChanges) -> None:
        if changes.records:
            work.rows.append((WRITE_RECORDS, [columns(changes.records)]))
        if changes.lists:
            rows = sorted((key, None if held is None else _bytes(held)) for key, held in changes.lists)
            work.rows.append((WRITE_LISTS, [columns(rows)]))
        if changes.gone:
            work.rows.append((DROP_LISTS, [(sorted(changes.gone),)]))
        if changes.pairs:
            work.rows.append((WRITE_PAIRS, [columns(sorted(_pair_row(pair) for pair in changes.pairs))]))
        if changes.suggestions:
            work.rows.append((WRITE_SUGGESTION, [_suggestion_row(one) for one in changes.suggestions]))

    async def _fetch(self, statement: str, *arguments: Any) -> Sequence[Any]:
        found: Sequence[Any] = await self._pool.fetch(statement, *arguments, timeout=READ_TIMEOUT_S)
        return found


def _review(row: Any) -> Review:
    return Review(
        row["id"],
        row["state"],
        (row["left_profile"], row["right_profile"]),
        (
            Identifier(row["left_namespace"], row["left_token"]),
            Identifier(row["right_namespace"], row["right_token"]),
        ),
        row["bits"],
        _told.decode(row["told"]),
        row["refusal"],
        row["since"],
        None if row["body"] is None else _statements.decode(row["body"]),
    )


def _stored_pair(row: Any) -> Pair:
    left, right, one, other, bits, keys, at, told = row
    return Pair((left, right), one, other, bits, frozenset(_numbers(keys)), at, told)


def _pair_row(pair: Pair) -> tuple[Any, ...]:
    keys = _bytes(sorted(pair.keys))
    return (*pair.ends, pair.left, pair.right, pair.bits, keys, pair.event_time, pair.told)


def _suggestion_row(one: Suggestion) -> tuple[Any, ...]:
    bits, told, at = (one.best.bits, one.best.told, one.best.event_time) if one.best else (0.0, "[]", 0)
    return (one.id, one.tenant, *one.ends, bits, told, at, one.as_of, one.linked, one.best is not None)


def _sides(ends: Collection[Ends]) -> tuple[list[str], list[str]]:
    return [left for left, _ in ends], [right for _, right in ends]


def _numbers(held: bytes) -> list[int]:
    numbers = array("q")
    numbers.frombytes(held)
    return numbers.tolist()


def _bytes(held: Sequence[int]) -> bytes:
    return array("q", held).tobytes()
