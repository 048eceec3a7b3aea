"""What is assumed to become of messages that nobody sent.

`none`: nothing comes back of them. `observed`: what came back of a recorded message of the same action and channel
(or of the channel, if the action is new); which one is settled by the decision's id, so every run assumes the same.
"""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec

from cairn_kernel.event import Event
from journeyctl.virtual.customer import OUTCOMES, Answers, Customer, Made
from journeyctl.virtual.delivery import SENT, fact

MOST_SEEN: Final = 2_000
"""Recorded messages kept per action and channel, and per channel."""

Seen = tuple[tuple[int, str], ...]
"""What came back of one message: after how long (µs since the decision), which status."""


class Histories(msgspec.Struct):
    """What came back of recorded messages, by `action|channel` and by `|channel`; `()` if nothing did."""

    seen: dict[str, list[tuple[str, Seen]]] = {}

    def add(self, decision_id: str, made: Made, seen: Seen) -> None:
        """Note one message."""
        for key in (f"{made.action}|{made.channel}", f"|{made.channel}"):
            self.seen.setdefault(key, []).append((decision_id, seen))

    def joined(self, others: "Iterable[Histories]") -> "Histories":
        """All together, each list in order of decision id and cut."""
        for other in others:
            for key, seen in other.seen.items():
                self.seen.setdefault(key, []).extend(seen)
        self.seen = {key: sorted(seen)[:MOST_SEEN] for key, seen in sorted(self.seen.items())}
        return self


class Observed:
    """Draws, for each message that was not recorded, what came back of one that was."""

    def __init__(self, histories: Histories) -> None:
        self._seen = histories.seen
        self._drawn = 0

    def answers(self, recorded: Mapping[str, Made]) -> Answers:
        """What comes back of a message, unless it is one of the recorded: its outcomes are in the recording."""

        def answer(customer: Customer, told: Event) -> Iterable[Event]:
            data = told.data
            decision = data["decision_id"]
            if told.type != OUTCOMES + SENT or customer.made[decision] == recorded.get(decision):
                return ()
            seen = self._draw(data)
            self._drawn += len(seen)
            decided = customer.made[decision].at
            return [fact(told, status, max(told.as_of, decided + after)) for after, status in seen]

        return answer

    def taken(self) -> int:
        """How many outcomes were drawn since the last call."""
        drawn, self._drawn = self._drawn, 0
        return drawn

    def _draw(self, data: Mapping[str, Any]) -> Seen:
        channel = data["channel"]
        seen = self._seen.get(f"{data['action']}|{channel}") or self._seen.get(f"|{channel}")
        if not seen:
            return ()
        number = int.from_bytes(blake2b(data["decision_id"].encode(), digest_size=8).digest(), "big")
        return seen[number % len(seen)][1]


def observe(touchpoints: Iterable[Event], made: Mapping[str, Made], histories: Histories) -> None:
    """Note what came back of one person's messages."""
    back: dict[str, list[tuple[int, str]]] = {decision: [] for decision in made}
    for event in touchpoints:
        decision = event.data.get("decision_id", "") if event.type.startswith(OUTCOMES) else ""
        if decision in back:
            after = max(0, event.as_of - made[decision].at)
            back[decision].append((after, event.type.removeprefix(OUTCOMES)))
    for decision, seen in back.items():
        histories.add(decision, made[decision], tuple(seen))
