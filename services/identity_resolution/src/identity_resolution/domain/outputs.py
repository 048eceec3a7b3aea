"""What one resolved event becomes in the `resolved` log."""

from collections.abc import Iterator
from typing import Final

import msgspec

from cairn_kernel.event import CONSENT_CHANGED, MERGED, Event, derived
from cairn_kernel.ids import stable_id
from identity_resolution.domain.resolution import Resolution

SOURCE: Final = "identity_resolution"
CONSENT_EVENTS: Final = {"consent.granted": True, "consent.withdrawn": False}
ANY: Final = "*"
"""Stands for every channel or every class where a consent event names none."""


def outputs(event: Event, resolution: Resolution) -> Iterator[Event]:
    """Merges that the event caused, then the event under its profile, then the change of consent it tells of."""
    for gone, heir in resolution.merges:
        for side, profile_id in (("from", gone), ("to", heir)):
            yield derived(
                event,
                id=stable_id("merged", gone, heir, event.id, side),
                type=MERGED,
                data={"from": gone, "to": heir},
                source=SOURCE,
                profile_id=profile_id,
            )
    resolved = msgspec.structs.replace(event, profile_id=resolution.profile_id)
    yield resolved
    if event.type in CONSENT_EVENTS:
        yield derived(
            resolved,
            id=stable_id("consent", event.id),
            type=CONSENT_CHANGED,
            data={
                "channel": str(event.data.get("channel") or ANY),
                "class": str(event.data.get("class") or ANY),
                "granted": CONSENT_EVENTS[event.type],
            },
            source=SOURCE,
        )
