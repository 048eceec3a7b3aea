"""Gives each event of a batch its profile. The graphs of all tenants are kept here, as far as memory allows."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec
import structlog

from cairn_eventstore import NewEvent, Timer, UnitOfWork
from cairn_kernel.event import RELATION_CHANGED, Event, Identifier
from cairn_kernel.identifiers import CAIRN_PROFILE
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS, partition_of
from identity_resolution.application import metrics
from identity_resolution.application.kinds import KindsInForce
from identity_resolution.application.match_records import NOTHING, Found
from identity_resolution.application.matchers import Matchers
from identity_resolution.application.ports import IdentityStore, Pending, RulesChange
from identity_resolution.application.rematch_records import FIRST_RECORD
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.application.rules_in_force import RulesInForce
from identity_resolution.application.told_ports import KEPT, ToldStore
from identity_resolution.domain.commands import Answer, Relate
from identity_resolution.domain.elements import Refusal
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.matching import Suggested
from identity_resolution.domain.moves import Merged, Move, Split
from identity_resolution.domain.outputs import outputs, rules_event, stated_event, told
from identity_resolution.domain.reassess import FIRST, LAST, Former, look
from identity_resolution.domain.relations import Relations
from identity_resolution.domain.resolution import Resolution
from identity_resolution.domain.statements import Stated, Statement

log = structlog.get_logger()

NO_TIME: Final = 0
EXPIRY: Final = "expiry"
"""Timer of a statement."""
PAGE: Final = 200
"""Identifiers looked at in one batch of a change of the rules."""
SHOWN: Final = 5
"""Most ids in one log line."""


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
        self._rules_page = rules_page
        self._store = store
        self._rules = RulesInForce(store, rulebook)
        self._matchers = matchers
        self._kinds = kinds or KindsInForce()
        self._relations: dict[str, Relations] = {}
        """Of the tenants that have kinds of subject besides persons."""
        self._told_subjects: Counter[tuple[str, str]] = Counter()
        """Counts to be, once committed."""
        self._told = told
        self._cache_identifiers = cache_identifiers
        self._graphs: dict[str, IdentityGraph] = {}
        self._stated: dict[str, Stated] = {}
        self._as_of = [NO_TIME] * PARTITIONS
        self._faulty: set[str] = set()
        self._batch = 0

    async def forget(self, as_of: dict[int, int]) -> None:
        """Drop all memory; `as_of` is the greatest instant in each partition of the own log."""
        self._graphs.clear()
        self._relations.clear()
        self._told_subjects.clear()
        if self._matchers is not None:
            await self._matchers.forget()
        self._stated = await self._store.stated()
        await self._rules.load()
        self._as_of = [as_of.get(partition, NO_TIME) for partition in range(PARTITIONS)]

    @property
    def now(self) -> int:
        """The latest instant in the own log."""
        return max(self._as_of)

    async def resolve(self, events: Sequence[Event], work: UnitOfWork) -> None:
        """Put into `work` what the events become, in their order, and what they teach."""
        self._batch += 1
        self._note_kinds({event.tenant for event in events})
        found = NOTHING if self._matchers is None else await self._matchers.match(events, self._rules.matching)
        await self._admit(events, found.own_ids)
        due = await self._due(max((event.as_of for event in events), default=NO_TIME))
        kept: list[Event] = []
        for event in events:
            while due and event.as_of >= due[0][0]:
                self._expire(*due.pop(0), work)
            resolution = self._resolve_one(event)
            if event.id in found.suggested:
                resolution = self._suggest(event, resolution, found)
            self._tell_blocks(event.tenant, resolution, work)
            for output in outputs(event, resolution):
                self._append(output, work, resolution.partition)
                if event.type in KEPT and output.id == event.id:
                    kept.append(work.appends[-1].event)
            if event.tenant in self._relations:
                relations, graph = self._relations[event.tenant], self._graphs[event.tenant]
                self._tell_subjects(relations.follow(graph, event, resolution), work)
        if self._told is not None and kept:
            self._told.keep(work, kept)
            for event in kept:
                metrics.TOLD.labels(KEPT[event.type]).inc()
        self._write(work)

    async def learn(self, events: Sequence[Event], work: UnitOfWork) -> None:
        """Learn from events of the own log once more what they teach; nothing is told again."""
        self._batch += 1
        evidence = [event for event in events if event.identifiers and not event.subject]
        await self._admit(evidence, ())
        for event in evidence:
            self._resolve_one(event)
            self._graphs[event.tenant].gave_out(event.profile_id)
        kept = [event for event in events if event.type in KEPT and not event.subject]
        if self._told is not None and kept:
            self._told.keep(work, kept)
        self._write(work)

    async def learn_statement(self, told: Event, work: UnitOfWork) -> None:
        """Obey once more what `identity.stated` tells; what it tells may stand already."""
        tenant, how = told.tenant, str(told.data["how"])
        statement = msgspec.convert(told.data["statement"], Statement)
        stands = statement.id in self._graph(tenant).stated.in_force
        if stands != (how == "stated"):
            await self._admit_around(tenant, statement)
            self._restate(tenant, statement, told.event_time, work, how)
            self._write(work)

    async def learn_suggestion(self, tenant: str, suggested: Suggested, at: int, work: UnitOfWork) -> None:
        """Take in once more what matching suggests of two identifiers, as of an instant (µs)."""
        graph = self._graph(tenant)
        await self._read([own_id for own_id in suggested.ends if own_id not in graph])
        cause = Event(id="", tenant=tenant, type="", event_time=at, as_of=at)
        graph.suggest([suggested], (), cause)
        self._write(work)

    async def expire(self, upto: int, work: UnitOfWork) -> None:
        """Statements that expire at or before an instant (µs) do not hold any more."""
        self._note_kinds(tuple(self._stated))
        for at, tenant, statement in await self._due(upto):
            self._expire(at, tenant, statement, work)
        self._write(work)

    async def obey(self, pending: Pending, at: int, work: UnitOfWork) -> None:
        """Do what a command asks for, as at an instant (µs) of the own log, and answer it."""
        tenant, command = pending.tenant, pending.command
        self._note_kinds([tenant])
        if command.relate is not None:
            self._store.answer(work, pending, await self._relate(tenant, command.relate, at, work))
            self._write(work)
            return
        graph = self._graph(tenant)
        ended = [graph.stated.in_force[one] for one in command.withdraw if one in graph.stated.in_force]
        stated = [] if command.state is None or command.state.id in graph.stated.in_force else [command.state]
        moves: list[Move] = []
        for statement in (*ended, *stated):
            await self._admit_around(tenant, statement)
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
        graph, member = self._graph(tenant), relate.member
        named = member.namespace == CAIRN_PROFILE
        own_id = member.token if named else stable_id("profile", tenant, *member)
        await self._read([] if own_id in graph else [own_id])
        profile_id = graph.survivor(own_id)
        relations = self._relations.setdefault(tenant, Relations(self._kinds.of(tenant)))
        cause = Event(id=relate.id, tenant=tenant, type="", event_time=at, as_of=at, profile_id=profile_id)
        self._tell_subjects(relations.say(graph, own_id, cause, relate.told), work)
        log.info("relation.stated", statement_id=relate.id, tenant=tenant, kind=relate.told.kind, says=relate.told.says)
        return Answer(statement_id=relate.id, profile_id=profile_id)

    @property
    def unresolvable(self) -> int:
        """Events that failed, and are passed on without learning from them when they come again."""
        return len(self._faulty)

    @property
    def changes_rules(self) -> bool:
        """Whether there is a change of the rules to go on with."""
        return self._rules.under_way is not None

    async def change_rules(self, work: UnitOfWork) -> None:
        """Let the next identifiers stand as the changed rules say."""
        tenant = self._rules.under_way
        before = self._rules.of(tenant).former if tenant is not None else None
        if tenant is None or before is None:
            return
        self._note_kinds([tenant])
        change, graph = self._rules.change(tenant), self._graph(tenant)
        if change.records is not None:
            await self._rematch(change, change.records, work)
            return
        rules, former = graph.rules, before.rules
        if change.upto == FIRST:
            self._announce(tenant, change, former.version, work)
        page = await self._store.page(tenant, change.upto, self._rules_page)
        shown = await self._store.shown([one.own_id for one in page], rules.most_fan_out + 1)
        looks = [(one, look(one.identifier, shown[one.own_id], rules, former, graph.stated)) for one in page]
        looks = [(one, anew) for one, anew in looks if one.leads or anew.news]
        await self._bring_in(tenant, {one.identifier for one, _ in looks}.union(*(anew.around for _, anew in looks)))
        passed_on = {one.own_id for one, anew in looks if anew.hands != (None, None)}
        logins = await self._store.logins(passed_on) if passed_on else {}
        owners = {point.owner for points, _ in logins.values() for point in points if point.owner is not None}
        await self._bring_in(tenant, owners)
        for one, anew in looks:
            if one.own_id in logins:
                points, last_touch = logins[one.own_id]
                anew = anew._replace(points=points, last_touch=last_touch or self.now)
            graph.former = Former(former, one.own_id)
            cause = rules_event(tenant, change.ordinal, rules.version, one.own_id, self.now)
            resolution = graph.reassess(graph.nodes[one.identifier], anew, cause)
            self._tell_blocks(tenant, resolution, work)
            for output in told(cause, resolution.moves):
                self._append(output, work)
            self._retell(cause, resolution, work)
            merges = sum(isinstance(move, Merged) for move in resolution.moves)
            metrics.MERGES.inc(merges)
            metrics.SPLITS.inc(len(resolution.moves) - merges)
            metrics.BLOCKED.inc(len(resolution.blocked))
            change = change._replace(
                merges=change.merges + merges, splits=change.splits + len(resolution.moves) - merges
            )
        done = len(page) < self._rules_page
        change = change._replace(upto=page[-1].own_id if page else change.upto, done=done)
        if done and self._matchers is not None and self._rules.rematches(change):
            change = change._replace(upto=LAST, done=False, records=FIRST_RECORD)
        standing = self._rules.after(change)
        graph.former = standing.former
        graph.stated.rule(standing.blocked(tenant))
        self._store.write_rules_change(work, change)
        self._write(work)
        self._rules.note(change)
        metrics.REASSESSED.inc(len(page))

    async def _rematch(self, change: RulesChange, after: int, work: UnitOfWork) -> None:
        """Compare the next records anew; all identifiers stand as the changed rules say."""
        tenant, place = change.tenant, f"records {after}"
        cause = rules_event(tenant, change.ordinal, change.version, place, self.now)
        upto = None
        if self._matchers is not None:
            found, upto, _ = await self._matchers.again(cause, *self._rules.rounds(tenant), after, self._rules_page)
            graph = self._graph(tenant)
            await self._read([own_id for own_id in found.own_ids if own_id not in graph])
            resolution = graph.suggest(found.suggested.get(cause.id, ()), found.seen, cause)
            self._tell_blocks(tenant, resolution, work)
            for output in told(cause, resolution.moves):
                self._append(output, work)
            self._retell(cause, resolution, work)
            self._report(cause, resolution)
            splits = sum(isinstance(move, Split) for move in resolution.moves)
            merges = len(resolution.moves) - splits
            change = change._replace(merges=change.merges + merges, splits=change.splits + splits)
        change = change._replace(records=after if upto is None else upto, done=upto is None)
        self._graph(tenant).former = self._rules.after(change).former
        self._store.write_rules_change(work, change)
        self._write(work)
        self._rules.note(change)

    async def _bring_in(self, tenant: str, identifiers: Collection[Identifier]) -> None:
        nodes = self._graph(tenant).nodes
        await self._read({stable_id("profile", tenant, *one) for one in identifiers if one not in nodes})

    def _announce(self, tenant: str, change: RulesChange, before: str, work: UnitOfWork) -> None:
        for partition in range(PARTITIONS):
            event = rules_event(tenant, change.ordinal, change.version, str(partition), self._as_of[partition])
            event = msgspec.structs.replace(event, data={"version": change.version, "before": before})
            work.appends.append(NewEvent(partition, event.id, 1, event))

    def committed(self) -> None:
        """The last unit of work has happened."""
        for labels, count in self._told_subjects.items():
            metrics.TOLD_SUBJECTS.labels(*labels).inc(count)
        self._told_subjects.clear()
        if (tenant := self._rules.committed()) is not None:
            del self._graphs[tenant]
        share = self._cache_identifiers // max(1, len(self._graphs))
        for tenant, graph in self._graphs.items():
            forgotten = graph.evict(share)
            if tenant in self._relations:
                self._relations[tenant].forget(forgotten)
        metrics.IDENTIFIERS_CACHED.set(sum(len(graph.nodes) for graph in self._graphs.values()))

    async def _admit(self, events: Sequence[Event], own_ids: Collection[str]) -> None:
        """Bring in what the events touch, and what goes by these own ids: one look-up for all that is not in memory."""
        by_tenant: dict[str, list[Event]] = {}
        for event in events:
            by_tenant.setdefault(event.tenant, []).append(event)
        wanted = {own_id for own_id in own_ids if not any(own_id in graph for graph in self._graphs.values())}
        by_tenant = {tenant: self._graph(tenant).strangers(own) for tenant, own in by_tenant.items()}
        for tenant, own in by_tenant.items():
            identifiers, profile_ids = self._graph(tenant).missing(own)
            wanted |= profile_ids
            wanted.update(stable_id("profile", tenant, *identifier) for identifier in identifiers)
        await self._read(wanted)
        devices = {
            own_id: (tenant, device)
            for tenant, own in by_tenant.items()
            for own_id, device in self._graph(tenant).devices(own).items()
        }
        if devices:
            for own_id, (points, last_touch) in (await self._store.logins(devices)).items():
                tenant, device = devices[own_id]
                self._graph(tenant).admit_logins(device, points, last_touch)
            await self._read(
                {
                    stable_id("profile", tenant, *identifier)
                    for tenant, own in by_tenant.items()
                    for identifier in self._graph(tenant).missing(own).identifiers
                }
            )

    async def _read(self, wanted: Collection[str]) -> None:
        if not wanted:
            return
        stored = await self._store.load(wanted)
        for (tenant, root), nodes in stored.clusters.items():
            self._graph(tenant).admit([(root, nodes)], ())
        for tenant, link in stored.links:
            self._graph(tenant).admit((), [link])
        if self._relations:
            read = {node.own_id for nodes in stored.clusters.values() for node in nodes} | set(wanted)
            for tenant, evidence in await self._store.relations(read):
                if tenant in self._relations:
                    self._relations[tenant].admit([evidence])

    async def _admit_around(self, tenant: str, statement: Statement) -> None:
        """Bring in what a statement is about, and what is linked to that."""
        graph = self._graph(tenant)
        for wanted in ({one for one in statement.concerned if one not in graph.nodes}, None):
            identifiers = graph.beside(statement.concerned) if wanted is None else wanted
            await self._read({stable_id("profile", tenant, *identifier) for identifier in identifiers})

    async def _due(self, upto: int) -> list[tuple[int, str, Statement]]:
        """(instant, tenant, statement) of what expires by then, in order; all it needs is in memory."""
        due = [
            (statement.expires or 0, tenant, statement)
            for tenant, stated in self._stated.items()
            for statement in stated.expired(upto)
        ]
        for _, tenant, statement in due:
            await self._admit_around(tenant, statement)
        return sorted(due, key=lambda item: (item[0], item[1], item[2].id))

    def _expire(self, at: int, tenant: str, statement: Statement, work: UnitOfWork) -> None:
        self._restate(tenant, statement, at, work, "expired")

    def _restate(self, tenant: str, statement: Statement, at: int, work: UnitOfWork, how: str) -> list[Move]:
        graph = self._graph(tenant)
        if how == "stated":
            resolution = graph.state(statement, at)
            self._store.begin(work, tenant, statement, at)
        else:
            resolution = graph.withdraw(statement.id, at)
            self._store.end(work, tenant, statement.id, at)
        if statement.expires is not None:
            timer = Timer(0, statement.id, EXPIRY, statement.expires)
            (work.timers_set if how == "stated" else work.timers_cancelled).append(timer)
        self._tell_blocks(tenant, resolution, work)
        cause = stated_event(tenant, statement, how, at, resolution)
        for output in (*told(cause, resolution.moves), cause):
            self._append(output, work)
        self._retell(cause, resolution, work)
        self._report(cause, resolution)
        return list(resolution.moves)

    def _suggest(self, event: Event, resolution: Resolution, found: Found) -> Resolution:
        """What matching makes of the event's record comes after what its identifiers say."""
        further = self._graph(event.tenant).suggest(found.suggested[event.id], found.seen, event)
        if further == Resolution(""):
            return resolution
        if further.moves or further.blocked:
            self._report(event, further)
        moves = (*resolution.moves, *further.moves)
        return resolution._replace(profile_id=further.profile_id, moves=moves, partition=None)

    def _tell_blocks(self, tenant: str, resolution: Resolution, work: UnitOfWork) -> None:
        """What the service blocks depends on what it had seen by then, so the log has to say it."""
        for made in resolution.blocked:
            self._append(stated_event(tenant, made, "stated", made.at, Resolution("")), work)

    def _write(self, work: UnitOfWork) -> None:
        if self._matchers is not None:
            self._matchers.write(work)
        for tenant, graph in self._graphs.items():
            changes = graph.take_changes()
            if any(changes):
                self._store.write(work, tenant, changes)
        for tenant, relations in self._relations.items():
            if told := relations.take_changes():
                self._store.relate(work, tenant, told)

    def _graph(self, tenant: str) -> IdentityGraph:
        graph = self._graphs.get(tenant)
        if graph is None:
            stated = self._stated.setdefault(tenant, Stated())
            standing = self._rules.of(tenant)
            stated.rule(standing.blocked(tenant))
            graph = self._graphs[tenant] = IdentityGraph(tenant, standing.rules, stated, standing.former)
        return graph

    def _note_kinds(self, tenants: Collection[str]) -> None:
        """Kinds of subject may have come into force or gone since. With the first ones all is read anew."""
        for tenant in tenants:
            kinds = self._kinds.of(tenant)
            if not kinds:
                self._relations.pop(tenant, None)
            elif tenant in self._relations:
                self._relations[tenant].under(kinds)
            else:
                self._relations[tenant] = Relations(kinds)
                self._graphs.pop(tenant, None)

    def _tell_subjects(self, told: Iterable[Event], work: UnitOfWork) -> None:
        """What accounts and households are told of those who belong to them."""
        for output in told:
            what = "relation" if output.type == RELATION_CHANGED else "event" if output.member_id else "traits"
            self._told_subjects[output.subject, what] += 1
            self._append(output, work)

    def _retell(self, cause: Event, resolution: Resolution, work: UnitOfWork) -> None:
        """Whose members of accounts and households people turned out to be."""
        if resolution.moves and cause.tenant in self._relations:
            relations, graph = self._relations[cause.tenant], self._graphs[cause.tenant]
            self._tell_subjects(relations.retell(graph, cause, resolution.moves), work)

    def _resolve_one(self, event: Event) -> Resolution:
        graph = self._graphs[event.tenant]
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
            self._report(event, resolution)
        return resolution

    def _append(self, output: Event, work: UnitOfWork, partition: int | None = None) -> None:
        if partition is None:
            partition = partition_of(output.tenant, output.profile_id)
        floor = self._as_of[partition]
        if output.as_of < floor:  # the partitions of `events` are not read in step with each other
            output = msgspec.structs.replace(output, as_of=floor)
        else:
            self._as_of[partition] = output.as_of
        work.appends.append(NewEvent(partition, output.id, 1, output))

    def _report(self, event: Event, resolution: Resolution) -> None:
        splits = [move for move in resolution.moves if isinstance(move, Split)]
        metrics.MERGES.inc(len(resolution.moves) - len(splits))
        if splits:
            metrics.SPLITS.inc(len(splits))
            log.warning(
                "profile.split",
                event_id=event.id,
                tenant=event.tenant,
                profile_ids=sorted({move.source for move in splits})[:SHOWN],
            )
        barred = [(bar.identifier, bar.why) for bar in resolution.barred if bar.why == Refusal.GENERIC]
        crowded = [(statement.left[0], statement.reason) for statement in resolution.blocked]
        for identifier, reason in [*barred, *crowded]:
            metrics.BLOCKED.inc()
            log.warning(
                "identifier.blocked",
                event_id=event.id,
                tenant=event.tenant,
                namespace=identifier.namespace,
                token=identifier.token,
                reason=reason,
            )
