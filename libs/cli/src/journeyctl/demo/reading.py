"""What the logs say afterwards, read back through LogService and compared by ids."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

import msgspec

from cairn.ingestion.v1 import ingestion_pb2
from cairn.log.v1 import log_pb2
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS
from cairn_kernel.time import to_datetime
from journeyctl.demo.front_door import SOURCE
from journeyctl.demo.households import Call, Period
from journeyctl.demo.results import Slice
from journeyctl.demo.stage import TENANT
from journeyctl.services import Services, ask

_PAGE: Final = 5_000


class Head(msgspec.Struct):
    """The part of an event that is compared; the rest is not decoded."""

    id: str
    as_of: int
    data: dict[str, Any] = {}


class Id(msgspec.Struct):
    """Only whose event it is."""

    id: str


_heads: Final = msgspec.msgpack.Decoder(Head)
_ids: Final = msgspec.msgpack.Decoder(Id)


class Fate(NamedTuple):
    """What became of all that was sent; `sent` is the sum of the others."""

    sent: int
    accepted: int
    duplicates: int
    quarantined: int
    lost: int


def fate(services: Services, calls: Sequence[Call], sent: int) -> Fate:
    """Compare the ids of what was sent with those in the `events` log and in the quarantine."""
    wanted = {event_id(call): call.message_id for call in calls}
    stored = stored_ids(services)
    missing = {message_id for id, message_id in wanted.items() if id not in stored}
    aside = missing & quarantined(services)
    return Fate(
        sent=sent,
        accepted=len(wanted) - len(missing),
        duplicates=sent - len(wanted),
        quarantined=len(aside),
        lost=len(missing) - len(aside),
    )


def event_id(call: Call) -> str:
    """The id that ingestion gives the event of a call."""
    return stable_id("event", TENANT, SOURCE, call.message_id)


def stored_ids(services: Services) -> set[str]:
    """The ids of all events in the `events` log."""
    return {_ids.decode(body).id for _, body in entries(services, "ingestion")}


def quarantined(services: Services) -> set[str]:
    """The message ids of all events kept aside."""
    found: set[str] = set()
    token = ""
    while True:
        page = ask(
            services.ingestion.ListQuarantine, ingestion_pb2.ListQuarantineRequest(page_size=1000, page_token=token)
        )
        found.update(event.message_id for event in page.events)
        token = page.next_page_token
        if not token:
            return found


def entries(services: Services, service: str) -> Iterator[tuple[str, bytes]]:
    """Type and bytes of every event in the log of a service, partition by partition."""
    log = services.log(service)
    for partition in range(PARTITIONS):
        after = 0
        while True:
            batch = ask(log.Read, log_pb2.ReadRequest(partition=partition, after=after, limit=_PAGE)).batch
            if not batch.entries:
                break
            for entry in batch.entries:
                yield entry.type, entry.event
            after = batch.last


def slices(services: Services, calls: Sequence[Call], period: Period) -> list[Slice]:
    """Baskets sent and messages decided, by day in a short period, by week in a long one."""
    width = timedelta(days=slice_days(period))
    baskets = Counter(max(0, (call.at - period.start) // width) for call in calls if call.event == "Basket Purchased")
    messages: Counter[int] = Counter()
    for type, body in entries(services, "decisioning"):
        if type == "decision.made":
            head = _heads.decode(body)
            if head.data.get("chosen"):
                messages[(to_datetime(head.as_of) - period.start) // width] += 1
    count = -((period.start - period.end) // width)
    return [Slice(period.start + number * width, baskets[number], messages[number]) for number in range(count)]


def slice_days(period: Period) -> int:
    """How many days a slice has."""
    return 1 if period.days <= 62 else 7


def sent_by_channel(services: Services) -> dict[str, set[str]]:
    """Ids of the deliveries that their connector says left, by channel."""
    found: dict[str, set[str]] = {}
    channels: dict[str, str] = {}
    left: set[str] = set()
    for type, body in entries(services, "activation"):
        if not type.startswith("delivery."):
            continue
        data = _heads.decode(body).data
        delivery_id = data["delivery_id"]
        if channel := data.get("channel"):
            channels[delivery_id] = channel
        if type in _LEFT:
            left.add(delivery_id)
    for delivery_id in left:
        found.setdefault(channels.get(delivery_id, ""), set()).add(delivery_id)
    return found


_LEFT: Final = frozenset({"delivery.sent", "delivery.delivered", "delivery.opened", "delivery.clicked"})
