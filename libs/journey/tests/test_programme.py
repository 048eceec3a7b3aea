from decimal import Decimal
from pathlib import Path

import pytest

from cairn_journey import DefinitionFaults, Programme, Selector, load_directory, load_text, parse_bundle
from cairn_journey.engine.compiler import compile_programme
from cairn_journey.language.documents import from_plain
from cairn_kernel.time import DAY

from .scenario import CATALOGUE, WIN_BACK

WHOLE = """
kind: Journey
name: win-back
owner: crm
subject: person
audience: profile.loyalty == "member"       # leave out for everybody
features:
  baskets_30d: {count: basket.purchased, window: 30d}
entry: [{on: basket.purchased}]
reentry: {after: 60d}
goal: {on: coupon.redeemed, value: event.amount, within: 45d}
exit: [{on: account.closed}]
stages:
  - {name: active, on: basket.purchased}
  - {name: lapsing, when: baskets_30d == 0, after: {idle: basket.purchased, for: 30d}}
friction:
  - {name: coupon-refused, on: coupon.rejected}
interventions:
  - name: offer
    trigger: {stage: lapsing}
    steps:
      - decide: {actions: {tag: coupon}}
      - wait: {until: {on: basket.purchased}, for: 7d}
      - branch:
          - {when: wait.timed_out, steps: [{decide: {actions: [reminder-email]}}]}
---
kind: Action
name: coupon-10
tags: [coupon]
class: marketing                             # or: service (mandatory)
eligible: profile.age_band != "under-18"
value: 4.20 EUR
treatments: [{channel: email, template: coupon-10-email}]
---
kind: Action
name: reminder-email
class: service
priority: 3
treatments: [{channel: email, template: coupon-10-email}]
---
kind: ContactPolicy
name: default
caps: [{scope: person, class: marketing, max: 2, per: 7d}]
cooldowns: [{after: {outcome: bounced}, for: 30d}]
quiet_hours: {from: "21:00", to: "08:00", zone: customer}
---
kind: Template
name: coupon-10-email
channel: email
subject: {en: "10 % off your next basket", de: "10 % auf den nächsten Einkauf"}
body: {en: coupon-10.en.liquid, de: texts/coupon-10.de.liquid}
---
kind: Connector
name: smtp
channel: email
rates: {per_second: 2.5, in_flight: 20}
idempotency: query
"""


def write(root: Path, text: str = WHOLE) -> Path:
    (root / "texts").mkdir()
    (root / "programme.yaml").write_text(text)
    (root / "coupon-10.en.liquid").write_text("Hello {{ profile.name }}")
    (root / "texts" / "coupon-10.de.liquid").write_text("Hallo {{ profile.name }}")
    return root


@pytest.fixture
def programme(tmp_path: Path) -> Programme:
    return load_directory(write(tmp_path))


def test_the_language_is_read_as_documented(programme: Programme) -> None:
    journey = programme.journeys["win-back"]
    assert journey.goal.within == 45 * DAY
    assert journey.reentry.after == 60 * DAY
    assert journey.stages[1].after is not None
    assert journey.friction[0].on == "coupon.rejected"
    action = programme.actions["coupon-10"]
    assert action.value is not None
    assert (action.value.amount, action.value.currency) == (Decimal("4.20"), "EUR")
    assert Selector(tag="coupon").picks(action)
    assert Selector(names=("coupon-10",)).picks(action)
    assert not Selector(names=("other",)).picks(action)
    policy = programme.policies["default"]
    assert (policy.caps[0].max, policy.caps[0].per, policy.cooldowns[0].outcome) == (2, 7 * DAY, "bounced")
    assert policy.quiet_hours is not None
    assert (policy.quiet_hours.from_minute, policy.quiet_hours.to_minute) == (1260, 480)
    connector = programme.connectors["smtp"]
    assert (connector.contact, connector.doubt, connector.per_second) == ("email", "query", Decimal("2.5"))


def test_template_files_are_taken_in(programme: Programme) -> None:
    template = programme.templates["coupon-10-email"]
    assert template.text("body", "de") == "Hallo {{ profile.name }}"
    assert template.text("body", "de-AT") == "Hallo {{ profile.name }}"
    assert template.text("body", "fr") == "Hello {{ profile.name }}"
    assert template.text("html", "en") == ""
    assert b"Hallo" in programme.bundle()


def test_a_bundle_gives_the_same_programme(programme: Programme) -> None:
    again = parse_bundle(programme.bundle())
    assert again == programme
    assert again.version == programme.version
    assert hash(again) == hash(programme)
    assert again.journeys == programme.journeys
    assert again.actions == programme.actions
    assert again.policies == programme.policies
    assert again.templates == programme.templates
    assert again.connectors == programme.connectors


def test_the_version_is_of_the_content_not_of_the_files(tmp_path: Path, programme: Programme) -> None:
    other = tmp_path / "other"
    other.mkdir()
    documents = WHOLE.split("---")
    write(other, "# moved\n" + "---".join(reversed(documents[1:])))
    (other / "more.yml").write_text(documents[0].replace("{on: basket.purchased}]", '{"on": "basket.purchased"}]'))
    assert load_directory(other).version == programme.version
    (other / "coupon-10.en.liquid").write_text("Hi")
    assert load_directory(other).version != programme.version


@pytest.mark.parametrize(
    "bundle", [b"", b"[]", b"{}", b'{"format":2,"definitions":[]}', b'{"format":1}', b"[" * 10_000]
)
def test_what_is_no_bundle_is_refused(bundle: bytes) -> None:
    with pytest.raises(DefinitionFaults):
        parse_bundle(bundle)


def test_faults_in_a_bundle_are_told_without_a_place() -> None:
    with pytest.raises(DefinitionFaults) as caught:
        parse_bundle(b'{"format":1,"definitions":[{"kind":"Journey","name":"j","entry":[{"on":"a"}],"audience":"x"}]}')
    assert {(fault.file, fault.line) for fault in caught.value.faults} == {("bundle", 0)}
    assert len(caught.value.faults) == 2


def test_plain_values_become_nodes_and_back() -> None:
    plain = {"a": [1, "x", None, {"b": True}]}
    assert from_plain(plain, "f").plain() == plain


def test_rules_are_indexed_by_event_type() -> None:
    compiled = compile_programme(load_text(WIN_BACK + CATALOGUE))
    assert set(compiled.by_type) == {"basket.purchased", "coupon.redeemed", "account.closed"}
    assert [journey.name for journey in compiled.by_type["account.closed"].journeys] == ["win-back"]
    assert compiled.by_type["account.closed"].features == ()
    assert len(compiled.by_type["basket.purchased"].features) == 2


def test_a_template_of_one_text_serves_every_locale() -> None:
    template = load_text(CATALOGUE).templates["hello"]
    assert template.text("subject", "fr-CA") == "Hello"


def test_the_default_locale_can_be_chosen() -> None:
    text = CATALOGUE.replace("subject: Hello", "default: de, subject: {de: Hallo, fr: Bonjour}")
    template = load_text(text).templates["hello"]
    assert template.text("subject", "en") == "Hallo"


def test_what_nobody_uses_is_a_warning() -> None:
    unused = """---
{kind: Template, name: forgotten, channel: email, subject: s, body: b}
---
{kind: Audience, name: nobody, when: profile.a == 1}
---
{kind: Audience, name: somebody, when: profile.a == 2}
"""
    journey = WIN_BACK.replace("\nentry:", "\naudience: audience.somebody\nentry:")
    warnings = load_text(journey + CATALOGUE + unused).warnings
    assert [warning.message for warning in warnings] == [
        "nothing uses the Template forgotten",
        "nothing uses the Audience nobody",
    ]
    assert load_text(WIN_BACK + CATALOGUE).warnings == ()
