"""A programme made ready for decisions: conditions compiled once, not per moment."""

from collections.abc import Mapping
from dataclasses import dataclass

from cairn_expressions import Expression, compile_expression
from cairn_journey import ACTION_VARIABLES, Action, ContactPolicy, Programme


@dataclass(frozen=True, slots=True)
class Offer:
    """An action with its expressions compiled."""

    action: Action
    eligible: Expression | None
    applicable: Expression | None
    suitable: Expression | None
    context_weight: Expression | None


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
    return Offer(
        action=action,
        eligible=_compiled(action.eligible),
        applicable=_compiled(action.applicable),
        suitable=_compiled(action.suitable),
        context_weight=_compiled(action.context_weight),
    )


def _compiled(text: str) -> Expression | None:
    return compile_expression(text, ACTION_VARIABLES) if text else None
