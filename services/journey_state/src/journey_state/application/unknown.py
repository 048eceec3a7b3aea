"""What to say of a journey that nobody knows."""

from cairn_journey import Programmes
from cairn_kernel.errors import NotFound


def in_force(programmes: Programmes, tenant: str, journey: str) -> bool:
    """Whether the tenant's programme has the journey now."""
    active = programmes.active(tenant)
    return active is not None and journey in active.journeys


def no_such_journey(programmes: Programmes, tenant: str, journey: str) -> NotFound:
    """NO_SUCH_JOURNEY, with the names there are."""
    active = programmes.active(tenant)
    names = ", ".join(active.journeys) if active is not None else ""
    cure = f"those in force are: {names}" if names else "no programme is in force; apply one"
    return NotFound(f"there is no journey {journey}; {cure}", reason="NO_SUCH_JOURNEY", journey=journey)
