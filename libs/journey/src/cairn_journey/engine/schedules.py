"""When a schedule comes round."""

from calendar import monthrange
from datetime import date, tzinfo
from typing import Any

from cairn_journey.language.local_time import instant, next_clock, zone_of
from cairn_journey.language.model import Schedule
from cairn_journey.language.steps_model import CUSTOMER
from cairn_kernel.time import to_datetime


def next_due(schedule: Schedule, after: int, timezone: Any) -> int:
    """The next instant of a schedule after another; `timezone` is the customer's, as the trait has it.

    A day that a month does not have is its last; local times that clocks skip or repeat are as in `local_time`.
    """
    if schedule.every is not None:
        return after + schedule.every
    zone = zone_of(timezone if schedule.zone == CUSTOMER else schedule.zone)
    if schedule.day is not None:
        return _next_day_of_month(schedule.day, schedule.at, after, zone)
    return next_clock(after, schedule.at, () if schedule.weekday is None else (schedule.weekday,), zone)


def _next_day_of_month(day: int, minute: int, after: int, zone: tzinfo) -> int:
    today = to_datetime(after).astimezone(zone).date()
    year, month = today.year, today.month
    while True:
        at = instant(date(year, month, min(day, monthrange(year, month)[1])), minute, zone)
        if at > after:
            return at
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
