"""How a service with one stream per profile is rebuilt: through the domain that runs it."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from cairn_eventstore import Timer, UnitOfWork
from cairn_kernel.event import Event
from cairn_kernel.partitions import partition_of
from cairn_runtime.profiles import Change, ProfileDomain, Project
from cairn_runtime.snapshots import EVERY, Snapshots

S = TypeVar("S")


class ProfileFolding(Generic[S]):
    """A Folding around a ProfileDomain."""

    def __init__(
        self,
        domain: ProfileDomain[S],
        project: Project[S],
        *,
        snapshots: Snapshots[S] | None = None,
        facts: bool = True,
    ) -> None:
        """`facts` says whether `project` looks at facts; if not, none is kept longer than it takes to fold it."""
        self._domain = domain
        self._project = project
        self._snapshots = snapshots
        self._facts = facts

    def change(self, stream: str, events: list[Event], known: int) -> Change[S] | None:
        """See Folding.change. Markers and controls have streams of their own, which are no profile's."""
        tenant = events[0].tenant
        if events[0].profile_id != stream:
            return None
        before = self._domain.initial(tenant, stream)
        if known:
            before = self._domain.fold(before, events[:known])
        facts = events[known:]
        state = self._domain.fold(before, facts)
        shown = facts if self._facts else []
        return Change(partition_of(tenant, stream), tenant, stream, known, len(events), before, state, shown)

    def write(self, work: UnitOfWork, changes: Sequence[Change[S]]) -> None:
        """See Folding.write."""
        for change in changes:
            where = (change.partition, change.profile_id)
            armed, was = self._domain.timers(change.state), self._domain.timers(change.before)
            work.timers_set += [Timer(*where, key, due) for key, due in armed.items() if was.get(key) != due]
            work.timers_cancelled += [Timer(*where, key, was[key]) for key in was.keys() - armed.keys()]
            if self._snapshots is not None and change.version >= EVERY:
                made = self._snapshots.make(change.profile_id, change.version, change.tenant, change.state)
                work.snapshots.append(made)
        self._project(work, changes)
