import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from standardwebhooks import Webhook

from cairn_connector import CannotAsk, Dispatch, InDoubt, Outcome, Rejected, Status, Transient
from connector_webhook.call import body_of, clock, headers_of
from connector_webhook.settings import WebhookSettings

wall_clock: Final = time.time  # noqa: TID251 - receivers check the timestamp against theirs

BUSY: Final = frozenset({429, 503})
"""Refused before anything was done."""
UNCLEAR: Final = frozenset({500, 502, 504})
"""Something was done, or not."""


class WebhookConnector:
    """A Connector that posts to one address."""

    def __init__(
        self, settings: WebhookSettings, http: aiohttp.ClientSession, seconds: Callable[[], float] = wall_clock
    ) -> None:
        self._settings = settings
        self._http = http
        self._seconds = seconds
        self._webhook = Webhook(settings.webhook_secret) if settings.webhook_secret else None

    async def deliver(self, dispatch: Dispatch) -> Outcome:
        if self._webhook is None:
            raise Transient("NO_SECRET")
        at = clock(self._seconds)
        body = body_of(dispatch, at)
        headers = headers_of(dispatch.delivery_id, body, at, self._webhook)
        try:
            async with self._http.post(
                self._settings.webhook_url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return _outcome(answer.status, answer.headers.get("retry-after", ""), dispatch.delivery_id)
        except aiohttp.ClientConnectorError as fault:
            raise Transient("UNREACHABLE", retry_after_s=1.0) from fault
        except (aiohttp.ClientError, TimeoutError) as fault:
            raise InDoubt("NO_ANSWER") from fault

    async def lookup(self, delivery_id: str) -> Outcome | None:
        if not self._settings.webhook_query_url:
            raise CannotAsk("NO_QUERY_URL")
        try:
            async with self._http.get(self._settings.webhook_query_url, params={"id": delivery_id}) as answer:
                answer.raise_for_status()
                messages = (await answer.json())["messages"]
        except (aiohttp.ClientError, TimeoutError, ValueError) as fault:
            raise Transient("QUERY_UNREACHABLE", retry_after_s=2.0) from fault
        if not messages:
            return None
        return Outcome(Status.DELIVERED, provider_id=delivery_id, occurred_at=float(messages[0]["received_at"]))

    async def check(self) -> None:
        """Nothing can be called without an effect, so only the settings are looked at."""
        if self._webhook is None or not self._settings.webhook_url:
            raise Rejected("NO_URL_OR_SECRET")


def _outcome(status: int, retry_after: str, delivery_id: str) -> Outcome:
    if 200 <= status < 300:
        return Outcome(Status.DELIVERED, provider_id=delivery_id)
    if status in BUSY:
        raise Transient(f"HTTP_{status}", retry_after_s=float(retry_after) if retry_after.isdigit() else 5.0)
    if status in UNCLEAR:
        raise InDoubt(f"HTTP_{status}")
    raise Rejected(f"HTTP_{status}")


@asynccontextmanager
async def open_connector(settings: WebhookSettings) -> AsyncIterator[WebhookConnector]:
    timeout = aiohttp.ClientTimeout(total=settings.webhook_timeout_s)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        yield WebhookConnector(settings, http)
