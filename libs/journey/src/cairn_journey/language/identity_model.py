"""What the rules of identity are made of. Durations are microseconds; None stands for what holds without a rule."""

from dataclasses import dataclass
from typing import Literal

from cairn_kernel.survivorship import Keep


@dataclass(frozen=True, slots=True)
class NamespaceRules:
    """What one namespace allows."""

    name: str
    max: int | None = None
    """How many identifiers of it one person may have."""
    per: int | None = None
    """If given, only those first seen within so long of each other count against `max`."""
    fan_out: int | None = None
    valid_for: int | None = None
    """What was shown last so long before a newer owner's first evidence is no evidence any more."""
    region: str = ""
    """Of phone: ISO 3166 code of the country whose numbers are meant where none is named."""
    mailboxes: bool = False
    """Of email: whether addresses of one mailbox are one identifier."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """An identifier in clear, or a pattern of such, that names nobody in particular; either is empty."""

    namespace: str
    value: str
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Devices:
    """What holds for a device that several people log in on."""

    shared: Literal["interval", "last", "first"] = "interval"
    idle: int | None = None


@dataclass(frozen=True, slots=True)
class Matching:
    """How records of people are compared; probabilities lie between 0 and 1."""

    model: str
    """The trained model, as it stands in its file."""
    fields: tuple[tuple[str, str], ...]
    """Column of the model, path of a trait."""
    automatic: float = 0.99
    review: float = 0.5
    candidates: int = 100
    events: tuple[str, ...] = ("profile.identified",)


@dataclass(frozen=True, slots=True)
class TraitRules:
    """Which value of a trait counts."""

    name: str
    keep: Keep = Keep.LATEST
    sources: tuple[str, ...] = ()
    """The best first."""


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """Which identifiers are one person."""

    name: str
    namespaces: tuple[NamespaceRules, ...] = ()
    """Strongest first."""
    blocked: tuple[Blocked, ...] = ()
    devices: Devices = Devices()
    matching: Matching | None = None
    traits: tuple[TraitRules, ...] = ()
    largest: int | None = None
    """Most identifiers that links may hold together."""
    owner: str = ""
    description: str = ""
