"""Sliding windows and cool-downs, exact to the microsecond."""

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from cairn_kernel.time import DAY, HOUR, MINUTE, SECOND, format_instant


class Verdict(NamedTuple):
    """What a rule of the policy says: `next_at` is the first instant at which it would allow, None for never."""

    allowed: bool
    saw: str
    next_at: int | None


def cap_verdict(times: Sequence[int], at: int, *, limit: int, window: int, what: str) -> Verdict:
    """Whether one more contact at `at` keeps every window of `window` µs at or under `limit`.

    `times` are the contacts that count, ascending; they may lie after `at`, as they do when two people's
    ledgers were united. A window is half open: a contact exactly `window` after another is in the next one.
    """
    near = times[bisect_left(times, at - window + 1) :]
    seen = f"{bisect_left(near, at + 1)} of {limit} {what} in {span(window)}"
    if limit < 1:
        return Verdict(False, f"{seen}, none are allowed", None)
    if _fits(near, at, limit, window):
        return Verdict(True, seen, at)
    later = (time + window for time in near)
    next_at = next(time for time in later if time > at and _fits(near, time, limit, window))
    return Verdict(False, f"{seen}, next possible {format_instant(next_at)}", next_at)


def cooldown_verdict(last: int | None, at: int, *, length: int, after: str) -> Verdict:
    """Whether `length` µs have passed since the last thing that starts the cool-down."""
    if last is None:
        return Verdict(True, f"never {after}", at)
    if at - last >= length:
        return Verdict(True, f"last {after} {format_instant(last)}, cool-down {span(length)} is over", at)
    next_at = last + length
    text = f"last {after} {format_instant(last)}, cool-down {span(length)}, next possible {format_instant(next_at)}"
    return Verdict(False, text, next_at)


@lru_cache(maxsize=1_000)
def span(micros: int) -> str:
    """A duration as people write it: 7d, 1d12h, 90s."""
    parts = []
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND)):
        count, micros = divmod(micros, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _fits(times: Sequence[int], at: int, limit: int, window: int) -> bool:
    if len(times) < limit:
        return True
    place = bisect_left(times, at + 1)
    merged = [*times[:place], at, *times[place:]]
    firsts = range(max(0, place - limit), min(place, len(merged) - 1 - limit) + 1)
    return all(merged[first + limit] - merged[first] >= window for first in firsts)
