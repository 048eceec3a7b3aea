"""Takes arrivals in: one transaction decides what is new, seals it, stamps it, appends it, keeps the rest aside."""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from cairn_eventstore import EventStore, NewEvent, StreamConflict, UnitOfWork, seal_field
from cairn_kernel.errors import Unavailable
from cairn_kernel.event import Event, canonical
from cairn_kernel.time import DAY
from cairn_messaging import Publisher
from ingestion.application import metrics
from ingestion.application.ports import KeptAside, Ledger
from ingestion.application.subject_keys import SubjectKeys
from ingestion.domain import clock as clocks
from ingestion.domain.arriving import Arrival
from ingestion.domain.clock import Clock, Mode
from ingestion.domain.drafts import Aside, Draft, Secrets, aside_from, event
from ingestion.domain.fates import Fate, Outcome
from ingestion.domain.faults import ID_REUSED, BadEvent

PAYLOAD: Final = "payload"
"""The name under which a payload is sealed."""


class StepClosing(Unavailable):
    """A step of the time-lapse is just ending: events wait until the next one is open."""

    default_reason = "STEP_CLOSING"


class _Sorted(NamedTuple):
    """A batch, before anything of it is written."""

    outcomes: list[Outcome]
    stamped: list[tuple[Draft, int, int]]
    """What is new, with its time and its as_of."""
    asides: list[Aside]


class Admit:
    """The one writer of the front door in this process."""

    def __init__(
        self,
        store: EventStore,
        publisher: Publisher,
        ledger_on: Callable[[Any], Ledger],
        keys: SubjectKeys,
        secrets: Secrets,
        now_us: Callable[[], int],
        *,
        step_max_us: int,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._ledger_on = ledger_on
        self._keys = keys
        self._secrets = secrets
        self._now_us = now_us
        self._step_max_us = step_max_us

    async def __call__(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        """Outcomes in order. Raises StepClosing or Unavailable; doing it again is harmless."""
        started = time.perf_counter()
        try:
            outcomes = await self._commit(arrivals, look_far_back=False)
        except StreamConflict:  # older than the days remembered: the log itself knows it
            outcomes = await self._commit(arrivals, look_far_back=True)
        metrics.COMMIT_SECONDS.observe(time.perf_counter() - started)
        metrics.count(outcomes)
        return outcomes

    async def _commit(self, arrivals: Sequence[Arrival], *, look_far_back: bool) -> list[Outcome]:
        work = UnitOfWork()
        outcomes: list[Outcome] = []
        keys: dict[str, bytes] = {}

        async def prepare(connection: Any) -> None:
            ledger = self._ledger_on(connection)
            clock = await ledger.clock()
            if clock.mode is Mode.CLOSING:
                raise StepClosing("a step of the time-lapse is ending")
            now = self._now_us()
            sorted_ = await self._sort(arrivals, clock, now, ledger, look_far_back=look_far_back)
            keys.update(await self._keys.at_hand(_wanted(sorted_), ledger))
            work.appends = [self._sealed(*row, keys) for row in sorted_.stamped]
            if work.appends:
                digests = {made.event_id: made.digest for made, _, _ in sorted_.stamped}
                await ledger.remember(now // DAY, digests, max([as_of for _, _, as_of in sorted_.stamped]))
            if sorted_.asides:
                await ledger.keep_aside([_kept(row, now, keys) for row in sorted_.asides])
            outcomes[:] = sorted_.outcomes

        work.prepare = prepare
        committed = await self._store.commit(work)
        self._keys.keep(keys)
        await self._publisher.publish((run.partition, run.first, run.events) for run in committed)
        return outcomes

    async def _sort(
        self, arrivals: Sequence[Arrival], clock: Clock, now: int, ledger: Ledger, *, look_far_back: bool
    ) -> _Sorted:
        drafts = [arrival for arrival in arrivals if isinstance(arrival, Draft)]
        known = await ledger.seen({made.event_id for made in drafts}) if drafts else {}
        old = await ledger.stored({made.event_id for made in drafts}) if look_far_back else set()
        sorted_ = _Sorted([], [], [])
        for arrival in arrivals:
            if isinstance(arrival, Aside):
                self._set_aside(arrival, sorted_)
                continue
            digest = known.get(arrival.event_id)
            if digest is None and arrival.event_id not in old:
                self._stamp(arrival, clock, now, sorted_, known)
            elif digest is None or digest == arrival.digest:
                sorted_.outcomes.append(Outcome(Fate.DUPLICATE, arrival.event_id))
            else:
                self._set_aside(aside_from(arrival, ID_REUSED, "messageId", self._secrets), sorted_)
        return sorted_

    def _stamp(self, made: Draft, clock: Clock, now: int, sorted_: _Sorted, known: dict[str, bytes]) -> None:
        try:
            event_time, as_of = clocks.stamp(clock, made.event_time, now=now, step_max_us=self._step_max_us)
        except BadEvent as fault:
            self._set_aside(aside_from(made, fault.reason, fault.field, self._secrets), sorted_)
            return
        known[made.event_id] = made.digest
        sorted_.stamped.append((made, event_time, as_of))
        sorted_.outcomes.append(Outcome(Fate.ACCEPTED, made.event_id))

    @staticmethod
    def _set_aside(kept: Aside, sorted_: _Sorted) -> None:
        sorted_.asides.append(kept)
        sorted_.outcomes.append(Outcome(Fate.QUARANTINED, "", kept.reason, kept.field, kept.quarantine_id))

    def _sealed(self, made: Draft, event_time: int, as_of: int, keys: dict[str, bytes]) -> NewEvent:
        sealed = (
            {field: self._seal(made, field, value, keys[made.key_id]) for field, value in made.personal.items()}
            if made.personal
            else {}
        )
        return new(event(made, event_time=event_time, as_of=as_of, sealed=sealed), made.partition)

    def _seal(self, made: Draft, field: str, value: Any, key: bytes) -> bytes:
        """Canonical JSON of the value, encrypted; equal values show equal nonces."""
        tenant, text = made.source.tenant, canonical(value)
        nonce = self._secrets.nonce(tenant, made.key_id, field, text)
        return seal_field(key, tenant=tenant, key_id=made.key_id, field=field, value=text, nonce=nonce)


def new(made: Event, partition: int) -> NewEvent:
    """An event is a stream of its own in the `events` log."""
    return NewEvent(partition, made.id, 1, made)


def _wanted(sorted_: _Sorted) -> dict[str, str]:
    wanted = {made.key_id: made.source.tenant for made, _, _ in sorted_.stamped if made.personal}
    return wanted | {kept.key_id: kept.source.tenant for kept in sorted_.asides}


def _kept(kept: Aside, now: int, keys: dict[str, bytes]) -> KeptAside:
    tenant = kept.source.tenant
    payload = seal_field(keys[kept.key_id], tenant=tenant, key_id=kept.key_id, field=PAYLOAD, value=kept.payload)
    return KeptAside(
        kept.quarantine_id,
        tenant,
        kept.source.name,
        kept.message_id,
        kept.reason,
        kept.field,
        now,
        kept.key_id,
        payload,
        kept.form,
        kept.historical,
    )
