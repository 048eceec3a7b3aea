"""When a cursor is kept: after Cairn answered for everything before it, whatever happens on the way."""

import asyncio
import random
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import grpc
import pytest

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn.ingestion.v1.ingestion_pb2_grpc import IngestionServiceServicer, add_IngestionServiceServicer_to_server
from cairn_source import Row, Slice, SourceSettings, Unreachable, load_mapping
from cairn_source.cursors import Cursors
from cairn_source.runner import Runner
from cairn_source.sending import FrontDoor

MAPPING = "{kind: Import, name: n, event: Said, time: at, identifiers: {user_id: who}}"
ROWS = 400


class Numbers:
    """Rows 0, 1, 2 … in slices of seven, in two streams."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    async def check(self) -> None:
        """It is always there."""

    async def read(self, cursors: Mapping[str, str]) -> AsyncGenerator[Slice]:
        for stream in ("even", "odd"):
            first = int(cursors.get(stream, "0"))
            for at in range(first, ROWS // 2, 7):
                upto = min(at + 7, ROWS // 2)
                rows = [Row(stream, str(n), {"at": "2024-01-01", "who": f"c{n}"}) for n in range(at, upto)]
                yield Slice(stream, str(upto), rows)

    async def acknowledged(self, stream: str, cursor: str) -> None:
        self.told.append((stream, cursor))


class Door(IngestionServiceServicer):
    """Answers as ingestion does; now and then it is overloaded, or breaks off."""

    def __init__(self, chance: random.Random, breaks: int) -> None:
        self.taken: set[str] = set()
        self.requests = 0
        self._chance = chance
        self.breaks = breaks

    async def IngestStream(self, requests: AsyncIterator[pb.IngestStreamRequest], context: Any) -> Any:
        async for request in requests:
            self.requests += 1
            dice = self._chance.random()
            if dice < 0.05 and self.breaks:
                self.breaks -= 1
                await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
            answer = pb.IngestStreamResponse(sequence=request.sequence)
            if dice < 0.2:
                answer.retry_delay.nanos = 1_000_000
                yield answer
                continue
            for event in request.request.events:
                known = event.message_id in self.taken
                self.taken.add(event.message_id)
                result = answer.results.add()
                result.outcome = result.OUTCOME_DUPLICATE if known else result.OUTCOME_ACCEPTED
            yield answer


@pytest.fixture
async def served() -> AsyncIterator[tuple[Door, str]]:
    door = Door(random.Random(7), breaks=6)  # type: ignore[abstract]  # what it does not answer is not asked
    server = grpc.aio.server()
    add_IngestionServiceServicer_to_server(door, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield door, f"127.0.0.1:{port}"
    await server.stop(None)


def runner(source: Any, address: str, folder: Path, cursors: Cursors) -> Runner:
    (folder / "m.yaml").write_text(MAPPING)
    settings = SourceSettings(source_name="numbers", source_mappings=folder, poll_s=0.01)
    return Runner(source, [load_mapping(folder / "m.yaml")], settings, FrontDoor(address, "key"), cursors)


async def test_refusals_and_breaks_lose_nothing_and_cursors_never_run_ahead(
    served: tuple[Door, str], tmp_path: Path
) -> None:
    door, address = served
    source = Numbers()
    faults: list[str] = []
    with Cursors(tmp_path / "c.sqlite") as cursors:
        running = runner(source, address, tmp_path, cursors)
        while len(door.taken) < ROWS or cursors.all() != {"even": "200", "odd": "200"}:
            try:
                await running.read_once()
            except Unreachable as fault:
                faults.append(fault.reason)
            for stream, cursor in cursors.all().items():
                missing = [n for n in range(int(cursor)) if f"n/{stream}:{n}" not in door.taken]
                assert missing == []
    assert faults == ["INGESTION_UNAVAILABLE"] * (6 - door.breaks)
    assert len(faults) > 2
    for stream in ("even", "odd"):
        told = [int(cursor) for name, cursor in source.told if name == stream]
        assert told == sorted(set(told)), "in order, and each once"


async def test_a_legacy_system_that_fails_in_the_middle_is_reported_as_itself(
    served: tuple[Door, str], tmp_path: Path
) -> None:
    class Failing(Numbers):
        async def read(self, cursors: Mapping[str, str]) -> AsyncGenerator[Slice]:
            async with aclosing(super().read(cursors)) as slices:
                async for item in slices:
                    yield item
                    raise Unreachable("DISK")

    with Cursors(tmp_path / "c.sqlite") as cursors:
        with pytest.raises(Unreachable, match="DISK"):
            await runner(Failing(), served[1], tmp_path, cursors).read_once()

    class Broken(Numbers):
        async def read(self, cursors: Mapping[str, str]) -> AsyncGenerator[Slice]:
            if not cursors:
                raise KeyError("a fault of the worker's own")
            yield Slice("even", "1")

    with Cursors(tmp_path / "d.sqlite") as cursors:
        with pytest.raises(ExceptionGroup) as raised:
            await runner(Broken(), served[1], tmp_path, cursors).read_once()
    assert isinstance(raised.value.exceptions[0], KeyError)


async def test_it_stops_when_told_and_goes_on_from_its_cursors(served: tuple[Door, str], tmp_path: Path) -> None:
    door, address = served
    source = Numbers()
    with Cursors(tmp_path / "c.sqlite") as cursors:
        first = runner(source, address, tmp_path, cursors)
        task = asyncio.get_running_loop().create_task(first.run())
        while not cursors.all():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        first.stop()
        await asyncio.wait_for(task, 60)
        second = runner(source, address, tmp_path, cursors)
        task = asyncio.get_running_loop().create_task(second.run())
        while cursors.all() != {"even": "200", "odd": "200"}:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        second.stop()
        await asyncio.wait_for(task, 60)
    assert len(door.taken) == ROWS


def test_a_second_process_on_the_same_cursors_is_refused(tmp_path: Path) -> None:
    with Cursors(tmp_path / "c.sqlite") as first:
        first.save("a", "1")
        with pytest.raises(BlockingIOError):
            Cursors(tmp_path / "c.sqlite")
    with Cursors(tmp_path / "c.sqlite") as again:
        assert again.all() == {"a": "1"}


@pytest.mark.parametrize("told", ["key-of-one\n", "default/shop:key-of-one\nother/shop:key-of-two\n"])
def test_the_write_key_may_stand_alone_or_as_ingestion_has_it(tmp_path: Path, told: str) -> None:
    (tmp_path / "key").write_text(told)
    settings = SourceSettings(source_name="n", source_mappings=tmp_path, write_key_file=tmp_path / "key")
    assert settings.key() == "key-of-one"


class TicketsOfTheReadme:
    """The example of the README, as it stands there."""

    def __init__(self) -> None:
        text = Path(__file__).parents[1].joinpath("README.md").read_text()
        self.names: dict[str, Any] = {"__name__": "source_tickets"}
        exec(text.partition("```python\n")[2].partition("```")[0], self.names)  # noqa: S102 - it is our own


async def test_the_source_of_the_readme_keeps_its_word(served: tuple[Door, str], tmp_path: Path) -> None:
    log = tmp_path / "tickets.jsonl"
    line = '{"opened": "2024-01-01", "mail": "a@b.example", "topic": "boots"}\n'
    log.write_text(line * 3 + line[:20])
    source = TicketsOfTheReadme().names["TicketSource"](log)
    read: Sequence[Slice] = [item async for item in source.read({})]
    assert [row.place for row in read[0].rows] == ["0", str(len(line)), str(2 * len(line))]
    log.write_text(line * 4)
    again = [item async for item in source.read({"log": read[0].cursor})]
    assert [row.place for row in again[0].rows] == [str(3 * len(line))]
    with pytest.raises(Unreachable, match="NO_LOG"):
        await TicketsOfTheReadme().names["TicketSource"](tmp_path / "none").check()
    assert "source_tickets" not in sys.modules
