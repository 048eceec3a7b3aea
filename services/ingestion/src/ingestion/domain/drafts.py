"""From what was told to the event that is stored: who it is about, where it goes, what stays secret."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from cairn_kernel.event import Event, Identifier
from cairn_kernel.identifiers import strongest_first
from cairn_kernel.ids import stable_id, stable_ids
from cairn_kernel.partitions import partition_of
from cairn_kernel.time import DAY
from ingestion.domain.faults import BadEvent
from ingestion.domain.told import CACHED, Name, Source


class Secrets(Protocol):
    """Keyed digests: equal for equal values, useless without the key."""

    def __hash__(self) -> int: ...

    @property
    def token(self) -> Callable[[str, str, str], str]:
        """Of tenant, namespace and normalised value: what stands for an identifier."""
        ...

    @property
    def payload_digest(self) -> Callable[[bytes], bytes]:
        """Tells whether two payloads are the same."""
        ...

    @property
    def nonce(self) -> Callable[[str, str, str, bytes], bytes]:
        """Of tenant, key id, field and value, to seal it with."""
        ...


class Draft(msgspec.Struct, frozen=True, gc=False):
    """An event with its identity, before it has a time of arrival; `personal` is not sealed yet."""

    event_id: str
    source: Source
    message_id: str
    type: str
    event_time: int | None
    identifiers: tuple[Identifier, ...]
    clear: dict[str, Any]
    personal: dict[str, Any]
    key_id: str
    """Of the subject key of the strongest identifier."""
    digest: bytes
    """Tells a retry from another event under the same message id."""
    place: str
    """Where in its request the event stood, such as `batch[3]`."""
    traceparent: str = ""
    historical: bool = False
    version: int = 1

    @property
    def partition(self) -> int:
        return _home(self.source.tenant, self.identifiers[0])


DRAFT: Final = "draft"
"""The form of a payload that is a draft rather than what a client sent."""


class Aside(NamedTuple):
    """An event that is kept aside. The payload may hold personal data: it is sealed before it is stored."""

    quarantine_id: str
    source: Source
    message_id: str
    reason: str
    field: str
    payload: bytes
    key_id: str
    form: str
    """How to understand the payload again: `<dialect>:<kind of call>`, or `draft`."""
    historical: bool = False


def event(made: Draft, *, event_time: int, as_of: int, sealed: dict[str, bytes]) -> Event:
    return Event(
        id=made.event_id,
        tenant=made.source.tenant,
        type=made.type,
        version=made.version,
        event_time=event_time,
        as_of=as_of,
        source=made.source.name,
        identifiers=made.identifiers,
        historical=made.historical,
        traceparent=made.traceparent,
        data=made.clear,
        sealed=sealed,
        key_id=made.key_id if sealed else "",
    )


def aside(
    fault: BadEvent,
    payload: bytes,
    source: Source,
    secrets: Secrets,
    *,
    names: tuple[Name, ...],
    message_id: str,
    arrived: int,
    form: str,
    historical: bool = False,
) -> Aside:
    """The same bad event sent again is the same one in the quarantine."""
    identifiers = tokens(names, source.tenant, secrets)
    return Aside(
        quarantine_id=stable_id(
            "aside", source.tenant, source.name, message_id, secrets.payload_digest(payload).hex(), fault.reason
        ),
        source=source,
        message_id=message_id,
        reason=fault.reason,
        field=fault.field,
        payload=payload,
        key_id=subject_key_id(source.tenant, identifiers[0]) if identifiers else day_key_id(source.tenant, arrived),
        form=form,
        historical=historical,
    )


def aside_from(made: Draft, reason: str, field: str, secrets: Secrets) -> Aside:
    """A well-formed event that cannot be taken in all the same."""
    return Aside(
        quarantine_id=stable_id(
            "aside", made.source.tenant, made.source.name, made.message_id, made.digest.hex(), reason
        ),
        source=made.source,
        message_id=made.message_id,
        reason=reason,
        field=f"{made.place}.{field}" if made.place else field,
        payload=msgspec.json.encode(made),
        key_id=made.key_id,
        form=DRAFT,
        historical=made.historical,
    )


def redrafted(payload: bytes) -> Draft:
    """The draft that was kept aside; its message id may have been mended. Raises msgspec.MsgspecError."""
    made = _drafts.decode(payload)
    return msgspec.structs.replace(made, event_id=event_ids(made.source.tenant, made.source.name)(made.message_id))


@lru_cache(maxsize=CACHED)
def tokens(names: tuple[Name, ...], tenant: str, secrets: Secrets) -> tuple[Identifier, ...]:
    """What stands for names, strongest first."""
    return strongest_first(Identifier(kind, secrets.token(tenant, kind, value)) for kind, value in names)


@lru_cache(maxsize=10_000)
def event_ids(tenant: str, source: str) -> Callable[[str], str]:
    """What gives the id of an event, by its message id."""
    return stable_ids("event", tenant, source)


@lru_cache(maxsize=CACHED)
def _home(tenant: str, strongest: Identifier) -> int:
    return partition_of(tenant, ":".join(strongest))


@lru_cache(maxsize=CACHED)
def subject_key_id(tenant: str, strongest: Identifier) -> str:
    return stable_id("key", tenant, strongest.namespace, strongest.token)


def day_key_id(tenant: str, arrived: int) -> str:
    """The key of payloads of which nobody can say whom they are about: one a day."""
    return stable_id("key", tenant, "quarantine", arrived // DAY)


_drafts: Final = msgspec.json.Decoder(Draft)
