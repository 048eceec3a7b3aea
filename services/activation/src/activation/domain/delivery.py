"""A delivery: one message on its way. Its state is the fold of its own stream."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from activation.domain.status import (
    DISPATCHED,
    IN_DOUBT,
    OPEN,
    PLANNED,
    RETURNED,
    SUPPRESSED,
    stronger,
)
from cairn_kernel.event import Event, derived
from cairn_kernel.ids import stable_id

SOURCE: Final = "activation"
PREFIX: Final = "delivery."
PREFER_MISS: Final = "PREFER_MISS"
"""Reason of a doubt that is settled by policy: it stays unknown, and nobody tries again."""

VERSIONS: Final = {SUPPRESSED: 2}
"""Newest version of a status's fact, if not 1. Of `suppressed`: 2 adds `refused_by`, an entry of the consent ledger."""

_NAMED_IN_EVERY_FACT: Final = (
    "delivery_id",
    "decision_id",
    "journey",
    "instance_id",
    "action",
    "class",
    "channel",
    "connector",
    "template",
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """The state of a delivery."""

    planned: Event
    """The first fact of its stream; `data` holds everything that a dispatch is made of."""
    version: int = 1
    status: str = PLANNED
    reason: str = ""
    attempt: int = 0
    """How often it was claimed. Depends on crashes and clocks, so it is not part of any hash."""
    asked_only: bool = False
    """The running attempt is a question, not an order."""
    seen: frozenset[str] = frozenset({PLANNED})
    """Statuses that are recorded already."""
    dispatched_at: int = 0
    """Domain time of the last claim; the facts that receipts cause carry it."""

    @property
    def id(self) -> str:
        return str(self.planned.data["delivery_id"])

    @property
    def tenant(self) -> str:
        return self.planned.tenant

    @property
    def profile_id(self) -> str:
        return self.planned.profile_id

    @property
    def channel(self) -> str:
        return str(self.planned.data["channel"])

    @property
    def connector(self) -> str:
        return str(self.planned.data["connector"])

    @property
    def class_(self) -> str:
        return str(self.planned.data["class"])

    @property
    def due(self) -> int:
        """Instant at which it may go out."""
        return int(self.planned.data["due"])

    @property
    def expires_at(self) -> int:
        """Instant after which it may not."""
        return int(self.planned.data["expires_at"])

    @property
    def deferred(self) -> bool:
        """Whether it was planned for later."""
        return self.due > self.planned.as_of

    @property
    def open(self) -> bool:
        """Whether somebody still has to say what became of it."""
        return self.status in OPEN and not self.settled_doubt

    @property
    def settled_doubt(self) -> bool:
        """Unknown for ever, by the connector's declared policy."""
        return self.status == IN_DOUBT and self.reason == PREFER_MISS

    @property
    def in_flight(self) -> bool:
        """Whether a connector has it."""
        return self.open and self.status != PLANNED


def evolve(state: Delivery, fact: Event) -> Delivery:
    """Fold one more fact of the stream. Total; facts of other types change nothing but the version."""
    status = fact.type.removeprefix(PREFIX)
    data = fact.data
    state = replace(state, version=state.version + 1)
    if status == DISPATCHED:
        return replace(
            state,
            status=stronger(state.status, DISPATCHED),
            attempt=int(data["attempt"]),
            asked_only=bool(data.get("asked_only", False)),
            dispatched_at=fact.as_of,
        )
    if status == RETURNED:
        return replace(state, status=PLANNED if state.status in OPEN else state.status, asked_only=False, reason="")
    counts = stronger(status, state.status)
    reason = str(data.get("reason", "")) if counts == status else state.reason
    return replace(state, status=counts, reason=reason, seen=state.seen | {status})


def folded(stream: Iterable[Event]) -> Delivery | None:
    """The state of a whole stream; None if there is none."""
    facts = iter(stream)
    first = next(facts, None)
    if first is None:
        return None
    state = Delivery(first)
    for fact in facts:
        state = evolve(state, fact)
    return state


def fact(delivery: Delivery, status: str, *, at: int, key: str | int = "", **data: Any) -> Event:
    """A fact about a delivery; `key` tells facts of one status apart where there may be several.

    Nothing in it depends on the wall clock or on how often somebody crashed, except for `dispatched`,
    `returned` and `in_doubt`, which never come back as events.
    """
    planned = delivery.planned
    cause = ("delivery", delivery.id, status)
    return derived(
        planned,
        id=stable_id(*cause, key) if key != "" else stable_id(*cause),
        type=PREFIX + status,
        source=SOURCE,
        as_of=at,
        version=VERSIONS.get(status, 1),
        definition_version=planned.definition_version,
        data={**named(planned.data), **{name: value for name, value in data.items() if value != ""}},
    )


def named(data: Mapping[str, Any]) -> dict[str, Any]:
    """What every fact repeats, so that whoever reads only one knows what it is about."""
    return {name: data[name] for name in _NAMED_IN_EVERY_FACT}
