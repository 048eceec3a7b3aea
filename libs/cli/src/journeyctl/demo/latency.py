"""How long a decision takes: from an event's commit to the dispatch of its message, live, at a modest rate.

Measured from outside, on the bus: ingestion publishes an event right after its commit, and activation publishes a
dispatch. Both are seen by one observer, so that its own delay cancels out. It runs in an installation of its own: the
year just played stays as it is.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import nats

from cairn.connector.v1.connector_pb2 import Dispatch
from cairn.event.v1.event_pb2 import Batch, Bundle
from cairn_journey import Programme
from journeyctl.apply import apply_everywhere
from journeyctl.demo.front_door import FrontDoor
from journeyctl.demo.households import Call
from journeyctl.demo.reading import event_id
from journeyctl.demo.results import Latency
from journeyctl.demo.stage import set_up

RATE: Final = 100.0
"""Events a second."""
WARM_UP: Final = 60
MEASURED: Final = 400
"""Customers, each with an identify and a first basket, that is answered by a welcome."""
_LOOKS: Final = 150
_LOOK_S: Final = 0.1


class _Planned(msgspec.Struct):
    correlation_id: str = ""
    data: dict[str, Any] = {}


class _Id(msgspec.Struct):
    id: str


_planned: Final = msgspec.msgpack.Decoder(_Planned)
_id: Final = msgspec.msgpack.Decoder(_Id)


class _Observer:
    """When each event and each dispatch was seen on the bus, and which dispatch an event led to."""

    def __init__(self) -> None:
        self.events: dict[str, float] = {}
        self.dispatches: dict[str, float] = {}
        self.causes: dict[str, str] = {}

    async def see(self, message: Any) -> None:
        now = time.perf_counter()
        log, _, kind = message.subject.partition(".")
        if log == "dispatch":
            self.dispatches.setdefault(Dispatch.FromString(message.data).delivery_id, now)
            return
        batches = Bundle.FromString(message.data).batches if kind == "bundle" else [Batch.FromString(message.data)]
        for entry in (entry for batch in batches for entry in batch.entries):
            if log == "events":
                self.events.setdefault(_id.decode(entry.event).id, now)
            elif entry.type == "delivery.planned":
                planned = _planned.decode(entry.event)
                self.causes[planned.data["delivery_id"]] = planned.correlation_id

    def waits_ms(self, wanted: set[str]) -> list[float]:
        """Event to dispatch, for the wanted events."""
        return [
            (seen - self.events[cause]) * 1_000
            for delivery, seen in self.dispatches.items()
            if (cause := self.causes.get(delivery, "")) in wanted and cause in self.events
        ]


def measure(home: Path, programme: Programme, year: Sequence[Call]) -> Latency:
    """Run the live phase in a folder of its own and stop everything again."""
    newcomers = list(_newcomers(year, WARM_UP + MEASURED))
    with ExitStack() as stack:
        stage = stack.enter_context(set_up(home))
        apply_everywhere(stage.services, programme)
        door = stack.enter_context(FrontDoor(stage.front_door))
        return asyncio.run(_watch(stage.installation.nats_url, door, newcomers))


async def _watch(nats_url: str, door: FrontDoor, newcomers: Sequence[tuple[Call, Call]]) -> Latency:
    observer = _Observer()
    client = await nats.connect(nats_url)
    try:
        for subject in ("events.*", "deliveries.*", "dispatch.*"):
            await client.subscribe(subject, cb=observer.see)
        await client.flush()
        await asyncio.to_thread(_trickle, door, [call for pair in newcomers for call in pair])
        wanted = {event_id(basket) for _, basket in newcomers[WARM_UP:]}
        for _ in range(_LOOKS):
            if len(observer.waits_ms(wanted)) == len(wanted):
                break
            await asyncio.sleep(_LOOK_S)
    finally:
        await client.close()
    waits = sorted(observer.waits_ms(wanted))
    return Latency(percentile(waits, 50), percentile(waits, 99), len(waits), RATE)


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The value that so many percent of the ordered values do not exceed; 0 if there are none."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


def _trickle(door: FrontDoor, calls: Sequence[Call]) -> None:
    began = time.perf_counter()
    for number, call in enumerate(calls):
        ahead = began + number / RATE - time.perf_counter()
        if ahead > 0:
            time.sleep(ahead)
        door.enqueue(call._replace(at=datetime.now(UTC)))
    door.flush()


def _newcomers(year: Sequence[Call], wanted: int) -> Iterator[tuple[Call, Call]]:
    """Households without a card, each with who they are and the first basket they bought."""
    known: dict[str, Call] = {}
    done: set[str] = set()
    for call in year:
        if call.user_id is None or call.user_id in done or int(call.user_id) % 3 == 0:
            continue
        if call.kind == "identify":
            known[call.user_id] = call
        elif call.event == "Basket Purchased" and call.user_id in known:
            done.add(call.user_id)
            yield known[call.user_id], call
            if len(done) == wanted:
                return
