"""Gives each event of a batch its profile, obeys what people say, and lets rules change."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import structlog

from cairn_eventstore import Timer, UnitOfWork
from cairn_kernel.event import Event
from cairn_kernel.identifiers import CAIRN_PROFILE
from cairn_kernel.ids import stable_id
from identity_resolution.application import metrics
from identity_resolution.application.change_rules import PAGE, RulesChanger
from identity_resolution.application.graphs import Graphs
from identity_resolution.application.kinds import KindsInForce
from identity_resolution.application.match_records import NOTHING, Found
from identity_resolution.application.matchers import Matchers
from identity_resolution.application.ports import IdentityStore, Pending
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.application.rules_in_force import RulesInForce
from identity_resolution.application.telling import NO_TIME, Telling, report
from identity_resolution.application.told_ports import KEPT, ToldStore
from identity_resolution.domain.commands import Answer, Relate
from identity_resolution.domain.matching import Suggested
from identity_resolution.domain.moves import Merged, Move, Split
from identity_resolution.domain.outputs import outputs, stated_event
from identity_resolution.domain.resolution import Resolution
from identity_resolution.domain.statements import Statement

log = structlog.get_logger()

EXPIRY: Final = "expiry"
"""Timer of a statement."""


class EventResolver:
    """Resolves batches into units of work. After any failure, `forget` and begin again with the same events."""

    def __init__(
        self,
        store: IdentityStore,
        rulebook: Rulebook,
        cache_identifiers: int,
        matchers: Matchers | None = None,
        kinds: KindsInForce | None = None,
        told: ToldStore | None = None,
        rules_page: int = PAGE,
    ) -> None:
        """`rules_page`: identifiers looked at in one batch of a change of the rules."""
        self._store = store
        self._matchers = matchers
        self._told = told
        self._rules = RulesInForce(store, rulebook)
        self._graphs = Graphs(store, self._rules, kinds or KindsInForce(), cache_identifiers)
        self._telling = Telling(self._graphs)
        self._changer = RulesChanger(store, self._rules, self._graphs, self._telling, matchers, rules_page)
        self._faulty: set[str] = set()
        self._batch = 0

    async def forget(self, as_of: Mapping[int, int]) -> None:
        """Drop all memory; `as_of` is the greatest instant in each partition of the own log."""
        await self._graphs.forget()
        if self._matchers is not None:
            await self._matchers.forget()
        await self._rules.load()
        self._telling.forget(as_of)

    def committed(self) -> None:
        """The last unit of work has happened."""
        self._telling.committed()
        self._graphs.committed(self._rules.committed())

    @property
    def now(self) -> int:
        """The latest instant in the own log."""
        return self._telling.now

    @property
    def unresolvable(self) -> int:
        """Events that failed, and are passed on without learning from them when they come again."""
        return len(self._faulty)

    @property
    def changes_rules(self) -> bool:
        """Whether there is a change of the rules to go on with."""
        return self._changer.under_way

    async def change_rules(self, work: UnitOfWork) -> None:
        """Let the next identifiers stand as the changed rules say."""
        await self._changer.go_on(work)

    async def resolve(self, events: Sequence[Event], work: UnitOfWork) -> None:
        """Put into `work` what the events become, in their order, and what they teach."""
        self._batch += 1
        graphs, telling = self._graphs, self._telling
        graphs.note_kinds({event.tenant for event in events})
        found = NOTHING if self._matchers is None else await self._matchers.match(events, self._rules.matching)
        await graphs.admit(events, found.own_ids)
        due = await graphs.expiring(max((event.as_of for event in events), default=NO_TIME))
        kept: list[Event] = []
        for event in events:
            while due and event.as_of >= due[0][0]:
                self._expire(*due.pop(0), work)
            resolution = self._resolve_one(event)
            if event.id in found.suggested:
                resolution = self._suggest(event, resolution, found)
            if resolution.blocked:
                telling.blocks(event.tenant, resolution, work)
            for output in outputs(event, resolution):
                telling.append(output, work, resolution.partition)
                if event.type in KEPT and output.id == event.id:
                    kept.append(work.appends[-1].event)
            if (relations := graphs.relations.get(event.tenant)) is not None:
                telling.subjects(relations.follow(graphs.of(event.tenant), event, resolution), work)
        self._keep(kept, work)
        for event in kept:
            metrics.TOLD.labels(KEPT[event.type]).inc()
        self._write(work)

    async def learn(self, events: Sequence[Event], work: UnitOfWork) -> None:
        """Learn from events of the own log once more what they teach; nothing is told again."""
        self._batch += 1
        evidence = [event for event in events if event.identifiers and not event.subject]
        await self._graphs.admit(evidence, ())
        for event in evidence:
            self._resolve_one(event)
            self._graphs.of(event.tenant).gave_out(event.profile_id)
        self._keep([event for event in events if event.type in KEPT and not event.subject], work)
        self._write(work)

    async def learn_statement(self, told: Event, work: UnitOfWork) -> None:
        """Obey once more what `identity.stated` tells; what it tells may stand already."""
        tenant, how = told.tenant, str(told.data["how"])
        statement = msgspec.convert(told.data["statement"], Statement)
        stands = statement.id in self._graphs.of(tenant).stated.in_force
        if stands != (how == "stated"):
            await self._graphs.admit_around(tenant, statement)
            self._restate(tenant, statement, told.event_time, work, how)
            self._write(work)

    async def learn_suggestion(self, tenant: str, suggested: Suggested, at: int, work: UnitOfWork) -> None:
        """Take in once more what matching suggests of two identifiers, as of an instant (µs)."""
        graph = self._graphs.of(tenant)
        await self._graphs.read([own_id for own_id in suggested.ends if own_id not in graph])
        cause = Event(id="", tenant=tenant, type="", event_time=at, as_of=at)
        graph.suggest([suggested], (), cause)
        self._write(work)

    async def expire(self, upto: int, work: UnitOfWork) -> None:
        """Statements that expire at or before an instant (µs) do not hold any more."""
        self._graphs.note_kinds()
        for at, tenant, statement in await self._graphs.expiring(upto):
            self._expire(at, tenant, statement, work)
        self._write(work)

    async def obey(self, pending: Pending, at: int, work: UnitOfWork) -> None:
        """Do what a command asks for, as at an instant (µs) of the own log, and answer it."""
        tenant, command = pending.tenant, pending.command
        self._graphs.note_kinds([tenant])
        if command.relate is not None:
            self._store.answer(work, pending, await self._relate(tenant, command.relate, at, work))
            self._write(work)
            return
        in_force = self._graphs.of(tenant).stated.in_force
        ended = [in_force[one] for one in command.withdraw if one in in_force]
        stated = [] if command.state is None or command.state.id in in_force else [command.state]
        moves: list[Move] = []
        for statement in (*ended, *stated):
            await self._graphs.admit_around(tenant, statement)
            begins = statement in stated
            moves += self._restate(tenant, statement, at, work, "stated" if begins else "withdrawn")
        answer = Answer(
            statement_id=command.state.id if command.state else "",
            withdrawn=tuple(one.id for one in ended),
            merges=tuple((one.gone, one.heir) for one in moves if isinstance(one, Merged)),
            splits=tuple((one.source, one.target, len(one.moved)) for one in moves if isinstance(one, Split)),
        )
        self._store.answer(work, pending, answer)
        if command.review_id and self._matchers is not None:
            self._matchers.decide(work, command.review_id, answer.statement_id)
        self._write(work)

    async def _relate(self, tenant: str, relate: Relate, at: int, work: UnitOfWork) -> Answer:
        graph, member = self._graphs.of(tenant), relate.member
        named = member.namespace == CAIRN_PROFILE
        own_id = member.token if named else stable_id("profile", tenant, *member)
        await self._graphs.read([] if own_id in graph else [own_id])
        profile_id = graph.survivor(own_id)
        relations = self._graphs.relations_of(tenant)
        cause = Event(id=relate.id, tenant=tenant, type="", event_time=at, as_of=at, profile_id=profile_id)
        self._telling.subjects(relations.say(graph, own_id, cause, relate.told), work)
        log.info("relation.stated", statement_id=relate.id, tenant=tenant, kind=relate.told.kind, says=relate.told.says)
        return Answer(statement_id=relate.id, profile_id=profile_id)

    def _expire(self, at: int, tenant: str, statement: Statement, work: UnitOfWork) -> None:
        self._restate(tenant, statement, at, work, "expired")

    def _restate(self, tenant: str, statement: Statement, at: int, work: UnitOfWork, how: str) -> list[Move]:
        graph = self._graphs.of(tenant)
        if how == "stated":
            resolution = graph.state(statement, at)
            self._store.begin(work, tenant, statement, at)
        else:
            resolution = graph.withdraw(statement.id, at)
            self._store.end(work, tenant, statement.id, at)
        if statement.expires is not None:
            timer = Timer(0, statement.id, EXPIRY, statement.expires)
            (work.timers_set if how == "stated" else work.timers_cancelled).append(timer)
        cause = stated_event(tenant, statement, how, at, resolution)
        self._telling.moves(cause, resolution, work, cause)
        report(cause, resolution)
        return list(resolution.moves)

    def _suggest(self, event: Event, resolution: Resolution, found: Found) -> Resolution:
        """What matching makes of the event's record comes after what its identifiers say."""
        further = self._graphs.of(event.tenant).suggest(found.suggested[event.id], found.seen, event)
        if further == Resolution(""):
            return resolution
        if further.moves or further.blocked:
            report(event, further)
        return resolution._replace(
            profile_id=further.profile_id,
            moves=(*resolution.moves, *further.moves),
            blocked=(*resolution.blocked, *further.blocked),
            partition=None,
        )

    def _resolve_one(self, event: Event) -> Resolution:
        graph = self._graphs.of(event.tenant)
        if event.id in self._faulty:
            return graph.look_up(event)
        try:
            resolution = graph.resolve(event, self._batch)
        except Exception:
            log.error("event.unresolvable", event_id=event.id, tenant=event.tenant)
            metrics.UNRESOLVABLE.inc()
            self._faulty.add(event.id)  # tried again without learning from it, once memory is fresh
            raise
        if resolution.moves or resolution.blocked or resolution.barred:
            report(event, resolution)
        return resolution

    def _keep(self, told: Sequence[Event], work: UnitOfWork) -> None:
        """Keep events that tell traits or consents as they are."""
        if self._told is not None and told:
            self._told.keep(work, told)

    def _write(self, work: UnitOfWork) -> None:
        if self._matchers is not None:
            self._matchers.write(work)
        self._graphs.write(work)
