"""Steps ready to run: linked, with their expressions compiled. Paths are `2`, or `3.1.2` for a step inside."""

from collections.abc import Mapping

from cairn_journey.engine.conditions import Condition, Scope, types_changing
from cairn_journey.language.model import On, Selector
from cairn_journey.language.steps_model import (
    Branch,
    Decide,
    Emit,
    Exit,
    Experiment,
    Intervention,
    Jump,
    OnError,
    Repeat,
    SetTraits,
    Step,
    To,
    UntilClock,
    UntilTime,
    UntilTrue,
    Wait,
)


class CompiledStep:
    """A step, what comes after it, and what to do if it fails."""

    __slots__ = ("next", "on_error", "path", "to")

    def __init__(self, path: str, next: "CompiledStep | None", on_error: OnError) -> None:
        self.path = path
        self.next = next
        self.on_error = on_error
        self.to: CompiledStep | None = None
        """Where to go on after a failure, or a jump."""


class DecideStep(CompiledStep):
    """A moment."""

    __slots__ = ("expires", "members", "selector")
    expires: int | None
    selector: Selector
    members: To | None
    """Members to address; None: not members."""


class WaitStep(CompiledStep):
    """A wait."""

    __slots__ = ("for_", "late", "leave", "on", "until", "value", "watches", "when")
    for_: int | None
    until: UntilClock | UntilTime | UntilTrue | None
    on: str
    """Type of the event waited for, if any."""
    when: Condition | None
    """Of the event, or what is waited for to hold."""
    value: Condition | None
    """What gives the time waited for."""
    late: CompiledStep | None
    """What comes after a timeout."""
    leave: CompiledStep | None
    """What comes after the list of steps that the wait is in."""
    watches: frozenset[str]
    """Types of events after which to look again."""


class BranchStep(CompiledStep):
    """A parting of ways; `next` if no condition holds."""

    __slots__ = ("arms",)
    arms: tuple[tuple[Condition | None, CompiledStep | None], ...]


class ExperimentStep(CompiledStep):
    """A split by chance."""

    __slots__ = ("arms", "by_person", "name")
    name: str
    by_person: bool
    arms: tuple[tuple[str, int, CompiledStep | None], ...]


class RepeatStep(CompiledStep):
    """The beginning of a loop."""

    __slots__ = ("body", "times", "while_")
    times: int
    while_: Condition | None
    body: CompiledStep | None


class RoundStep(CompiledStep):
    """The end of a round."""

    __slots__ = ("loop",)
    loop: RepeatStep


class JumpStep(CompiledStep):
    """On to another step (`to`); `times` is 0 if it is a later one."""

    __slots__ = ("times",)
    times: int


class SetStep(CompiledStep):
    """Traits to set."""

    __slots__ = ("traits",)
    traits: tuple[tuple[str, Condition], ...]


class EmitStep(CompiledStep):
    """An event to state."""

    __slots__ = ("data", "event")
    event: str
    data: tuple[tuple[str, Condition], ...]


class ExitStep(CompiledStep):
    """The end of the stay."""

    __slots__ = ("reason",)
    reason: str


class CompiledIntervention:
    """An intervention with its steps linked, and its waits by path."""

    __slots__ = ("first", "name", "on", "stage", "waits", "when")

    def __init__(self, intervention: Intervention, scope: Scope, on_error: OnError) -> None:
        self.name = intervention.name
        self.stage = intervention.trigger.stage
        self.on = intervention.trigger.on
        self.when = scope.at_event(intervention.trigger.when, f"intervention {self.name}")
        linker = _Linker(scope, on_error, self.name)
        self.first = linker.link(intervention.steps, "", None)
        linker.resolve()
        self.waits: Mapping[str, WaitStep] = linker.waits


class _Linker:
    """Links the steps of one intervention, from the last to the first."""

    def __init__(self, scope: Scope, on_error: OnError, intervention: str) -> None:
        self._intervention = intervention
        self.waits: dict[str, WaitStep] = {}
        self._scope = scope
        self._on_error = on_error
        self._by_id: dict[str, CompiledStep] = {}
        self._targets: list[tuple[CompiledStep, str]] = []

    def link(self, steps: tuple[Step, ...], prefix: str, after: CompiledStep | None) -> CompiledStep | None:
        """The first of these steps, linked; `after` comes when they are done."""
        following = after
        for number in range(len(steps) - 1, -1, -1):
            following = self._step(steps[number], f"{prefix}{number + 1}", following, after)
        return following

    def resolve(self) -> None:
        """Connect jumps with the steps they name."""
        for step, id in self._targets:
            step.to = self._by_id[id]

    def _step(self, step: Step, path: str, next: CompiledStep | None, leave: CompiledStep | None) -> CompiledStep:
        on_error = step.on_error or self._on_error
        part = self._part(path)
        compiled: CompiledStep
        match step.does:
            case Decide(selector, expires, to):
                compiled = decide = DecideStep(path, next, on_error)
                decide.selector, decide.expires, decide.members = selector, expires, to
            case Wait() as does:
                compiled = self._wait(WaitStep(path, next, on_error), does)
                compiled.leave = leave
            case Branch(arms):
                compiled = branch = BranchStep(path, next, on_error)
                branch.arms = tuple(
                    (
                        self._scope.in_steps(arm.when, part) if arm.when else None,
                        self._within(arm.steps, path, number, next),
                    )
                    for number, arm in enumerate(arms, 1)
                )
            case Experiment(name, variants, by):
                compiled = split = ExperimentStep(path, next, on_error)
                split.name, split.by_person = name, by == "person"
                split.arms = tuple(
                    (variant.name, variant.weight, self._within(variant.steps, path, number, next))
                    for number, variant in enumerate(variants, 1)
                )
            case Repeat() as does:
                compiled = self._repeat(RepeatStep(path, next, on_error), does)
            case Jump(to, times):
                compiled = jump = JumpStep(path, next, on_error)
                jump.times = times
                self._targets.append((jump, to))
            case SetTraits(traits):
                compiled = setting = SetStep(path, next, on_error)
                setting.traits = tuple((name, self._scope.in_steps(text, part)) for name, text in traits)
            case Emit(event, data):
                compiled = emit = EmitStep(path, next, on_error)
                emit.event, emit.data = event, tuple((name, self._scope.in_steps(text, part)) for name, text in data)
            case Exit(reason):
                compiled = end = ExitStep(path, None, on_error)
                end.reason = reason
        if step.id:
            self._by_id[step.id] = compiled
        if on_error.rule == "goto":
            self._targets.append((compiled, on_error.to))
        return compiled

    def _within(
        self, steps: tuple[Step, ...], path: str, number: int, next: CompiledStep | None
    ) -> CompiledStep | None:
        return self.link(steps, f"{path}.{number}.", next)

    def _part(self, path: str) -> str:
        return f"intervention {self._intervention}, step {path}"

    def _wait(self, wait: WaitStep, does: Wait) -> WaitStep:
        part = self._part(wait.path)
        wait.for_, wait.on, wait.when, wait.value, wait.until = does.for_, "", None, None, None
        wait.late = self._within(does.on_timeout, wait.path, 1, wait.next)
        looking: Condition | None = None
        match does.until:
            case On(on, when):
                wait.on, wait.when = on, self._scope.at_event(when, part)
            case UntilTime() as until:
                wait.until = until
                wait.value = looking = self._scope.in_steps(until.time, part)
            case UntilTrue(when) as until:
                wait.until = until
                wait.when = looking = self._scope.standing(when, part)
            case UntilClock() as until:
                wait.until = until
        at_hand = looking is not None and any(name.startswith("event") for name in looking.expression.references)
        wait.watches = frozenset(() if at_hand else types_changing(looking))
        self.waits[wait.path] = wait
        return wait

    def _repeat(self, loop: RepeatStep, does: Repeat) -> RepeatStep:
        loop.times = does.times
        loop.while_ = self._scope.in_steps(does.while_, self._part(loop.path)) if does.while_ else None
        again = RoundStep(loop.path, loop.next, loop.on_error)
        again.loop = loop
        loop.body = self._within(does.steps, loop.path, 1, again)
        return loop
