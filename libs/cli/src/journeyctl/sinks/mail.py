"""An SMTP server that keeps every message and delivers none."""

import asyncio
import email
import email.policy
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any, Final, cast

from aiosmtpd.smtp import SMTP

from journeyctl.sinks.asking import Gate, Sink, arguments, routes, serve
from journeyctl.sinks.kept import Arrival, Kept

_HEADERS: Final = BytesHeaderParser()


class Mailbox:
    """What aiosmtpd calls for each message."""

    def __init__(self, kept: Kept, gate: Gate) -> None:
        self._kept = kept
        self._gate = gate

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Keep the message, then answer."""
        body = cast(bytes, envelope.content)
        message_id = str(_HEADERS.parsebytes(body)["Message-ID"] or "").strip()
        await self._kept.keep(message_id, ", ".join(envelope.rcpt_tos), time.time(), body)
        await self._gate.passed()
        return "250 2.0.0 kept"


def told(arrival: Arrival) -> dict[str, Any]:
    """Subject and text of a kept message."""
    message = email.message_from_bytes(arrival.body, policy=email.policy.default)
    part = message.get_body(("plain", "html"))
    return {"subject": str(message["Subject"] or ""), "body": "" if part is None else part.get_content()}


def main(given: Sequence[str] | None = None) -> None:
    """Serve SMTP and HTTP until told to stop."""
    parser = arguments(main.__doc__ or "")
    parser.add_argument("--smtp", default="127.0.0.1:2525", help="host:port to send mail to")
    options = parser.parse_args(given)
    run(options.smtp, options.http, options.folder)


def run(smtp_address: str, http_address: str, folder: Path) -> None:
    """The same, with the options as arguments."""
    kept = Kept(folder / "mail.sqlite")
    gate = Gate()

    @asynccontextmanager
    async def open_smtp() -> AsyncIterator[None]:
        host, _, port = smtp_address.rpartition(":")
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(Mailbox(kept, gate), hostname="sink.invalid", ident="Cairn mail sink", enable_SMTPUTF8=True),
            host,
            int(port),
        )
        try:
            yield
        finally:
            server.close()
            kept.close()

    serve(http_address, routes(Sink(kept, gate, told)), open_smtp)


if __name__ == "__main__":
    main()
