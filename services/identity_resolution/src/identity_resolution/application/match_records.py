"""Compares what identifying events tell with what is known of others, a batch at a time."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec
import numpy as np

from cairn_eventstore import UnitOfWork, seal_field
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_matching import KeyTexts, Reader, Scorer
from identity_resolution.application import metrics
from identity_resolution.application.open_records import SEALED_AS, Opener, shown
from identity_resolution.application.record_ports import RecordChanges, RecordStore, SealedRecord, Suggestion
from identity_resolution.domain.candidates import Death, Ends, Entered, Lists, Pair, Pairs, Record
from identity_resolution.domain.matching import (
    DIGITS,
    LEAST_VALUES,
    Matching,
    Round,
    Suggested,
    anchor,
    suggestion_id,
    told,
)

ROWS_KEPT: Final = 100_000
"""Opened records in memory, about 1 KB each; with more, memory begins anew."""
SEEN_KEPT: Final = 200_000
"""Contents that are known to be stored, 16 bytes each."""
NONCE_BYTES: Final = 12


class Found(NamedTuple):
    """What the records of a batch suggest."""

    suggested: dict[str, list[Suggested]]
    """By the event that brought it about."""
    seen: set[Ends]
    """Those of them that events showed together."""

    @property
    def own_ids(self) -> set[str]:
        """Of the identifiers that are meant."""
        return {own_id for some in self.suggested.values() for one in some for own_id in one.ends}


NOTHING: Final = Found({}, set())


class _New(NamedTuple):
    """A record that nobody has told before."""

    event: Event
    record: Record
    values: dict[str, str]


class _Met(NamedTuple):
    """A new record meets one of another identifier in a living list."""

    by: int
    """Place of the new record among those of the batch."""
    other: int
    """Id of the one it meets."""
    rows: tuple[int, int]


class Compared(NamedTuple):
    """What came of comparing records that were stored long ago."""

    pairs: list[Pair]
    deaths: list[Death]
    changed: list[tuple[int, list[int] | None]]
    """Lists."""
    waiting: list[int]
    """Ids of those that had not been compared in this round before."""


class Keying:
    """Keyed hashes of blocking keys; those of one round are found in no other."""

    def __init__(self, round: Round, secret: Callable[[str], bytes]) -> None:
        """`secret` gives keys for keyed hashes, by their purpose."""
        model, number = round.matching.model, round.number
        self._texts = KeyTexts(model.keys)
        self._key = blake2b(f"{model.version}/{number}".encode(), key=secret("blocking keys")).digest()

    def of(self, values: Mapping[str, str]) -> tuple[int, ...]:
        """One for each key of the model; 0 where a part is missing."""
        return tuple(_hashed(self._key, text) if text else 0 for text in self._texts.of(values))


class _Pool:
    """Opened records that are compared with each other."""

    def __init__(self, matching: Matching) -> None:
        self._fields = {one.name for one in matching.model.fields}
        self._reader = Reader(matching.model.rules, matching.model.date_orders)
        self._scorer = Scorer(matching.model, self._reader.table())
        self.rows: dict[int, tuple[int, str, int]] = {}
        """Record id to row, own id and time."""

    def normalised(self, cells: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in self._reader.normalised(cells).items() if value}

    def known(self, values: Mapping[str, str]) -> dict[str, str]:
        """What the model compares of values that another one may have had normalised."""
        return {name: value for name, value in values.items() if name in self._fields}

    def put(self, id: int, own_id: str, event_time: int, values: Mapping[str, str]) -> None:
        self.rows[id] = (len(self.rows), own_id, event_time)
        self._reader.take(str(id), values, {})

    def score(self, met: Sequence[_Met], least: float) -> list[tuple[_Met, float, str]]:
        """Those of the pairs that reach so many bits, with what adds up to them."""
        self._scorer.follow(self._reader.table())
        rows = np.array([one.rows for one in met], dtype=np.int32).reshape(-1, 2)
        left, right = rows[:, 0], rows[:, 1]
        places = self._scorer.promising(left, right, least)
        bits = np.round(self._scorer.bits(left[places], right[places]), DIGITS)
        kept = bits >= least
        places, bits = places[kept], bits[kept]
        parts = self._scorer.told(left[places], right[places])
        return [
            (met[place], value, msgspec.json.encode(told(one)).decode())
            for place, value, one in zip(places.tolist(), bits.tolist(), parts, strict=True)
        ]


class RecordMatcher:
    """Of one tenant. After any failure, `forget` and begin again with the same events."""

    def __init__(
        self, tenant: str, round: Round, store: RecordStore, opener: Opener, secret: Callable[[str], bytes]
    ) -> None:
        """`secret` gives keys for keyed hashes, by their purpose."""
        self._tenant = tenant
        self.round = round
        self.matching = round.matching
        self._store = store
        self._opener = opener
        self._record_key = secret("records")
        self._keying = Keying(round, secret)
        self._nonce_key = secret("nonces")
        self.forget()

    def forget(self) -> None:
        """Drop all memory."""
        self._pool = _Pool(self.matching)
        self._seen: set[bytes] = set()
        self._changes: list[RecordChanges] = []

    async def match(self, events: Iterable[Event]) -> Found:
        """What the events suggest, in their order. Raises Unavailable if keys cannot be had."""
        told = [event for event in events if self.matching.tells(event)]
        if not told:
            return NOTHING
        if len(self._seen) > SEEN_KEPT:
            self._seen.clear()
        self._make_room()
        new = await self._new(told)
        if not new:
            return NOTHING
        lists = await self._lists(new)
        entered, scored = await self._compare(new, lists)
        return await self._conclude(new, entered, scored, lists)

    async def again(self, stored: Iterable[tuple[SealedRecord, Mapping[str, str]]], cause: Event) -> Compared:
        """Compare opened records that earlier rounds compared; those that came in during this one are skipped."""
        self._make_room()
        new: list[_New] = []
        for one, opened in stored:
            values = self._pool.known(opened)
            record = Record(one.id, one.own_id, one.event_time, self._keying.of(values))
            new.append(_New(cause, record, values))
        lists = await self._lists(new)
        new = [one for one in new if not lists.hold(one.record)]
        waiting = [one.record.id for one in new]
        new = [one for one in new if len(one.values) >= LEAST_VALUES]
        entered, scored = await self._compare(new, lists)
        pairs = [self._pair(new[met.by].record, entered[met.by], met.other, bits, why) for met, bits, why in scored]
        return Compared(pairs, [death for one in entered for death in one.died], lists.changed(), waiting)

    def weight(self, best: Pair | None) -> float | None:
        """The bits of a link, if the strongest pair of two identifiers' records makes one."""
        return best.bits if best is not None and best.bits >= self.matching.automatic_bits else None

    def write(self, work: UnitOfWork) -> None:
        """Put what changed into a unit of work."""
        for changes in self._changes:
            self._store.write(work, changes)
        self._changes.clear()

    def _make_room(self) -> None:
        if len(self._pool.rows) > ROWS_KEPT:
            self._pool = _Pool(self.matching)

    async def _lists(self, new: Sequence[_New]) -> Lists:
        keys = {key for one in new for key in one.record.keys if key}
        return Lists(await self._store.lists(keys), self.matching.limits)

    async def _compare(self, new: Sequence[_New], lists: Lists) -> tuple[list[Entered], list[tuple[_Met, float, str]]]:
        """Put records into their lists, and compare each with those it meets there."""
        entered = [lists.enter(one.record) for one in new]
        await self._have({id for one in entered for id in one.met} - {one.record.id for one in new})
        for one in new:
            if one.record.id not in self._pool.rows:
                self._pool.put(one.record.id, one.record.own_id, one.record.event_time, one.values)
        return entered, self._pool.score(self._met(new, entered), self.matching.review_bits)

    async def _new(self, events: Sequence[Event]) -> list[_New]:
        """The records that are not known yet, each once."""
        unseen = []
        for event in events:
            digest = blake2b(
                b"\x1e".join((repr(anchor(event)).encode(), shown(event, self.matching.fields.values()))),
                digest_size=16,
            ).digest()
            if digest not in self._seen:
                self._seen.add(digest)
                unseen.append(event)
        await self._opener.fetch({event.key_id for event in unseen})
        made: dict[int, _New] = {}
        for event in unseen:
            one = self._made(event)
            if one is not None and one.record.id not in self._pool.rows:
                made.setdefault(one.record.id, one)
        known = await self._store.known(made) if made else set()
        return [one for id, one in made.items() if id not in known]

    def _made(self, event: Event) -> _New | None:
        identifier = anchor(event)
        if identifier is None or self._opener.key(event.key_id) is None:
            return None
        values = self._pool.normalised(self._opener.cells(event, self.matching))
        if len(values) < LEAST_VALUES:
            return None
        own_id = stable_id("profile", self._tenant, *identifier)
        content = json.dumps([own_id, sorted(values.items())], separators=(",", ":"))
        record = Record(_hashed(self._record_key, content), own_id, event.event_time, self._keying.of(values))
        return _New(event, record, values)

    async def _have(self, ids: Collection[int]) -> None:
        """Bring in records that are to be compared. One whose key was erased is not there any more."""
        missing = [id for id in ids if id not in self._pool.rows]
        if not missing:
            return
        stored = await self._store.records(missing)
        await self._opener.fetch({one.key_id for one in stored})
        for one in stored:
            values = self._opener.values(one)
            if values is not None:
                self._pool.put(one.id, one.own_id, one.event_time, values)

    def _met(self, new: Sequence[_New], entered: Sequence[Entered]) -> list[_Met]:
        found = []
        rows = self._pool.rows
        for by, (one, came) in enumerate(zip(new, entered, strict=True)):
            row, own_id, _ = rows[one.record.id]
            for other in came.met:
                known = rows.get(other)
                if known is not None and known[1] != own_id:
                    found.append(_Met(by, other, (known[0], row)))
        metrics.RECORDS.inc(len(new))
        metrics.COMPARED.inc(len(found))
        return found

    def _pair(self, record: Record, came: Entered, other: int, bits: float, why: str) -> Pair:
        _, own_id, at = self._pool.rows[other]
        (left, left_id), (right, right_id) = sorted(((record.own_id, record.id), (own_id, other)))
        when = max(at, record.event_time)
        return Pair((left, right), left_id, right_id, bits, frozenset(came.met[other]), when, why)

    async def _conclude(
        self,
        new: Sequence[_New],
        entered: Sequence[Entered],
        scored: Sequence[tuple[_Met, float, str]],
        lists: Lists,
    ) -> Found:
        """Fold deaths and pairs record by record, so that it shows which event brought what about."""
        deaths = [death for one in entered for death in one.died]
        metrics.DEAD_LISTS.inc(len(deaths))
        by_record: dict[int, list[Pair]] = {}
        for met, bits, why in scored:
            pair = self._pair(new[met.by].record, entered[met.by], met.other, bits, why)
            by_record.setdefault(met.by, []).append(pair)
        concerned = {pair.ends for some in by_record.values() for pair in some}
        if deaths:
            concerned |= await self._store.pairs_among({member for death in deaths for member in death.members})
        pairs = Pairs(await self._store.pairs(concerned) if concerned else ())
        before = {ends: self.weight(pairs.best(ends)) for ends in concerned}
        suggested: dict[str, list[Suggested]] = {}
        suggestions: list[Suggestion] = []
        for place, (one, came) in enumerate(zip(new, entered, strict=True)):
            for ends in _fold(pairs, came.died, by_record.get(place, ())):
                best = pairs.best(ends)
                weight = self.weight(best)
                name = suggestion_id(self._tenant, ends)
                suggestions.append(Suggestion(name, self._tenant, ends, best, weight is not None, one.event.as_of))
                if weight != before[ends]:
                    before[ends] = weight
                    suggested.setdefault(one.event.id, []).append(Suggested(ends, weight))
        count(suggestions)
        self._changes.append(
            RecordChanges([self._sealed(one) for one in new], lists.changed(), pairs.changed(), suggestions)
        )
        meant = {one.ends for some in suggested.values() for one in some}
        return Found(suggested, await self._store.seen(meant) if meant else set())

    def _sealed(self, one: _New) -> SealedRecord:
        """The values, sealed under the customer's key; the same ones give the same bytes."""
        event, record = one.event, one.record
        text = json.dumps(one.values, sort_keys=True, separators=(",", ":")).encode()
        nonce = blake2b(b"%d\x1f" % record.id + text, key=self._nonce_key, digest_size=NONCE_BYTES).digest()
        key = self._opener.key(event.key_id) or b""  # it was opened with it
        sealed = seal_field(key, tenant=self._tenant, key_id=event.key_id, field=SEALED_AS, value=text, nonce=nonce)
        return SealedRecord(record.id, self._tenant, record.own_id, record.event_time, event.key_id, sealed)


def count(suggestions: Sequence[Suggestion]) -> None:
    """Tell metrics of what was suggested."""
    linked = sum(one.linked for one in suggestions)
    metrics.SUGGESTIONS.labels("automatic").inc(linked)
    metrics.SUGGESTIONS.labels("review").inc(len(suggestions) - linked)


def _hashed(key: bytes, text: str) -> int:
    digest = blake2b(text.encode(), key=key, digest_size=8, person=b"cairn")
    return int.from_bytes(digest.digest(), "big", signed=True) or 1


def _fold(pairs: Pairs, died: Iterable[Death], found: Iterable[Pair]) -> list[Ends]:
    """Whom it concerns, in an order that only their ids give."""
    touched = {ends for death in died for ends in pairs.bury(death)}
    touched |= {pairs.add(pair) for pair in found}
    return sorted(touched)
