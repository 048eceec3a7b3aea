"""The matching of each tenant, by the rules that are in force there."""

from collections.abc import Callable, Sequence

from cairn_eventstore import UnitOfWork
from cairn_kernel.event import Event
from identity_resolution.application.match_records import NOTHING, Found, RecordMatcher
from identity_resolution.application.open_records import Opener
from identity_resolution.application.record_ports import RecordStore
from identity_resolution.domain.matching import Matching

Secrets = Callable[[str, str], bytes]
"""A key for keyed hashes, by tenant and purpose."""


class Matchers:
    """Matchers by tenant, made when first needed."""

    def __init__(self, store: RecordStore, opener: Opener, secrets: Secrets) -> None:
        self._store = store
        self._opener = opener
        self._secrets = secrets
        self._matchers: dict[str, RecordMatcher] = {}

    async def forget(self) -> None:
        """Drop all memory."""
        self._matchers.clear()

    async def match(self, events: Sequence[Event], rules: Callable[[str], Matching | None]) -> Found:
        """What the events suggest by the rules of their tenants. Raises Unavailable if keys cannot be had."""
        by_tenant: dict[str, list[Event]] = {}
        for event in events:
            if event.sealed:
                by_tenant.setdefault(event.tenant, []).append(event)
        found = NOTHING
        for tenant, own in by_tenant.items():
            matcher = self._of(tenant, rules(tenant))
            if matcher is not None:
                more = await matcher.match(own)
                found = Found({**found.suggested, **more.suggested}, found.seen | more.seen)
        return found

    def write(self, work: UnitOfWork) -> None:
        """Put what changed into a unit of work."""
        for matcher in self._matchers.values():
            matcher.write(work)

    def decide(self, work: UnitOfWork, suggestion_id: str, statement_id: str) -> None:
        """A statement decides what is suggested."""
        self._store.decide(work, suggestion_id, statement_id)

    def _of(self, tenant: str, matching: Matching | None) -> RecordMatcher | None:
        if matching is None:
            return None
        known = self._matchers.get(tenant)
        if known is None or known.matching is not matching:
            known = self._matchers[tenant] = RecordMatcher(
                tenant, matching, self._store, self._opener, lambda purpose: self._secrets(tenant, purpose)
            )
        return known
