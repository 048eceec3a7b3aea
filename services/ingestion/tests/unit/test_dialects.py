"""What PostHog, Snowplow and CloudEvents clients say, and what it means."""

import base64
import json
from typing import Any

import pytest

from ingestion.domain import dialects
from ingestion.domain.arriving import Request, arrive
from ingestion.domain.dialects import Dialect
from ingestion.domain.drafts import Aside, Draft

from .desk import NOW, SECRETS, SHOP, token

DAY_MS = NOW // 1_000 - 86_400_000


def made(dialect: Dialect, event: Any) -> list[Draft]:
    found = arrive(json.dumps(event).encode(), Request(SHOP, NOW, dialect=dialect), SECRETS)
    assert all(isinstance(item, Draft) for item in found), found
    return [item for item in found if isinstance(item, Draft)]


def fault(dialect: Dialect, event: Any) -> tuple[str, str]:
    (found,) = arrive(json.dumps(event).encode(), Request(SHOP, NOW, dialect=dialect), SECRETS)
    assert isinstance(found, Aside)
    return found.reason, found.field


def capture(event: str, **fields: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {"event": event, "distinct_id": "h1", "uuid": "3a6699e6", "properties": {"$lib": "web"}}
    return {**whole, **fields}


def test_a_capture_becomes_an_event_without_what_the_client_adds() -> None:
    (event,) = made(dialects.POSTHOG, capture("Order Done", properties={"amount": 1, "$lib": "web"}))
    assert (event.type, event.clear, event.message_id) == ("order.done", {"amount": 1}, "3a6699e6")
    assert event.identifiers == (token("user_id", "h1"),)


def test_traits_set_beside_a_capture_are_an_event_of_their_own() -> None:
    told = {"amount": 1, "$set": {"plan": "pro"}, "$set_once": {"plan": "free", "since": 2024}}
    order, traits = made(dialects.POSTHOG, capture("Order Done", properties=told))
    assert (order.type, order.message_id) == ("order.done", "3a6699e6")
    assert (traits.type, traits.message_id) == ("profile.identified", "3a6699e6:set")
    assert traits.clear == {"plan": "pro", "since": 2024}


def test_a_distinct_id_is_a_device_until_somebody_logs_in() -> None:
    for told in ({"$is_identified": False}, {"$device_id": "h1"}):
        (event,) = made(dialects.POSTHOG, capture("Seen", properties=told))
        assert event.identifiers == (token("anonymous_id", "h1"),)
    (login,) = made(dialects.POSTHOG, capture("$identify", properties={"$anon_distinct_id": "d1"}))
    assert login.identifiers == (token("user_id", "h1"), token("anonymous_id", "d1"))


@pytest.mark.parametrize(
    ("lib", "told"),
    [("posthog-node", {"distinct_id": "h1", "alias": "d1"}), ("posthog-python", {"distinct_id": "d1", "alias": "h1"})],
)
def test_an_alias_means_the_same_whichever_way_round_the_client_tells_it(lib: str, told: dict[str, str]) -> None:
    event = capture("$create_alias", distinct_id=told["distinct_id"], properties={**told, "$lib": lib})
    (alias,) = made(dialects.POSTHOG, event)
    assert alias.type == "identity.aliased"
    assert alias.identifiers == (token("user_id", "h1"), token("anonymous_id", "d1"))


def test_page_views_and_screens_are_those_of_all_clients() -> None:
    (page,) = made(dialects.POSTHOG, capture("$pageview", properties={"$current_url": "https://shop.example/"}))
    assert (page.type, page.clear) == ("page.viewed", {"url": "https://shop.example/"})
    (screen,) = made(dialects.POSTHOG, capture("$screen", properties={"$screen_name": "Basket"}))
    assert (screen.type, screen.clear) == ("screen.viewed", {"name": "Basket"})


def test_a_group_of_posthog_joins_it() -> None:
    told = {"$group_type": "company", "$group_key": "acme", "$group_set": {"size": 3}}
    (group,) = made(dialects.POSTHOG, capture("$groupidentify", properties=told))
    assert (group.type, group.clear) == ("group.joined", {"group_id": "acme", "group_type": "company", "size": 3})


def self_describing(schema: str, data: Any) -> str:
    whole = {
        "schema": "iglu:com.snowplowanalytics.snowplow/x/jsonschema/1-0-0",
        "data": {"schema": schema, "data": data},
    }
    return base64.urlsafe_b64encode(json.dumps(whole).encode()).decode().rstrip("=")


def tracked(**fields: str) -> dict[str, str]:
    return {"eid": "e1", "uid": "h1", "duid": "d1", "dtm": str(DAY_MS), **fields}


def test_a_self_describing_event_is_named_by_its_schema() -> None:
    told = self_describing("iglu:com.acme/order_completed/jsonschema/1-0-0", {"amount": 12.5, "text": "ü?>"})
    (event,) = made(dialects.SNOWPLOW, tracked(e="ue", ue_px=told))
    assert (event.type, event.clear) == ("order_completed", {"amount": 12.5, "text": "ü?>"})
    assert event.identifiers == (token("user_id", "h1"), token("anonymous_id", "d1"))
    assert event.event_time == DAY_MS * 1_000


def test_texts_of_the_tracker_protocol_become_numbers_where_they_are_numbers() -> None:
    (event,) = made(dialects.SNOWPLOW, tracked(e="se", se_ca="shop", se_ac="Add To Basket", se_va="2"))
    assert (event.type, event.clear) == ("add.to.basket", {"category": "shop", "value": 2})
    (bought,) = made(dialects.SNOWPLOW, tracked(e="tr", tr_id="o1", tr_tt="12.50", tr_cu="EUR"))
    assert bought.clear == {"order_id": "o1", "total": 12.5, "currency": "EUR"}


def test_contexts_are_kept_by_name() -> None:
    entity = {"schema": "iglu:com.acme/user/jsonschema/1-0-0", "data": {"tier": "gold"}}
    several = json.dumps({"schema": "iglu:x/contexts/jsonschema/1-0-1", "data": [entity, entity]})
    (page,) = made(dialects.SNOWPLOW, tracked(e="pv", page="Home", url="https://shop.example/", co=several))
    assert page.clear["contexts"] == {"user": [{"tier": "gold"}, {"tier": "gold"}]}
    assert page.type == "page.viewed"


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (tracked(e="??"), "e"),
        (tracked(e="ue", ue_px="!!"), "ue_px"),
        (tracked(e="ue", ue_px=base64.b64encode(b"{}").decode()), "ue_px"),
        (tracked(e="pv", dtm="yesterday"), "dtm"),
        (tracked(e="pv", co='{"data": [{"schema": "x"}]}'), "cx.schema"),
    ],
)
def test_what_the_tracker_protocol_does_not_allow_is_kept_aside(event: dict[str, str], field: str) -> None:
    assert fault(dialects.SNOWPLOW, event) == ("FIELD_FORMAT", field)


def cloud_event(**fields: Any) -> dict[str, Any]:
    whole = {"specversion": "1.0", "id": "c1", "source": "/shop", "type": "com.acme.order", "data": {"amount": 1}}
    return {**whole, "subject": "h1", **fields}


def test_a_cloud_event_is_about_its_subject_unless_it_says_otherwise() -> None:
    (event,) = made(dialects.CLOUD_EVENT, cloud_event())
    assert (event.type, event.clear, event.message_id) == ("com.acme.order", {"amount": 1}, "/shop#c1")
    assert event.identifiers == (token("user_id", "h1"),)
    (other,) = made(dialects.CLOUD_EVENT, cloud_event(subject="order 7", data={"userId": "h2", "amount": 1}))
    assert (other.identifiers, other.clear) == ((token("user_id", "h2"),), {"amount": 1})


def test_the_same_id_of_two_sources_is_two_events_however_long_they_are() -> None:
    (one,) = made(dialects.CLOUD_EVENT, cloud_event(source="s" * 200))
    (other,) = made(dialects.CLOUD_EVENT, cloud_event(source="s" * 201))
    assert one.event_id != other.event_id


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"id": None}, ("FIELD_REQUIRED", "id")),
        ({"type": 7}, ("FIELD_FORMAT", "type")),
        ({"specversion": "0.3"}, ("FIELD_FORMAT", "specversion")),
        ({"data": [1]}, ("FIELD_FORMAT", "data")),
        ({"data_base64": "AA=="}, ("FIELD_FORMAT", "data_base64")),
    ],
)
def test_a_cloud_event_at_fault_is_kept_aside(fields: dict[str, Any], expected: tuple[str, str]) -> None:
    assert fault(dialects.CLOUD_EVENT, cloud_event(**fields)) == expected
