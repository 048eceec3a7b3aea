"""What a programme says becomes the rules of the graph."""

from cairn_journey import load_text
from cairn_kernel.event import Identifier
from cairn_kernel.time import DAY
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.domain.devices import SharedBy
from identity_resolution.domain.rules import DEFAULT_LIMITS, NamespaceRule, Rules

TEXT = """\
kind: IdentityRules
name: shop
owner: crm
namespaces:
  - {name: card, max: 3}
  - {name: phone, valid_for: 365d}
  - {name: anonymous_id, max: 20 per 7d, fan_out: 2}
blocked:
  - {namespace: phone, values: ["+49 (170) 123-4567"]}
devices: {shared: last, idle: 1d}
largest: 50
"""
NONE = """\
kind: Source
name: shop
"""


class Tokens:
    def token(self, tenant: str, namespace: str, value: str) -> str:
        return f"{tenant}/{namespace}/{value}"


def installed(*texts: str) -> Rulebook:
    rulebook = Rulebook(Tokens())
    for text in texts:
        programme = load_text(text)
        rulebook.install("default", programme.version, programme.bundle())
    return rulebook


def test_what_is_said_holds_and_the_rest_is_as_without_rules() -> None:
    rules = installed(TEXT).latest("default")
    default = Rules()
    assert rules.of("card") == NamespaceRule(1, 3, default.of("card").fan_out)
    assert rules.of("phone") == NamespaceRule(2, 2, default.of("phone").fan_out, valid_us=365 * DAY)
    assert rules.of("anonymous_id") == NamespaceRule(3, 20, 2, 7 * DAY)
    assert rules.of("user_id") == default.of("user_id")._replace(priority=4)
    assert [rules.of(name).priority for name in ("user_id", "email")] == [4, 5]
    assert rules.blocked == {Identifier("phone", "default/phone/+491701234567")}
    assert (rules.devices.policy, rules.devices.idle_us, rules.component_cap) == (SharedBy.LAST, DAY, 50)


def test_another_name_or_owner_or_a_way_back_is_told_apart() -> None:
    renamed = TEXT.replace("shop", "other").replace("crm", "anna")
    rulebook = installed(NONE, TEXT, renamed, NONE, TEXT)
    versions = [rules.version for rules in rulebook.versions("default")]
    assert versions == ["deterministic-2", versions[1], "deterministic-2", versions[1]]
    assert len(versions[1]) == 16
    assert rulebook.latest("other").version == "deterministic-2"


def test_rules_that_say_nothing_are_those_that_hold_without_any() -> None:
    rules = installed("kind: IdentityRules\nname: shop\n").latest("default")
    assert rules.limits == DEFAULT_LIMITS
    assert (rules.devices, rules.component_cap, rules.blocked) == (Rules().devices, 500, frozenset())
