"""Events under rules of identity that say how values are spelt."""

from cairn_journey import load_text
from ingestion.domain.event_types import Catalogue

from .desk import call, kept, taken, token

CATALOGUE = Catalogue(
    load_text("""
kind: IdentityRules
name: shop
namespaces: [{name: phone, region: DE}, {name: email, spelling: mailbox}]
blocked: [{namespace: email, patterns: ["info@*"]}]
""")
)


def test_two_ways_to_write_a_number_are_one_identifier() -> None:
    for number in ("030 901820", "+49 30 901820"):
        draft = taken(call(properties={"phone": number}), catalogue=CATALOGUE)
        assert token("phone", "+4930901820") in draft.identifiers


def test_two_addresses_of_a_mailbox_are_one_identifier_and_stay_two_values() -> None:
    one, other = (
        taken(call(messageId=address, properties={"email": address}), catalogue=CATALOGUE)
        for address in ("ann@example.org", "Ann+news@example.org")
    )
    assert one.identifiers == other.identifiers
    assert one.personal != other.personal


def test_an_address_that_fits_a_pattern_is_no_identifier_but_is_kept_as_it_came() -> None:
    draft = taken(call(properties={"email": "info@example.org"}), catalogue=CATALOGUE)
    assert [one.namespace for one in draft.identifiers] == ["user_id"]
    assert draft.personal == {"email": "info@example.org"}


def test_an_event_that_names_nobody_else_is_kept_aside() -> None:
    aside = kept(call(userId=..., properties={"email": "info@example.org"}), catalogue=CATALOGUE)
    assert (aside.reason, aside.field) == ("FIELD_REQUIRED", "userId")
