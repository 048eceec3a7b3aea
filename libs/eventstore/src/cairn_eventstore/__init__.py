"""Append-only, partitioned logs: the one transaction in which a batch happens or does not."""

from cairn_eventstore.memory import MemoryEventStore
from cairn_eventstore.ports import (
    Committed,
    EventStore,
    Fenced,
    Head,
    InboxAdvance,
    Loaded,
    NewEvent,
    Snapshot,
    Stored,
    StreamConflict,
    Timer,
    UnitOfWork,
    columns,
)
from cairn_eventstore.postgres import PostgresEventStore
from cairn_eventstore.sealing import FileKeyProvider, open_field, seal_field

__all__ = [
    "Committed",
    "EventStore",
    "Fenced",
    "FileKeyProvider",
    "Head",
    "InboxAdvance",
    "Loaded",
    "MemoryEventStore",
    "NewEvent",
    "PostgresEventStore",
    "Snapshot",
    "Stored",
    "StreamConflict",
    "Timer",
    "UnitOfWork",
    "columns",
    "open_field",
    "seal_field",
]
