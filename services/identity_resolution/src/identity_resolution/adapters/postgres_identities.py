"""The identity tables in PostgreSQL: whole clusters in, arrays of changes out, a few statements per batch."""

from collections.abc import Collection, Sequence
from typing import Any

import asyncpg

from cairn_eventstore import UnitOfWork
from cairn_kernel.event import Event, Identifier, from_msgpack
from identity_resolution.adapters import sql
from identity_resolution.application.ports import Counts, StepEvent, StoredClusters, StoredLink
from identity_resolution.domain.elements import SUPPORT_COUNTED, Link, Node, Refusal
from identity_resolution.domain.resolution import Changes

READ_TIMEOUT_S = 30


class PostgresIdentityStore:
    """An IdentityStore over the service's pool."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

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

    async def blocked(self) -> dict[str, set[Identifier]]:
        by_tenant: dict[str, set[Identifier]] = {}
        for tenant, namespace, token in await self._pool.fetch(sql.BLOCKED):
            by_tenant.setdefault(tenant, set()).add(Identifier(namespace, token))
        return by_tenant

    async def count(self, tenant: str) -> Counts:
        row = await self._pool.fetchrow(sql.COUNT, tenant, timeout=READ_TIMEOUT_S)
        return Counts(row["profiles"], row["merges"])

    async def step_events(self, limit: int) -> list[Event]:
        rows = await self._pool.fetch(sql.STEP_EVENTS, limit, timeout=READ_TIMEOUT_S)
        return [from_msgpack(row["body"]) for row in rows]

    def write(self, work: UnitOfWork, tenant: str, changes: Changes) -> None:
        if changes.nodes:
            work.rows.append((sql.WRITE_NODES, [(tenant, *_columns([_node_row(node) for node in changes.nodes]))]))
        if changes.links:
            rows = sorted(_link_row(link) for link in changes.links)
            work.rows.append((sql.WRITE_LINKS, [(SUPPORT_COUNTED, *_columns(rows))]))
            for link in changes.links:
                link.fresh_support = 0
        if changes.blocked:
            work.rows.append((sql.BLOCK, [(tenant, *identifier, "COMPONENT_CAP") for identifier in changes.blocked]))

    def keep_step_events(self, work: UnitOfWork, events: Sequence[StepEvent]) -> None:
        rows = [(event.event_time, event.id, body) for event, body in events]
        work.rows.append((sql.KEEP_STEP_EVENTS, [_columns(rows)]))

    def drop_step_events(self, work: UnitOfWork, events: Sequence[Event]) -> None:
        work.rows.append((sql.DROP_STEP_EVENTS, [_columns([(event.event_time, event.id) for event in events])]))


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
    return (*link.ids, link.fresh_support, *link.first, str(link.refusal), link.left_ranked, link.right_ranked)


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
    )
