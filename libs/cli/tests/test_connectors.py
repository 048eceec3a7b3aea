"""Who serves the connectors of a programme, asked on a real NATS."""

import json

import nats
import pytest
from nats.aio.msg import Msg

from journeyctl.connectors import Standing, answers


async def test_those_who_run_answer_and_the_others_are_told_apart(nats_url: str) -> None:
    async def usable(message: Msg) -> None:
        await message.respond(json.dumps({"usable": True, "last_fault": ""}).encode())

    async def broken(message: Msg) -> None:
        await message.respond(b"[1")

    connector = await nats.connect(nats_url)
    await connector.subscribe("connector.email.probe", cb=usable)
    await connector.subscribe("connector.odd.probe", cb=broken)
    await connector.flush()
    assert await answers(nats_url, ["email", "odd", "sms"]) == [{"usable": True, "last_fault": ""}, None, None]
    await connector.close()


async def test_that_nats_does_not_answer_is_no_word_on_connectors() -> None:
    assert await answers("nats://127.0.0.1:1", ["email"]) == [{"last_fault": "NATS does not answer"}]


@pytest.mark.parametrize(
    ("served", "usable", "told"),
    [
        (False, False, "nobody; start a connector named sms"),
        (True, True, "a process"),
        (True, False, "a process that cannot send now (SMTP_UNREACHABLE)"),
    ],
)
def test_it_is_told_what_keeps_messages_waiting(served: bool, usable: bool, told: str) -> None:
    fault = "" if usable or not served else "SMTP_UNREACHABLE"
    assert Standing("sms", "sms", served, usable, fault).told == told
