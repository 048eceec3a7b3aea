"""The rules in force, by tenant: those that hold without any, then each version that a programme brought."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, Protocol

import structlog

from cairn_journey import DefinitionFaults, Fault, Programme, parse_bundle
from cairn_journey.language.identity_model import IdentityRules
from cairn_journey.language.spelling import PLAIN, Spelling
from cairn_kernel.event import Identifier, canonical
from cairn_kernel.survivorship import Survivorship
from cairn_matching import BadModel, load
from identity_resolution.domain.devices import DeviceRules, SharedBy
from identity_resolution.domain.matching import Matching
from identity_resolution.domain.rules import DEFAULT_LIMITS, NamespaceRule, Rules

log = structlog.get_logger()

_NO_CONTENT: Final = frozenset({"kind", "name", "owner", "description", "traits"})
"""Keys of IdentityRules that change nothing about who is one person."""


class Tokens(Protocol):
    """Turns normalised values into tokens."""

    def token(self, tenant: str, namespace: str, value: str) -> str: ...


class Rulebook:
    """Every version of the rules in this process; a programme with the same rules as before is no new version."""

    def __init__(self, tokens: Tokens | None = None, default: Rules | None = None) -> None:
        self._tokens = tokens
        self._default = default or Rules()
        self._versions: dict[str, list[Rules]] = {}
        self._traits: dict[str, Mapping[str, Survivorship]] = {}
        self._spellings: dict[str, Spelling] = {}

    def versions(self, tenant: str) -> Sequence[Rules]:
        """All that were ever in force, the oldest first; the first are those that hold without any."""
        return self._versions.get(tenant) or [self._default]

    def latest(self, tenant: str) -> Rules:
        """Those that were told last."""
        return self.versions(tenant)[-1]

    def tenants(self) -> list[str]:
        """Who has rules of their own."""
        return sorted(self._versions)

    def traits(self, tenant: str) -> Mapping[str, Survivorship]:
        """Which value of a trait counts, by name; of those not named the latest."""
        return self._traits.get(tenant, {})

    def token(self, tenant: str, namespace: str, value: str) -> str:
        """What stands for an identifier in clear; empty if there can be none like it."""
        text = self._spellings.get(tenant, PLAIN).spell(namespace, value)
        return self._tokens.token(tenant, namespace, text) if text and self._tokens is not None else text

    def install(self, tenant: str, version: str, bundle: bytes) -> None:
        """A programme came into force."""
        programme = parse_bundle(bundle)
        self._traits[tenant] = programme.survivorship
        self._spellings[tenant] = Spelling(programme.identity)
        if self.put(tenant, rules := self.read(tenant, bundle)):
            log.info("rules.installed", tenant=tenant, definition_version=version, rules_version=rules.version)

    def put(self, tenant: str, rules: Rules) -> bool:
        """These rules are the latest; False if they were already."""
        known = self._versions.setdefault(tenant, [self._default])
        if rules.version == known[-1].version:
            return False
        known.append(rules)
        return True

    def read(self, tenant: str, bundle: bytes) -> Rules:
        """The rules that a bundle brings. Raises DefinitionFaults."""
        programme = parse_bundle(bundle)
        if programme.identity is None:
            return self._default
        return _rules(programme.identity, rules_version(programme), tenant, self._tokens, self._default)


def check(bundle: bytes) -> str:
    """The version of a bundle. Raises DefinitionFaults, which name every fault."""
    programme = parse_bundle(bundle)
    if programme.identity is not None and programme.identity.matching is not None:
        try:
            load(programme.identity.matching.model)
        except BadModel as fault:
            cure = "train it anew: journeyctl identity match customers.csv --model …"
            raise DefinitionFaults([Fault("matching.model", 0, 0, str(fault), cure)]) from None
    return programme.version


def rules_version(programme: Programme) -> str:
    """Hash of what the rules of a programme say, 16 hex digits; their name and owner are no part of it."""
    document: dict[str, Any] = next(dict(one) for one in programme.documents if one["kind"] == "IdentityRules")
    return sha256(canonical({key: document[key] for key in document.keys() - _NO_CONTENT})).hexdigest()[:16]


def _rules(told: IdentityRules, version: str, tenant: str, tokens: Tokens | None, default: Rules) -> Rules:
    limits: dict[str, NamespaceRule] = {}
    for rule in told.namespaces:
        was = default.of(rule.name)
        limits[rule.name] = NamespaceRule(
            1 + len(limits),
            was.at_most if rule.max is None else rule.max,
            was.fan_out if rule.fan_out is None else rule.fan_out,
            was.window_us if rule.max is None else rule.per,
            was.valid_us if rule.valid_for is None else rule.valid_for,
        )
    for name in sorted(DEFAULT_LIMITS, key=lambda name: DEFAULT_LIMITS[name].priority):
        if name not in limits:
            limits[name] = default.of(name)._replace(priority=1 + len(limits))
    spelling = Spelling(told)
    matching = None
    if told.matching is not None:
        matching = Matching(
            load(told.matching.model),
            dict(told.matching.fields),
            told.matching.automatic,
            told.matching.review,
            told.matching.candidates,
            frozenset(told.matching.events),
        )
    devices = DeviceRules(policy=SharedBy(told.devices.shared))
    return Rules(
        version=version,
        limits=limits,
        devices=devices if told.devices.idle is None else devices._replace(idle_us=told.devices.idle),
        matching=matching,
        component_cap=default.component_cap if told.largest is None else told.largest,
        blocked=frozenset(
            Identifier(one.namespace, tokens.token(tenant, one.namespace, text) if tokens else text)
            for one in told.blocked
            if (text := spelling.spell(one.namespace, one.value))
        ),
    )
