"""A mail server, an e-mail connector, and what stands around them, as processes of a test."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from cairn.connector.v1 import connector_pb2 as pb
from cairn_connector import Dispatch, streams, wire
from journeyctl.ports import free_port

FOR_EVER = 4_000_000_000.0


@dataclass
class Street:
    """A mail server, an e-mail connector and activation's side of the bus, each to be broken on purpose."""

    folder: Path
    nats_url: str
    client: Client
    smtp: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    http: str = field(default_factory=lambda: f"127.0.0.1:{free_port()}")
    receipts: list[pb.Receipt] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_sink(self) -> subprocess.Popen[bytes]:
        options = ["--smtp", self.smtp, "--http", self.http, "--folder", str(self.folder / "sink")]
        return self._start(["journeyctl.sinks.mail", *options], {})

    def start_connector(self) -> subprocess.Popen[bytes]:
        return self._start(
            ["connector_email"],
            {
                "CAIRN_NATS_URL": self.nats_url,
                "CAIRN_SMTP_ADDRESS": self.smtp,
                "CAIRN_SMTP_QUERY_URL": f"http://{self.http}/messages",
                "CAIRN_CONNECTOR_DIR": str(self.folder / "connector"),
            },
        )

    async def order(self, delivery_id: str, *, attempt: int = 1, repeat: int = 0, recipient: str = "") -> None:
        dispatch = Dispatch(
            delivery_id=delivery_id,
            attempt=attempt,
            tenant="default",
            action="welcome",
            recipient=recipient or "h1@households.example",
            content={"subject": "Grüße 🎉", "body": "Good to have you."},
            locale="en",
            not_after=FOR_EVER,
        )
        headers = {wire.REPEAT_HEADER: str(repeat)} if repeat else None
        message_id = wire.dispatch_message_id(delivery_id, attempt, repeat)
        body = wire.encode_dispatch(dispatch)
        await streams.store(self.client, wire.dispatch_subject("email"), body, message_id=message_id, headers=headers)

    async def receipt_of(self, delivery_id: str) -> pb.Receipt:
        async with asyncio.timeout(60):
            while True:
                for receipt in self.receipts:
                    if receipt.delivery_id == delivery_id and receipt.status != pb.Receipt.STATUS_IN_DOUBT:
                        return receipt
                self.arrived.clear()
                await self.arrived.wait()

    async def ask(self, path: str, method: str = "GET") -> Any:
        def call() -> Any:
            request = urllib.request.Request(f"http://{self.http}{path}", method=method)
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - our own sink
                body = answer.read()
                return json.loads(body) if body else None

        return await asyncio.to_thread(call)

    async def kept(self, delivery_id: str) -> list[dict[str, Any]]:
        found = await self.ask(f"/messages?id=%3C{delivery_id}%40cairn.invalid%3E")
        messages: list[dict[str, Any]] = found["messages"]
        return messages

    async def until_kept(self, delivery_id: str) -> None:
        async with asyncio.timeout(60):
            for _ in range(2_000):
                with suppress(OSError):
                    if await self.kept(delivery_id):
                        return
                await asyncio.sleep(0.01)

    async def until_sink_answers(self) -> None:
        async with asyncio.timeout(60):
            for _ in range(2_000):
                with suppress(OSError):
                    await self.ask("/counts")
                    return
                await asyncio.sleep(0.05)

    def log(self, module: str) -> str:
        return (self.folder / f"{module}.log").read_text()

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait()

    def _start(self, module: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{module[0]}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *module], env={**os.environ, **environment}, stdout=log, stderr=log
            )
        self.running.append(process)
        return process


@asynccontextmanager
async def open_street(nats_url: str, folder: Path) -> AsyncIterator[Street]:
    """A street with its mail server running; connectors are started by the test."""
    client = await nats.connect(nats_url)
    street = Street(folder, nats_url, client)

    async def listen(message: Msg) -> None:
        street.receipts.append(pb.Receipt.FromString(message.data))
        street.arrived.set()

    await client.subscribe("receipt.email", cb=listen)
    await streams.ensure_dispatch_queue(client, "email")
    await streams.ensure_receipt_stream(client)
    street.start_sink()
    await street.until_sink_answers()
    try:
        yield street
    finally:
        for process in street.running:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                street.kill(process)
        await client.close()
