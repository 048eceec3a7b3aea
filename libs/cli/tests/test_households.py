"""The demo's calls say what the data says, and nothing twice."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from journeyctl.demo.households import PERIODS, SHOP_ZONE, Call, _folder, by_day, calls, card_of, locale_of

SMALL = PERIODS["small"]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # it reads the real data


@pytest.fixture(scope="module")
def january() -> list[Call]:
    return calls(SMALL)


def named(event: str, among: list[Call]) -> list[Call]:
    return [call for call in among if call.event == event]


def test_no_message_id_is_used_twice(january: list[Call]) -> None:
    assert len({call.message_id for call in january}) == len(january)


def test_calls_come_in_the_order_of_time(january: list[Call]) -> None:
    assert [call.at for call in january] == sorted(call.at for call in january)


def test_two_readings_make_the_same_calls(january: list[Call]) -> None:
    assert calls(SMALL) == january


def test_amounts_are_the_sums_of_the_lines_to_the_cent(january: list[Call]) -> None:
    lines = pd.read_parquet(str(_folder() / "transactions.parquet"), columns=["basket_id", "sales_value"])
    sums = lines.groupby("basket_id").sales_value.sum().round(2)
    baskets = named("Basket Purchased", january)
    assert len(baskets) == 12721
    assert {call.body["basket_id"]: call.body["amount"] for call in baskets} == {
        call.body["basket_id"]: sums[int(call.body["basket_id"])] for call in baskets
    }


def test_a_household_is_identified_once_before_anything_else_names_it(january: list[Call]) -> None:
    seen: set[str] = set()
    for call in january:
        if call.kind == "identify":
            assert call.user_id
            assert call.user_id not in seen
            seen.add(call.user_id)
        elif call.user_id:
            assert call.user_id in seen
    assert len(seen) == 1990


def test_each_card_is_shown_with_its_household_after_it_was_shown_alone(january: list[Call]) -> None:
    alone: dict[str, datetime] = {}
    together: dict[str, datetime] = {}
    owners: dict[str, set[str]] = defaultdict(set)
    for call in january:
        if (card := call.body.get("card")) is None:
            continue
        if call.user_id is None:
            assert call.anonymous_id == card
            alone.setdefault(card, call.at)
        else:
            together[card] = call.at
            owners[card].add(call.user_id)
    assert len(alone) == 550
    assert all(together[card] > at for card, at in alone.items())
    assert all(card_of(int(owner)) == card for card, own in owners.items() for owner in own)
    assert all(len(own) == 1 for own in owners.values())


def test_baskets_of_one_household_never_share_an_instant(january: list[Call]) -> None:
    seen = {(call.body.get("card"), call.user_id, call.at) for call in named("Basket Purchased", january)}
    assert len(seen) == 12721


def test_what_was_sent_before_the_period_is_in_its_first_day(january: list[Call]) -> None:
    days = by_day(january, SMALL)
    assert len(days) == 31
    assert sum(map(len, days)) == len(january)
    assert sum(call.event == "Campaign Received" for call in days[0]) == 147
    assert {call.at.date().isoformat() for call in days[0] if call.event == "Campaign Received"} == {
        "2016-11-14",
        "2016-12-06",
        "2016-12-28",
    }
    for number, day in enumerate(days[1:], start=1):
        opens = SMALL.start + timedelta(days=number)
        assert all(opens <= call.at < opens + timedelta(days=1) for call in day)


def test_a_redemption_happens_at_a_till_of_the_household_on_its_date(january: list[Call]) -> None:
    paid = {
        (call.user_id or str(int(call.body["card"][4:])), call.at, call.body["amount"])
        for call in named("Basket Purchased", january)
    }
    redemptions = named("Coupon Redeemed", january)
    assert len(redemptions) == 19
    for call in redemptions:
        assert (call.user_id, call.at, call.body["basket_amount"]) in paid
        assert call.message_id.endswith(call.at.astimezone(SHOP_ZONE).date().isoformat())


def test_demographics_become_traits_and_the_unknown_is_left_out(january: list[Call]) -> None:
    traits = {call.user_id: call.body for call in january if call.kind == "identify"}
    assert traits["1"] == {
        "email": "h1@households.example",
        "locale": "en",
        "age_band": "65+",
        "income": "35-49K",
        "home_ownership": "Homeowner",
        "marital_status": "Married",
        "household_size": "2",
        "household_comp": "2 Adults No Kids",
        "kids_count": "0",
    }
    assert "home_ownership" not in traits["1003"]
    assert {locale_of(household) for household in range(10)} == {"en", "de", "fr"}


def test_the_year_has_every_row_of_the_data() -> None:
    year = calls(PERIODS["full"])
    counts: dict[str, int] = defaultdict(int)
    for call in year:
        counts[call.event or call.kind] += 1
    assert counts == {
        "Basket Purchased": 155848,
        "Campaign Received": 6589,
        "Coupon Redeemed": 2102,
        "identify": 2469,
    }
    assert len({call.message_id for call in year}) == len(year)
    assert year[-1].at < datetime(2018, 1, 2, tzinfo=UTC)
