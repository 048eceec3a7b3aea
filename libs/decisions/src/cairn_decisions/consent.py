"""Whether a message may be sent as far as the customer's consent goes: what was said, or what holds in silence."""

from collections.abc import Iterable
from typing import NamedTuple

from cairn_journey.language.model import ContactPolicy
from cairn_kernel.consents import Standing, Word


class Permission(NamedTuple):
    """Whether a message may be sent."""

    allowed: bool
    saw: str
    """`granted`, `withdrawn`, `denied`, `suppressed (complaint)`, or `not granted` where silence is no consent."""
    word: Word | None = None
    """The entry of the ledger that says so; None in silence."""


def permission(standing: Standing, policies: Iterable[ContactPolicy], channel: str, class_: str) -> Permission:
    """Silence is consent, unless a contact policy asks for an opt-in on the channel for messages of the class."""
    if standing.word is not None:
        return Permission(standing.allowed is True, standing.word.what, standing.word)
    asked = any(rule.holds(channel, class_) for policy in policies for rule in policy.opt_in)
    return Permission(not asked, "not granted" if asked else "granted")
