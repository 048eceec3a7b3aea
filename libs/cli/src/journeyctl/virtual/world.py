"""A programme made ready to run in process."""

from collections.abc import Iterable

from cairn_decisions import Catalogue, DecisioningDomain, catalogue_of
from cairn_journey import JourneyDomain, Programme, Programmes


class World:
    """What is in force for customers of one tenant: journeys, the catalogue of actions, the ways out."""

    def __init__(self, programme: Programme, tenant: str = "default", earlier: Iterable[Programme] = ()) -> None:
        """`earlier` are versions that facts may name besides the one in force."""
        self.tenant = tenant
        self.programmes = Programmes()
        self._catalogues: dict[str, Catalogue] = {}
        self._known: dict[str, Programme] = {}
        for version in earlier:
            self.programmes.add(tenant, version)
            self._keep(version)
        self.journeys = JourneyDomain(self.programmes)
        self.decisions = DecisioningDomain(self)
        self.programme = programme
        self.allows_late = False
        """Whether any version so far lets events take effect when they happened, however late they came in."""
        self.activate(programme)

    def activate(self, programme: Programme) -> None:
        """Bring a version into force for all that happens from now on."""
        compiled = self.programmes.activate(self.tenant, programme)
        self._keep(programme)
        self.programme = programme
        self.allows_late = self.allows_late or compiled.lateness > 0

    def activate_version(self, version: str) -> bool:
        """Bring a known version into force; False if it is not known."""
        programme = self._known.get(version)
        if programme is None:
            return False
        if programme is not self.programme:
            self.activate(programme)
        return True

    def lateness_of(self, version: str) -> int:
        """The same under a version; 0 if it is not known."""
        return self.programmes.version(self.tenant, version).lateness if version in self._known else 0

    @property
    def may_be_late(self) -> bool:
        """The same of any version that is known."""
        return any(self.lateness_of(version) for version in self._known)

    def in_force(self, tenant: str, version: str) -> Catalogue:
        """The catalogue of a version (see cairn_decisions.Catalogues); empty: the one in force."""
        return self._catalogues[version or self.programme.version]

    def _keep(self, programme: Programme) -> None:
        if programme.version not in self._known:
            self._known[programme.version] = programme
            self._catalogues[programme.version] = catalogue_of(programme)
