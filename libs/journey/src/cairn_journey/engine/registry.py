"""The programmes an engine knows, the active one of each tenant and earlier ones by version, and what operators did."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cairn_journey.engine.compiler import CompiledProgramme, compile_programme
from cairn_journey.language.programme import Programme
from cairn_kernel.errors import NotFound
from cairn_kernel.event import RESUMED, Event
from cairn_kernel.partitions import partition_of

Scope = tuple[str, int | None]
"""A tenant and one of its partitions; None: all of them."""


class Operated(NamedTuple):
    """A journey was paused, stopped or resumed."""

    control: Event
    """The event that says so, at the instant when it happened."""
    closed: frozenset[str]
    """Journeys that nobody enters after it."""


class Programmes:
    """Compiled programmes by tenant and version. Streams refer to versions, so a version once used must be added."""

    def __init__(self) -> None:
        self._active: dict[str, CompiledProgramme] = {}
        self._versions: dict[tuple[str, str], CompiledProgramme] = {}
        self._operated: Mapping[Scope, list[Operated]] = {}

    def add(self, tenant: str, programme: Programme) -> CompiledProgramme:
        """Make a version known, without bringing it into force."""
        compiled = self._versions.get((tenant, programme.version))
        if compiled is None:
            compiled = self._versions[tenant, programme.version] = compile_programme(programme)
        return compiled

    def activate(self, tenant: str, programme: Programme) -> CompiledProgramme:
        """Bring a version into force for all that happens from now on."""
        compiled = self._active[tenant] = self.add(tenant, programme)
        return compiled

    def active(self, tenant: str) -> CompiledProgramme | None:
        """What is in force, or None if the tenant has no programme yet."""
        return self._active.get(tenant)

    def operate(self, tenant: str, control: Event, partition: int | None = None) -> None:
        """A journey is paused, stopped or resumed after the control's `as_of`; told once more it changes nothing."""
        done = self._operated.get((tenant, partition), [])
        if done and done[-1].control.id == control.id:
            return
        before = done[-1].closed if done else frozenset()
        journey = {str(control.data["journey"])}
        one = Operated(control, before - journey if control.type == RESUMED else before | journey)
        self._operated = {**self._operated, (tenant, partition): [*done, one]}

    def operated(self, controls: Mapping[Scope, Sequence[Event]]) -> None:
        """These pauses, stops and resumptions, oldest first, are all there were."""
        fresh = Programmes()
        for (tenant, partition), told in controls.items():
            for control in told:
                fresh.operate(tenant, control, partition)
        self._operated = fresh._operated

    def is_closed(self, tenant: str, journey: str, profile_id: str, at: int | None = None) -> bool:
        """Whether nobody of a profile's partition may enter the journey; or might, at an instant of the past."""
        done = self._done(tenant, profile_id) if self._operated else ()
        before = len(done) if at is None else bisect_left(done, at, key=lambda one: one.control.as_of)
        return before > 0 and journey in done[before - 1].closed

    def settled(self, tenant: str, profile_id: str) -> int:
        """The instant (µs) before which nothing comes in any more: just after a journey was last paused, stopped or
        resumed; 0 if none ever was.
        """
        done = self._done(tenant, profile_id) if self._operated else ()
        return done[-1].control.as_of + 1 if done else 0

    def controls(self, tenant: str, profile_id: str) -> list[Event]:
        """All that operators did to journeys in a profile's partition, oldest first."""
        return [one.control for one in self._done(tenant, profile_id)]

    def _done(self, tenant: str, profile_id: str) -> Sequence[Operated]:
        for scope in (tenant, None), (tenant, partition_of(tenant, profile_id)):
            if scope in self._operated:
                return self._operated[scope]
        return ()

    def version(self, tenant: str, version: str) -> CompiledProgramme:
        """A version. Raises NotFound (NO_SUCH_PROGRAMME) if it was never added."""
        compiled = self._versions.get((tenant, version))
        if compiled is None:
            raise NotFound(
                "this version of the programme is not known here", reason="NO_SUCH_PROGRAMME", version=version
            )
        return compiled
