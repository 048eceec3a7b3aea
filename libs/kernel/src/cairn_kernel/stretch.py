"""A stream from somewhere on, as what is read to tell its recent past anew."""

from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

from cairn_kernel.event import Event

S = TypeVar("S")


class Stretch(NamedTuple, Generic[S]):
    """The end of a stream, and the state it begins with."""

    state: S
    """Before the first of the events."""
    told_from: int
    """What takes effect at this instant (µs) or later can be told anew from here; 0: whatever comes, as from the whole
    stream."""
    events: Sequence[Event]


class Revision(NamedTuple, Generic[S]):
    """What came of an event that was taken in at its place in the past."""

    facts: list[Event]
    state: S
    settled: Stretch[S]
    """The stretch without the events at its beginning that nothing can precede which comes in from now on."""
