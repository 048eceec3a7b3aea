"""The event types and sources in force, by tenant."""

from typing import Any

import structlog

from cairn_journey import parse_bundle
from cairn_journey.language.evolution import breaks
from cairn_kernel.errors import Refused
from ingestion.domain.event_types import EMPTY, Catalogue

log = structlog.get_logger()


class EventTypes:
    """Compiles each programme once; events arrive under the newest."""

    def __init__(self) -> None:
        self._by_tenant: dict[str, Catalogue] = {}

    def of(self, tenant: str) -> Catalogue:
        """What a tenant's programme says; nothing if it has none."""
        return self._by_tenant.get(tenant, EMPTY)

    def install(self, tenant: str, version: str, bundle: bytes) -> None:
        """Put a programme in force."""
        made = self._by_tenant[tenant] = Catalogue(parse_bundle(bundle))
        log.info("event_types.installed", tenant=tenant, definition_version=version, event_types=len(made.types))


def check(bundle: bytes) -> str:
    """The version of a bundle. Raises DefinitionFaults, which name every fault."""
    return parse_bundle(bundle).version


async def evolve(connection: Any, tenant: str, before: bytes | None, after: bytes, reverted: bool) -> None:
    """Raises Refused (BREAKING_SCHEMA) if events that were allowed would be refused under the same version number."""
    if before is None or reverted:
        return
    found = breaks(parse_bundle(before), parse_bundle(after))
    if found:
        told = "; ".join(f"{name}: {item}" for name, items in found.items() for item in items[:3])
        raise Refused(
            f"event types would refuse what they allowed: {told}. Raise their version if that is meant",
            reason="BREAKING_SCHEMA",
        )
