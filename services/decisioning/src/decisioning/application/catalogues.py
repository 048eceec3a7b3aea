"""The catalogues in force, by tenant and by version."""

import structlog

from cairn_decisions.catalogue import Catalogue, catalogue_of
from cairn_journey import parse_bundle
from cairn_kernel.errors import NotFound

log = structlog.get_logger()


class Catalogues:
    """Compiles each programme once; keeps every version, since a moment is decided under its own."""

    def __init__(self) -> None:
        self._active: dict[str, Catalogue] = {}
        self._by_version: dict[tuple[str, str], Catalogue] = {}

    def install(self, tenant: str, version: str, bundle: bytes) -> None:
        """Put a programme in force for a tenant."""
        catalogue = self._by_version.get((tenant, version)) or catalogue_of(parse_bundle(bundle))
        self._active[tenant] = self._by_version[tenant, version] = catalogue
        log.info("catalogue.installed", tenant=tenant, definition_version=version, actions=len(catalogue.offers))

    def in_force(self, tenant: str, version: str) -> Catalogue:
        """The catalogue of that version, or the active one if the version is empty. Raises NotFound."""
        catalogue = self._by_version.get((tenant, version)) if version else self._active.get(tenant)
        if catalogue is None:
            raise NotFound("no such programme was applied here", reason="NO_PROGRAMME", version=version)
        return catalogue


def check(bundle: bytes) -> str:
    """The version of a bundle. Raises DefinitionFaults, which name every fault."""
    return parse_bundle(bundle).version
