"""The matching of each tenant, by the rules that are in force there."""

from collections.abc import Callable, Sequence

from cairn_eventstore import UnitOfWork
from cairn_kernel.event import Event
from identity_resolution.application.match_records import NOTHING, Found, RecordMatcher
from identity_resolution.application.open_records import Opener
from identity_resolution.application.record_ports import RecordChanges, RecordStore
from identity_resolution.application.rematch_records import Page, rematch
from identity_resolution.domain.matching import Round

Secrets = Callable[[str, str], bytes]
"""A key for keyed hashes, by tenant and purpose."""


class Matchers:
    """Matchers by tenant, made when first needed."""

    def __init__(self, store: RecordStore, opener: Opener, secrets: Secrets) -> None:
        self._store = store
        self._opener = opener
        self._secrets = secrets
        self._matchers: dict[str, RecordMatcher] = {}
        self._anew: list[RecordChanges] = []

    async def forget(self) -> None:
        """Drop all memory."""
        self._matchers.clear()
        self._anew.clear()

    async def match(self, events: Sequence[Event], rules: Callable[[str], Round | None]) -> Found:
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

    async def again(self, cause: Event, now: Round | None, before: Round | None, after: int, limit: int) -> Page:
        """Compare the next records after an id anew, since the rules of matching changed. Raises Unavailable."""
        tenant = cause.tenant
        page = await rematch(
            self._store,
            self._opener,
            self._of(tenant, now),
            before,
            lambda purpose: self._secrets(tenant, purpose),
            cause,
            after,
            limit,
        )
        self._anew.append(page.changes)
        return page

    def write(self, work: UnitOfWork) -> None:
        """Put what changed into a unit of work."""
        for matcher in self._matchers.values():
            matcher.write(work)
        for changes in self._anew:
            self._store.write(work, changes)
        self._anew.clear()

    def decide(self, work: UnitOfWork, suggestion_id: str, statement_id: str) -> None:
        """A statement decides what is suggested."""
        self._store.decide(work, suggestion_id, statement_id)

    def _of(self, tenant: str, round: Round | None) -> RecordMatcher | None:
        if round is None:
            return None
        known = self._matchers.get(tenant)
        if known is None or known.round != round:
            known = self._matchers[tenant] = RecordMatcher(
                tenant, round, self._store, self._opener, lambda purpose: self._secrets(tenant, purpose)
            )
        return known
