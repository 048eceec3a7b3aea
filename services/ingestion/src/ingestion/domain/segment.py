"""Segment's calls, as its clients send them, turned into what they tell."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from cairn_journey.language.spelling import Spelling
from cairn_kernel.identifiers import ANONYMOUS_ID, CAIRN_PROFILE, NAMESPACES, USER_ID
from ingestion.domain import names as names_
from ingestion.domain.attributes import check_id, part
from ingestion.domain.event_types import EMPTY, Catalogue
from ingestion.domain.faults import FIELD_FORMAT, FIELD_REQUIRED, BadEvent
from ingestion.domain.told import NAMING_FIELDS, Name, Source, Told, instant, message_id, names, skew

_NO_FIELDS: Final[dict[str, Any]] = {}


class Call(msgspec.Struct, rename="camel", gc=False):
    """The fields of a call that we read; all others (integrations, …) are ignored."""

    type: Any = None
    event: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    group_id: Any = None
    previous_id: Any = None
    name: Any = None
    category: Any = None
    properties: Any = None
    traits: Any = None
    context: Any = None
    message_id: Any = None
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None


class Parts(msgspec.Struct, gc=False):
    """The fields of a call that may hold fields of their own; null is none."""

    properties: dict[str, Any]
    traits: dict[str, Any]
    context: dict[str, Any]


Shape = tuple[str, str, dict[str, Any]]
"""Type of the event, where its fields stand, and the fields."""


def told_by(
    call: Call, source: Source, *, kind: str = "", sent: object = None, arrived: int, catalogue: Catalogue = EMPTY
) -> Told:
    """What a call tells. `kind` is the call's type if only the address says it; `sent` the batch's sentAt.

    Raises BadEvent.
    """
    parts = Parts(
        _fields(call.properties, "properties"), _fields(call.traits, "traits"), _fields(call.context, "context")
    )
    kind = _kind(call, kind)
    type_, within, fields = _SHAPES[kind](call, parts)
    rule = catalogue.rule(type_, source.name, "event")
    rule.check(fields, within)
    clear, sealed = part(fields, rule.traits if type_ == names_.PROFILE_IDENTIFIED else rule.fields, within=within)
    return Told(
        message_id=message_id(call.message_id, "messageId"),
        type=type_,
        event_time=_event_time(call),
        skew_us=_skew(call, sent, arrived) if source.clock == "device" else 0,
        names=_named(call, parts, kind, catalogue.spelling),
        clear=clear,
        personal=sealed,
        version=rule.version,
    )


def named_by(call: Call, spelling: Spelling, *, kind: str = "") -> tuple[Name, ...]:
    """Whom a call is about, as far as can be told: it may be a bad one."""
    with suppress(BadEvent):
        parts = Parts({}, _fields(call.traits, ""), _fields(call.context, ""))
        return _named(call, parts, _kind(call, kind), spelling)
    return ()


def _kind(call: Call, told_otherwise: str) -> str:
    kind = told_otherwise if call.type is None else call.type
    if kind == "":
        raise BadEvent(FIELD_REQUIRED, "type")
    if not isinstance(kind, str) or kind not in _SHAPES:
        raise BadEvent(FIELD_FORMAT, "type")
    return kind


def _track(call: Call, parts: Parts) -> Shape:
    type_ = names_.event_type(call.event, field="event")
    fields = parts.properties
    if type_ in names_.CONSENT_PREFERENCES:
        consent = _fields(parts.context.get("consent"), "context.consent")
        told = _fields(consent.get("categoryPreferences"), "context.consent.categoryPreferences")
        fields = {**fields, "category_preferences": told}
    return type_, "properties", fields


def _identify(call: Call, parts: Parts) -> Shape:
    return names_.PROFILE_IDENTIFIED, "traits", {**_context_traits(parts), **parts.traits}


def _page(call: Call, parts: Parts) -> Shape:
    return names_.PAGE_VIEWED, "properties", {**parts.properties, **_titles(call)}


def _screen(call: Call, parts: Parts) -> Shape:
    return names_.SCREEN_VIEWED, "properties", {**parts.properties, **_titles(call)}


def _group(call: Call, parts: Parts) -> Shape:
    if call.group_id is None or call.group_id == "":
        raise BadEvent(FIELD_REQUIRED, "groupId")
    _identifier(call.group_id, "groupId")
    return names_.GROUP_JOINED, "traits", {**parts.traits, "group_id": str(call.group_id)}


def _alias(call: Call, parts: Parts) -> Shape:
    if not names([(USER_ID, _identifier(call.previous_id, "previousId"))]):
        raise BadEvent(FIELD_REQUIRED, "previousId")
    return names_.IDENTITY_ALIASED, "properties", _NO_FIELDS


_SHAPES: Final[Mapping[str, Callable[[Call, Parts], Shape]]] = {
    "track": _track,
    "identify": _identify,
    "page": _page,
    "screen": _screen,
    "group": _group,
    "alias": _alias,
}


def _named(call: Call, parts: Parts, kind: str, spelling: Spelling) -> tuple[Name, ...]:
    candidates: list[tuple[str, object]] = []
    if call.user_id is not None:
        candidates.append((USER_ID, _identifier(call.user_id, "userId")))
    if call.anonymous_id is not None:
        candidates.append((ANONYMOUS_ID, _identifier(call.anonymous_id, "anonymousId")))
    if kind == "alias":  # clients do not say which kind the previous id was: almost always an anonymous one
        candidates.append((ANONYMOUS_ID, call.previous_id))
    traits = _context_traits(parts)
    own = parts.traits if kind != "group" else _NO_FIELDS  # a group's e-mail address names no person
    for fields in (parts.properties, own, parts.context, traits):
        if fields:
            candidates += [(field, fields[field]) for field in NAMING_FIELDS if field in fields]
    if parts.context and "externalIds" in parts.context:
        candidates.extend(_external_ids(parts.context["externalIds"]))
    found = names(candidates, spelling)
    if not found:
        raise BadEvent(FIELD_REQUIRED, "userId")
    return found


def _external_ids(told: object) -> Iterator[tuple[str, object]]:
    """Those of the collection users, without an encoding, whose type is a namespace."""
    if told is not None and not isinstance(told, list):
        raise BadEvent(FIELD_FORMAT, "context.externalIds")
    for index, item in enumerate(told or ()):
        place = f"context.externalIds[{index}]"
        fields = _fields(item, place)
        if fields.get("collection", "users") != "users" or fields.get("encoding", "none") != "none":
            continue
        namespace = fields.get("type")
        if isinstance(namespace, str) and namespace in NAMESPACES and namespace != CAIRN_PROFILE:
            yield namespace, _identifier(fields.get("id"), f"{place}.id")


def _event_time(call: Call) -> int | None:
    told = instant(call.timestamp, "timestamp")
    return told if told is not None else instant(call.original_timestamp, "originalTimestamp")


def _skew(call: Call, sent: object, arrived: int) -> int:
    return skew(sent=instant(call.sent_at or sent, "sentAt"), arrived=arrived)


def _fields(value: object, field: str) -> dict[str, Any]:
    if value is None:
        return _NO_FIELDS
    if not isinstance(value, dict):
        raise BadEvent(FIELD_FORMAT, field)
    return value


def _context_traits(parts: Parts) -> dict[str, Any]:
    return _fields(parts.context.get("traits"), "context.traits") if parts.context else _NO_FIELDS


def _titles(call: Call) -> dict[str, Any]:
    return {key: value for key, value in (("name", call.name), ("category", call.category)) if value is not None}


def _identifier(value: object, field: str) -> object:
    if isinstance(value, str):
        check_id(value, field)
    elif value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise BadEvent(FIELD_FORMAT, field)
    return value
