"""What people ask identity resolution to do."""

import msgspec

from identity_resolution.domain.statements import Statement


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Make a statement, or withdraw some; a withdrawal of what does not hold any more changes nothing."""

    state: Statement | None = None
    withdraw: tuple[str, ...] = ()
    """Ids of statements."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What it came to."""

    statement_id: str = ""
    withdrawn: tuple[str, ...] = ()
    merges: tuple[tuple[str, str], ...] = ()
    """(profile that is gone, profile it lives on in)."""
    splits: tuple[tuple[str, str, int], ...] = ()
    """(profile, profile that left it, identifiers that left)."""
