"""The namespaces identifiers live in, and the one spelling of a value in each of them.

A tenant's rules of identity may go further (`cairn_journey.language.spelling`). Ingestion and identity resolution both
go by these, so a value always gives the same token.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from cairn_kernel.event import Identifier

USER_ID: Final = "user_id"
EMAIL: Final = "email"
PHONE: Final = "phone"
CARD: Final = "card"
ANONYMOUS_ID: Final = "anonymous_id"
CAIRN_PROFILE: Final = "cairn_profile"
"""Names a profile by its id (the token is the id, no HMAC); set only by our own outcome events, never evidence."""

MAX_VALUE_CHARS: Final = 320
"""Longest value taken; the longest e-mail address is just as long."""


class Namespace(NamedTuple):
    """A kind of identifier."""

    name: str
    strength: int
    """0 is the strongest; no two are equal."""
    spell: Callable[[str], str]
    """The one spelling of a trimmed value of at most MAX_VALUE_CHARS; empty if the value cannot be one."""


_BLANKS: Final = re.compile(r"\s+")
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@.]+(\.[^\s@.]+)+")
_PHONE_PUNCTUATION: Final = re.compile(r"[\s().\-/]+")
_PHONE: Final = re.compile(r"\+?[0-9]{6,15}")
_CARD_PUNCTUATION: Final = re.compile(r"[\s\-]+")
_CARD: Final = re.compile(r"[0-9A-Z]{4,40}")
_ZEROS: Final = re.compile(r"[0\-]+")
_JUNK: Final = frozenset(
    {
        "-1", "anonymous", "false", "guest", "n/a", "na", "nan", "nil", "none", "null", "(null)", "true",
        "undefined", "unknown", "[object object]", "noreply@example.com", "test@example.com", "test@test.com",
    }
)  # fmt: skip

_NOBODY: Final = frozenset({"donotreply", "do-not-reply", "nobody", "none", "noreply", "no-reply", "test"})
"""What stands before the @ of addresses that people and programs write when there is none, at any domain."""


def _opaque(value: str) -> str:
    return _BLANKS.sub(" ", value)


def _email(value: str) -> str:
    address = value.lower()
    local, _, _ = address.partition("@")
    return address if _EMAIL.fullmatch(address) and local not in _NOBODY and local not in _JUNK else ""


def _phone(value: str) -> str:
    number = _PHONE_PUNCTUATION.sub("", value)
    if number.startswith("00"):
        number = "+" + number[2:]
    return number if _PHONE.fullmatch(number) and number.strip("+0") else ""


def _card(value: str) -> str:
    number = _CARD_PUNCTUATION.sub("", value).upper()
    return number if _CARD.fullmatch(number) else ""


NAMESPACES: Final[Mapping[str, Namespace]] = {
    namespace.name: namespace
    for namespace in (
        Namespace(CAIRN_PROFILE, 0, _opaque),
        Namespace(USER_ID, 1, _opaque),
        Namespace(EMAIL, 2, _email),
        Namespace(PHONE, 3, _phone),
        Namespace(CARD, 4, _card),
        Namespace(ANONYMOUS_ID, 5, _opaque),
    )
}
"""Every namespace by name, strongest first."""

UNKNOWN_STRENGTH: Final = 1 + max(namespace.strength for namespace in NAMESPACES.values())


def normalise(namespace: str, value: object) -> str:
    """The one spelling of a value, or the empty text if it names nobody.

    Nobody is named by an unknown namespace, a value that is neither text nor an integer, one that
    is empty, too long or has the wrong form, and by the words programs write when they have no
    value (`null`, `undefined`, `0`, …).
    """
    kind = NAMESPACES.get(namespace)
    if kind is None or isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = unicodedata.normalize("NFKC", str(value)).strip()
    if not text or len(text) > MAX_VALUE_CHARS or text.lower() in _JUNK or _ZEROS.fullmatch(text):
        return ""
    return kind.spell(text)


def strength(identifier: Identifier) -> tuple[int, str, str]:
    """Sort key: the strongest identifier first, unknown namespaces last, ties by namespace and token."""
    kind = NAMESPACES.get(identifier.namespace)
    return (kind.strength if kind else UNKNOWN_STRENGTH, identifier.namespace, identifier.token)


def strongest_first(identifiers: Iterable[Identifier]) -> tuple[Identifier, ...]:
    """The identifiers without repeats, in the order that an event carries them."""
    return tuple(sorted(set(identifiers), key=strength))
