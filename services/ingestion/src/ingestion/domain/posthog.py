"""PostHog's captures, as its clients send them to /batch/, turned into calls.

One capture may set traits beside what happened (`$set`): that is a call of its own, with an id of its own.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ingestion.domain.segment import Call

_SWAPPED: Final = "posthog-python"
"""This client tells an alias the other way round: `distinct_id` is the former id, `alias` the one to keep."""


def calls(capture: Mapping[str, Any]) -> Iterator[Call]:
    """What a capture tells. Fields of a wrong form are passed on as they are, to be found at fault later."""
    properties = capture.get("properties")
    told = properties if isinstance(properties, dict) else {}
    event, id = capture.get("event"), capture.get("uuid") or capture.get("message_id")
    traits = _traits(capture, told)
    about: dict[str, Any] = {**_whom(capture, told), "timestamp": capture.get("timestamp")}
    match event:
        case "$identify" | "$set":
            former = told.get("$anon_distinct_id")
            yield Call(type="identify", message_id=id, traits=traits, **_also_anonymous(about, former))
            return
        case "$create_alias":
            yield Call(type="alias", message_id=id, **{**about, **_alias(capture, told)})
            return
        case "$groupidentify":
            yield Call(
                type="group",
                message_id=id,
                group_id=told.get("$group_key"),
                traits=_group_traits(told),
                anonymous_id=capture.get("distinct_id"),  # made up by server-side clients
                timestamp=capture.get("timestamp"),
            )
            return
        case "$pageview":
            page = {"url": told.get("$current_url"), "title": told.get("title"), **_clear(told)}
            yield Call(type="page", message_id=id, properties=_said(page), **about)
        case "$screen":
            yield Call(type="screen", message_id=id, name=told.get("$screen_name"), properties=_clear(told), **about)
        case _:
            name = event.removeprefix("$") if isinstance(event, str) else event
            fields = _clear(told) if isinstance(properties, dict) else properties
            yield Call(type="track", message_id=id, event=name, properties=fields, **about)
    if traits:
        yield Call(type="identify", message_id=f"{id}:set" if id else None, traits=traits, **about)


def _group_traits(told: Mapping[str, Any]) -> Any:
    traits, kind = told.get("$group_set"), told.get("$group_type")
    return {**traits, "group_type": kind} if isinstance(traits, dict) and isinstance(kind, str) else traits


def _whom(capture: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """`distinct_id` is the id of a device until somebody logs in; a client that knows says which."""
    id, device = capture.get("distinct_id", told.get("distinct_id")), told.get("$device_id")
    if told.get("$is_identified") is False or (device is not None and id == device):
        return {"anonymous_id": id}
    return {"user_id": id, "anonymous_id": device}


def _also_anonymous(about: dict[str, Any], former: object) -> dict[str, Any]:
    return about if former is None else {**about, "anonymous_id": former}


def _alias(capture: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    kept, former = told.get("distinct_id", capture.get("distinct_id")), told.get("alias")
    if told.get("$lib") == _SWAPPED:
        kept, former = former, kept
    return {"user_id": kept, "previous_id": former}


def _traits(capture: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in ("$set_once", "$set"):
        for fields in (told.get(key), capture.get(key)):
            found.update(fields if isinstance(fields, dict) else {})
    return found


def _clear(told: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the client adds of its own."""
    return {key: value for key, value in told.items() if not key.startswith("$")}


def _said(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}
