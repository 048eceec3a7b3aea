"""The bus without a server, for tests: it may be told to lose messages."""

from dataclasses import dataclass

from cairn_messaging.ports import Handler


@dataclass
class _Subscription:
    bus: "MemoryBus"
    subject: str
    handler: Handler

    async def unsubscribe(self) -> None:
        self.bus.subscriptions.remove(self)


class MemoryBus:
    """A Bus that delivers at once, in order; while `deaf` is true it loses everything."""

    def __init__(self) -> None:
        self.subscriptions: list[_Subscription] = []
        self.sent: list[tuple[str, bytes]] = []
        """All that was published, lost or not."""
        self.deaf = False

    async def publish(self, subject: str, payload: bytes) -> None:
        """See Bus.publish."""
        self.sent.append((subject, payload))
        for subscription in list(self.subscriptions):
            if not self.deaf and _matches(subscription.subject, subject):
                await subscription.handler(subject, payload)

    async def subscribe(self, subject: str, handler: Handler) -> _Subscription:
        """See Bus.subscribe."""
        subscription = _Subscription(self, subject, handler)
        self.subscriptions.append(subscription)
        return subscription


def _matches(pattern: str, subject: str) -> bool:
    wanted, given = pattern.split("."), subject.split(".")
    return len(wanted) == len(given) and all(want in ("*", got) for want, got in zip(wanted, given, strict=True))
