"""What is asked of a simulation, and what it is answered from; kept in the work directory so that a rerun goes on."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec

from cairn_journey import Programme, parse_bundle
from cairn_kernel.event import canonical
from journeyctl.errors import CannotRun
from journeyctl.simulate.recording import write

Assumption = Literal["none", "observed"]

Heads = Callable[[], tuple[Mapping[int, int], Mapping[int, int]]]
"""Asks how the log stands now: by partition its last position, and how far time has passed (µs)."""


class Question(msgspec.Struct, frozen=True):
    """What is asked."""

    tenant: str
    before: bytes
    """Bundle of the programme in force."""
    after: bytes
    """Bundle of the changed programme."""
    since: int | None
    """Only what comes from this instant on is counted (µs); all before builds state."""
    until: int | None
    """Nothing after this instant is looked at (µs)."""
    assume: Assumption
    verify: bool = False
    """Whether everything is replayed under both programmes, event by event, and nothing taken from the recording."""

    @property
    def key(self) -> str:
        """A name for it: 16 hex digits."""
        return sha256(canonical(self)).hexdigest()[:16]


class Plan(msgspec.Struct, frozen=True):
    """What it is answered from: the log as it stood when the simulation began."""

    question: Question
    heads: dict[int, int]
    """Last position by partition."""
    complete_to: dict[int, int]
    """How far time had passed there (µs)."""


def plan_of(work: Path, question: Question, heads: Heads) -> tuple[Plan, bool]:
    """The plan in a work directory, and whether it was there already; made anew if there is none.

    Raises CannotRun if the directory holds another simulation.
    """
    path = work / "plan"
    if path.exists():
        plan = msgspec.msgpack.decode(path.read_bytes(), type=Plan)
        if plan.question != question:
            raise CannotRun(f"{work} holds another simulation; name another folder with --work, or remove it.")
        return plan, True
    positions, complete_to = heads()
    plan = Plan(question, dict(positions), dict(complete_to))
    work.mkdir(parents=True, exist_ok=True)
    write(path, plan)
    return plan, False


def programmes(question: Question) -> tuple[Programme, Programme]:
    """The programme in force and the changed one."""
    return parse_bundle(question.before), parse_bundle(question.after)
