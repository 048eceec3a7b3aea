"""The Segment client sends every call once, and what is refused is sent again."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from journeyctl.demo.front_door import FrontDoor
from journeyctl.demo.households import Call
from journeyctl.errors import CannotRun


class Receiver:
    """A front door that answers as told and remembers what it took."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.taken: list[dict[str, Any]] = []
        self.requests = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                batch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["batch"]
                receiver.requests += 1
                status = receiver.answers.pop(0) if receiver.answers else 200
                if status == 200:
                    receiver.taken += batch
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    started = Receiver()
    thread = threading.Thread(target=started.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield started
    started.server.shutdown()
    thread.join()
    started.server.server_close()


def calls(count: int) -> list[Call]:
    at = datetime(2017, 1, 1, 12, tzinfo=UTC)
    identified = Call(at, "household-7", "identify", "", "7", None, {"email": "h7@households.example"})
    baskets = [
        Call(at, f"basket-{n}", "track", "Basket Purchased", None, "2900", {"amount": 1.5}) for n in range(count - 1)
    ]
    return [identified, *baskets]


def test_every_call_arrives_once_in_batches(receiver: Receiver) -> None:
    with FrontDoor(receiver.address) as door:
        door.send(calls(250))
        assert door.sent == 250
    taken = {message["messageId"]: message for message in receiver.taken}
    assert len(receiver.taken) == 250
    assert taken.keys() == {call.message_id for call in calls(250)}
    assert taken["household-7"]["traits"] == {"email": "h7@households.example"}
    assert taken["basket-1"]["timestamp"] == "2017-01-01T12:00:00.000+00:00"
    assert taken["basket-1"]["anonymousId"] == "2900"
    assert receiver.requests < 50


def test_more_calls_than_the_queue_holds_are_all_sent(receiver: Receiver) -> None:
    with FrontDoor(receiver.address) as door:
        door.send(calls(12_000))
    assert len({message["messageId"] for message in receiver.taken}) == 12_000


def test_what_was_refused_is_sent_again_alone(receiver: Receiver) -> None:
    receiver.answers = [400]
    with FrontDoor(receiver.address) as door:
        door.send(calls(3))
        assert door.sent == 6
    assert len(receiver.taken) == 3


def test_a_door_that_stays_shut_is_told_in_a_sentence(receiver: Receiver) -> None:
    receiver.answers = [401] * 9
    with FrontDoor(receiver.address) as door, pytest.raises(CannotRun, match="refused 3 events 5 times"):
        door.send(calls(3))
