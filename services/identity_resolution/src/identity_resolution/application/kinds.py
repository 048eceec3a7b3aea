"""The kinds of subject in force, by tenant."""

from cairn_journey import parse_bundle
from cairn_journey.subjects.told import Kinds
from identity_resolution.domain.relations import NO_KINDS


class KindsInForce:
    """What programmes declare besides persons."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kinds] = {}

    def of(self, tenant: str) -> Kinds:
        """Those of a tenant; none if no programme is in force."""
        return self._kinds.get(tenant, NO_KINDS)

    def install(self, tenant: str, version: str, bundle: bytes) -> None:
        """A programme came into force; what followed from events before stays as it is."""
        self._kinds[tenant] = Kinds(parse_bundle(bundle).subjects.values())
