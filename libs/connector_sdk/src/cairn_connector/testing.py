"""For tests of connectors and of this library: a channel, a clock and a dispatch made up."""

from cairn_connector.delivery import CannotAsk, Dispatch, Outcome, Status, Transient


class MadeUpChannel:
    """A Connector that keeps what was sent.

    `fault` is raised by the next delivery before it takes the message, `fault_after` afterwards.
    """

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.asked: list[str] = []
        self.fault: Exception | None = None
        self.fault_after: Exception | None = None
        self.unreachable = False
        self.answers = True

    async def deliver(self, dispatch: Dispatch) -> Outcome:
        """See Connector.deliver."""
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        self.sent.append(dispatch.delivery_id)
        if self.fault_after is not None:
            fault, self.fault_after = self.fault_after, None
            raise fault
        return Outcome(Status.SENT, provider_id=f"p-{dispatch.delivery_id}")

    async def lookup(self, delivery_id: str) -> Outcome | None:
        """See Connector.lookup."""
        self.asked.append(delivery_id)
        if not self.answers:
            raise CannotAsk("NO_QUERY")
        if self.unreachable:
            raise Transient("UNREACHABLE", retry_after_s=1.0)
        return Outcome(Status.SENT, provider_id=f"p-{delivery_id}") if delivery_id in self.sent else None

    async def check(self) -> None:
        """See Connector.check."""
        if self.unreachable:
            raise Transient("UNREACHABLE")


class Clock:
    """Wall time that a test sets."""

    def __init__(self, at: float = 1_000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        """Seconds since 1970."""
        return self.at


def dispatch(
    delivery_id: str = "d-1", *, attempt: int = 1, not_after: float = 1_060.0, test_mode: bool = False
) -> Dispatch:
    """A dispatch as activation makes it."""
    return Dispatch(
        delivery_id=delivery_id,
        attempt=attempt,
        tenant="default",
        action="coupon-10",
        recipient="h1@households.example",
        content={"subject": "10 %", "body": "Hello"},
        locale="en",
        not_after=not_after,
        test_mode=test_mode,
    )
