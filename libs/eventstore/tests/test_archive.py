"""Old events move to files and are read as before; whatever goes wrong on the way, none is lost."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

from cairn_eventstore import NewEvent, PostgresEventStore, Snapshot, UnitOfWork, archive, archiving
from cairn_eventstore.archiving import archive_next
from cairn_eventstore.signing import Signer
from cairn_eventstore.verification import LogReader, verify_partition, verify_stream
from cairn_kernel.errors import Invalid, Refused, Unavailable
from cairn_kernel.ids import stable_id
from cairn_runtime.database import open_pool
from cairn_testkit.eventstore_contract import an_event

PARTITION = 5
STREAMS = 7
SCHEMA = "journey_state"


def stream(number: int) -> str:
    return stable_id("stream", number)


class Scene(NamedTuple):
    """70 events of 7 streams in 10 commits, the n-th at the instant n, and who may archive them."""

    owner: asyncpg.Connection
    store: PostgresEventStore
    folder: Path
    signer: Signer

    async def archive(self, before: int) -> archive.Archived | None:
        return await archive_next(self.owner, SCHEMA, "journeys", PARTITION, before, self.folder, self.signer)

    async def everything(self) -> object:
        streams = await self.store.load([stream(number) for number in range(STREAMS)])
        pages = [await self.store.read(PARTITION, after, 9) for after in range(0, 80, 9)]
        return streams, pages

    async def stored(self) -> int:
        return int(await self.owner.fetchval("SELECT count(*) FROM events"))


@pytest.fixture
async def scene(postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(archive, "ROW_GROUP", 10)
    folder = tmp_path / "archive"
    async with open_pool(postgres_dsn, SCHEMA) as pool:
        store = PostgresEventStore(pool, folder)
        for version in range(1, 11):
            events = [an_event(f"{number} {version}", as_of=version, n=number) for number in range(STREAMS)]
            await store.commit(
                UnitOfWork(appends=[NewEvent(PARTITION, stream(n), version, e) for n, e in enumerate(events)])
            )
        owner = await asyncpg.connect(postgres_dsn, server_settings={"search_path": SCHEMA})
        yield Scene(owner, store, folder, Signer(tmp_path / "keys"))
        await owner.close()


async def test_streams_and_pages_read_the_same_from_files(scene: Scene) -> None:
    before = await scene.everything()
    place = await scene.archive(before=5)
    assert place is not None
    assert (place.first, place.last, await scene.stored()) == (1, 28, 42)
    assert await scene.everything() == before
    assert await scene.archive(before=5) is None
    second = await scene.archive(before=11)
    assert second is not None
    assert (second.first, second.last, await scene.stored()) == (29, 70, 0)
    assert await scene.everything() == before


async def test_a_stream_goes_on_after_its_archived_events_and_from_its_snapshot(scene: Scene) -> None:
    await scene.archive(before=11)
    more = NewEvent(PARTITION, stream(2), 11, an_event("2 11", as_of=11))
    await scene.store.commit(UnitOfWork(appends=[more], snapshots=[Snapshot(stream(2), 9, "f", b"s")]))
    loaded = await scene.store.load_since_snapshot([stream(2), stream(3)], "f")
    assert ([event.id for event in loaded[stream(2)].events], loaded[stream(2)].version) == (
        [stable_id("2 10"), stable_id("2 11")],
        11,
    )
    assert loaded[stream(3)].version == 10
    assert [item.position for item in await scene.store.read(PARTITION, 69, 9)] == [70, 71]


async def test_the_chain_is_verified_through_the_archive(scene: Scene) -> None:
    place = await scene.archive(before=5)
    assert place is not None
    log = LogReader(scene.owner, SCHEMA, scene.folder)
    end = (await log.ends())[PARTITION]
    assert list((await verify_partition(log, PARTITION, end)).findings) == []
    assert await verify_stream(log, stream(3)) == (10, [])


async def test_a_changed_file_is_not_read(scene: Scene) -> None:
    place = await scene.archive(before=5)
    assert place is not None
    archive._open.cache_clear()
    path = scene.folder / f"{place.name}.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    with pytest.raises(Invalid) as changed:
        await scene.store.read(PARTITION, 0, 5)
    assert changed.value.reason == "ARCHIVE_CHANGED"
    path.unlink()
    with pytest.raises(Unavailable) as missing:
        await scene.store.load([stream(1)])
    assert missing.value.reason == "ARCHIVE_MISSING"


async def test_what_is_not_as_committed_is_not_archived(scene: Scene) -> None:
    await scene.owner.execute("UPDATE events SET state = state || ' ' WHERE position = 11")
    with pytest.raises(Refused) as refused:
        await scene.archive(before=5)
    assert (refused.value.reason, await scene.stored()) == ("LOG_CHANGED", 70)


async def test_an_archive_that_was_interrupted_is_made_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await scene.everything()
    with monkeypatch.context() as patched:
        patched.setattr(archiving, "DELETE", "SELECT 1 / 0 WHERE $1 <> $2 + $3")
        with pytest.raises(asyncpg.PostgresError):
            await scene.archive(before=5)
    assert await scene.stored() == 70
    assert await scene.owner.fetchval("SELECT count(*) FROM archives") == 0
    assert await scene.everything() == before
    assert await scene.archive(before=5) is not None
    assert (await scene.stored(), await scene.everything()) == (42, before)


async def test_the_runtime_role_cannot_say_that_something_is_archived(scene: Scene) -> None:
    for statement in ("DELETE FROM archives", "INSERT INTO archived_streams VALUES (gen_random_uuid(), 1, 1)"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await scene.store._pool.execute(statement)
