import asyncio
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from cairn_connector import CannotAsk, Outcome, Status, Transient

ASK_S = 5.0


async def ask(query_url: str, message_id: str) -> Outcome | None:
    """What the mail server has under a Message-ID. Raises Transient, or CannotAsk without an address."""
    if not query_url.startswith(("http://", "https://")):
        raise CannotAsk("NO_QUERY_URL")
    url = f"{query_url}?{urllib.parse.urlencode({'id': message_id})}"
    try:
        found = await asyncio.to_thread(_get, url)
    except (OSError, ValueError) as error:
        raise Transient("QUERY_UNREACHABLE", retry_after_s=2.0) from error
    messages = found["messages"]
    if not messages:
        return None
    return Outcome(Status.SENT, provider_id=message_id, occurred_at=float(messages[0]["received_at"]))


def _get(url: str) -> dict[str, list[dict[str, Any]]]:
    with urllib.request.urlopen(url, timeout=ASK_S) as answer:  # noqa: S310 - the scheme was checked
        found: dict[str, list[dict[str, Any]]] = json.load(answer)
        return found
