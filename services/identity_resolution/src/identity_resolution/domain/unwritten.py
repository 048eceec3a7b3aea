"""What the graph learned since it was last written."""

from cairn_kernel.event import Event, Identifier
from identity_resolution.domain.elements import Link, Node, Pair, Refusal
from identity_resolution.domain.resolution import Bar, Changes, Evidence, Login, Membership
from identity_resolution.domain.statements import Statement


class Unwritten:
    """Changes pile up here, of one thing the last, until they are taken."""

    def __init__(self) -> None:
        self.nodes: dict[Identifier, Node] = {}
        self.links: dict[Pair, Link] = {}
        self.evidence: list[Evidence] = []
        self.memberships: list[Membership] = []
        self.statements: list[Statement] = []
        self.bars: dict[Identifier, Bar] = {}
        self.logins: list[Login] = []
        self.lifted: list[Identifier] = []

    def take(self) -> Changes:
        """What changed since the last call."""
        changes = Changes(
            list(self.nodes.values()),
            list(self.links.values()),
            self.evidence,
            self.memberships,
            self.statements,
            list(self.bars.values()),
            self.logins,
            self.lifted,
        )
        self.__init__()  # type: ignore[misc]
        return changes

    def shows(self, left: Node, right: Node, event: Event) -> None:
        """The event is the earliest so far to show two nodes together, or one if they are the same."""
        self.evidence.append(Evidence(left.own_id, right.own_id, event.event_time, event.id, event.as_of))

    def bar(self, bar: Bar) -> None:
        """An identifier is found to be shared; that it is generic says more."""
        known = self.bars.get(bar.identifier)
        if known is None or known.why != Refusal.GENERIC:
            self.bars[bar.identifier] = bar

    def bar_anew(self, identifier: Identifier, bar: Bar | None) -> None:
        """Whatever was written of an identifier's bar before, this holds."""
        self.lifted.append(identifier)
        self.bars.pop(identifier, None)
        if bar is not None:
            self.bars[identifier] = bar
