"""Spellings under rules of identity."""

import pytest

from cairn_journey import load_text
from cairn_journey.language.spelling import PLAIN, Spelling

RULES = load_text("""
kind: IdentityRules
name: shop
namespaces:
  - {name: phone, region: DE}
  - {name: email, spelling: mailbox}
blocked:
  - {namespace: email, patterns: ["Info@*", "till-??@shop.example"]}
  - {namespace: card, values: ["29999"], patterns: ["000*"]}
""")


@pytest.mark.parametrize(
    ("namespace", "value", "spelt"),
    [
        ("phone", "030 / 90 18 20", "+4930901820"),
        ("phone", "0049 30 901820", "+4930901820"),
        ("phone", "+44 20 7946 0958", "+442079460958"),
        ("phone", "123456", "+49123456"),
        ("email", "Ann.Lee+shop@GoogleMail.com", "annlee@gmail.com"),
        ("email", "ann.lee+shop@example.org", "ann.lee@example.org"),
        ("email", "+@example.org", "+@example.org"),
        ("user_id", "Ann+1", "Ann+1"),
        ("email", "null", ""),
    ],
)
def test_a_value_has_one_spelling(namespace: str, value: str, spelt: str) -> None:
    spelling = Spelling(RULES.identity)
    assert spelling.spell(namespace, value) == spelt
    assert not spelt or spelling.spell(namespace, spelt) == spelt


@pytest.mark.parametrize(
    ("namespace", "value", "names"),
    [
        ("email", "info@example.org", False),
        ("email", "INFO+a@example.org", False),
        ("email", "info.desk@example.org", True),
        ("email", "till-07@shop.example", False),
        ("email", "till-107@shop.example", True),
        ("card", "00042", False),
        ("card", "29999", True),
        ("phone", "000 42 42 42", True),
    ],
)
def test_what_fits_a_pattern_names_nobody(namespace: str, value: str, names: bool) -> None:
    spelling = Spelling(RULES.identity)
    assert spelling.spell(namespace, value)
    assert bool(spelling.name(namespace, value)) is names


def test_without_rules_a_value_is_spelt_as_everywhere() -> None:
    assert PLAIN.name("phone", "030 901820") == "030901820"
    assert PLAIN.name("email", "Ann.Lee+shop@gmail.com") == "ann.lee+shop@gmail.com"
