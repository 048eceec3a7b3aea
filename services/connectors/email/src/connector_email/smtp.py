import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiosmtplib import (
    SMTP,
    SMTPConnectError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from cairn_connector import Bounced, Dispatch, InDoubt, Outcome, Rejected, Status, Transient
from connector_email.asking import ask
from connector_email.message import compose, message_id
from connector_email.settings import EmailSettings

FOR_GOOD = 500
"""Reply codes from here on are refusals that no repetition changes."""


class EmailConnector:
    """A Connector over a few SMTP connections that are kept open and used in turn."""

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings
        self._lines: asyncio.Queue[SMTP] = asyncio.Queue()
        for _ in range(settings.smtp_connections):
            self._lines.put_nowait(self._line())

    async def deliver(self, dispatch: Dispatch) -> Outcome:
        body = compose(dispatch, self._settings.smtp_sender)
        async with self._line_in_turn() as line:
            await self._announce(line, dispatch.recipient)
            try:
                await line.data(body)
            except SMTPResponseException as fault:
                raise _refusal(fault, Rejected, "CONTENT_REFUSED") from fault
            except (SMTPException, OSError) as fault:
                raise InDoubt("NO_ANSWER") from fault
        return Outcome(Status.SENT, provider_id=message_id(dispatch.delivery_id, self._settings.smtp_sender))

    async def lookup(self, delivery_id: str) -> Outcome | None:
        return await ask(self._settings.smtp_query_url, message_id(delivery_id, self._settings.smtp_sender))

    async def check(self) -> None:
        async with self._line_in_turn() as line:
            try:
                await self._connect(line)
                await line.noop()
            except (SMTPException, OSError) as fault:
                raise Transient("SMTP_UNREACHABLE") from fault

    async def close(self) -> None:
        while not self._lines.empty():
            line = self._lines.get_nowait()
            if line.is_connected:
                with suppress(SMTPException, OSError):
                    await line.quit(timeout=1.0)

    async def _announce(self, line: SMTP, recipient: str) -> None:
        """Up to here nothing is sent, so every fault is certain; a line that has gone stale is opened anew."""
        was_open = line.is_connected
        try:
            try:
                await self._connect(line)
                await self._envelope(line, recipient)
            except (SMTPResponseException, SMTPConnectError):
                raise
            except (SMTPException, OSError):
                if not was_open:
                    raise
                line.close()
                await self._connect(line)
                await self._envelope(line, recipient)
        except SMTPRecipientRefused as fault:
            raise _refusal(fault, Bounced, "RECIPIENT_REFUSED") from fault
        except SMTPSenderRefused as fault:
            raise _refusal(fault, Rejected, "SENDER_REFUSED") from fault
        except SMTPResponseException as fault:
            raise Transient(f"SMTP_{fault.code}") from fault
        except (SMTPException, OSError) as fault:
            raise Transient("SMTP_UNREACHABLE", retry_after_s=1.0) from fault

    async def _connect(self, line: SMTP) -> None:
        if line.is_connected:
            return
        await line.connect()
        if self._settings.smtp_user:
            await line.login(self._settings.smtp_user, self._settings.smtp_password)

    async def _envelope(self, line: SMTP, recipient: str) -> None:
        options = () if recipient.isascii() else ("SMTPUTF8",)
        encoding = "ascii" if recipient.isascii() else "utf-8"
        await line.mail(self._settings.smtp_sender, options=options, encoding=encoding)
        await line.rcpt(recipient, encoding=encoding)

    @asynccontextmanager
    async def _line_in_turn(self) -> AsyncIterator[SMTP]:
        line = await self._lines.get()
        try:
            yield line
        except BaseException:
            line.close()  # whatever state the dialogue was in, the next one begins afresh
            raise
        finally:
            self._lines.put_nowait(line)

    def _line(self) -> SMTP:
        settings = self._settings
        host, _, port = settings.smtp_address.rpartition(":")
        return SMTP(
            hostname=host,
            port=int(port),
            use_tls=settings.smtp_tls == "tls",
            start_tls=settings.smtp_tls == "starttls",
            timeout=settings.smtp_timeout_s,
            local_hostname=settings.smtp_sender.rpartition("@")[2],
        )


@asynccontextmanager
async def open_connector(settings: EmailSettings) -> AsyncIterator[EmailConnector]:
    connector = EmailConnector(settings)
    try:
        yield connector
    finally:
        await connector.close()


def _refusal(fault: SMTPResponseException, for_good: type[Rejected] | type[Bounced], reason: str) -> Exception:
    return for_good(reason) if fault.code >= FOR_GOOD else Transient(f"SMTP_{fault.code}")
