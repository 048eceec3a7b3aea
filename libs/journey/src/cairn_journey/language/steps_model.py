"""What interventions are made of. Durations are microseconds; conditions and values are CEL text, already checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from cairn_journey.language.model import On, Selector

CUSTOMER: Final = "customer"
"""In place of a time zone: the one in the customer's trait `timezone`, UTC if there is none."""


@dataclass(frozen=True, slots=True)
class OnError:
    """What becomes of a run when a step fails: it goes on after it, at another one, ends, or ends the stay."""

    rule: Literal["skip", "exit", "stop_run", "goto"] = "skip"
    to: str = ""
    """Id of a later step, for goto."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts an intervention: entering a stage, or an event."""

    stage: str = ""
    on: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True)
class To:
    """Members of the subject that a journey is about: those in a role, or all; at most so many if given."""

    role: str = ""
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Decide:
    """A moment: decisioning chooses one of these actions or none; `expires` after so long if given."""

    actions: Selector
    expires: int | None = None
    to: To | None = None
    """None: what the journey is about is addressed itself."""


@dataclass(frozen=True, slots=True)
class UntilClock:
    """Until a time of day or one of some days of the week, in a zone.

    `at`: the next such minute of a day after now. `between`: at once if it is that time of day already, else when it
    begins. Neither: at once on one of the `days` (0 is Monday; none means any), else when the next of them begins.
    """

    at: int | None = None
    between: tuple[int, int] | None = None
    days: tuple[int, ...] = ()
    zone: str = CUSTOMER


@dataclass(frozen=True, slots=True)
class UntilTime:
    """Until `offset` (negative: before) from a time that CEL gives.

    It is an ISO 8601 text (in `zone` if it names none), or a number of seconds since 1970 UTC. If that is over
    already, go on at once, or leave out what follows in the same list of steps (`past`).
    """

    time: str
    offset: int = 0
    past: Literal["go_on", "skip"] = "go_on"
    zone: str = CUSTOMER


@dataclass(frozen=True, slots=True)
class UntilTrue:
    """Until a condition over traits and features holds; at once if it does."""

    when: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until something, but no longer than `for_`; without `until`, just so long.

    `on_timeout` is what to do if `for_` passed first; then, as otherwise, go on after the wait.
    """

    for_: int | None
    until: On | UntilClock | UntilTime | UntilTrue | None = None
    on_timeout: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Arm:
    """One way on: taken if its condition holds; without a condition, if none before it does."""

    when: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """The first arm whose condition holds is taken; if none holds, go on."""

    arms: tuple[Arm, ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """One arm of an experiment, with its share."""

    name: str
    weight: int
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Experiment:
    """A split by chance that is the same each time: by customer, or by instance."""

    name: str
    arms: tuple[Variant, ...]
    by: Literal["person", "instance"] = "person"


@dataclass(frozen=True, slots=True)
class Repeat:
    """So many rounds at most, and only while a condition holds."""

    times: int
    steps: tuple[Step, ...]
    while_: str = ""


@dataclass(frozen=True, slots=True)
class Jump:
    """Go on at another step of the same list or of one around it; backward at most `times` times in a run."""

    to: str
    times: int = 0


@dataclass(frozen=True, slots=True)
class SetTraits:
    """Set traits of the customer: CEL by name."""

    traits: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Emit:
    """An event of our own in the customer's stream, with CEL by field."""

    event: str
    data: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Exit:
    """The end of the stay, with a reason."""

    reason: str


Does: TypeAlias = Decide | Wait | Branch | Experiment | Repeat | Jump | SetTraits | Emit | Exit


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, its name if others refer to it, and what to do if it fails (None: as the journey says)."""

    does: Does
    id: str = ""
    on_error: OnError | None = None


@dataclass(frozen=True, slots=True)
class Intervention:
    """What we do: steps that run when triggered, one run at a time per instance.

    Of several that one event concerns, those with a higher priority come first.
    """

    name: str
    trigger: Trigger
    steps: tuple[Step, ...]
    priority: int = 0


def lists_within(does: Does) -> tuple[tuple[Step, ...], ...]:
    """The lists of steps inside a step, in the order in which paths count them."""
    match does:
        case Branch(arms):
            return tuple(arm.steps for arm in arms)
        case Experiment(_, variants):
            return tuple(variant.steps for variant in variants)
        case Repeat(_, steps):
            return (steps,)
        case Wait(_, _, on_timeout):
            return (on_timeout,)
        case _:
            return ()
