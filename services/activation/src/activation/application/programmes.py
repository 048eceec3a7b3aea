"""The programmes that deliveries are made under."""

import structlog

from cairn_journey import Programme, parse_bundle

log = structlog.get_logger()

DEFAULT_IN_FLIGHT = 500


class Programmes:
    """Programmes by tenant: the active one, and every version by its hash."""

    def __init__(self) -> None:
        self._active: dict[str, Programme] = {}
        self._versions: dict[tuple[str, str], Programme] = {}

    def install(self, tenant: str, version: str, bundle: bytes) -> None:
        """Bring a version into force in this process."""
        programme = parse_bundle(bundle)
        self._active[tenant] = self._versions[tenant, version] = programme
        log.info("programme.installed", tenant=tenant, definition_version=version, templates=len(programme.templates))

    def active(self, tenant: str) -> Programme | None:
        """What is in force."""
        return self._active.get(tenant)

    def version(self, tenant: str, version: str) -> Programme | None:
        """A version that was ever in force here; the active one if it is not known."""
        return self._versions.get((tenant, version)) or self._active.get(tenant)

    def credit(self, connector: str) -> int:
        """How many messages a connector may have in flight: the most that a tenant's programme grants it."""
        found = (programme.connectors.get(connector) for programme in self._active.values())
        return max((each.in_flight for each in found if each is not None), default=DEFAULT_IN_FLIGHT)


def check(bundle: bytes) -> str:
    """The version of a bundle. Raises DefinitionFaults, which name every fault."""
    return parse_bundle(bundle).version
