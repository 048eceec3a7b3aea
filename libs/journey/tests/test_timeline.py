from typing import Any

import msgspec

from cairn_journey import timeline
from cairn_journey.engine.facts import SOURCE, UNITED
from cairn_kernel.event import Event


def an_event(id: str, at: int, type: str = "basket.purchased", **more: Any) -> Event:
    return Event(id=id, tenant="default", type=type, event_time=at, as_of=at, **more)


def test_a_timeline_has_the_touchpoints_of_profiles_taken_in_at_their_time() -> None:
    taken = an_event("anonymous basket", 5)
    united = an_event("united", 20, UNITED, source=SOURCE, data={"touchpoints": [msgspec.to_builtins(taken)]})
    stream = [an_event("first", 1), an_event("second", 10), united, an_event("third", 20)]
    assert [event.id for event in timeline(stream)] == ["first", "anonymous basket", "second", "united", "third"]
