"""One customer at one occasion: the state, what is at hand, what has been stated so far."""

from collections import deque
from typing import Any

from cairn_journey.engine import facts
from cairn_journey.engine.evolve import evolve
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.sight import Sight
from cairn_journey.engine.state import CustomerState, Draft, Instance
from cairn_kernel.event import Event


class Scene:
    """What everything that states facts shares. The state keeps step with the facts."""

    __slots__ = ("_emitted", "cause", "draft", "emissions", "facts", "home", "occasion", "programmes", "quiet", "sight")

    def __init__(self, programmes: Programmes, state: CustomerState, *, quiet: bool = False) -> None:
        self.facts: list[Event] = []
        self.programmes = programmes
        self.draft = Draft(state)
        self.quiet = quiet
        """Going through the past again: the state comes out the same, and no moment is stated."""
        self.home = ""
        """The profile that the event at hand came under, if it was another one."""
        self.cause: Event
        """The event at hand, or a stand-in for the timer that fires."""
        self.occasion = ""
        """What tells apart facts of one type about one thing."""
        self.sight: Sight
        self.emissions = 0
        """How many events of our own there were in this turn."""
        self._emitted: deque[Event] | None = None

    @property
    def state(self) -> CustomerState:
        """The state after the facts so far."""
        return self.draft.state

    def record(self, fact: Event) -> None:
        """State a fact and fold it."""
        evolve(self.programmes, self.draft, fact)
        self.facts.append(fact)

    def tell(self, instance: Instance, type: str, **data: Any) -> None:
        """State a fact about an instance."""
        about = {"journey": instance.journey, "instance_id": instance.instance_id, **data}
        if instance.key:
            about["key"] = instance.key
        profile_id = self.draft.state.profile_id
        self.record(facts.make(self.cause, profile_id, type, instance.version, self.occasion, about))

    def emit(self, event: Event) -> None:
        """Keep an event of our own, to be taken in once what is at hand is done."""
        self.emissions += 1
        if self._emitted is None:
            self._emitted = deque()
        self._emitted.append(event)

    def next_emitted(self) -> Event | None:
        """The next event of our own that has not been taken in, if any."""
        return self._emitted.popleft() if self._emitted else None
