"""When a customer is left in peace, by the domain's clock and the customer's zone."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cairn_journey import Programme
from cairn_journey.language.model import SERVICE, QuietHours
from cairn_kernel.time import micros, to_datetime

CUSTOMER: Final = "customer"


def end_of_quiet(at: int, message_class: str, context: Mapping[str, Any], programme: Programme | None) -> int:
    """The first instant from `at` on at which no policy asks for quiet; service messages never wait."""
    if programme is None or message_class == SERVICE:
        return at
    rules = [policy.quiet_hours for policy in programme.policies.values() if policy.quiet_hours is not None]
    timezone = (context.get("traits") or {}).get("timezone", "")
    for _ in rules:  # leaving one policy's quiet hours may lead into another's
        at = max((_end_of(rule, at, timezone) for rule in rules), default=at)
    return at


def _end_of(rule: QuietHours, at: int, timezone: object) -> int:
    zone = zone_of(timezone if rule.zone == CUSTOMER else rule.zone)
    local = to_datetime(at).astimezone(zone)
    minute = local.hour * 60 + local.minute
    start, end = rule.from_minute, rule.to_minute
    if start <= end:
        quiet, days = start <= minute < end, 0
    else:
        quiet, days = minute >= start or minute < end, int(minute >= start)
    if not quiet:
        return at
    day = (local + timedelta(days=days)).date()
    return micros(datetime(day.year, day.month, day.day, end // 60 % 24, end % 60, tzinfo=zone))


def zone_of(name: object) -> tzinfo:
    """The zone of that name; UTC if nobody knows it."""
    return _zone(name) if isinstance(name, str) and name else UTC


@lru_cache(maxsize=1_000)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
