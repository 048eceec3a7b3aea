"""The processor: decisions become deliveries, receipts become facts, and a step ends when all is known."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog

from activation.application import metrics
from activation.application.claiming import Claiming
from activation.application.claims import Claims
from activation.application.clocks import Clocks
from activation.application.deliveries import Deliveries
from activation.application.desk import Desk, Item
from activation.application.dispatcher import Dispatcher, Outgoing
from activation.application.mail import Arrived, Mail
from activation.application.planning import Planning
from activation.application.ports import Tables
from activation.application.steps import Steps
from activation.application.turn import Turn
from activation.application.watch import Watch
from activation.domain.claim import NotYet, Order
from activation.domain.consent import Merge, Split
from activation.domain.delivery import Delivery, fact
from activation.domain.plan import delivery_id
from activation.domain.receipt import receive
from activation.domain.status import PLANNED, SUPPRESSED
from cairn_decisions.stored import STORED as READABLE
from cairn_eventstore import EventStore, InboxAdvance, UnitOfWork
from cairn_kernel.consents import word_of
from cairn_kernel.event import CONSENT_CHANGED, MARKER, MEMBER_ADDRESSED, MERGED, SPLIT, Event, from_msgpack
from cairn_messaging import Entry

log: Final = structlog.get_logger()

DECISION: Final = "decision.made"
WITHDRAWN: Final = "decision.withdrawn"
HANDLED: Final = frozenset({DECISION, WITHDRAWN, CONSENT_CHANGED, MERGED, SPLIT, MEMBER_ADDRESSED})
MAX_RECEIPTS: Final = 2_000


class DeliveryProcessor:
    """A Processor with one stream per delivery. One turn at a time: what it keeps in memory needs no locks."""

    def __init__(
        self,
        store: EventStore,
        tables: Tables,
        planning: Planning,
        desk: Desk,
        deliveries: Deliveries,
        clocks: Clocks,
        claiming: Claiming,
        mail: Mail,
        dispatcher: Dispatcher,
    ) -> None:
        self._store = store
        self._tables = tables
        self._planning = planning
        self._desk = desk
        self._deliveries = deliveries
        self._clocks = clocks
        self._claiming = claiming
        self._mail = mail
        self._dispatcher = dispatcher
        self._watch = Watch(desk, clocks)
        self._steps = Steps(desk, clocks, self._watch)
        self._rows: dict[int, InboxAdvance] = {}
        self._claims: Claims | None = None
        self.wake: Callable[[], None] = lambda: None
        """Asks for another turn soon."""

    async def process(self, entries: Mapping[int, Sequence[Entry]], work: UnitOfWork) -> dict[int, int]:
        """See Processor.process."""
        turn = Turn(work)
        await self._receive(self._mail.take(MAX_RECEIPTS), turn)
        counts, decisions, withdrawn = self._read(entries, turn)
        for facts in await self._planning.plan(decisions, turn):
            self._follow(turn.begin(facts))
        await self._withdraw(withdrawn, turn)
        fronts = self._steps.fronts(entries)
        self._steps.release(fronts, self._rows.keys())
        counts.update(dict.fromkeys(self._steps.end(fronts, turn), 1))
        claims = self._claims = await self._claiming.next(turn, self._watch.timed)
        self._planning.park_unreadable(turn)
        turn.add_rows(self._desk.get)
        self._watch.sweep(work, set(self._rows))
        if claims is not None:
            work.prepare = claims.prepare(work)
            turn.touched |= {candidate.item.partition for candidate in claims.candidates}
        work.inbox += [self._rows[part] for part in sorted(turn.touched) if not counts.get(part)]
        if work.empty and not any(counts.values()):
            self._mail.done()
        return counts

    async def tick(self, upto: Mapping[int, int], work: UnitOfWork) -> bool:
        """See Processor.tick."""
        for partition, instant in upto.items():
            if self._clocks.live(partition):
                self._clocks.saw(partition, instant)
                self._claiming.lapsed |= await self._watch.lapsed(self._store, partition, instant, work)
        self.wake()
        return False

    async def gained(self, partitions: Mapping[int, InboxAdvance]) -> None:
        """See Processor.gained."""
        await self.lost(set(partitions))
        self._rows.update(partitions)
        await self._planning.begin(partitions.keys())
        self._clocks.begin(partitions.keys(), await self._tables.modes(partitions.keys()))
        await self._watch.begin(self._store, partitions.keys())
        for row in await self._tables.open_deliveries(partitions.keys()):
            self._desk.put(Item(*row))
        self.wake()

    async def lost(self, partitions: set[int]) -> None:
        """See Processor.lost."""
        self._claims = None
        self._mail.again()
        self._deliveries.forget_all()
        self._desk.drop(partitions)
        self._planning.forget(partitions)
        self._steps.forget(partitions)
        for partition in partitions:
            self._rows.pop(partition, None)

    def committed(self, work: UnitOfWork) -> None:
        """See Processor.committed."""
        for move in work.inbox:
            self._rows[move.partition] = move._replace(before=move.last)
        for new in work.appends:
            metrics.FACTS.labels(new.event.type.rpartition(".")[2]).inc()
        claims, self._claims = self._claims, None
        if claims is not None:
            self._follow_claims(claims)
        self._mail.done()
        self._deliveries.shrink()
        if work.appends or len(self._mail):
            self.wake()

    def _follow_claims(self, claims: Claims) -> None:
        for claimed in claims.results:
            self._deliveries.put(claimed.delivery)
            verdict = claimed.verdict
            if isinstance(verdict, Order):
                self._desk.put(claimed.item)
                if claimed.dispatch is not None:
                    self._dispatcher.send(Outgoing(claimed.item.connector, claimed.dispatch))
            elif isinstance(verdict, NotYet):
                self._watch.put_off(claimed.item, verdict.at)
            else:
                self._desk.close(claimed.item.id)

    async def _receive(self, arrived: Sequence[Arrived], turn: Turn) -> None:
        await self._deliveries.recall([each.receipt.delivery_id for each in arrived])
        for each in arrived:
            metrics.RECEIPTS.labels(each.receipt.status).inc()
            delivery = self._deliveries.get(each.receipt.delivery_id)
            if each.receipt.delivery_id in self._deliveries.unreadable:
                self._mail.not_ours(each)  # nor anybody's before an upgrade; until then it comes again
            elif delivery is None:
                log.warning("receipt.unknown", delivery_id=each.receipt.delivery_id)
            elif turn.partition(delivery) not in self._rows:
                self._mail.not_ours(each)
            elif (told := receive(delivery, each.receipt)) is not None:
                turn.note(each)
                self._follow(turn.add(delivery, told))

    async def _withdraw(self, withdrawn: Sequence[Event], turn: Turn) -> None:
        """Keep back what no connector has had yet."""
        named = {delivery_id(str(one.data["decision_id"]), str(one.data["channel"])): one for one in withdrawn}
        await self._deliveries.recall(named.keys())
        for id, one in named.items():
            if id in self._deliveries.unreadable:
                raise self._deliveries.unreadable[id].error  # it must not go out, and we cannot say so
            delivery = self._deliveries.get(id)
            if delivery is not None and delivery.open and not delivery.in_flight:
                self._follow(turn.add(delivery, fact(delivery, SUPPRESSED, at=one.as_of, reason="WITHDRAWN")))

    def _follow(self, delivery: Delivery) -> None:
        """Bring cache and desk up to a delivery's new state."""
        self._deliveries.put(delivery)
        item = self._desk.get(delivery.id)
        if not delivery.open:
            self._desk.close(delivery.id)
        elif item is None or delivery.status == PLANNED:
            self._desk.put(_item(delivery, Turn.partition(delivery)))

    def _read(
        self, entries: Mapping[int, Sequence[Entry]], turn: Turn
    ) -> tuple[dict[int, int], list[tuple[Entry, Event]], list[Event]]:
        counts: dict[int, int] = {}
        decisions: list[tuple[Entry, Event]] = []
        withdrawn: list[Event] = []
        for partition, run in entries.items():
            counts[partition] = next((at for at, entry in enumerate(run) if entry.type == MARKER), len(run))
            for entry in run[: counts[partition]]:
                if entry.type not in HANDLED:
                    continue
                event = from_msgpack(entry.body)
                self._clocks.saw(partition, event.as_of)
                if entry.type == DECISION:
                    decisions.append((entry, event))
                    continue
                event = READABLE.newest(event)  # what forbids a message stops its partition if it cannot be read
                if entry.type == WITHDRAWN:
                    withdrawn.append(event)
                elif entry.type == MEMBER_ADDRESSED:
                    turn.pass_on(partition, event)
                else:
                    _hear(event, turn)
        return counts, decisions, withdrawn


def _hear(event: Event, turn: Turn) -> None:
    data = event.data
    if event.type == CONSENT_CHANGED:
        turn.words.append(word_of(event))
        return
    first, second = str(data["from"]), str(data["to"])
    told = (event.profile_id == first, event.profile_id == second)
    if event.type == MERGED:
        turn.merges.append(Merge(first, second, event.as_of, *told, event.causation_id))
    else:
        events = tuple(sorted(map(str, data.get("events", ()))))
        bounds = [str(data.get(name, "")) for name in ("since", "until")]
        turn.splits.append(Split(first, second, event.as_of, events, *told, " ".join([event.causation_id, *bounds])))


def _item(delivery: Delivery, partition: int) -> Item:
    deferred = delivery.deferred and delivery.attempt == 0
    return Item(delivery.id, partition, delivery.connector, delivery.due, delivery.expires_at, deferred)
