import pytest
from hypothesis import given
from hypothesis import strategies as st

from cairn_kernel.event_names import normalised
from ingestion.domain.faults import BadEvent
from ingestion.domain.names import RESERVED, event_type


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("Basket Purchased", "basket.purchased"),
        ("basket.purchased", "basket.purchased"),
        ("  Basket   PURCHASED!", "basket.purchased"),
        ("BasketPurchased", "basket.purchased"),
        ("add_to_cart", "add_to_cart"),
        ("iOS App Opened", "ios.app.opened"),
        ("$create_alias", "create_alias"),
        ("Viewed /home page", "viewed.home.page"),
        ("Commande Passée", "commande.passée"),
        ("Profile Identified", "profile.identified"),
    ],
)
def test_names_are_normalised(name: str, type_: str) -> None:
    assert event_type(name, field="event") == type_


@given(st.text(max_size=60))
def test_a_normalised_name_stays_as_it_is(name: str) -> None:
    assert normalised(normalised(name)) == normalised(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (None, "FIELD_REQUIRED"),
        ("", "FIELD_REQUIRED"),
        (7, "FIELD_FORMAT"),
        ("!!!", "FIELD_FORMAT"),
        ("x" * 201, "TOO_LARGE"),
        ("Identity Merged", "FIELD_FORMAT"),
        ("Cairn Marker", "FIELD_FORMAT"),
        ("cairn.anything", "FIELD_FORMAT"),
        ("Delivery Sent", "FIELD_FORMAT"),
        *((name, "FIELD_FORMAT") for name in sorted(RESERVED)),
    ],
)
def test_no_name_is_taken_that_is_none_or_ours(name: object, reason: str) -> None:
    with pytest.raises(BadEvent) as raised:
        event_type(name, field="event")
    assert (raised.value.reason, raised.value.field) == (reason, "event")
