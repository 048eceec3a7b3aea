"""CloudEvents 1.0 in JSON, turned into calls. Whom one is about: `userid`, `anonymousid`, `subject`, or its data."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final

from ingestion.domain.faults import FIELD_FORMAT, FIELD_REQUIRED, BadEvent
from ingestion.domain.segment import Call
from ingestion.domain.told import MAX_MESSAGE_ID_CHARS

_REQUIRED: Final = ("specversion", "id", "source", "type")


def calls(event: Mapping[str, Any]) -> Iterator[Call]:
    """What one CloudEvent tells. Raises BadEvent if an attribute is missing, or the data is no object."""
    for name in _REQUIRED:
        if not isinstance(event.get(name), str) or not event[name]:
            raise BadEvent(FIELD_REQUIRED if event.get(name) in (None, "") else FIELD_FORMAT, name)
    if not event["specversion"].startswith("1."):
        raise BadEvent(FIELD_FORMAT, "specversion")
    data = event.get("data")
    if "data_base64" in event or not isinstance(data, dict | None):
        raise BadEvent(FIELD_FORMAT, "data_base64" if "data_base64" in event else "data")
    fields = dict(data or {})
    user, anonymous = event.get("userid") or fields.pop("userId", None), event.get("anonymousid")
    anonymous = anonymous or fields.pop("anonymousId", None)
    yield Call(
        type="track",
        event=event["type"],
        message_id=_id(event["source"], event["id"]),
        user_id=user if user or anonymous else event.get("subject"),
        anonymous_id=anonymous,
        properties=fields,
        timestamp=event.get("time"),
    )


def _id(source: str, id: str) -> str:
    """An event is told from all others by its source and its id together."""
    whole = f"{source}#{id}"
    return whole if len(whole) <= MAX_MESSAGE_ID_CHARS else f"sha256-{sha256(whole.encode()).hexdigest()}"
