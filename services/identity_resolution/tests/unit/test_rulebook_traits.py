"""Rules of traits come with a programme and never regroup people."""

from cairn_journey import load_text
from cairn_kernel.survivorship import Keep
from identity_resolution.application.rulebook import Rulebook

RULES = "{kind: IdentityRules, name: shop, traits: [{name: tier, keep: trusted}]}"
SOURCES = "\n---\n{kind: Source, name: app, trust: public}\n---\n{kind: Source, name: crm}"


def test_rules_of_traits_are_in_force_with_the_trust_of_sources_and_are_no_new_version_of_the_others() -> None:
    rulebook = Rulebook()
    rulebook.install("t", "1", load_text("{kind: IdentityRules, name: shop}").bundle())
    before = rulebook.latest("t").version
    rulebook.install("t", "2", load_text(RULES + SOURCES).bundle())
    assert rulebook.latest("t").version == before
    assert rulebook.traits("t") == {"tier": (Keep.TRUSTED, {"app": 2, "crm": 0})}
    assert rulebook.traits("somebody else") == {}
