"""What Segment's clients say, and what it means."""

from typing import Any

import pytest

from .desk import APP, NOW, call, kept, taken, token


def test_a_track_call_becomes_an_event_of_its_name() -> None:
    made = taken(call(properties={"amount": 12.5, "departments": ["a"], "card": "12-34"}, anonymousId=None))
    assert made.type == "basket.purchased"
    assert made.clear == {"amount": 12.5, "departments": ["a"]}
    assert made.personal == {"card": "12-34"}
    assert made.identifiers == (token("user_id", "h1"), token("card", "1234"))
    assert made.event_time == NOW - 3 * 86_400_000_000 - 4 * 3_600_000_000


def test_identify_takes_traits_from_where_either_client_puts_them() -> None:
    traits = {"email": " Ada@Example.com", "age_band": "35-44", "address": {"street": "S 1"}, "name": "Ada"}
    expected = ({"age_band": "35-44"}, {key: value for key, value in traits.items() if key != "age_band"})
    for fields in (call(type="identify", traits=traits), call(type="identify", context={"traits": traits})):
        made = taken(fields)
        assert made.type == "profile.identified"
        assert (made.clear, made.personal) == expected
        assert made.identifiers == (token("user_id", "h1"), token("email", "ada@example.com"))


def test_a_name_is_personal_among_traits_only() -> None:
    assert taken(call(properties={"name": "Tea"})).clear == {"name": "Tea"}
    assert taken(call(type="page", name="Home", category="shop")).clear == {"name": "Home", "category": "shop"}
    assert taken(call(type="identify", traits={"name": "Ada"})).personal == {"name": "Ada"}
    assert taken(call(event="Profile Identified", properties={"name": "Ada"})).personal == {"name": "Ada"}


@pytest.mark.parametrize(
    ("kind", "type_"),
    [("page", "page.viewed"), ("screen", "screen.viewed"), ("group", "group.joined"), ("alias", "identity.aliased")],
)
def test_other_calls_have_types_of_their_own(kind: str, type_: str) -> None:
    assert taken(call(type=kind, groupId=7, previousId="anon-1")).type == type_
    assert taken(call(type=..., groupId="7", previousId="anon-1"), kind=kind).type == type_


def test_a_group_is_named_and_its_address_names_no_person() -> None:
    made = taken(call(type="group", groupId=7, traits={"name": "Does", "email": "office@does.example"}))
    assert made.clear == {"name": "Does", "group_id": "7"}
    assert made.identifiers == (token("user_id", "h1"),)


def test_an_alias_joins_the_previous_id() -> None:
    made = taken(call(type="alias", previousId="anon-1"))
    assert made.identifiers == (token("user_id", "h1"), token("anonymous_id", "anon-1"))


def test_nested_personal_fields_are_sealed_by_their_path() -> None:
    made = taken(call(properties={"buyer": {"email": "a@b.example", "vip": True}, "lines": [{"phone": "1"}, {"n": 1}]}))
    assert made.clear == {"buyer": {"vip": True}, "lines": [{}, {"n": 1}]}
    assert made.personal == {"buyer.email": "a@b.example", "lines.0.phone": "1"}


def test_identifiers_are_found_in_every_place_strongest_first() -> None:
    made = taken(
        call(
            userId=17,
            anonymousId="a-1",
            properties={"phone": "+49 (30) 1234567", "card": "zz 99"},
            context={"card": "1111", "traits": {"email": "A@b.example"}},
        )
    )
    assert made.identifiers == (
        token("user_id", "17"),
        token("email", "a@b.example"),
        token("phone", "+49301234567"),
        *sorted([token("card", "1111"), token("card", "ZZ99")]),
        token("anonymous_id", "a-1"),
    )


def test_external_ids_name_a_person_if_they_are_of_one_and_not_encoded() -> None:
    def external(type: str, id: object, **more: str) -> dict[str, object]:
        return {"id": id, "type": type, "collection": "users", "encoding": "none", **more}

    ids = [
        external("email", "A@b.example"),
        {"type": "phone", "id": "+49 30 1234567"},
        external("card", "zz 99", collection="accounts"),
        external("user_id", "ab54", encoding="sha256"),
        external("cairn_profile", "forged"),
        external("ios.idfa", "17"),
        external("anonymous_id", "null"),
    ]
    made = taken(call(userId=None, context={"externalIds": ids}))
    assert made.identifiers == (token("email", "a@b.example"), token("phone", "+49301234567"))


@pytest.mark.parametrize(
    ("ids", "field"),
    [
        ({}, "context.externalIds"),
        (["x"], "context.externalIds[0]"),
        ([{"type": "card", "id": [1]}], "context.externalIds[0].id"),
    ],
)
def test_external_ids_of_a_wrong_form_are_told(ids: Any, field: str) -> None:
    aside = kept(call(context={"externalIds": ids}))
    assert (aside.reason, aside.field) == ("FIELD_FORMAT", field)


@pytest.mark.parametrize("junk", ["", None, "null", "Guest", "0", 0, "undefined", " ", "NaN", "anonymous", "-1"])
def test_junk_names_nobody(junk: Any) -> None:
    assert taken(call(userId=junk, anonymousId="a-1")).identifiers == (token("anonymous_id", "a-1"),)
    aside = kept(call(userId=junk))
    assert (aside.reason, aside.field) == ("FIELD_REQUIRED", "userId")


@pytest.mark.parametrize(
    ("fields", "time"),
    [
        ({"timestamp": "2026-05-01T10:00:00Z"}, "exact"),
        ({"timestamp": "2026-05-01T12:00:00+02:00"}, "exact"),
        ({"timestamp": "2026-05-01T10:00:00"}, "exact"),
        ({"timestamp": None, "originalTimestamp": "2026-05-01T10:00:00Z"}, "exact"),
        ({"timestamp": "2026-05-01"}, "midnight"),
        ({"timestamp": None}, "none"),
    ],
)
def test_times_are_read_with_or_without_a_zone(fields: dict[str, Any], time: str) -> None:
    exact = NOW - 3 * 86_400_000_000 - 2 * 3_600_000_000
    expected = {"exact": exact, "midnight": exact - 10 * 3_600_000_000, "none": None}
    assert taken(call(**fields)).event_time == expected[time]


def test_only_device_clocks_are_corrected_and_only_beyond_a_minute() -> None:
    at = "2026-05-04T11:00:00Z"
    hour = 3_600_000_000
    plain = taken(call(timestamp=at), sent="2026-05-04T11:00:10Z")
    assert plain.event_time == NOW - hour
    assert taken(call(timestamp=at), source=APP, sent="2026-05-04T11:00:10Z").event_time == NOW - 10_000_000
    assert taken(call(timestamp=at), source=APP, sent="2026-05-04T11:59:30Z").event_time == NOW - hour
    assert taken(call(timestamp=at, sentAt="2026-05-04T11:00:20Z"), source=APP).event_time == NOW - 20_000_000
    assert taken(call(timestamp=at), source=APP).event_time == NOW - hour


def test_the_address_of_the_sending_machine_is_not_kept() -> None:
    made = taken(call(context={"ip": "10.0.0.1", "library": {"name": "analytics-python"}}))
    assert (made.clear, made.personal) == ({}, {})


def test_what_a_consent_manager_says_of_categories_comes_along() -> None:
    told = {"Marketing": False, "Analytics": True}
    for name in ("Segment Consent Preference", "Segment Consent Preference Updated"):
        made = taken(call(event=name, properties={}, context={"consent": {"categoryPreferences": told}}))
        assert made.clear == {"category_preferences": told}
    assert kept(call(event="Segment Consent Preference", context={"consent": [1]})).field == "context.consent"
    assert "category_preferences" not in taken(call(context={"consent": {"categoryPreferences": told}})).clear
