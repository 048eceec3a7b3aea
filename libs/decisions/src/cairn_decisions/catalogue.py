"""A programme made ready for decisions: whatever does not depend on the moment is worked out once."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final

from cairn_decisions.gates import APPLICABILITY, ELIGIBILITY, SUITABILITY
from cairn_expressions import Expression, compile_expression
from cairn_journey import ACTION_VARIABLES, Action, ContactPolicy, Programme
from cairn_kernel.money import decimal_text

EXACT: Final = Context(prec=100)
"""Products of factors are not rounded."""
ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True)
class Condition:
    """What one gate asks of the moment."""

    gate: str
    reason: str
    """Given if it does not hold."""
    expression: Expression
    paths: tuple[tuple[str, ...], ...]
    """What the expression reads, in order."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An action with its expressions compiled and its factors multiplied."""

    action: Action
    channels: tuple[str, ...]
    """By treatment."""
    conditions: tuple[Condition, ...]
    context_weight: Expression | None
    factors: Mapping[str, str]
    """By name; a factor not declared is one, and so is the context weight here."""
    score: Decimal
    """Their product."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What decisions are made from under one version of a programme."""

    version: str
    offers: Mapping[str, Offer]
    policies: tuple[ContactPolicy, ...]
    open_channels: frozenset[str]
    """Channels that need no address of the customer."""
    rested_actions: frozenset[str]
    """Actions that a cool-down names."""


def catalogue_of(programme: Programme) -> Catalogue:
    """The catalogue of a checked programme."""
    policies = tuple(programme.policies.values())
    connectors = programme.connectors.values()
    addressed = {connector.channel for connector in connectors if connector.contact}
    return Catalogue(
        version=programme.version,
        offers={name: _offer(action) for name, action in programme.actions.items()},
        policies=policies,
        open_channels=frozenset({connector.channel for connector in connectors} - addressed),
        rested_actions=frozenset(rule.action for policy in policies for rule in policy.cooldowns if rule.action),
    )


def _offer(action: Action) -> Offer:
    declared = (
        (ELIGIBILITY, "NOT_ELIGIBLE", action.eligible),
        (APPLICABILITY, "NOT_APPLICABLE", action.applicable),
        (SUITABILITY, "NOT_SUITABLE", action.suitable),
    )
    factors = {
        "propensity": action.propensity,
        "context_weight": ONE,
        "value": ONE if action.value is None else action.value.amount,
        "lever": action.lever,
    }
    return Offer(
        action=action,
        channels=tuple(treatment.channel for treatment in action.treatments),
        conditions=tuple(_condition(gate, reason, text) for gate, reason, text in declared if text),
        context_weight=_compiled(action.context_weight) if action.context_weight else None,
        factors={name: decimal_text(factor) for name, factor in factors.items()},
        score=EXACT.multiply(EXACT.multiply(factors["propensity"], factors["value"]), factors["lever"]),
    )


def _condition(gate: str, reason: str, text: str) -> Condition:
    expression = _compiled(text)
    return Condition(gate, reason, expression, tuple(tuple(path.split(".")) for path in sorted(expression.references)))


def _compiled(text: str) -> Expression:
    return compile_expression(text, ACTION_VARIABLES)
