"""From the bytes of one event to what is taken in or kept aside: a bad event never raises from here."""

from typing import Final, NamedTuple

from ingestion.domain import segment
from ingestion.domain.dialects import SEGMENT, Dialect
from ingestion.domain.drafts import Aside, Draft, Secrets, aside, event_ids, subject_key_id, tokens
from ingestion.domain.event_types import EMPTY, Catalogue
from ingestion.domain.faults import TOO_LARGE, BadEvent
from ingestion.domain.told import MAX_MESSAGE_ID_CHARS, Source, Told

Arrival = Draft | Aside


class Request(NamedTuple):
    """What the events of one request have in common."""

    source: Source
    arrived: int
    """By our clock, µs."""
    kind: str = ""
    """The type of call, if the address says it."""
    sent: object = None
    """The batch's sentAt."""
    traceparent: str = ""
    dialect: Dialect = SEGMENT
    historical: bool = False
    """Whether it tells of what is long past: it builds state and causes no message."""
    catalogue: Catalogue = EMPTY


def arrive(raw: bytes, request: Request, secrets: Secrets, *, place: str = "") -> list[Arrival]:
    """One event, as JSON: what it tells, mostly one call. It is taken in whole or kept aside whole."""
    call = _NO_CALL
    made: list[Arrival] = []
    try:
        calls = request.dialect.calls(raw)
        for call in calls:
            if len(raw) > request.dialect.max_event_bytes:
                raise BadEvent(TOO_LARGE, "")
            told = segment.told_by(
                call,
                request.source,
                kind=request.kind,
                sent=request.sent,
                arrived=request.arrived,
                catalogue=request.catalogue,
            )
            made.append(drafted(told, request, secrets, place=place))
        return made
    except BadEvent as fault:
        return [set_aside(fault, raw, request, secrets, call=call, place=place)]


def drafted(told: Told, request: Request, secrets: Secrets, *, place: str) -> Draft:
    """What was told, with what its request says of all its events.

    Without a message id, the same telling at the same time (of arrival, if none is told) is the same event.
    """
    source, time = request.source, told.event_time
    digest = secrets.payload_digest(told.meaning())
    message_id = told.message_id or f"content-{digest.hex()}-{request.arrived if time is None else time}"
    identifiers = tokens(told.names, source.tenant, secrets)
    return Draft(
        event_id=event_ids(source.tenant, source.name)(message_id),
        source=source,
        message_id=message_id,
        type=told.type,
        event_time=None if time is None else time + told.skew_us,
        identifiers=identifiers,
        clear=told.clear,
        personal=told.personal,
        key_id=subject_key_id(source.tenant, identifiers[0]),
        digest=digest,
        place=place,
        traceparent=request.traceparent,
        historical=request.historical,
        version=told.version,
    )


def set_aside(
    fault: BadEvent, raw: bytes, request: Request, secrets: Secrets, *, call: segment.Call, place: str
) -> Aside:
    return aside(
        fault.inside(place),
        raw,
        request.source,
        secrets,
        names=segment.named_by(call, request.catalogue.spelling, kind=request.kind),
        message_id=readable_id(call.message_id),
        arrived=request.arrived,
        form=f"{request.dialect.name}:{request.kind}",
        historical=request.historical,
    )


def readable_id(value: object) -> str:
    """The message id of a bad event, if it has one that can be shown."""
    readable = isinstance(value, str) and value.isascii() and value.isprintable()
    return str(value) if readable and len(str(value)) <= MAX_MESSAGE_ID_CHARS else ""


_NO_CALL: Final = segment.Call()
