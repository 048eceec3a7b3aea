"""The identity tables in PostgreSQL: whole clusters in, arrays of changes out, a few statements per batch."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec

from cairn_eventstore import UnitOfWork
from cairn_journey.subjects.told import Told
from cairn_kernel.event import Event, Identifier, from_msgpack
from identity_resolution.adapters import sql
from identity_resolution.adapters.held import HeldConnection
from identity_resolution.application.ports import (
    Counts,
    Pending,
    Placed,
    RulesChange,
    Shown,
    StepEvent,
    StoredClusters,
    StoredLink,
    StoredStatement,
)
from identity_resolution.domain.commands import Answer, Command
from identity_resolution.domain.devices import Point
from identity_resolution.domain.elements import SUPPORT_COUNTED, Link, Node, Refusal
from identity_resolution.domain.relations import Evidence, subjects_of
from identity_resolution.domain.resolution import Changes
from identity_resolution.domain.statements import Stated, Statement

READ_TIMEOUT_S = 30
_statements = msgspec.json.Decoder(Statement)
_commands = msgspec.json.Decoder(Command)
_answers = msgspec.json.Decoder(Answer)
_told = msgspec.json.Decoder(Told)


class PostgresIdentityStore:
    """An IdentityStore over the service's pool."""

    def __init__(self, pool: asyncpg.Pool | HeldConnection) -> None:
        self._pool = pool

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["PostgresIdentityStore"]:
        async with (
            self._pool.acquire(timeout=READ_TIMEOUT_S) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield PostgresIdentityStore(HeldConnection(connection))

    async def load(self, own_ids: Collection[str]) -> StoredClusters:
        async with (
            self._pool.acquire(timeout=READ_TIMEOUT_S) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            nodes = await connection.fetch(sql.LOAD_NODES, list(own_ids), timeout=READ_TIMEOUT_S)
            loaded = [row["own_id"] for row in nodes]
            links = await connection.fetch(sql.LOAD_LINKS, loaded, timeout=READ_TIMEOUT_S) if nodes else []
        clusters: dict[tuple[str, str], list[Node]] = {}
        for row in nodes:
            clusters.setdefault((row["tenant"], row["root"]), []).append(_node(row))
        return StoredClusters(clusters, [StoredLink(row["tenant"], _link(row)) for row in links])

    async def stated(self) -> dict[str, Stated]:
        by_tenant: dict[str, Stated] = {}
        for tenant, namespace, token, reason in await self._pool.fetch(sql.GENERIC, timeout=READ_TIMEOUT_S):
            by_tenant.setdefault(tenant, Stated()).bar(Identifier(namespace, token), Refusal(reason))
        for tenant, body in await self._pool.fetch(sql.STATED, timeout=READ_TIMEOUT_S):
            by_tenant.setdefault(tenant, Stated()).put(_statements.decode(body))
        return by_tenant

    async def statements(
        self, tenant: str, about: Collection[Identifier], limit: int, *, ended: bool
    ) -> list[StoredStatement]:
        names = [":".join(identifier) for identifier in about]
        rows = await self._pool.fetch(sql.STATEMENTS, tenant, ended, names, limit, timeout=READ_TIMEOUT_S)
        return [StoredStatement(_statements.decode(body), gone) for body, gone in rows]

    async def statements_at(self, tenant: str, known_at: int) -> list[Statement]:
        rows = await self._pool.fetch(sql.STATEMENTS_AT, tenant, known_at, timeout=READ_TIMEOUT_S)
        return [_statements.decode(row["body"]) for row in rows]

    async def evidence(self, own_ids: Collection[str], as_of: int, known_at: int) -> list[Shown]:
        rows = await self._pool.fetch(sql.EVIDENCE, list(own_ids), as_of, known_at, timeout=READ_TIMEOUT_S)
        return [
            Shown(at, event_id, tuple(dict.fromkeys((Identifier(*names[:2]), Identifier(*names[2:])))))
            for at, event_id, *names in rows
        ]

    async def names(self, own_ids: Collection[str], tenant: str) -> dict[str, Identifier]:
        rows = await self._pool.fetch(sql.NAMES, list(own_ids), tenant, timeout=READ_TIMEOUT_S)
        return {own_id: Identifier(namespace, token) for own_id, namespace, token in rows}

    async def commands_wait(self) -> bool:
        return bool(await self._pool.fetchval(sql.COMMANDS_WAIT, timeout=READ_TIMEOUT_S))

    async def pending(self, limit: int) -> list[Pending]:
        rows = await self._pool.fetch(sql.PENDING, limit, timeout=READ_TIMEOUT_S)
        return [Pending(ordinal, tenant, _commands.decode(body), at) for ordinal, tenant, body, at in rows]

    async def ask(self, tenant: str, request_id: str, command: Command, at: int) -> None:
        await self._pool.execute(sql.ASK, tenant, request_id, _text(command), at, timeout=READ_TIMEOUT_S)

    async def answered(self, tenant: str, request_id: str) -> Answer | None:
        body = await self._pool.fetchval(sql.ANSWERED, tenant, request_id, timeout=READ_TIMEOUT_S)
        return None if body is None else _answers.decode(body)

    async def logins(self, own_ids: Collection[str]) -> dict[str, tuple[list[Point], int]]:
        points: dict[str, list[Point]] = {own_id: [] for own_id in own_ids}
        for own_id, at, event_id, namespace, token in await self._pool.fetch(
            sql.LOGINS, list(own_ids), timeout=READ_TIMEOUT_S
        ):
            points[own_id].append(Point(at, event_id, Identifier(namespace, token) if namespace else None))
        touches = dict(await self._pool.fetch(sql.LAST_TOUCHES, list(own_ids), timeout=READ_TIMEOUT_S))
        return {own_id: (found, touches.get(own_id, 0)) for own_id, found in points.items()}

    async def relations(self, own_ids: Collection[str]) -> list[tuple[str, Evidence]]:
        rows = await self._pool.fetch(sql.RELATIONS, list(own_ids), timeout=READ_TIMEOUT_S)
        return [
            (tenant, Evidence(own_id, _told.decode(body), day, (first_at, first_id), (last_at, last_id)))
            for tenant, own_id, body, day, first_at, first_id, last_at, last_id in rows
        ]

    async def members(self, subject_id: str, after: str, limit: int) -> list[str]:
        rows = await self._pool.fetch(sql.MEMBERS, subject_id, after, limit, timeout=READ_TIMEOUT_S)
        return [row["own_id"] for row in rows]

    async def count(self, tenant: str) -> Counts:
        row = await self._pool.fetchrow(sql.COUNT, tenant, timeout=READ_TIMEOUT_S)
        return Counts(row["profiles"], row["merges"], row["identifiers"])

    async def step_events(self, limit: int) -> list[Event]:
        rows = await self._pool.fetch(sql.STEP_EVENTS, limit, timeout=READ_TIMEOUT_S)
        return [from_msgpack(row["body"]) for row in rows]

    def begin(self, work: UnitOfWork, tenant: str, statement: Statement, as_of: int) -> None:
        work.rows.append((sql.BEGIN, [(tenant, statement.id, _text(statement), as_of)]))

    def end(self, work: UnitOfWork, tenant: str, statement_id: str, as_of: int) -> None:
        work.rows.append((sql.END, [(tenant, statement_id, as_of)]))

    def answer(self, work: UnitOfWork, pending: Pending, answer: Answer) -> None:
        work.rows.append((sql.ANSWER, [(pending.ordinal, _text(answer))]))

    def write(self, work: UnitOfWork, tenant: str, changes: Changes) -> None:
        if changes.nodes:
            work.rows.append((sql.WRITE_NODES, [(tenant, *_columns([_node_row(node) for node in changes.nodes]))]))
        if changes.links:
            rows = sorted(_link_row(link) for link in changes.links)
            work.rows.append((sql.WRITE_LINKS, [(SUPPORT_COUNTED, *_columns(rows))]))
            for link in changes.links:
                link.fresh_support = 0
        if changes.evidence:
            work.rows.append((sql.WRITE_EVIDENCE, [_columns(changes.evidence)]))
        if changes.memberships:
            work.rows.append((sql.WRITE_MEMBERSHIPS, [_columns(changes.memberships)]))
        for made in changes.statements:
            self.begin(work, tenant, made, made.at)
        if changes.lifted:
            lifted = sorted({(tenant, *identifier) for identifier in changes.lifted})
            work.rows.append((sql.LIFT, lifted))
        if changes.bars:
            bars = [(tenant, *bar.identifier, str(bar.why), bar.last_touch) for bar in changes.bars]
            work.rows.append((sql.BAR, sorted(bars)))
        if changes.logins:
            work.rows.append((sql.WRITE_LOGINS, [_columns(changes.logins)]))

    async def rules_changes(self) -> dict[str, RulesChange]:
        rows = await self._pool.fetch(sql.RULES_CHANGES, timeout=READ_TIMEOUT_S)
        return {tenant: RulesChange(tenant, *row) for tenant, *row in rows}

    def write_rules_change(self, work: UnitOfWork, change: RulesChange) -> None:
        work.rows.append((sql.WRITE_RULES_CHANGE, [change]))

    async def page(self, tenant: str, after: str, limit: int) -> list[Placed]:
        rows = await self._pool.fetch(sql.PAGE, tenant, after, limit, timeout=READ_TIMEOUT_S)
        return [Placed(own_id, Identifier(namespace, token), leads) for own_id, namespace, token, leads in rows]

    async def shown(self, own_ids: Collection[str], most: int) -> dict[str, list[Link]]:
        found: dict[str, list[Link]] = {own_id: [] for own_id in own_ids}
        for row in await self._pool.fetch(sql.SHOWN, list(own_ids), most, timeout=READ_TIMEOUT_S):
            found[row["at"]].append(_link(row))
        return found

    def relate(self, work: UnitOfWork, tenant: str, evidence: Sequence[Evidence]) -> None:
        rows = sorted((one.own_id, one.told.id, one.day, _text(one.told), *one.first, *one.last) for one in evidence)
        work.rows.append((sql.RELATE, [(tenant, *_columns(rows))]))
        members = {(subject, one.own_id) for one in evidence for subject, _ in subjects_of(tenant, one.told)}
        if members:
            work.rows.append((sql.ADD_MEMBERS, [_columns(sorted(members))]))

    def keep_step_events(self, work: UnitOfWork, events: Sequence[StepEvent]) -> None:
        rows = [(event.event_time, event.id, body) for event, body in events]
        work.rows.append((sql.KEEP_STEP_EVENTS, [_columns(rows)]))

    def drop_step_events(self, work: UnitOfWork, events: Sequence[Event]) -> None:
        work.rows.append((sql.DROP_STEP_EVENTS, [_columns([(event.event_time, event.id) for event in events])]))


def _text(value: Statement | Command | Answer | Told) -> str:
    return msgspec.json.encode(value).decode()


def _columns(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))


def _node_row(node: Node) -> tuple[Any, ...]:
    return (
        node.own_id,
        node.profile_id,
        node.cluster.root,
        node.identifier.namespace,
        node.identifier.token,
        node.first_time,
        node.had_profile,
    )


def _link_row(link: Link) -> tuple[Any, ...]:
    return (
        *link.ids,
        link.fresh_support,
        *link.first,
        str(link.refusal),
        link.left_ranked,
        link.right_ranked,
        link.weight,
        link.last,
    )


def _node(row: Any) -> Node:
    return Node(
        Identifier(row["namespace"], row["token"]),
        row["own_id"],
        row["first_time"],
        row["profile_id"],
        row["had_profile"],
    )


def _link(row: Any) -> Link:
    pair = (
        Identifier(row["left_namespace"], row["left_token"]),
        Identifier(row["right_namespace"], row["right_token"]),
    )
    return Link(
        pair,
        (row["left_id"], row["right_id"]),
        (row["first_time"], row["first_event_id"]),
        Refusal(row["refusal"]),
        row["left_ranked"],
        row["right_ranked"],
        row["support"],
        row["weight"],
        row["last_week"],
    )
