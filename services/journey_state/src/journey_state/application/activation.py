"""Bringing programmes into force."""

from collections.abc import Callable

import structlog

from cairn_journey import parse_bundle
from cairn_journey.engine.registry import Programmes

log = structlog.get_logger()


def check(bundle: bytes) -> str:
    """The version of a bundle. Raises DefinitionFaults, which name every fault."""
    return parse_bundle(bundle).version


def installer(programmes: Programmes) -> Callable[[str, str, bytes], None]:
    """What puts (tenant, version, bundle) in force in this process."""

    def install(tenant: str, version: str, bundle: bytes) -> None:
        compiled = programmes.activate(tenant, parse_bundle(bundle))
        log.info("programme.installed", tenant=tenant, definition_version=version, journeys=len(compiled.journeys))

    return install
