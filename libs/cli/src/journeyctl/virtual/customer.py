"""One customer living under a programme."""

from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

from cairn_decisions import DECISION_MADE, DECISION_WITHDRAWN, MOMENT_REACHED, MOMENT_WITHDRAWN
from cairn_kernel.event import CONSENT_CHANGED, MEMBER_ADDRESSED, MERGED, Event
from journeyctl.virtual import delivery
from journeyctl.virtual.world import World

OUTCOMES: Final = "delivery."
PLANNED: Final = f"{OUTCOMES}planned"
_DECIDED: Final = frozenset({MOMENT_REACHED, MOMENT_WITHDRAWN, CONSENT_CHANGED})
"""Facts that decisioning hears of, besides outcomes."""

Answers = Callable[["Customer", Event], Iterable[Event]]
"""What comes back of a customer's delivery that is due (`delivery.sent`, `.suppressed`, `.expired`): later facts."""


class Made(NamedTuple):
    """What was decided at a moment, as far as a message's outcome depends on it."""

    at: int
    action: str
    channel: str


class Customer:
    """Takes events in, lets time pass, and keeps in `log` what follows: journey facts, decisions, deliveries.

    `answers` says what comes back of messages; left out, nothing does. `history` is kept only if asked for, since a
    merge needs that of both sides, or if events may be late.
    """

    __slots__ = (
        "_agenda",
        "_answers",
        "_histories",
        "_world",
        "history",
        "ledger",
        "ledger_history",
        "log",
        "made",
        "outbox",
        "profile_id",
        "state",
    )

    def __init__(
        self, world: World, profile_id: str, *, answers: Answers | None = None, histories: bool = False
    ) -> None:
        self.profile_id = profile_id
        self.state = world.journeys.initial(world.tenant, profile_id)
        self.ledger = world.decisions.initial(world.tenant, profile_id)
        self.log: list[Event] = []
        self.made: dict[str, Made] = {}
        """By decision id."""
        self.outbox: list[Event] = []
        """What others have to hear, if the history is kept: outcomes that came back, what is addressed to members."""
        self.history: list[Event] = []
        self.ledger_history: list[Event] = []
        self._world = world
        self._answers = answers
        self._histories = histories or world.allows_late
        self._agenda: list[tuple[int, str, Event]] = []

    def take(self, event: Event) -> None:
        """Take a touchpoint in, after all that was due by its `as_of`."""
        if self._answers is not None:
            self._catch_up(event.as_of)
        journeys = self._world.journeys
        if self._world.allows_late and journeys.disordered(self.state, event):
            facts, self.state = journeys.revise(self.state, event, self.history)
        else:
            facts, self.state = journeys.handle(self.state, event)
        self.follow(facts)

    def advance(self, upto: int) -> None:
        """Let time pass up to an instant."""
        if self._answers is not None:
            self._catch_up(upto)
        facts, self.state = self._world.journeys.tick(self.state, upto)
        self.follow(facts)
        self.send_due(upto)

    def next_due(self) -> int | None:
        """When something happens to them next if nobody does anything."""
        instants = [*self._world.journeys.timers(self.state).values(), *(item[0] for item in self._agenda[:1])]
        return min(instants, default=None)

    def walk(self, event: Event) -> None:
        """A control event that concerns many customers."""
        self.advance(event.as_of)
        facts, self.state = self._world.journeys.walk(self.state, event)
        self.follow(facts)

    def join_or_part(self, event: Event, other: "Customer | None") -> None:
        """Take in this profile's copy of a merge or a split; without `other` nothing was recorded of that profile.

        The loser of a merge and the giver of a split must have taken theirs in before.
        """
        journeys, ledgers = self._world.journeys, self._world.decisions
        facing = other if other is not None else Customer(self._world, "", histories=True)
        first = event.data["from"] == self.profile_id
        state, history, theirs = self.state, list(self.history), facing.history
        if event.type == MERGED and first:
            facts, self.state = journeys.close(state, event)
        elif event.type == MERGED:
            facts, self.state = journeys.unite(state, event, history, theirs)
            self._inherit(facing)
        elif first:
            facts, self.state = journeys.give(state, event, history)
        else:
            facts, self.state = journeys.receive(state, event, history, theirs)
        self.follow(facts[:-1])
        own, told = list(self.ledger_history), facts[-1]
        if event.type == MERGED and first:
            made, self.ledger = ledgers.close(self.ledger, told)
        elif event.type == MERGED:
            made, self.ledger = ledgers.unite(self.ledger, told, own, facing.ledger_history)
        elif first:
            made, self.ledger = ledgers.give(self.ledger, told, own)
        else:
            made, self.ledger = ledgers.receive(self.ledger, told, own, facing.ledger_history)
        self.history.append(told)
        self.ledger_history += made
        self.log.append(told)

    def follow(self, facts: Iterable[Event]) -> None:
        """Decide and send what follows from facts of the customer's journeys, in which nothing is left to be done."""
        if self._histories:
            self.history += facts
        for fact in facts:
            kind = fact.type
            if self._answers is None and self._agenda and self._agenda[0][0] <= fact.as_of:
                self.send_due(fact.as_of)
            self.log.append(fact)
            if kind == MEMBER_ADDRESSED and self._histories:
                self.outbox.append(fact)
            if kind in _DECIDED or kind.startswith(OUTCOMES):
                for decision in self._decide(fact):
                    if decision.type == DECISION_MADE:
                        self._plan(decision)
                    elif decision.type == DECISION_WITHDRAWN:
                        self._keep_back(decision)

    def send_due(self, upto: int) -> None:
        """Send what is due by an instant."""
        while self._agenda and self._agenda[0][0] <= upto:
            self._do(heappop(self._agenda)[2])

    def _inherit(self, loser: "Customer") -> None:
        """Go on with the messages of a profile that turned out to be this one."""
        self.made.update(loser.made)
        for item in loser._agenda:
            heappush(self._agenda, item)
        loser._agenda.clear()

    def _catch_up(self, upto: int) -> None:
        """Timers and what comes back of messages, in order of time; a timer before an answer of the same instant."""
        while True:
            timer = min(self._world.journeys.timers(self.state).values(), default=upto + 1)
            item = self._agenda[0][0] if self._agenda else upto + 1
            if min(timer, item) > upto:
                return
            if timer <= item:
                facts, self.state = self._world.journeys.tick(self.state, timer)
                self.follow(facts)
            else:
                self._do(heappop(self._agenda)[2])

    def _do(self, due: Event) -> None:
        """A delivery is due, or something about one comes back."""
        if due.type != PLANNED:
            facts, self.state = self._world.journeys.handle(self.state, due)
            self.follow(facts)
            if self._histories:
                self.outbox.append(due)
            return
        self._tell(delivery.dispatched(due, self.ledger, self._world.programme.policies.values()))

    def _tell(self, told: Event) -> None:
        """What became of a delivery. What was not sent gives its contact back to the caps, whatever else comes back."""
        self.log.append(told)
        if told.type != delivery.PREFIX + delivery.SENT:
            self._decide(delivery.outcome(told))
        for answer in self._answers(self, told) if self._answers is not None else ():
            back = delivery.outcome(answer)
            heappush(self._agenda, (back.as_of, back.id, back))

    def _decide(self, fact: Event) -> list[Event]:
        """What decisioning makes of a fact."""
        made, self.ledger = self._world.decisions.handle(self.ledger, fact)
        if self._histories:
            self.ledger_history += made
        return made

    def _keep_back(self, withdrawn: Event) -> None:
        """The moment of a decision no longer holds: its message does not go out, unless it has."""
        self.log.append(withdrawn)
        for place, (_, _, due) in enumerate(self._agenda):
            if due.type == PLANNED and due.data["decision_id"] == withdrawn.data["decision_id"]:
                del self._agenda[place]
                heapify(self._agenda)
                self._tell(delivery.fact(due, delivery.SUPPRESSED, withdrawn.as_of, reason="WITHDRAWN"))
                break

    def _plan(self, decision: Event) -> None:
        self.log.append(decision)
        planned = delivery.planned(decision, self._world.programme)
        if planned is not None:
            self.made[decision.id] = Made(decision.as_of, planned.data["action"], planned.data["channel"])
            heappush(self._agenda, (planned.as_of, planned.id, planned))
