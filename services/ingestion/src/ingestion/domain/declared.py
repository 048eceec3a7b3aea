"""Events that a source declares field by field, not in Segment's words."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from cairn_journey.language.spelling import Spelling
from cairn_kernel.event import canonical
from ingestion.domain import names as names_
from ingestion.domain.arriving import Arrival, Request, drafted, readable_id
from ingestion.domain.attributes import check_id, part
from ingestion.domain.drafts import Secrets, aside
from ingestion.domain.faults import FIELD_REQUIRED, TOO_LARGE, UNREADABLE, BadEvent, step
from ingestion.domain.told import MAX_EVENT_BYTES, NAMING_FIELDS, Name, Told, declared, message_id, names

MAX_SENTENCE_CHARS: Final = 200
DECLARED: Final = "declared"
"""The form of a payload that is such an event."""


class Declared(NamedTuple):
    """As it came; `event_time` is µs, or None if there is none."""

    message_id: str
    type: str
    event_time: int | None
    identifiers: Mapping[str, str]
    properties: dict[str, Any]
    size_bytes: int
    unreadable: str = ""
    """Why its source can make no event of it."""


def arrive_declared(event: Declared, request: Request, secrets: Secrets, *, place: str) -> Arrival:
    """Like `arrive`: a bad event never raises."""
    try:
        return drafted(_told(event, request), request, secrets, place=place)
    except BadEvent as fault:
        return aside(
            fault if fault.reason == UNREADABLE else fault.inside(place),
            _payload(event),
            request.source,
            secrets,
            names=names(
                ((key, value) for key, value in event.identifiers.items() if _is_declared(key)),
                request.catalogue.spelling,
            ),
            message_id=readable_id(event.message_id),
            arrived=request.arrived,
            form=DECLARED,
            historical=request.historical,
        )


def arrive_again(payload: bytes, request: Request, secrets: Secrets) -> Arrival:
    """A declared event out of the quarantine. Raises msgspec.MsgspecError if it was not even kept as JSON."""
    kept = _events.decode(payload)
    return arrive_declared(Declared(*msgspec.structs.astuple(kept)), request, secrets, place="")


def _told(event: Declared, request: Request) -> Told:
    if event.unreadable:
        raise BadEvent(UNREADABLE, readable(event.unreadable))
    if event.size_bytes > MAX_EVENT_BYTES:
        raise BadEvent(TOO_LARGE, "")
    if not event.message_id:
        raise BadEvent(FIELD_REQUIRED, "message_id")
    type_ = names_.event_type(event.type, field="type")
    rule = request.catalogue.rule(type_, request.source.name, "type")
    rule.check(event.properties, "properties")
    personal = rule.traits if type_ == names_.PROFILE_IDENTIFIED else rule.fields
    clear, sealed = part(event.properties, personal, within="properties")
    return Told(
        message_id=message_id(event.message_id, "message_id"),
        type=type_,
        event_time=event.event_time,
        skew_us=0,
        names=_named(event, request.catalogue.spelling),
        clear=clear,
        personal=sealed,
        version=rule.version,
    )


def readable(sentence: str) -> str:
    """What a source says of a row, fit to be shown in lists."""
    return "".join(letter for letter in sentence[:MAX_SENTENCE_CHARS] if letter.isprintable())


def _named(event: Declared, spelling: Spelling) -> tuple[Name, ...]:
    candidates: list[tuple[str, object]] = []
    for namespace, value in event.identifiers.items():
        field = f"identifiers.{step(namespace)}"
        check_id(value, field)
        candidates.append((declared(namespace, field), value))
    candidates.extend((field, event.properties.get(field)) for field in NAMING_FIELDS if field in event.properties)
    found = names(candidates, spelling)
    if not found:
        raise BadEvent(FIELD_REQUIRED, "identifiers")
    return found


def _is_declared(namespace: str) -> bool:
    try:
        return bool(declared(namespace, ""))
    except BadEvent:
        return False


def _payload(event: Declared) -> bytes:
    told = event._replace(identifiers=dict(event.identifiers))._asdict()
    try:
        return canonical(told)
    except (ValueError, RecursionError, TypeError):  # NaN and too deep: kept as text
        return repr(told).encode(errors="replace")


class _Kept(msgspec.Struct):
    """The same, as JSON has it."""

    message_id: str
    type: str
    event_time: int | None
    identifiers: dict[str, str]
    properties: dict[str, Any]
    size_bytes: int
    unreadable: str = ""


_events: Final = msgspec.json.Decoder(_Kept)
