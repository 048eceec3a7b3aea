"""Which events tell of consent, and the words that they put into the ledger."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cairn_kernel.consents import (
    ANY,
    COMPLAINT,
    DENIED,
    GRANTED,
    HARD_BOUNCE,
    LEGAL,
    LIFTED,
    REASONS,
    REFUSALS,
    SUPPRESSED,
    UNSUBSCRIBE,
    WITHDRAWN,
    Word,
    data_of,
)
from cairn_kernel.event import CONSENT_CHANGED, Event, derived
from cairn_kernel.ids import stable_id

SOURCE: Final = "identity_resolution"
SAID: Final = {
    "consent.granted": GRANTED,
    "consent.denied": DENIED,
    "consent.withdrawn": WITHDRAWN,
    "suppression.added": SUPPRESSED,
    "suppression.lifted": LIFTED,
}
MAIL: Final = {
    "unsubscribed": UNSUBSCRIBE,
    "email.unsubscribed": UNSUBSCRIBE,
    "email.marked.as.spam": COMPLAINT,
    "email.bounced": HARD_BOUNCE,
}
"""Events of the Segment spec for e-mail, and the reason for which they suppress."""
PREFERENCES: Final = frozenset({"segment.consent.preference", "segment.consent.preference.updated"})
"""Data {category_preferences: {category: bool}}; a category is a class of messages."""
FOR_GOOD: Final = frozenset({"hard", "permanent"})
"""Kinds of bounces that suppress; any other may be over tomorrow."""
TELLING: Final = frozenset({*SAID, *MAIL, *PREFERENCES})


def words(event: Event) -> Iterator[Event]:
    """The `consent.changed` events that a resolved event leads to, which most do not."""
    for key, word in _words(event):
        yield derived(
            event, id=stable_id("consent", event.id, *key), type=CONSENT_CHANGED, data=data_of(word), source=SOURCE
        )


def _words(event: Event) -> Iterator[tuple[tuple[str, ...], Word]]:
    data = event.data
    if event.type in SAID:
        state = SAID[event.type]
        reason = _reason(data, LEGAL if state == SUPPRESSED else "") if state in (SUPPRESSED, LIFTED) else ""
        yield (), _word(event, state, str(data.get("channel") or ANY), str(data.get("class") or ANY), reason)
    elif event.type in MAIL:
        reason = MAIL[event.type]
        if reason != HARD_BOUNCE or str(data.get("bounce_type") or data.get("type")).lower() in FOR_GOOD:
            yield (), _word(event, SUPPRESSED, str(data.get("channel") or "email"), ANY, reason)
    elif isinstance(told := data.get("category_preferences"), Mapping):
        for category, granted in sorted(told.items()):
            if isinstance(granted, bool):
                yield (category,), _word(event, GRANTED if granted else DENIED, ANY, _class(category), "")


def _reason(data: Mapping[str, Any], otherwise: str) -> str:
    told = str(data.get("reason") or "").lower()
    return told if told in REASONS else otherwise


def _class(category: str) -> str:
    return "-".join(category.lower().split())


def _word(event: Event, state: str, channel: str, class_: str, reason: str) -> Word:
    data = event.data
    return Word(
        at=min(event.event_time, event.as_of),
        refuses=state in REFUSALS,
        as_of=event.as_of,
        event_id=event.id,
        profile_id=event.profile_id,
        channel=channel,
        class_=class_,
        state=state,
        reason=reason,
        purpose=str(data.get("purpose") or ""),
        source=event.source,
        proof=str(data.get("proof") or ""),
        author=str(data.get("author") or ""),
    )
