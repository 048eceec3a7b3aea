"""Lets one client for Python, as it comes from its registry, say what is asked: `speak.py CLIENT URL KEY`.

Standard input holds a list of events: {id, user, name, amount, kind}. What a client gives up, or refuses to its
caller, is printed as one JSON list of ids.
"""

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
import time_machine

Event = Mapping[str, Any]
BIG = "x" * 40_000
TRIES = 10


def now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251 - clients live in the time of the wall


def fields(event: Event) -> dict[str, Any]:
    told = {"told": event["id"], "amount": event["amount"]}
    match event["kind"]:
        case "oversize":
            return {**told, "text": event.get("text", BIG)}
        case "poison":
            return {**told, "amount": math.nan}
        case _:
            return told


def segment(url: str, key: str, events: list[Event]) -> Iterator[str]:
    from segment.analytics.client import Client

    client = Client(key, host=url, upload_interval=0.05)
    for event in events:
        try:
            client.track(event["user"], event["name"], fields(event), message_id=event["id"])
        except (RuntimeError, ValueError):  # told to the caller at once: more than 32 KB
            yield event["id"]
    client.shutdown()


def rudder(url: str, key: str, events: list[Event]) -> Iterator[str]:
    from rudderstack.analytics.client import Client

    client = Client(key, host=url, upload_interval=0.05)
    for event in events:
        client.track(event["user"], event["name"], fields(event), message_id=event["id"])
    client.shutdown()
    yield from ()


def posthog(url: str, key: str, events: list[Event]) -> Iterator[str]:
    from posthog import Posthog

    client = Posthog(key, host=url, flush_interval=0.05)
    for event in events:
        client.capture(event["name"], distinct_id=event["user"], properties=fields(event), uuid=event["id"])
    client.shutdown()
    yield from ()


def snowplow(url: str, key: str, events: list[Event]) -> Iterator[str]:
    from snowplow_tracker.emitters import Emitter
    from snowplow_tracker.events.self_describing import SelfDescribing
    from snowplow_tracker.self_describing_json import SelfDescribingJson
    from snowplow_tracker.subject import Subject
    from snowplow_tracker.tracker import Tracker

    emitter = Emitter(
        url.removeprefix("http://") + f"/k/{key}", protocol="http", batch_size=50, max_retry_delay_seconds=1
    )
    for event in events:
        tracker = Tracker("shop", emitter, subject=Subject().set_user_id(event["user"]), encode_base64=True)
        schema = f"iglu:com.acme/{event['name'].lower().replace(' ', '_')}/jsonschema/1-0-0"
        data = SelfDescribingJson(schema, fields(event))
        tracker.track(SelfDescribing(event_json=data))
    emitter.flush()
    until = time.monotonic() + 60
    while (emitter.event_store.size() or emitter.retry_delay) and time.monotonic() < until:
        time.sleep(0.05)
        emitter.flush()
    yield from ()


def cloudevents(url: str, key: str, events: list[Event]) -> Iterator[str]:
    from cloudevents.core.bindings.http import to_binary_event, to_structured_event
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent

    for number, event in enumerate(events):
        told = CloudEvent(
            attributes={
                "id": event["id"],
                "source": "/shop",
                "type": event["name"].lower().replace(" ", "."),
                "subject": event["user"],
                "specversion": "1.0",
                "time": now(),
                "datacontenttype": "application/json",
            },
            data=fields(event),
        )
        message = (to_binary_event if number % 2 else to_structured_event)(told, JSONFormat())
        if not _insists(url + "/cloudevents", key, message.headers, message.body):
            yield event["id"]


def _insists(url: str, key: str, headers: Mapping[str, str], body: bytes) -> bool:
    """CloudEvents' library makes messages and sends none: who uses it repeats what was not taken."""
    for attempt in range(TRIES):
        answer = requests.post(url, data=body, headers={**headers, "Authorization": f"Bearer {key}"}, timeout=10)
        if answer.status_code < 300:
            return True
        time.sleep(float(answer.headers.get("Retry-After", 0.1 * 2**attempt)))
    return False


CLIENTS: Mapping[str, Callable[[str, str, list[Event]], Iterator[str]]] = {
    "segment-python": segment,
    "rudder-python": rudder,
    "posthog-python": posthog,
    "snowplow-python": snowplow,
    "cloudevents-python": cloudevents,
}


def main() -> None:
    client, url, key = sys.argv[1:4]
    asked = json.load(sys.stdin)
    with time_machine.travel(now() + timedelta(seconds=asked["clock_off_s"]), tick=True):
        given_up = list(CLIENTS[client](url, key, asked["events"]))
    print(json.dumps(given_up))


if __name__ == "__main__":
    main()
