"""What people say about identifiers, and what is in force of it."""

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Final

import msgspec

from cairn_kernel.event import Identifier
from identity_resolution.domain.elements import Refusal


class Kind(StrEnum):
    """What a statement says."""

    SAME = "same"
    """The first of `left` and the first of `right` are one person, whatever the limits say."""
    NOT_SAME = "not_same"
    """No identifier of `left` is the person of any of `right`. It beats everything else, `same` too."""
    BLOCK = "block"
    """Those of `left` name nobody in particular: they link nothing."""
    ALLOW = "allow"
    """Those of `left` are neither generic nor shared, however many people they were seen with."""


BY_SERVICE: Final = "identity_resolution"
"""Author of the statements that the service makes itself."""


class Statement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One statement. It is in force from when it is said until it is withdrawn or expires."""

    id: str
    kind: Kind
    left: tuple[Identifier, ...]
    right: tuple[Identifier, ...] = ()
    author: str
    reason: str
    at: int
    """When it was said (µs)."""
    expires: int | None = None
    """From this instant (µs) on it does not hold; None if it holds until it is withdrawn."""

    @property
    def concerned(self) -> tuple[Identifier, ...]:
        """All identifiers it is about."""
        return (*self.left, *self.right)


BY_RULE: Final = "rule"
"""Stands in place of a statement's id where the rules block."""
BY_EVIDENCE: Final = frozenset({Refusal.GENERIC, Refusal.SHARED})

Side = tuple[str, bool]
"""A denial by its statement's id, and whether the identifier stands on its left."""


class Stated:
    """What is in force of one tenant's statements, and which identifiers are generic by the evidence."""

    def __init__(self, statements: Iterable[Statement] = (), generic: Iterable[Identifier] = ()) -> None:
        self.barred: dict[Identifier, Refusal] = {}
        """Identifiers that link nothing, each with the reason."""
        self.denied: dict[Identifier, set[Side]] = {}
        self.same: dict[Identifier, dict[str, Statement]] = {}
        self.in_force: dict[str, Statement] = {}
        self._bars: dict[Identifier, set[Refusal | str]] = {}
        self._allowed: dict[Identifier, set[str]] = {}
        for identifier in generic:
            self.bar(identifier, Refusal.GENERIC)
        for statement in statements:
            self.put(statement)

    def put(self, statement: Statement) -> None:
        """The statement holds from now on."""
        self.in_force[statement.id] = statement
        match statement.kind:
            case Kind.SAME:
                for identifier in statement.concerned:
                    self.same.setdefault(identifier, {})[statement.id] = statement
            case Kind.NOT_SAME:
                for is_left, side in ((True, statement.left), (False, statement.right)):
                    for identifier in side:
                        self.denied.setdefault(identifier, set()).add((statement.id, is_left))
            case Kind.BLOCK:
                for identifier in statement.left:
                    self._bars.setdefault(identifier, set()).add(statement.id)
                    self._judge(identifier)
            case Kind.ALLOW:
                for identifier in statement.left:
                    self._allowed.setdefault(identifier, set()).add(statement.id)
                    self._judge(identifier)

    def drop(self, statement_id: str) -> None:
        """The statement does not hold any more."""
        statement = self.in_force.pop(statement_id)
        for identifier in statement.concerned:
            self.same.get(identifier, {}).pop(statement_id, None)
            for is_left in (True, False):
                self.denied.get(identifier, set()).discard((statement_id, is_left))
            self._bars.get(identifier, set()).discard(statement_id)
            self._allowed.get(identifier, set()).discard(statement_id)
            self._judge(identifier)

    def bar(self, identifier: Identifier, why: Refusal) -> bool:
        """The evidence shows that an identifier is SHARED by a few or GENERIC; True if that is news."""
        bars = self._bars.setdefault(identifier, set())
        if why in bars:
            return False
        bars.add(why)
        self._judge(identifier)
        return True

    def shown(self, identifier: Identifier) -> set[Refusal]:
        """What the evidence shows of an identifier."""
        bars = self._bars.get(identifier, set())
        return {why for why in BY_EVIDENCE if why in bars}

    def bar_anew(self, identifier: Identifier, bars: Iterable[Refusal]) -> bool:
        """The evidence shows these of an identifier and no others; True if that is news."""
        bars = set(bars)
        if self.shown(identifier) == bars:
            return False
        known = self._bars.setdefault(identifier, set())
        known -= BY_EVIDENCE
        known |= bars
        self._judge(identifier)
        return True

    def rule(self, blocked: Iterable[Identifier]) -> None:
        """The rules block these from now on, and no others."""
        blocked = set(blocked)
        for identifier in [one for one, bars in self._bars.items() if BY_RULE in bars and one not in blocked]:
            self.unrule(identifier)
        for identifier in blocked:
            self._bars.setdefault(identifier, set()).add(BY_RULE)
            self._judge(identifier)

    def unrule(self, identifier: Identifier) -> None:
        """The rules do not block it any more."""
        self._bars.get(identifier, set()).discard(BY_RULE)
        self._judge(identifier)

    def expired(self, upto: int) -> list[Statement]:
        """What expires at or before an instant (µs), in order."""
        due = [one for one in self.in_force.values() if one.expires is not None and one.expires <= upto]
        return sorted(due, key=lambda one: (one.expires, one.id))

    def next_expiry(self) -> int | None:
        """When the next statement expires."""
        return min((one.expires for one in self.in_force.values() if one.expires is not None), default=None)

    def asserted(self, identifiers: Iterable[Identifier]) -> list[Statement]:
        """The statements that join some of these identifiers, the earliest first."""
        same = self.same
        if not same:
            return []
        found = {one.id: one for identifier in identifiers for one in same.get(identifier, {}).values()}
        return sorted(found.values(), key=lambda one: (one.at, one.id))

    def bar_of(self, identifier: Identifier, evidence: Collection[Refusal], by_rule: bool) -> Refusal:
        """Why an identifier links nothing, if so: by statements, by what the evidence shows, and by the rules."""
        if by_rule or self._bars.get(identifier, set()) - BY_EVIDENCE - {BY_RULE}:
            return Refusal.BLOCKED
        if evidence and not self._allowed.get(identifier):
            return Refusal.GENERIC if Refusal.GENERIC in evidence else Refusal.SHARED
        return Refusal.NONE

    def _judge(self, identifier: Identifier) -> None:
        by_rule = BY_RULE in self._bars.get(identifier, set())
        why = self.bar_of(identifier, self.shown(identifier), by_rule)
        if why:
            self.barred[identifier] = why
        else:
            self.barred.pop(identifier, None)
