"""The unmodified Segment client at Cairn's HTTP front door, several of it side by side, with every answer checked."""

import logging
import os
from collections.abc import Iterable, Sequence
from typing import Any, Final

from segment.analytics.client import Client

from journeyctl.demo.households import Call
from journeyctl.errors import CannotRun

WRITE_KEY: Final = "demo-write-key"
SOURCE: Final = "shop"
_QUEUE: Final = 2_000
_UPLOAD_SIZE: Final = 100
_UPLOAD_INTERVAL_S: Final = 0.02  # how long the client waits for a batch to fill up
_CLIENTS: Final = 4  # a client has one request under way at a time
_ATTEMPTS: Final = 5


class FrontDoor:
    """Sends calls and knows which of them were refused. Use as a context manager."""

    def __init__(self, http_address: str, write_key: str = WRITE_KEY) -> None:
        _keep_local()
        self.sent = 0
        """Calls handed to the client, repeats included."""
        self._failures: list[tuple[Exception, list[str]]] = []
        self._clients = [
            Client(
                write_key,
                host=f"http://{http_address}",
                max_queue_size=_QUEUE,
                upload_size=_UPLOAD_SIZE,
                upload_interval=_UPLOAD_INTERVAL_S,
                max_retries=10,
                timeout=15,
                on_error=self._failed,
            )
            for _ in range(_CLIENTS)
        ]

    def __enter__(self) -> "FrontDoor":
        return self

    def __exit__(self, *_exc: object) -> None:
        for client in self._clients:
            client.join()

    def send(self, calls: Sequence[Call]) -> None:
        """Send calls and return when the front door has answered all of them.

        What fails is sent again, a few times. Raises CannotRun if that does not help.
        """
        waiting = list(calls)
        for _ in range(_ATTEMPTS):
            self._failures.clear()
            for number, call in enumerate(waiting):
                self.enqueue(call, self._clients[number // _UPLOAD_SIZE % _CLIENTS])
            self.flush()
            if not self._failures:
                return
            failed = {message_id for _, message_ids in self._failures for message_id in message_ids}
            waiting = [call for call in waiting if call.message_id in failed]
        error = self._failures[-1][0]
        raise CannotRun(f"The front door refused {len(waiting)} events {_ATTEMPTS} times; at last: {error}.")

    def flush(self) -> None:
        """Return when the front door has answered all calls."""
        for client in self._clients:
            client.flush()

    def enqueue(self, call: Call, client: Client | None = None) -> None:
        """Hand one call to a client. Raises CannotRun if its queue stays full."""
        client = client or self._clients[0]
        for _ in range(_ATTEMPTS):
            success, _message = _call(client, call)
            if success:
                self.sent += 1
                return
            client.flush()  # the queue was full
        raise CannotRun("The client's queue stays full; is the front door alive?")

    def _failed(self, error: Exception, batch: Iterable[dict[str, Any]]) -> None:
        self._failures.append((error, [str(message["messageId"]) for message in batch]))


def _call(client: Client, call: Call) -> tuple[bool, dict[str, Any]]:
    who: dict[str, Any] = {
        "user_id": call.user_id,
        "anonymous_id": call.anonymous_id,
        "timestamp": call.at,
        "message_id": call.message_id,
    }
    answer: tuple[bool, dict[str, Any]]
    if call.kind == "identify":
        answer = client.identify(traits=call.body, **who)
    elif call.kind == "group":
        answer = client.group(group_id=call.event, traits=call.body, **who)
    else:
        answer = client.track(event=call.event, properties=call.body, **who)
    return answer


def _keep_local() -> None:
    """The front door is on this machine: no proxy for it, and no noise of the client on the terminal."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name, ""), "127.0.0.1"]))
    logging.getLogger("segment").setLevel(logging.CRITICAL)
