"""Events kept aside are looked at, mended and taken in after all."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from cairn_eventstore import open_field
from cairn_kernel.errors import Invalid, NotFound
from ingestion.application.admit import PAYLOAD
from ingestion.application.event_types import EventTypes
from ingestion.application.receive import Receive
from ingestion.application.subject_keys import StoredKeys, SubjectKeys
from ingestion.domain import declared, dialects
from ingestion.domain.arriving import Arrival, Request, arrive
from ingestion.domain.drafts import DRAFT, Draft, Secrets, redrafted
from ingestion.domain.fates import Fate, Outcome
from ingestion.domain.told import Source

MOST: Final = 500
"""Events redriven at once."""
NO_ID: Final = "00000000-0000-0000-0000-000000000000"


class Kept(NamedTuple):
    """A row of the quarantine with all that is needed to understand it again."""

    quarantine_id: str
    tenant: str
    source: str
    clock: str
    received: int
    key_id: str
    payload: bytes
    form: str
    historical: bool


class Which(NamedTuple):
    """Which events: by id, or all of a tenant with this source, reason and field (empty: any)."""

    tenant: str
    ids: Sequence[str] = ()
    source: str = ""
    reason: str = ""
    field: str = ""
    after: "Place | None" = None


class Place(NamedTuple):
    """How far a run through the quarantine has come."""

    until: int
    """It is about what was kept aside up to here (µs); what was mended and is still wrong comes later."""
    received: int
    quarantine_id: str


class Quarantine(StoredKeys, Protocol):
    """The table of what is kept aside."""

    async def kept(self, which: Which, limit: int) -> Sequence[Kept]:
        """Oldest first. Raises Unavailable."""
        ...

    async def release(self, quarantine_ids: Sequence[str]) -> int:
        """Forget them; return how many there were."""
        ...


class Redriven(NamedTuple):
    """What became (or, in a dry run, would become) of one event."""

    quarantine_id: str
    outcome: Outcome


class Page(NamedTuple):
    """The events that were tried, and where to go on; None if these were the last."""

    tried: Sequence[Redriven]
    last: Place | None


class Redrive:
    """Payloads go the way of a new arrival, mended by a JSON merge patch (RFC 7396) if one is given."""

    def __init__(
        self,
        table: Quarantine,
        keys: SubjectKeys,
        receive: Receive,
        types: EventTypes,
        secrets: Secrets,
        now_us: Callable[[], int],
    ) -> None:
        self._table = table
        self._types = types
        self._keys = keys
        self._receive = receive
        self._secrets = secrets
        self._now_us = now_us

    async def payload(self, tenant: str, quarantine_id: str) -> bytes:
        """As it came. Raises NotFound (NOT_IN_QUARANTINE, ERASED)."""
        rows = await self._table.kept(Which(tenant, [quarantine_id]), 1)
        if not rows:
            raise NotFound("no such event is in quarantine", reason="NOT_IN_QUARANTINE")
        payload = (await self._opened(rows)).get(quarantine_id)
        if payload is None:
            raise NotFound("the key of this payload was destroyed", reason="ERASED")
        return payload

    async def __call__(self, which: Which, patch: Mapping[str, Any] | None, *, dry: bool) -> Page:
        """At most MOST events, oldest first. Those that are taken in, or were already, leave the quarantine.

        An event that was mended and is still wrong stands there once: under its new id, if that is another.

        Raises Overloaded; doing it again is harmless.
        """
        begun = which.after or Place(self._now_us(), -1, NO_ID)
        rows = await self._table.kept(which._replace(after=begun), MOST)
        opened = await self._opened(rows)
        tried = [
            (row, arrival)
            for row in rows
            if row.quarantine_id in opened
            for arrival in self._again(row, opened[row.quarantine_id], patch)
        ]
        arrivals = [arrival for _, arrival in tried]
        outcomes = [_foreseen(arrival) for arrival in arrivals] if dry else await self._take(arrivals)
        found = [Redriven(row.quarantine_id, outcome) for (row, _), outcome in zip(tried, outcomes, strict=True)]
        if not dry:
            await self._table.release(_settled(found))
        last = begun._replace(received=rows[-1].received, quarantine_id=rows[-1].quarantine_id) if rows else begun
        return Page(found, last if len(rows) == MOST else None)

    async def _take(self, arrivals: Sequence[Arrival]) -> list[Outcome]:
        return await self._receive(arrivals) if arrivals else []

    def _again(self, row: Kept, payload: bytes, patch: Mapping[str, Any] | None) -> list[Arrival]:
        if patch is not None:
            payload = _patched(payload, patch)
        source = Source(row.tenant, row.source, "device" if row.clock == "device" else "server")
        catalogue = self._types.of(row.tenant)
        request = Request(source, row.received, historical=row.historical, catalogue=catalogue)
        name, _, kind = row.form.partition(":")
        try:
            if name == DRAFT:
                return [redrafted(payload)]
            if name == declared.DECLARED:
                return [declared.arrive_again(payload, request, self._secrets)]
        except msgspec.MsgspecError:
            raise Invalid("the payload is not what it was kept as", reason="PATCH", field="merge_patch") from None
        return arrive(payload, request._replace(kind=kind, dialect=dialects.BY_NAME[name]), self._secrets)

    async def _opened(self, rows: Sequence[Kept]) -> dict[str, bytes]:
        """Payloads by quarantine id; those whose key was destroyed are left out."""
        keys = await self._keys.unwrap({row.key_id for row in rows}, self._table)
        return {
            row.quarantine_id: open_field(
                keys[row.key_id], tenant=row.tenant, key_id=row.key_id, field=PAYLOAD, sealed=row.payload
            )
            for row in rows
            if row.key_id in keys
        }


def _settled(found: Sequence[Redriven]) -> list[str]:
    """Those taken in whole, and those kept aside anew under another id."""
    left = {item.quarantine_id for item in found if item.outcome.quarantine_id == item.quarantine_id}
    return sorted({item.quarantine_id for item in found} - left)


def _foreseen(arrival: Arrival) -> Outcome:
    if isinstance(arrival, Draft):
        return Outcome(Fate.ACCEPTED, arrival.event_id)
    return Outcome(Fate.QUARANTINED, reason=arrival.reason, field=arrival.field)


def _patched(payload: bytes, patch: Mapping[str, Any]) -> bytes:
    """What is no JSON, or too deep, stays as it came, and is kept aside again: it does not hold up the others."""
    try:
        return msgspec.json.encode(merged(msgspec.json.decode(payload), patch))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        with suppress(ValueError, RecursionError):  # NaN and lone surrogates: the patch may be what takes them away
            return json.dumps(merged(json.loads(payload), patch)).encode()
        return payload


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396: maps are merged, null takes a field away, all else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found
