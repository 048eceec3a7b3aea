import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from cairn_connector import Dispatch


def body_of(dispatch: Dispatch, at: datetime) -> bytes:
    """The call's body: type, timestamp and data, as Standard Webhooks suggests."""
    return json.dumps(
        {
            "type": "message.dispatched",
            "timestamp": at.isoformat(),
            "data": {
                "delivery_id": dispatch.delivery_id,
                "tenant": dispatch.tenant,
                "action": dispatch.action,
                "recipient": dispatch.recipient,
                "locale": dispatch.locale,
                "content": _content(dispatch),
            },
        },
        ensure_ascii=False,
    ).encode()


def headers_of(delivery_id: str, body: bytes, at: datetime, webhook: Webhook) -> dict[str, str]:
    """webhook-id is the delivery id, whatever the attempt; the signature covers id, time and body."""
    return {
        "content-type": "application/json",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": webhook.sign(delivery_id, at, body.decode()),
    }


def clock(seconds: Callable[[], float]) -> datetime:
    return datetime.fromtimestamp(seconds(), UTC)


def _content(dispatch: Dispatch) -> dict[str, Any]:
    """The parts of the message; a body that is JSON goes out as JSON."""
    content: dict[str, Any] = dict(dispatch.content)
    try:
        content["body"] = json.loads(content.get("body", ""))
    except ValueError:
        pass
    return content
