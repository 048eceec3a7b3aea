"""Works off a change of the rules, a page between two batches: identifiers first, then records compared otherwise."""

from collections.abc import Sequence
from typing import Final

from cairn_eventstore import UnitOfWork
from identity_resolution.application import metrics
from identity_resolution.application.graphs import Graphs
from identity_resolution.application.matchers import Matchers
from identity_resolution.application.ports import IdentityStore, RulesChange
from identity_resolution.application.rematch_records import FIRST_RECORD
from identity_resolution.application.rules_in_force import RulesInForce
from identity_resolution.application.telling import Telling, report
from identity_resolution.domain.moves import Merged, Move
from identity_resolution.domain.outputs import rules_event
from identity_resolution.domain.reassess import FIRST, LAST, Former, look
from identity_resolution.domain.rules import Rules

PAGE: Final = 200
"""Identifiers looked at in one batch."""


class RulesChanger:
    """Goes on with the change that is under way. How far it has come is written with what it does."""

    def __init__(
        self,
        store: IdentityStore,
        rules: RulesInForce,
        graphs: Graphs,
        telling: Telling,
        matchers: Matchers | None,
        page: int,
    ) -> None:
        self._store = store
        self._rules = rules
        self._graphs = graphs
        self._telling = telling
        self._matchers = matchers
        self._page = page

    @property
    def under_way(self) -> bool:
        """Whether there is a change to go on with."""
        return self._rules.under_way is not None

    async def go_on(self, work: UnitOfWork) -> None:
        """Let the next identifiers stand as the changed rules say."""
        tenant = self._rules.under_way
        former = self._rules.of(tenant).former if tenant is not None else None
        if tenant is None or former is None:
            return
        self._graphs.note_kinds([tenant])
        change = self._rules.change(tenant)
        if change.records is not None:
            change = await self._compare(change, change.records, work)
        else:
            change = await self._judge(change, former.rules, work)
        standing, graph = self._rules.after(change), self._graphs.of(tenant)
        graph.former = standing.former
        graph.stated.rule(standing.blocked(tenant))
        self._store.write_rules_change(work, change)
        if self._matchers is not None:
            self._matchers.write(work)
        self._graphs.write(work)
        self._rules.note(change)

    async def _judge(self, change: RulesChange, former: Rules, work: UnitOfWork) -> RulesChange:
        """Judge the next identifiers anew; return how far the change has come then."""
        tenant, graph = change.tenant, self._graphs.of(change.tenant)
        rules, merges, splits = graph.rules, change.merges, change.splits
        if change.upto == FIRST:
            self._telling.everywhere(tenant, change.ordinal, change.version, former.version, work)
        page = await self._store.page(tenant, change.upto, self._page)
        shown = await self._store.shown([one.own_id for one in page], rules.most_fan_out + 1)
        looks = [(one, look(one.identifier, shown[one.own_id], rules, former, graph.stated)) for one in page]
        looks = [(one, anew) for one, anew in looks if one.leads or anew.news]
        around = {one.identifier for one, _ in looks}.union(*(anew.around for _, anew in looks))
        await self._graphs.admit_all(tenant, around)
        passed_on = {one.own_id for one, anew in looks if anew.hands != (None, None)}
        logins = await self._store.logins(passed_on) if passed_on else {}
        owners = {point.owner for points, _ in logins.values() for point in points if point.owner is not None}
        await self._graphs.admit_all(tenant, owners)
        for one, anew in looks:
            if one.own_id in logins:
                points, last_touch = logins[one.own_id]
                anew = anew._replace(points=points, last_touch=last_touch or self._telling.now)
            graph.former = Former(former, one.own_id)
            cause = rules_event(tenant, change.ordinal, rules.version, one.own_id, self._telling.now)
            resolution = graph.reassess(graph.nodes[one.identifier], anew, cause)
            self._telling.moves(cause, resolution, work)
            metrics.BLOCKED.inc(len(resolution.blocked))
            change = _counted(change, resolution.moves)
        metrics.MERGES.inc(change.merges - merges)
        metrics.SPLITS.inc(change.splits - splits)
        metrics.REASSESSED.inc(len(page))
        done = len(page) < self._page
        change = change._replace(upto=page[-1].own_id if page else change.upto, done=done)
        if done and self._matchers is not None and self._rules.rematches(change):
            return change._replace(upto=LAST, done=False, records=FIRST_RECORD)
        return change

    async def _compare(self, change: RulesChange, after: int, work: UnitOfWork) -> RulesChange:
        """Compare the next records anew; all identifiers stand as the changed rules say."""
        if self._matchers is None:
            return change._replace(done=True)
        tenant = change.tenant
        cause = rules_event(tenant, change.ordinal, change.version, f"records {after}", self._telling.now)
        found, upto, _ = await self._matchers.again(cause, *self._rules.rounds(tenant), after, self._page)
        graph = self._graphs.of(tenant)
        await self._graphs.read([own_id for own_id in found.own_ids if own_id not in graph])
        resolution = graph.suggest(found.suggested.get(cause.id, ()), found.seen, cause)
        self._telling.moves(cause, resolution, work)
        report(cause, resolution)
        return _counted(change, resolution.moves)._replace(records=after if upto is None else upto, done=upto is None)


def _counted(change: RulesChange, moves: Sequence[Move]) -> RulesChange:
    merges = sum(isinstance(move, Merged) for move in moves)
    return change._replace(merges=change.merges + merges, splits=change.splits + len(moves) - merges)
