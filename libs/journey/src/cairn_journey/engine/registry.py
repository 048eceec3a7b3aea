"""The programmes an engine knows: the active one of each tenant, and earlier ones by version."""

from collections.abc import Collection

from cairn_journey.engine.compiler import CompiledProgramme, compile_programme
from cairn_journey.language.programme import Programme
from cairn_kernel.errors import NotFound


class Programmes:
    """Compiled programmes by tenant and version. Streams refer to versions, so a version once used must be added."""

    def __init__(self) -> None:
        self._active: dict[str, CompiledProgramme] = {}
        self._versions: dict[tuple[str, str], CompiledProgramme] = {}
        self._closed: dict[str, frozenset[str]] = {}

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

    def close(self, tenant: str, journeys: Collection[str]) -> None:
        """Let nobody enter these journeys (paused or stopped) from now on, and all others be entered again."""
        self._closed[tenant] = frozenset(journeys)

    def is_closed(self, tenant: str, journey: str) -> bool:
        """Whether nobody may enter the journey now."""
        return journey in self._closed.get(tenant, ())

    def version(self, tenant: str, version: str) -> CompiledProgramme:
        """A version. Raises NotFound (NO_SUCH_PROGRAMME) if it was never added."""
        compiled = self._versions.get((tenant, version))
        if compiled is None:
            raise NotFound(
                "this version of the programme is not known here", reason="NO_SUCH_PROGRAMME", version=version
            )
        return compiled
