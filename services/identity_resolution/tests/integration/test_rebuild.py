"""The graph made anew from its own log is the graph that was there."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from cairn_eventstore import PostgresEventStore, UnitOfWork
from cairn_eventstore.archiving import archive_next
from cairn_eventstore.signing import Signer
from cairn_journey import load_text
from cairn_kernel.errors import Refused
from cairn_kernel.event import RULES_CHANGED, STATED, Event, Identifier
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS
from cairn_kernel.time import DAY, HOUR, MINUTE
from cairn_runtime import rebuild_in_order
from cairn_runtime.database import open_pool
from cairn_runtime.rebuild import Outcome, Progress, rebuild
from cairn_testkit.people import World
from cairn_testkit.waiting import eventually
from identity_resolution.adapters.postgres_identities import PostgresIdentityStore
from identity_resolution.adapters.postgres_records import PostgresRecordStore
from identity_resolution.adapters.postgres_told import PostgresTold
from identity_resolution.application.matchers import Matchers
from identity_resolution.application.open_records import Opener
from identity_resolution.application.resolve_events import EventResolver
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.domain.commands import Command
from identity_resolution.domain.rules import Rules
from identity_resolution.domain.statements import Kind, Statement

from .records import SubjectKeys, crm_rows, matching
from .world import world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WHERE: Final = "identity_resolution.rebuild:READ_MODEL"
START: Final = 1_700_000_000_000_000
CROWDS: Final = """\
kind: IdentityRules
name: shop
namespaces:
  - {name: user_id, fan_out: 4}
  - {name: email, max: 3, fan_out: 5}
  - {name: anonymous_id, fan_out: 6}
devices: {shared: last, idle: 1d}
largest: 9
"""
OTHERS: Final = CROWDS.replace("max: 3", "max: 2, valid_for: 21d").replace("fan_out: 6", "fan_out: 3")


@pytest.fixture
async def pool(postgres_dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(postgres_dsn, "identity_resolution") as pool:
        yield pool


async def execute(dsn: str, statement: str, *arguments: object) -> None:
    connection = await asyncpg.connect(dsn, server_settings={"search_path": "identity_resolution"})
    await connection.execute(statement, *arguments)
    await connection.close()


def evidence(seed: int, count: int) -> list[Event]:
    """People, devices and crowds, as they come in: not quite in the order in which it happened."""
    chance = random.Random(seed)
    events = []
    for n in range(count):
        identifiers = {
            Identifier(chance.choice(("user_id", "email", "anonymous_id", "anonymous_id")), str(chance.randrange(25)))
            for _ in range(chance.choice((1, 1, 2, 2, 3)))
        }
        type = chance.choice(("page.viewed", "page.viewed", "profile.identified", "user.logged_out", "unsubscribed"))
        as_of = START + n * 5 * HOUR // 2
        events.append(
            Event(
                id=stable_id("test", seed, n),
                tenant=chance.choice(("default", "default", "other")),
                type=type,
                event_time=as_of - chance.choice((0, MINUTE, 9 * DAY, chance.randrange(30 * DAY))),
                as_of=as_of + chance.randrange(2 * HOUR),
                identifiers=tuple(sorted(identifiers)),
            )
        )
    return events


class Owner:
    """The owner of the graph, which begins anew from its tables now and then."""

    def __init__(self, dsn: str, pool: asyncpg.Pool, chance: random.Random) -> None:
        self._dsn = dsn
        self._log = PostgresEventStore(pool)
        self._identities = PostgresIdentityStore(pool)
        self._told = PostgresTold(pool)
        self._rulebook = Rulebook()
        self._chance = chance
        self._resolver: EventResolver | None = None
        self._requests = 0

    async def _alive(self) -> EventResolver:
        if self._resolver is None or self._chance.random() < 0.1:
            self._resolver = EventResolver(self._identities, self._rulebook, 40, told=self._told, rules_page=30)
            await self._resolver.forget({part: head.as_of for part, head in (await self._log.heads()).items()})
        return self._resolver

    async def take_in(self, events: Sequence[Event], batch: int = 50) -> None:
        for start in range(0, len(events), batch):
            resolver, work = await self._alive(), UnitOfWork()
            some = list(events[start : start + batch])
            self._chance.shuffle(some)
            await resolver.resolve(some, work)
            await self._commit(resolver, work)

    async def apply(self, text: str) -> None:
        """A programme comes into force; the change has only begun."""
        programme = load_text(text)
        ordinal = len(self._rulebook.versions("default"))
        await execute(
            self._dsn, "INSERT INTO definitions (tenant, ordinal, version, bundle) VALUES ('default', $1, $2, $3)",
            ordinal, programme.version, programme.bundle(),
        )  # fmt: skip
        self._rulebook.install("default", programme.version, programme.bundle())
        self._resolver = None
        await self.change_rules(pages=1)

    async def change_rules(self, pages: int = 10_000) -> None:
        while pages and (resolver := await self._alive()).changes_rules:
            work = UnitOfWork()
            await resolver.change_rules(work)
            await self._commit(resolver, work)
            pages -= 1

    async def say(self, command: Command, at: int) -> None:
        self._requests += 1
        await self._identities.ask("default", f"request {self._requests}", command, at)
        (pending,) = await self._identities.pending(1)
        resolver, work = await self._alive(), UnitOfWork()
        await resolver.obey(pending, max(at, resolver.now), work)
        await self._commit(resolver, work)

    async def _commit(self, resolver: EventResolver, work: UnitOfWork) -> None:
        await self._log.commit(work)
        resolver.committed()


def statement(name: str, kind: Kind, left: str, right: str = "", expires: int | None = None) -> Statement:
    sides = [tuple(Identifier(*one.split(":")) for one in side.split()) for side in (left, right)]
    return Statement(
        id=stable_id("said", name), kind=kind, left=sides[0], right=sides[1],
        author="anna", reason="she called", at=START, expires=expires,
    )  # fmt: skip


async def lived(dsn: str, pool: asyncpg.Pool, seed: int) -> Owner:
    """A graph in which everything has happened."""
    events = evidence(seed, 500)
    owner = Owner(dsn, pool, random.Random(seed))
    await owner.take_in(events[:150])
    at = events[150].as_of
    same = statement("same", Kind.SAME, "user_id:1", "user_id:2")
    await owner.say(Command(state=same), at)
    await owner.say(Command(state=statement("not", Kind.NOT_SAME, "user_id:3 email:3", "user_id:1 email:4")), at)
    await owner.say(Command(state=statement("till", Kind.BLOCK, "email:7", expires=at + 10 * DAY)), at)
    await owner.say(Command(state=statement("long", Kind.BLOCK, "email:8", expires=at + 9_000 * DAY)), at)
    await owner.take_in(events[150:250])
    await owner.apply(CROWDS)
    await owner.take_in(events[250:320])
    await owner.change_rules()
    await owner.say(Command(withdraw=(same.id,)), events[320].as_of)
    await owner.take_in(events[320:400])
    await owner.apply(OTHERS)
    await owner.take_in(events[400:470])
    await owner.change_rules()
    await owner.take_in(events[470:])
    return owner


async def again(dsn: str, *, check_only: bool = False) -> Outcome:
    told: list[Progress] = []
    outcome = await rebuild(dsn, WHERE, jobs=1, tell=told.append, check_only=check_only)
    assert told[-1].phase == "done"
    assert told[-1].events >= told[-1].of
    return outcome


def differing(outcome: Outcome) -> dict[str, int]:
    return {table: count for table, count in outcome.differing.items() if count}


CHANGED: Final = {
    "nodes": "UPDATE nodes SET profile_id = own_id, root = own_id WHERE own_id = $1",
    "links": "UPDATE links SET refusal = 'DENIED' WHERE left_ranked",
    "generic": "DELETE FROM generic WHERE token = (SELECT min(token) FROM generic)",
    "statements": "UPDATE statements SET until = 7 WHERE until IS NULL",
    "evidence": "TRUNCATE evidence",
    "memberships": "DELETE FROM memberships WHERE own_id = $1",
    "logins": "DELETE FROM logins WHERE minute % 2 = 0",
    "told": "UPDATE told SET own_ids = ARRAY[event_id] WHERE kind = 'consent'",
    "rules_changes": "DELETE FROM rules_changes WHERE ordinal = 1",
    "timers": "DELETE FROM timers",
}
"""What happens to a table; $1 is an identifier whose profile goes by another's id."""
ANOTHERS: Final = "SELECT own_id FROM nodes WHERE own_id <> profile_id ORDER BY own_id LIMIT 1"


async def test_a_check_finds_what_was_changed_and_a_rebuild_mends_it(
    postgres_dsn: str, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await lived(postgres_dsn, pool, seed=5)
    checked = await again(postgres_dsn, check_only=True)
    assert differing(checked) == {}
    assert all(checked.rows.values()), checked.rows
    told = dict(await pool.fetch("SELECT topic, count(*) FROM events GROUP BY topic"))
    assert min(told["identity.merged"], told["identity.split"]) > 50
    assert (told[RULES_CHANGED], told[STATED]) > (2 * PARTITIONS, 10)
    assert dict(await pool.fetch("SELECT reason, count(*) FROM generic GROUP BY reason")).keys() == {
        "GENERIC",
        "SHARED",
    }
    assert await pool.fetchval("SELECT count(*) FROM statements WHERE body LIKE '%COMPONENT_CAP%'") > 2

    own_id = await pool.fetchval(ANOTHERS)
    for change in CHANGED.values():
        await execute(postgres_dsn, change, *[own_id] * change.count("$1"))
    checked = await again(postgres_dsn, check_only=True)
    assert differing(checked).keys() == CHANGED.keys()
    assert f"own_id {own_id}" in checked.named["nodes"]
    assert checked.named["rules_changes"] == ["tenant default, ordinal 1"]

    assert differing(await again(postgres_dsn)).keys() == CHANGED.keys()
    assert differing(await again(postgres_dsn, check_only=True)) == {}
    monkeypatch.setattr(rebuild_in_order, "AT_ONCE", 40)
    await asyncio.gather(again(postgres_dsn), owner.take_in(evidence(99, 60), batch=15))
    assert differing(await again(postgres_dsn, check_only=True)) == {}


async def test_a_rebuild_that_ended_early_changed_nothing_and_goes_on(
    postgres_dsn: str, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await Owner(postgres_dsn, pool, random.Random(1)).take_in(evidence(1, 60))
    before = await pool.fetch("SELECT * FROM nodes ORDER BY own_id")
    monkeypatch.setattr(rebuild_in_order, "AT_ONCE", 2)

    def stop(progress: Progress) -> None:
        if progress.events > 20:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await rebuild(postgres_dsn, WHERE, jobs=1, tell=stop)
    assert await pool.fetch("SELECT * FROM nodes ORDER BY own_id") == before
    told: list[Progress] = []
    outcome = await rebuild(postgres_dsn, WHERE, jobs=1, tell=told.append)
    assert told[0].events > 20
    assert (differing(outcome), outcome.events) == ({}, told[0].of)
    assert await pool.fetchval("SELECT to_regnamespace('identity_resolution_rebuild')") is None


async def test_nothing_is_compared_while_rules_are_changed(postgres_dsn: str, pool: asyncpg.Pool) -> None:
    owner = Owner(postgres_dsn, pool, random.Random(1))
    await owner.take_in(evidence(1, 60))
    await owner.apply(CROWDS)
    with pytest.raises(Refused, match="run it again") as refused:
        await again(postgres_dsn)
    assert refused.value.reason == "RULES_ARE_CHANGED"
    await owner.change_rules()
    assert differing(await again(postgres_dsn)) == {}


async def test_what_matching_suggests_joins_again_whoever_has_the_keys(postgres_dsn: str, pool: asyncpg.Pool) -> None:
    matchers = Matchers(PostgresRecordStore(pool), Opener(SubjectKeys()), lambda tenant, purpose: purpose.encode())
    rules = Rulebook(default=Rules(matching=matching()))
    resolver = EventResolver(PostgresIdentityStore(pool), rules, 100, matchers, told=PostgresTold(pool))
    await resolver.forget({})
    events = [event for _, event in crm_rows(World(people=15, seed=3))]
    for start in range(0, len(events), 20):
        work = UnitOfWork()
        await resolver.resolve(events[start : start + 20], work)
        await PostgresEventStore(pool).commit(work)
    assert await pool.fetchval("SELECT count(*) FROM links WHERE weight >= 0 AND refusal = ''") > 5
    assert differing(await again(postgres_dsn)) == {}
    await execute(postgres_dsn, "UPDATE links SET weight = weight + 1 WHERE weight >= 0")
    assert differing(await again(postgres_dsn)).keys() == {"links"}
    assert differing(await again(postgres_dsn, check_only=True)) == {}


FORGET_ONE: Final = """
DELETE FROM told WHERE event_id = (SELECT event_id FROM told ORDER BY event_id LIMIT 1) RETURNING event_id
"""


async def test_the_command_reads_archived_events_too_and_names_what_differs(
    postgres_dsn: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    await Owner(postgres_dsn, pool, random.Random(2)).take_in(evidence(2, 60))
    connection = await asyncpg.connect(postgres_dsn, server_settings={"search_path": "identity_resolution"})
    for partition in range(0, PARTITIONS, 2):
        place = "identity_resolution", "resolved", partition, START + 3 * DAY, tmp_path / "archive"
        while await archive_next(connection, *place, Signer(tmp_path)):
            pass
    assert await connection.fetchval("SELECT count(*) FROM archives") > 3
    own_id = await connection.fetchval(FORGET_ONE)
    await connection.close()
    code, said = await command(postgres_dsn, tmp_path, "--check")
    assert (code, f"told: event_id {own_id}" in said) == (1, True), said
    assert "rows differ" in said


async def command(dsn: str, home: Path, *arguments: str) -> tuple[int, str]:
    told = {"CAIRN_DATABASE_DSN": dsn, "CAIRN_HOME": str(home)}

    def run() -> subprocess.CompletedProcess[str]:
        call = [sys.executable, "-m", "journeyctl", "rebuild", "identity-resolution", *arguments]
        return subprocess.run(call, env={**os.environ, **told}, capture_output=True, text=True)

    done = await asyncio.to_thread(run)
    return done.returncode, done.stdout + done.stderr


async def test_the_service_goes_on_meanwhile_and_after_it(postgres_dsn: str, nats_url: str, tmp_path: Path) -> None:
    async with world(postgres_dsn, nats_url, tmp_path) as (upstream, service):
        events = [
            upstream.event(n, "profile.identified", user_id=f"u{n % 40}", anonymous_id=f"a{n % 70}")
            for n in range(1, 401)
        ]
        await upstream.tell(events[:200])
        await service.resolved(200)
        await execute(postgres_dsn, "DELETE FROM told; UPDATE nodes SET first_time = first_time + 1")

        async def go_on() -> None:
            for start in range(200, 400, 20):
                await upstream.tell(events[start : start + 20])
                await asyncio.sleep(0.05)

        mended, _ = await asyncio.gather(again(postgres_dsn), go_on())
        assert differing(mended).keys() >= {"told", "nodes"}

        async def through() -> bool:
            log = await service.resolved(400)
            return {event.id for run in log.values() for event in run} >= {event.id for event in events}

        await eventually(through)
        checked = await again(postgres_dsn, check_only=True)
        assert (differing(checked), checked.rows["told"]) == ({}, 400)
