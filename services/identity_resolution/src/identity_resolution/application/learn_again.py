"""Learns once more what the own log tells: the tables of the graph follow from it, by the code that first made them."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final, NamedTuple, Protocol

from cairn_eventstore import UnitOfWork
from cairn_kernel.errors import Refused
from cairn_kernel.event import MARKER, RULES_CHANGED, STATED, Event
from identity_resolution.application.ports import IdentityStore
from identity_resolution.application.resolve_events import EventResolver
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.application.told_ports import ToldStore
from identity_resolution.domain.candidates import Ends
from identity_resolution.domain.consents import SOURCE
from identity_resolution.domain.matching import Suggested
from identity_resolution.domain.rules import Rules

CACHE_IDENTIFIERS: Final = 500_000


class Linked(NamedTuple):
    """What matching suggests of two identifiers, if anything, and since when (µs) it does."""

    tenant: str
    suggested: Suggested
    since: int


class Records(Protocol):
    """What the log alone does not tell."""

    async def rulebook(self) -> Rulebook:
        """All rules that were ever in force."""
        ...

    async def untold_blocks(self) -> Sequence[Event]:
        """Blocks that the service made before it told them, as it would have; those not obeyed yet, in order."""
        ...

    async def linked(self) -> Sequence[Linked]:
        """What matching suggests at present, in the order in which it came to do so."""
        ...

    async def linked_otherwise(self) -> Sequence[Linked]:
        """What it suggests of whom the links say something else, or nothing."""
        ...

    async def seen(self, ends: set[Ends]) -> set[Ends]:
        """Which of these identifiers events showed together."""
        ...

    async def rules_are_changed(self) -> bool:
        """Whether the service is going through a change of the rules."""
        ...

    async def write(self, work: UnitOfWork) -> None:
        """Write rows and timers; nothing is appended."""
        ...


class Relearning:
    """A Replay of the own log (see cairn_runtime.rebuild_in_order). `open` comes first."""

    def __init__(self, store: IdentityStore, told: ToldStore, records: Records) -> None:
        self._store = store
        self._records = records
        self._rulebook = Rulebook(default=Rules(sets_aside=False))
        self._resolver = EventResolver(store, self._rulebook, CACHE_IDENTIFIERS, told=told)
        self._blocks: deque[Event] = deque()
        self._linked: deque[Linked] = deque()

    async def open(self) -> None:
        """Go on from what has been learned."""
        known = await self._records.rulebook()
        for tenant, change in (await self._store.rules_changes()).items():
            for rules in known.versions(tenant)[1 : change.ordinal + 1]:
                self._rulebook.put(tenant, replace(rules, sets_aside=False))
        await self._resolver.forget({})
        self._blocks.extend(await self._records.untold_blocks())
        self._linked.extend(await self._records.linked())

    async def take(self, events: Sequence[Event]) -> None:
        """See Replay.take. Of one instant statements come first: a block comes before the event that called for it."""
        if events[0].type == RULES_CHANGED:
            await self._change_rules(events)
        elif events[0].type != MARKER:
            upto = events[-1].as_of
            blocks = [self._blocks.popleft() for _ in range(sum(one.as_of <= upto for one in self._blocks))]
            ordered = sorted([*blocks, *events], key=lambda event: (event.as_of, not _stated(event)))
            for stated, some in groupby(ordered, _stated):
                if stated:
                    await self._obey(some)
                else:
                    await self._learn(list(some))
            await self._suggest([self._linked.popleft() for _ in range(sum(one.since <= upto for one in self._linked))])
            self._resolver.committed()

    async def caught_up(self) -> None:
        """See Replay.caught_up. Raises Refused (RULES_ARE_CHANGED)."""
        if await self._records.rules_are_changed():
            raise Refused(
                "identifiers are being judged anew by changed rules; run it again when that is done",
                reason="RULES_ARE_CHANGED",
            )
        await self._obey(self._blocks)
        self._blocks.clear()
        await self._suggest(await self._records.linked_otherwise())
        self._resolver.committed()

    async def _learn(self, events: Sequence[Event]) -> None:
        while True:
            work, unresolvable = UnitOfWork(), self._resolver.unresolvable
            try:
                await self._resolver.learn(events, work)
            except Exception:
                if self._resolver.unresolvable == unresolvable:
                    raise
                await self._resolver.forget({})  # it was passed on without learning from it, as the service does
            else:
                await self._records.write(work)
                return

    async def _obey(self, stated: Iterable[Event]) -> None:
        for event in stated:
            work = UnitOfWork()
            await self._resolver.learn_statement(event, work)
            await self._records.write(work)

    async def _suggest(self, some: Sequence[Linked]) -> None:
        seen = await self._records.seen({one.suggested.ends for one in some}) if some else set()
        for one in some:
            work = UnitOfWork()
            if one.suggested.ends not in seen:
                await self._resolver.learn_suggestion(one.tenant, one.suggested, one.since, work)
            await self._records.write(work)

    async def _change_rules(self, told: Sequence[Event]) -> None:
        tenant, version = told[0].tenant, str(told[0].data["version"])
        known = (await self._records.rulebook()).versions(tenant)
        ordinal = len(self._rulebook.versions(tenant))
        if ordinal >= len(known) or known[ordinal].version != version:
            raise Refused(
                f"the log tells of rules {version}, which no programme of {tenant} brings", reason="RULES_UNKNOWN"
            )
        self._rulebook.put(tenant, replace(known[ordinal], sets_aside=False))
        await self._resolver.forget({0: max(event.as_of for event in told)})
        while self._resolver.changes_rules:
            work = UnitOfWork()
            await self._resolver.change_rules(work)
            await self._records.write(work)
            self._resolver.committed()


def _stated(event: Event) -> bool:
    return event.type == STATED and event.source == SOURCE
