"""The envelope that every event of every log wears, on the bus and at rest."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from cairn_kernel.ids import stable_id


class Identifier(NamedTuple):
    """A name somebody goes by: `token` is the keyed HMAC of the normalised value, never the value."""

    namespace: str
    token: str


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A recorded fact. Instants are microseconds since 1970 UTC; ids are UUIDs as text."""

    id: str
    tenant: str
    type: str
    """Logical name, stored for ever, such as `basket.purchased` or `journey.entered`."""
    version: int = 1
    """Schema version of `data`."""
    event_time: int
    """When it happened."""
    as_of: int
    """When Cairn took it in; assigned once, by ingestion; the only clock of the domain."""
    source: str = ""
    """Who told us: a declared source, or the service that derived it."""
    identifiers: tuple[Identifier, ...] = ()
    """Strongest first."""
    profile_id: str = ""
    """Whose fact it is; empty before identity resolution."""
    subject: str = ""
    """Kind of what `profile_id` names, such as `account` or `household`; empty for a person."""
    member_id: str = ""
    """In a copy for a subject that is no person: the profile of the person whose event it is."""
    historical: bool = False
    """True for imported history: it builds state and never causes a message."""
    causation_id: str = ""
    """Id of the event that caused this one."""
    correlation_id: str = ""
    """Id of the first event of the chain."""
    hops: int = 0
    """How many of our own outcomes stand between this event and a customer's."""
    traceparent: str = ""
    """W3C trace context."""
    definition_version: str = ""
    """Content hash of the programme that was in force where it matters."""
    data: dict[str, Any] = {}
    """Clear fields."""
    sealed: dict[str, bytes] = {}
    """Personal fields by name, each encrypted under `key_id`."""
    key_id: str = ""


MARKER: Final = "cairn.marker"
"""End of a step of the time-lapse: data {step, mode}; `as_of` is the end of the step."""
MERGED: Final = "identity.merged"
"""Two profiles are one: data {from, to}; stands in both profiles' partitions, `profile_id` says whose copy."""
SPLIT: Final = "identity.split"
"""One profile was two people: what belongs to `to` (a new profile, or one merged before) leaves `from`.

Data {from, to, moved: ["namespace:token", ...], at (µs), and where known kept: [...], events: [id, ...]}; one copy in
each of the two profiles' partitions, that of `from` written first; `profile_id` says whose. An event moves if it is
among `events`, or if the first of its identifiers (strongest first) that `moved` or `kept` names is in `moved`; one
without identifiers goes with the event that caused it. Identifiers in `alone: [...]`, if given, count only if the
event has no others. With `since` or `until` (µs, for shared devices) only what happened from or before then moves.
"""
STATED: Final = "identity.stated"
"""Somebody said who is one person, who is not, or what names nobody: data {how, statement}.

`how` is `stated`, `withdrawn` or `expired`; statement {id, kind, left, right, author, reason, at, expires}.
"""
RULES_CHANGED: Final = "identity.rules_changed"
"""Who is one person follows from other rules from here on: data {version, before}; one copy in each partition.

The merges and splits that follow from it carry its version as `definition_version`.
"""
CONSENT_CHANGED: Final = "consent.changed"
"""One word about a customer's consent: data {channel, class, granted, at (µs, when it was said)} and, if told, {state,
reason, purpose, source, proof, author}; `state` if `granted` does not say it all (`denied`, `suppressed`, `lifted`)."""
RELATION_CHANGED: Final = "relation.changed"
"""Whether and as what somebody belongs to a subject is known anew; stands in the subject's partition.

`subject` and `profile_id` say of what, `member_id` of whom; data {key, roles, before, intervals:
[[role, since, until], ...]}: roles at the time of the event and before it; since and until in µs, until null where it
has no end yet. If it was said by hand also {author, reason}.
"""
MEMBER_ADDRESSED: Final = "journey.member_addressed"
"""A subject's journey has something to decide for one of its members: as a moment, and {member, version}."""
ADDRESSED: Final = "member.addressed"
"""The same, come back as an event of the member."""
DEFINITION_ACTIVATED: Final = "definition.activated"
"""A programme came into force: data {version}, and {reverted: true} if it had been in force before."""
BROADCAST: Final = "journey.broadcast"
"""An event of the business happened to all customers at once: data {type, data}."""
PAUSED: Final = "journey.paused"
"""Nobody enters a journey and nothing happens in it until it is resumed: data {journey}."""
RESUMED: Final = "journey.resumed"
"""A paused journey goes on: data {journey}."""
STOPPED: Final = "journey.stopped"
"""Nobody enters a journey any more: data {journey, mode}; `drain` lets those in it finish, `now` makes them leave."""

WALKED: Final = frozenset({DEFINITION_ACTIVATED, BROADCAST, PAUSED, RESUMED, STOPPED})
"""Control events that concern many profiles at once; each is told to them in a walk."""
CONTROL_TYPES: Final = frozenset({MARKER, MERGED, SPLIT, STATED, RULES_CHANGED, CONSENT_CHANGED}) | WALKED

_json_encoder: Final = msgspec.json.Encoder(order="deterministic")
_json_decoder: Final = msgspec.json.Decoder(Event)
_msgpack_encoder: Final = msgspec.msgpack.Encoder()
_msgpack_decoder: Final = msgspec.msgpack.Decoder(Event)


def to_canonical_json(event: Event) -> bytes:
    """The bytes at rest: JSON with sorted keys, defaults left out, sealed bytes as base64."""
    return _json_encoder.encode(event)


def from_canonical_json(state: bytes) -> Event:
    """Raises msgspec.ValidationError if the bytes are not an event."""
    return _json_decoder.decode(state)


def from_canonical_json_lines(lines: bytes) -> list[Event]:
    """Many events, one on each line. Raises msgspec.ValidationError if a line is not an event."""
    return _json_decoder.decode_lines(lines)


def to_msgpack(event: Event) -> bytes:
    """The bytes on the bus."""
    return _msgpack_encoder.encode(event)


def from_msgpack(body: bytes) -> Event:
    """Raises msgspec.ValidationError if the bytes are not an event."""
    return _msgpack_decoder.decode(body)


def canonical(value: object) -> bytes:
    """Canonical JSON of any value built of dicts, lists, texts, numbers, Structs and bytes."""
    return _json_encoder.encode(value)


def derived(
    cause: Event,
    *,
    id: str,
    type: str,
    data: Mapping[str, Any],
    source: str,
    as_of: int | None = None,
    profile_id: str | None = None,
    definition_version: str = "",
    version: int = 1,
) -> Event:
    """A fact that follows from `cause`: it inherits tenant, chain, hops, trace and, unless told, time."""
    when = cause.as_of if as_of is None else as_of
    return Event(
        id=id,
        tenant=cause.tenant,
        type=type,
        version=version,
        event_time=when,
        as_of=when,
        source=source,
        profile_id=cause.profile_id if profile_id is None else profile_id,
        historical=cause.historical,
        causation_id=cause.id,
        correlation_id=cause.correlation_id or cause.id,
        hops=cause.hops,
        traceparent=cause.traceparent,
        definition_version=definition_version,
        data=dict(data),
    )


def marker(log: str, partition: int, *, step: int, at: int, mode: str) -> Event:
    """The marker that ends a step in one partition of one log; mode is `step` or `live`."""
    return Event(
        id=stable_id("marker", log, partition, step),
        tenant="",
        type=MARKER,
        event_time=at,
        as_of=at,
        source=log,
        data={"step": step, "mode": mode},
    )
