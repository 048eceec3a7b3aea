"""Times of day on days when clocks change, in several zones."""

from datetime import UTC, date, datetime

import pytest

from cairn_journey.language.local_time import instant, instant_of, next_clock, next_window, zone_of
from cairn_kernel.time import format_instant, parse_instant

AT = parse_instant


@pytest.mark.parametrize(
    ("zone", "day", "clock", "expected"),
    [
        ("Europe/Berlin", "2024-03-31", "02:30", "2024-03-31T01:00:00Z"),  # skipped: 02:00 is 03:00
        ("Europe/Berlin", "2024-03-31", "03:00", "2024-03-31T01:00:00Z"),
        ("Europe/Berlin", "2024-10-27", "02:30", "2024-10-27T00:30:00Z"),  # comes twice: the first
        ("America/New_York", "2024-03-10", "02:15", "2024-03-10T07:00:00Z"),
        ("America/New_York", "2024-11-03", "01:30", "2024-11-03T05:30:00Z"),
        ("Australia/Lord_Howe", "2024-10-06", "02:10", "2024-10-05T15:30:00Z"),  # half an hour is skipped
        ("America/Sao_Paulo", "2018-11-04", "00:00", "2018-11-04T03:00:00Z"),  # midnight is skipped
        ("Pacific/Apia", "2011-12-30", "09:00", "2011-12-30T10:00:00Z"),  # the whole day is skipped
        ("Asia/Kathmandu", "2024-05-01", "09:00", "2024-05-01T03:15:00Z"),
    ],
)
def test_a_local_time_is_an_instant(zone: str, day: str, clock: str, expected: str) -> None:
    hour, minute = map(int, clock.split(":"))
    at = instant(date.fromisoformat(day), hour * 60 + minute, zone_of(zone))
    assert format_instant(at) == expected


def test_nine_in_the_morning_is_an_hour_earlier_in_utc_when_summer_begins() -> None:
    berlin = zone_of("Europe/Berlin")
    before = next_clock(AT("2024-03-30T00:00:00"), 9 * 60, (), berlin)
    after = next_clock(before, 9 * 60, (), berlin)
    assert [format_instant(before), format_instant(after)] == ["2024-03-30T08:00:00Z", "2024-03-31T07:00:00Z"]


def test_the_next_time_of_day_is_always_after_now_and_within_two_days() -> None:
    for zone in map(zone_of, ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")):
        for hours in range(0, 24 * 366, 7):
            now = AT("2024-01-01T00:00:00") + hours * 3_600_000_000
            found = next_clock(now, 150, (), zone)
            assert now < found <= now + 49 * 3_600_000_000


def test_a_window_on_the_day_that_clocks_go_forward_is_shorter() -> None:
    berlin, sunday = zone_of("Europe/Berlin"), (6,)
    begins = next_window(AT("2024-03-30T12:00:00"), (60, 240), sunday, berlin)
    assert format_instant(begins) == "2024-03-31T00:00:00Z"
    assert next_window(AT("2024-03-31T01:59:00"), (60, 240), sunday, berlin) == AT("2024-03-31T01:59:00")
    assert format_instant(next_window(AT("2024-03-31T02:00:00"), (60, 240), sunday, berlin)) == "2024-04-06T23:00:00Z"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2024-03-31T02:30:00", "2024-03-31T01:00:00Z"),
        ("2024-07-01T09:00:00", "2024-07-01T07:00:00Z"),
        ("2024-07-01T09:00:00-05:00", "2024-07-01T14:00:00Z"),
        ("2024-07-01", "2024-06-30T22:00:00Z"),
        (0, "1970-01-01T00:00:00Z"),
        (1.5, "1970-01-01T00:00:01.500000Z"),
        (datetime(2024, 7, 1, tzinfo=UTC), "2024-07-01T00:00:00Z"),
    ],
)
def test_an_attribute_tells_an_instant(told: object, expected: str) -> None:
    found = instant_of(told, zone_of("Europe/Berlin"))
    assert found is not None
    assert format_instant(found) == expected


@pytest.mark.parametrize("told", ["soon", "", None, True, [], {}, float("nan"), float("inf"), 1e12, "0001-01-01"])
def test_what_tells_none_is_none(told: object) -> None:
    assert instant_of(told, zone_of("Europe/Berlin")) is None


def test_a_zone_that_nobody_knows_is_utc() -> None:
    assert zone_of("Nowhere/Land") is UTC
    assert zone_of(5) is UTC
