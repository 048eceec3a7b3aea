"""TEMPORARY model until cairn_journey lands."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from cairn_expressions import Expression


@dataclass(frozen=True, slots=True)
class Treatment:
    channel: str
    template: str


@dataclass(frozen=True, slots=True)
class Action:
    name: str
    class_: str = "marketing"
    tags: frozenset[str] = frozenset()
    eligible: Expression | None = None
    applicable: Expression | None = None
    suitable: Expression | None = None
    priority: int = 0
    propensity: Decimal = Decimal(1)
    context_weight: Decimal = Decimal(1)
    value: Decimal | None = None
    currency: str = ""
    lever: Decimal = Decimal(1)
    treatments: tuple[Treatment, ...] = ()
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Cap:
    class_: str
    max: int
    per: int
    scope: str = "person"


@dataclass(frozen=True, slots=True)
class Cooldown:
    length: int
    outcome: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class ContactPolicy:
    name: str
    caps: tuple[Cap, ...] = ()
    cooldowns: tuple[Cooldown, ...] = ()


@dataclass(frozen=True, slots=True)
class Programme:
    version: str
    actions: Mapping[str, Action]
    policies: tuple[ContactPolicy, ...] = ()
