"""What a subject is told: copies of its members' events, who its members are, and its own traits."""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from cairn_journey.language.model import SubjectKind
from cairn_journey.subjects.intervals import Interval
from cairn_journey.subjects.told import GROUP_JOINED, GROUP_TYPES, IDENTIFIED, passes, subject_id
from cairn_kernel.event import RELATION_CHANGED, Event, derived
from cairn_kernel.ids import stable_id

SOURCE: Final = "identity_resolution"


def copies(kind: SubjectKind, belongs: Iterable[Interval], event: Event) -> Iterator[Event]:
    """One copy for each subject that the member, whose event it is, belonged to when it happened."""
    if event.subject or not passes(kind, event.type):
        return
    at, roles = event.event_time, kind.from_roles
    keys = {one.key for one in belongs if one.holds(at) and (not roles or one.role in roles)}
    for key in sorted(keys):
        subject = subject_id(event.tenant, kind.name, key)
        yield replace(
            event,
            id=stable_id("rollup", event.id, subject),
            profile_id=subject,
            subject=kind.name,
            member_id=event.profile_id,
            causation_id=event.id,
            correlation_id=event.correlation_id or event.id,
            identifiers=(),
            sealed={},
            key_id="",
        )


def changed(
    cause: Event,
    kind: str,
    key: str,
    member_id: str,
    before: Iterable[Interval],
    after: Iterable[Interval],
    *,
    author: str = "",
    reason: str = "",
) -> Event:
    """The fact that a member's relation to a subject is known anew."""
    subject, at = subject_id(cause.tenant, kind, key), cause.event_time
    own = [one for one in after if one.key == key]
    data = {
        "key": key,
        "roles": sorted({one.role for one in own if one.holds(at)}),
        "before": sorted({one.role for one in before if one.key == key and one.holds(at)}),
        "intervals": [[one.role, one.since, one.until] for one in own],
    }
    fact = derived(
        cause,
        id=stable_id("relation", subject, member_id, cause.id),
        type=RELATION_CHANGED,
        data=data | ({"author": author, "reason": reason} if author else {}),
        source=SOURCE,
        profile_id=subject,
    )
    return replace(fact, event_time=at, subject=kind, member_id=member_id)


def traits(kind: SubjectKind, key: str, event: Event) -> Event | None:
    """What a `group` call tells of the group itself; None if it tells nothing."""
    if event.type != GROUP_JOINED or not kind.group:
        return None
    about_member = {*GROUP_TYPES, kind.role, kind.since, kind.until}
    data = {name: value for name, value in event.data.items() if name not in about_member}
    subject = subject_id(event.tenant, kind.name, key)
    return replace(
        event,
        id=stable_id("group-traits", event.id, subject),
        type=IDENTIFIED,
        profile_id=subject,
        subject=kind.name,
        causation_id=event.id,
        correlation_id=event.correlation_id or event.id,
        identifiers=(),
        data=data,
    )
