"""The rules of deterministic matching: this table is the one place to change them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cairn_kernel.event import Identifier
from cairn_kernel.identifiers import (
    ANONYMOUS_ID,
    CARD,
    EMAIL,
    NAMESPACES,
    PHONE,
    UNKNOWN_STRENGTH,
    USER_ID,
)
from identity_resolution.domain.devices import DeviceRules
from identity_resolution.domain.matching import Matching


class NamespaceRule(NamedTuple):
    """What one namespace allows."""

    priority: int
    """0 is the strongest; links between strong identifiers are taken first."""
    at_most: int
    """How many identifiers of this namespace one person may have."""
    fan_out: int
    """How many identifiers of this namespace may be linked to any one identifier; the earliest count.

    Where a person has only one of the namespace, an identifier with more of them names nobody: it is generic.
    """
    window_us: int | None = None
    """If given, only those first seen within so many microseconds of each other count against `at_most`."""
    valid_us: int | None = None
    """If given, what was shown last so long (µs) before a newer owner's first evidence is no evidence any more."""


def _rule(namespace: str, at_most: int, fan_out: int) -> NamespaceRule:
    return NamespaceRule(NAMESPACES[namespace].strength, at_most, fan_out)


DEFAULT_LIMITS: Final[Mapping[str, NamespaceRule]] = {
    USER_ID: _rule(USER_ID, at_most=1, fan_out=8),
    EMAIL: _rule(EMAIL, at_most=5, fan_out=10),
    PHONE: _rule(PHONE, at_most=2, fan_out=8),
    CARD: _rule(CARD, at_most=5, fan_out=10),
    ANONYMOUS_ID: _rule(ANONYMOUS_ID, at_most=20, fan_out=40),
}

DEFAULT_DEVICES: Final = DeviceRules()
DEFAULT_OTHER: Final = NamespaceRule(UNKNOWN_STRENGTH, at_most=5, fan_out=10)
"""What a namespace that the table does not name allows."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A version of the rules; the graph is a function of the evidence and of this."""

    version: str = "deterministic-2"
    limits: Mapping[str, NamespaceRule] = field(default_factory=lambda: DEFAULT_LIMITS)
    other: NamespaceRule = DEFAULT_OTHER
    devices: DeviceRules = DEFAULT_DEVICES
    component_cap: int = 500
    """Most identifiers that links may hold together before the most linked of them is blocked."""
    sets_aside: bool = True
    """Whether it is then blocked; not where the blocks that were made are told."""
    matching: Matching | None = None
    """How records of people are compared; None if they are not."""
    blocked: frozenset[Identifier] = frozenset()
    """Identifiers that name nobody in particular."""

    def of(self, namespace: str) -> NamespaceRule:
        """The rule of a namespace, known or not."""
        return self.limits.get(namespace, self.other)

    @property
    def lapses(self) -> bool:
        """Whether evidence of any namespace lapses."""
        return any(rule.valid_us is not None for rule in self.limits.values())

    @property
    def person_namespaces(self) -> set[str]:
        """Those of which a person has one."""
        return {name for name, rule in self.limits.items() if rule.at_most == 1}

    @property
    def most_fan_out(self) -> int:
        """The largest fan-out of any namespace."""
        return max(rule.fan_out for rule in (*self.limits.values(), self.other))

    def is_person(self, identifier: Identifier) -> bool:
        """Whether it is of a namespace of which a person has one."""
        return self.of(identifier.namespace).at_most == 1

    def is_device(self, identifier: Identifier) -> bool:
        """Whether it is of a namespace whose identifiers several people may use in turn."""
        return identifier.namespace in self.devices.namespaces

    def strength(self, identifier: Identifier) -> tuple[int, str, str]:
        """Sort key, strongest first."""
        return (self.of(identifier.namespace).priority, identifier.namespace, identifier.token)
