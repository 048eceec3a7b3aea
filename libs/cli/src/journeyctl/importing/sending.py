"""Batches on their way to the front door: some at once, each repeated until it is taken in."""

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import msgspec

from cairn_source.events import Mapped
from journeyctl.errors import CannotRun

AT_ONCE: Final = 4
PATIENCE_S: Final = 300.0
"""How long a batch is tried before the import stops; it goes on from there when begun again."""
_MAX_BYTES: Final = 2_000_000


@dataclass
class Batch:
    """Calls with the numbers of their rows, and how much of the file is read with them."""

    calls: list[bytes]
    """As JSON."""
    rows: list[int]
    last_row: int
    read: int


@dataclass
class Result:
    """What became of a batch."""

    batch: Batch
    accepted: int
    duplicates: int
    aside: list[tuple[int, str]] = field(default_factory=list)
    """Row and reason."""


class FrontDoor:
    """HTTP connections to `/v1/import`."""

    def __init__(self, url: str, key: str) -> None:
        limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE)
        self._client = httpx.Client(base_url=url, auth=(key, ""), timeout=30.0, limits=limits, trust_env=False)

    def __enter__(self) -> "FrontDoor":
        return self

    def __exit__(self, *_exc: object) -> None:
        self._client.close()

    def send(self, batches: Iterable[Batch], *, historical: bool) -> Iterator[Result]:
        """Results in the order of the batches. Raises CannotRun."""
        path = "/v1/import" if historical else "/v1/import?historical=false"
        with ThreadPoolExecutor(AT_ONCE) as pool:
            waiting: deque[Future[Result]] = deque()
            try:
                for batch in batches:
                    waiting.append(pool.submit(self._insist, path, batch))
                    if len(waiting) > AT_ONCE:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def _insist(self, path: str, batch: Batch) -> Result:
        body = b'{"batch":[' + b",".join(batch.calls) + b"]}"
        until = time.monotonic() + PATIENCE_S
        for attempt in range(1_000):
            pause = min(0.2 * 2**attempt, 10.0)
            try:
                answer = self._client.post(path, content=body)
            except httpx.HTTPError:
                said = "it does not answer"
            else:
                if answer.status_code == 200:
                    return _result(batch, answer.json())
                said = _refusal(answer)
                pause = float(answer.headers.get("Retry-After", pause))
            if time.monotonic() + pause > until:
                raise CannotRun(f"The front door did not take rows up to {batch.last_row}: {said}. Begin again later.")
            time.sleep(pause)
        raise AssertionError("unreachable")


def _refusal(answer: httpx.Response) -> str:
    """Why it refuses for now. Raises CannotRun if it will refuse always."""
    if answer.status_code == 401:
        raise CannotRun("The front door does not know this write key.")
    if answer.status_code < 500 and answer.status_code != 429:
        raise CannotRun(f"The front door refused a batch ({answer.status_code} {answer.text[:200]}).")
    return f"it says {answer.status_code}"


def _result(batch: Batch, told: dict[str, Any]) -> Result:
    aside = [(batch.rows[item["index"]], _reason(item)) for item in told["quarantined"]]
    return Result(batch, told["accepted"], told["duplicates"], aside)


def _reason(item: dict[str, Any]) -> str:
    return f"{item['reason']} {item['field']}".strip()


def call_of(event: Mapped) -> dict[str, Any]:
    """The event as a track or identify call of Segment's."""
    who = event.identifiers
    named = {namespace: value for namespace, value in who.items() if namespace not in ("user_id", "anonymous_id")}
    kind = "identify" if event.name == "profile.identified" else "track"
    call: dict[str, Any] = {
        "type": kind,
        "messageId": event.message_id,
        "timestamp": event.at.isoformat(),
        ("traits" if kind == "identify" else "properties"): {**event.fields, **named},
        "userId": who.get("user_id"),
        "anonymousId": who.get("anonymous_id"),
    }
    if kind == "track":
        call["event"] = event.name
    return call


def in_batches(calls: Iterable[tuple[int, int, dict[str, Any]]], size: int) -> Iterator[Batch]:
    """Batches of so many calls, or fewer if they are long."""
    batch, length = Batch([], [], 0, 0), 0
    for number, read, call in calls:
        batch.calls.append(msgspec.json.encode(call))
        batch.rows.append(number)
        batch.last_row, batch.read = number, read
        length += len(batch.calls[-1])
        if len(batch.calls) >= size or length > _MAX_BYTES:
            yield batch
            batch, length = Batch([], [], 0, 0), 0
    if batch.calls:
        yield batch


def tally(reasons: Sequence[str]) -> str:
    """Reasons with their numbers, the most frequent first."""
    return ", ".join(f"{reason}: {count:,}" for reason, count in Counter(reasons).most_common(5))
