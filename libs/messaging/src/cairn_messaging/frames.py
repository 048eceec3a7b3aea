"""Batches on the bus. Their borders mean nothing."""

from collections.abc import Sequence

from cairn.event.v1.event_pb2 import Batch
from cairn_kernel.event import Event, to_msgpack


def subject(log: str, partition: int) -> str:
    """The NATS subject of a partition of a log."""
    return f"{log}.{partition}"


def bundle_subject(log: str) -> str:
    """The NATS subject of small batches of several partitions of a log."""
    return f"{log}.bundle"


def every_subject(log: str) -> str:
    """All subjects of a log. One subscription to it keeps the order between single batches and bundles."""
    return f"{log}.*"


def batch_of(log: str, partition: int, first: int, events: Sequence[Event]) -> Batch:
    """Frame consecutive events that begin at position `first`; there must be at least one."""
    batch = Batch(log=log, partition=partition, first=first, last=first + len(events) - 1)
    for event in events:
        entry = batch.entries.add()  # in place: entries given to the constructor are copied
        entry.type = event.type
        entry.event = to_msgpack(event)
    return batch
