"""How well one stay in a journey goes: a whole number from 0 to 100.

It begins at 100. Each friction takes its weight, each stage further on than any before gives `progress`, and each full
`every` without a friction gives `points` back. What time gives is worked out when it is looked at; it costs no timer.
"""

from typing import Final

from msgspec.structs import replace

from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.state import Instance
from cairn_journey.language.model import Health

BEST: Final = 100
WELL: Final = "well"
BANDS: Final = ((70, WELL), (30, "strained"), (0, "poor"))
"""The least health of each band, from the best band down."""


def health_at(rules: Health, instance: Instance, at: int) -> int:
    """The health at an instant, or at the end of the stay if that came before."""
    until = at if instance.ended is None else min(at, instance.ended)
    since = instance.health_since if instance.health_since is not None else instance.entered
    rounds = max(0, until - since) // rules.every
    return min(BEST, instance.health + rounds * rules.points)


def instance_health(programmes: Programmes, tenant: str, instance: Instance, at: int) -> int | None:
    """The health of a stay at an instant; None in a journey without frictions."""
    journey = programmes.version(tenant, instance.version).journeys[instance.journey]
    return health_at(journey.definition.health, instance, at) if journey.frictions else None


def struck(rules: Health, instance: Instance, weight: int, at: int) -> Instance:
    """After a friction."""
    return replace(instance, health=max(0, health_at(rules, instance, at) - weight), health_since=at)


def progressed(rules: Health, instance: Instance, position: int, at: int) -> Instance:
    """After a stage at a position in the order of stages; only one further on than any before counts."""
    if position <= instance.furthest:
        return instance
    now = health_at(rules, instance, at)
    since = instance.health_since if instance.health_since is not None else instance.entered
    since += (at - since) // rules.every * rules.every
    return replace(instance, furthest=position, health=min(BEST, now + rules.progress), health_since=since)


def band(health: int) -> str:
    """The band in words: well, strained or poor."""
    return next(name for least, name in BANDS if health >= least)
