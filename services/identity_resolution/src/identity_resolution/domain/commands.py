"""What people ask identity resolution to do."""

import msgspec

from cairn_journey.subjects.told import Told
from cairn_kernel.event import Identifier
from identity_resolution.domain.statements import Statement


class Relate(msgspec.Struct, frozen=True, kw_only=True):
    """Say of whom a person belongs to."""

    id: str
    member: Identifier
    told: Told


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Make a statement, or withdraw some; a withdrawal of what does not hold any more changes nothing."""

    state: Statement | None = None
    withdraw: tuple[str, ...] = ()
    """Ids of statements."""
    relate: Relate | None = None
    review_id: str = ""
    """What the statement decides, if matching suggested it."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What it came to."""

    statement_id: str = ""
    withdrawn: tuple[str, ...] = ()
    merges: tuple[tuple[str, str], ...] = ()
    """(profile that is gone, profile it lives on in)."""
    splits: tuple[tuple[str, str, int], ...] = ()
    """(profile, profile that left it, identifiers that left)."""
    profile_id: str = ""
    """Whose relation it is about."""
