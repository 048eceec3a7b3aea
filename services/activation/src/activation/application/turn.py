"""What one batch does: facts, rows and merges of consent, gathered before they are committed."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from activation.application.desk import Item
from activation.application.mail import Arrived
from activation.domain.consent import Ledger, Merge, Split
from activation.domain.delivery import Delivery, evolve
from cairn_eventstore import NewEvent, Timer, UnitOfWork
from cairn_kernel.consents import Word
from cairn_kernel.event import Event
from cairn_kernel.partitions import partition_of

LOG: Final = "deliveries"
UPSTREAM: Final = "decisions"
DUE: Final = "due"
EXPIRES: Final = "expires"

UPSERT_DELIVERY: Final = """
INSERT INTO deliveries VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (delivery_id) DO UPDATE SET status = excluded.status, reason = excluded.reason, open = excluded.open,
    attempt = excluded.attempt, not_after = excluded.not_after
"""
INSERT_RECEIPT: Final = """
INSERT INTO receipts VALUES ($1, $2, $3, to_timestamp($4::float8 / 1000000), $5) ON CONFLICT DO NOTHING
"""
INSERT_CONSENT: Final = """
INSERT INTO consents (at, refuses, as_of, event_id, profile_id, channel, class, state, reason, purpose, source, proof,
    author)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING
"""
UPSERT_MERGE: Final = """
INSERT INTO merges VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (loser, survivor, cause) DO UPDATE SET
    loser_told = merges.loser_told OR excluded.loser_told,
    survivor_told = merges.survivor_told OR excluded.survivor_told
"""
UPSERT_SPLIT: Final = """
INSERT INTO splits VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (giver, receiver, cause) DO UPDATE SET
    giver_told = splits.giver_told OR excluded.giver_told,
    receiver_told = splits.receiver_told OR excluded.receiver_told
"""
UPSERT_MODE: Final = """
INSERT INTO modes VALUES ($1, $2, $3) ON CONFLICT (partition) DO UPDATE SET step = excluded.step, mode = excluded.mode
"""


class Turn:
    """One call of the processor, up to its commit."""

    def __init__(self, work: UnitOfWork) -> None:
        self.work = work
        self.changed: dict[str, Delivery] = {}
        """States after the facts of this turn."""
        self.touched: set[int] = set()
        """Partitions that get facts."""
        self.words: list[Word] = []
        self.merges: list[Merge] = []
        self.splits: list[Split] = []
        self.receipts: list[tuple[Any, ...]] = []
        self.modes: list[tuple[int, int, str]] = []

    @staticmethod
    def partition(delivery: Delivery) -> int:
        """A delivery lives in its profile's partition."""
        return partition_of(delivery.tenant, delivery.profile_id)

    def note(self, arrived: Arrived) -> None:
        """Keep what only the channel knows of a receipt."""
        receipt = arrived.receipt
        row = (receipt.delivery_id, receipt.status, arrived.provider_id, float(arrived.occurred_us), arrived.by_query)
        self.receipts.append(row)

    def begin(self, facts: Sequence[Event]) -> Delivery:
        """A new delivery with its first facts."""
        delivery = Delivery(facts[0])
        partition = self.partition(delivery)
        self.work.appends.append(NewEvent(partition, delivery.id, 1, facts[0]))
        self.touched.add(partition)
        self.changed[delivery.id] = delivery
        for fact in facts[1:]:
            delivery = self.add(delivery, fact)
        return delivery

    def add(self, delivery: Delivery, fact: Event) -> Delivery:
        """One more fact of a delivery; returns the state after it."""
        delivery = evolve(delivery, fact)
        partition = self.partition(delivery)
        self.work.appends.append(NewEvent(partition, delivery.id, delivery.version, fact))
        self.touched.add(partition)
        self.changed[delivery.id] = delivery
        return delivery

    def pass_on(self, partition: int, event: Event) -> None:
        """What is addressed to a member of a subject goes back to the front door."""
        self.work.appends.append(NewEvent(partition, event.id, 1, event))
        self.touched.add(partition)

    def known_now(self, stored: Ledger) -> Ledger:
        """What is stored and what this turn adds to it."""
        words, merges = [*stored.words, *self.words], [*stored.merges, *self.merges]
        return Ledger(words, merges, [*stored.splits, *self.splits])

    def add_rows(self, item_of: Callable[[str], Item | None]) -> None:
        """The read models' rows of all that changed; `item_of` says which attempts run."""
        rows = self.work.rows
        if self.changed:
            rows.append((UPSERT_DELIVERY, [row_of(each, item_of(id)) for id, each in sorted(self.changed.items())]))
        if self.receipts:
            rows.append((INSERT_RECEIPT, sorted(self.receipts)))
        if self.words:
            rows.append((INSERT_CONSENT, sorted(self.words)))
        if self.merges:
            rows.append((UPSERT_MERGE, sorted(self.merges)))
        if self.splits:
            rows.append((UPSERT_SPLIT, sorted(self.splits)))
        if self.modes:
            rows.append((UPSERT_MODE, self.modes))


def row_of(delivery: Delivery, item: Item | None) -> tuple[Any, ...]:
    """A delivery's row of the read model."""
    data = delivery.planned.data
    return (
        delivery.id,
        delivery.tenant,
        Turn.partition(delivery),
        delivery.profile_id,
        data["decision_id"],
        delivery.channel,
        delivery.connector,
        data["action"],
        delivery.status,
        delivery.reason,
        delivery.open,
        delivery.planned.as_of,
        delivery.due,
        delivery.expires_at,
        delivery.attempt,
        item.not_after if item is not None and item.flying else 0,
    )


def timers_of(item: Item) -> list[Timer]:
    """What wakes us for a delivery that nobody has, when its partition is complete to that instant."""
    timers = [Timer(item.partition, item.id, EXPIRES, item.expires_at + 1)]
    return [Timer(item.partition, item.id, DUE, item.due), *timers] if item.deferred else timers
