"""How identifiers are spelt under a tenant's rules of identity, and which values name nobody."""

import re
from collections.abc import Iterable
from fnmatch import translate
from typing import Final

import phonenumbers

from cairn_journey.language.identity_model import IdentityRules
from cairn_kernel.identifiers import EMAIL, PHONE, normalise

_DOTLESS: Final = frozenset({"gmail.com", "googlemail.com"})
"""Domains at which dots before the @ make no other mailbox."""


class Spelling:
    """One spelling per value: what `cairn_kernel.identifiers` says, then what the rules say of a namespace."""

    __slots__ = ("_mailboxes", "_nobody", "_region")

    def __init__(self, rules: IdentityRules | None = None) -> None:
        of = {one.name: one for one in rules.namespaces} if rules is not None else {}
        self._region = of[PHONE].region if PHONE in of else ""
        self._mailboxes = EMAIL in of and of[EMAIL].mailboxes
        self._nobody = _compiled((one.namespace, one.pattern) for one in (rules.blocked if rules is not None else ()))

    def spell(self, namespace: str, value: object) -> str:
        """The one spelling of a value; empty if it cannot be an identifier."""
        text = normalise(namespace, value)
        if not text:
            return ""
        if namespace == PHONE and self._region:
            return _e164(text, self._region)
        return _mailbox(text) if namespace == EMAIL and self._mailboxes else text

    def name(self, namespace: str, value: object) -> str:
        """The same, and empty also if a pattern says that such a value names nobody."""
        text = self.spell(namespace, value)
        pattern = self._nobody.get(namespace)
        return "" if text and pattern is not None and pattern.fullmatch(text) else text


def _compiled(patterns: Iterable[tuple[str, str]]) -> dict[str, re.Pattern[str]]:
    found: dict[str, list[str]] = {}
    for namespace, pattern in patterns:
        if pattern:
            found.setdefault(namespace, []).append(translate(pattern))
    return {namespace: re.compile("|".join(each)) for namespace, each in found.items()}


def _e164(number: str, region: str) -> str:
    """ITU-T E.164, a number without a country being one of `region` (ISO 3166); as it is if it can be none there."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return number
    if not phonenumbers.is_possible_number(parsed):
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _mailbox(address: str) -> str:
    """The address without its subaddress (RFC 5233), and without dots where these make no difference."""
    local, _, domain = address.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _DOTLESS:
        local, domain = local.replace(".", "") or local, "gmail.com"
    return f"{local}@{domain}"


PLAIN: Final = Spelling()
"""Where no rules are in force."""
