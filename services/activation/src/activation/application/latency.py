"""How long a customer waited for our answer."""

from collections.abc import Callable

from activation.application import metrics
from activation.application.clocks import Clocks
from activation.application.deliveries import Deliveries
from cairn_kernel.partitions import partition_of
from cairn_kernel.time import SECOND


class Latency:
    """Live, and only for decisions that an event caused: a timer's has no arrival to count from."""

    def __init__(self, deliveries: Deliveries, clocks: Clocks, now_us: Callable[[], int]) -> None:
        self._deliveries = deliveries
        self._clocks = clocks
        self._now_us = now_us

    def __call__(self, delivery_id: str) -> None:
        """A dispatch has been published for the first time."""
        delivery = self._deliveries.get(delivery_id)
        if delivery is None or delivery.attempt != 1 or delivery.deferred:
            return
        context = delivery.planned.data.get("context") or {}
        if context.get("event_type") and self._clocks.live(partition_of(delivery.tenant, delivery.profile_id)):
            metrics.DISPATCH_SECONDS.observe((self._now_us() - delivery.planned.as_of) / SECOND)
