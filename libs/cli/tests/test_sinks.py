"""The local channel servers: what they answered for is there, also after they were killed."""

import json
import smtplib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from journeyctl.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Running:
    """A sink as a process."""

    def __init__(self, name: str, folder: Path, *options: str) -> None:
        self.http = f"127.0.0.1:{free_port()}"
        self._command = [sys.executable, "-m", f"journeyctl.sinks.{name}", "--http", self.http, "--folder", str(folder)]
        self._command += options
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command)
        for _ in range(300):
            with suppress(OSError):
                self.ask("/counts")
                return
            time.sleep(0.05)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def ask(self, path: str, *, method: str = "GET") -> Any:
        request = urllib.request.Request(f"http://{self.http}{path}", method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            body = answer.read()
            return json.loads(body) if body else None


@pytest.fixture
def smtp() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def mail(tmp_path: Path, smtp: str) -> Iterator[Running]:
    running = Running("mail", tmp_path, "--smtp", smtp)
    yield running
    running.kill()


@pytest.fixture
def hooks(tmp_path: Path) -> Iterator[Running]:
    running = Running("hooks", tmp_path, "--secret", SECRET)
    yield running
    running.kill()


def send(smtp: str, message_id: str, timeout_s: float = 5.0) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@cairn.invalid", "h1@households.example", "Grüße"
    message["Message-ID"] = message_id
    message.set_content("Schön, dass Sie da sind.")
    host, _, port = smtp.rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=timeout_s) as line:
        line.send_message(message)


def test_mail_can_be_asked_for_by_message_id_and_survives_a_kill(mail: Running, smtp: str) -> None:
    for message_id in ("<one@x>", "<two@x>", "<two@x>"):
        send(smtp, message_id)
    mail.kill()
    mail.start()
    assert mail.ask("/counts") == {"messages": 3, "ids": 2}
    [one] = mail.ask("/messages?id=%3Cone%40x%3E")["messages"]
    assert (one["subject"], one["body"].strip()) == ("Grüße", "Schön, dass Sie da sind.")
    assert one["recipient"] == "h1@households.example"
    assert [kept["number"] for kept in mail.ask("/messages?after=1&limit=5")["messages"]] == [2, 3]
    assert mail.ask("/messages?id=nobody") == {"messages": []}


def test_a_held_answer_is_of_a_message_that_is_kept(mail: Running, smtp: str) -> None:
    mail.ask("/hold", method="POST")
    with pytest.raises((smtplib.SMTPException, OSError)):
        send(smtp, "<held@x>", timeout_s=0.5)
    assert len(mail.ask("/messages?id=%3Cheld%40x%3E")["messages"]) == 1
    mail.ask("/release", method="POST")
    send(smtp, "<free@x>")
    assert mail.ask("/counts") == {"messages": 2, "ids": 2}


def test_a_webhook_is_kept_if_it_is_signed_and_survives_a_kill(hooks: Running) -> None:
    body = json.dumps({"data": {"recipient": "call-list"}})
    at = datetime.now(UTC)
    headers = {
        "webhook-id": "d-1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign("d-1", at, body),
    }
    assert call(hooks, body, headers) == 204
    assert call(hooks, body, {**headers, "webhook-id": "d-2"}) == 401
    hooks.kill()
    hooks.start()
    [kept] = hooks.ask("/messages?id=d-1")["messages"]
    assert (kept["recipient"], kept["body"]) == ("call-list", json.loads(body))
    assert hooks.ask("/messages?id=d-2") == {"messages": []}


def call(hooks: Running, body: str, headers: dict[str, str]) -> int:
    request = urllib.request.Request(f"http://{hooks.http}/hooks", body.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code
