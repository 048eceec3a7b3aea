"""Perform one step: state what follows from it, and say which step comes next."""

from collections.abc import Callable
from datetime import datetime
from math import isfinite
from typing import Any, Final

from msgspec.structs import replace

from cairn_expressions import EvaluationError
from cairn_journey.engine import facts
from cairn_journey.engine.conditions import Condition
from cairn_journey.engine.course import Course
from cairn_journey.engine.evolve import NO_RECORD
from cairn_journey.engine.moments import moment
from cairn_journey.engine.scene import Scene
from cairn_journey.engine.steps import (
    BranchStep,
    CompiledStep,
    DecideStep,
    EmitStep,
    ExitStep,
    ExperimentStep,
    JumpStep,
    RepeatStep,
    RoundStep,
    SetStep,
    WaitStep,
)
from cairn_journey.engine.waiting import Failure, due
from cairn_journey.language.steps_model import UntilTime
from cairn_kernel.event import derived
from cairn_kernel.ids import stable_id
from cairn_kernel.time import format_instant, micros

STEP_FAILED: Final = "step_failed"
"""Reason of an exit: a step failed whose `on_error` is exit."""

_POINTS: Final = 2**32


def perform(scene: Scene, course: Course, step: CompiledStep) -> CompiledStep | None:
    """What comes next; None if the run waits, ends, or ended the stay."""
    return _PERFORM[type(step)](scene, course, step)


def fail(scene: Scene, course: Course, step: CompiledStep, failure: Failure) -> CompiledStep | None:
    """State that a step failed, and go on as its `on_error` says."""
    rule = step.on_error.rule
    instance = course.instance(scene.state)
    about = {**course.about(step), "expression": failure.expression, "error": failure.error}
    scene.tell(instance, facts.STEP_FAILED, **about, on_error=rule)
    match rule:
        case "skip":
            return step.next
        case "goto":
            return step.to
        case "exit":
            scene.tell(instance, facts.EXITED, reason=STEP_FAILED)
    return None


def after_wait(step: WaitStep, at: int, now: int) -> CompiledStep | None:
    """What comes after a wait whose time has come; `at` may be long past if it was told late."""
    if at < now and isinstance(step.until, UntilTime) and step.until.past == "skip":
        return step.leave
    return step.next


def _decide(scene: Scene, course: Course, step: DecideStep) -> CompiledStep | None:
    moment(scene, course, step)
    return step.next


def _wait(scene: Scene, course: Course, step: WaitStep) -> CompiledStep | None:
    now = scene.sight.at
    limit = now + step.for_ if step.for_ is not None else None
    found = due(step, scene.state, scene.sight, limit, course.timed_out)
    if isinstance(found, Failure):
        return fail(scene, course, step, found)
    if found.awaited and found.at <= now:
        course.timed_out = False
        return after_wait(step, found.at, now)
    data: dict[str, Any] = {**course.about(step), "run": course.id, "due": found.at}
    if step.until is not None:
        data |= {"awaited": found.awaited} | ({"limit": limit} if limit is not None else {})
    if counters := course.counters:
        data["counters"] = counters
    scene.tell(course.instance(scene.state), facts.WAIT_STARTED, **data)
    return None


def _branch(scene: Scene, course: Course, step: BranchStep) -> CompiledStep | None:
    for condition, first in step.arms:
        if condition is None:
            return first
        value = scene.sight.evaluate(condition, course.timed_out)
        if value is True:
            return first
        if isinstance(value, EvaluationError):
            after = fail(scene, course, step, Failure(condition.expression.text, value.kind))
            if step.on_error.rule != "skip":
                return after
    return step.next


def _experiment(scene: Scene, course: Course, step: ExperimentStep) -> CompiledStep | None:
    instance = course.instance(scene.state)
    arms = {name: first for name, _, first in step.arms}
    kept = scene.state.records.get(instance.journey, NO_RECORD).arms.get(step.name) if step.by_person else None
    whose = scene.state.profile_id if step.by_person else instance.instance_id
    arm = kept if kept in arms else _drawn(step, stable_id("arm", scene.state.tenant, whose, step.name))
    by = "person" if step.by_person else "instance"
    scene.tell(instance, facts.ARM_ASSIGNED, **course.about(step), experiment=step.name, arm=arm, by=by)
    return arms[arm]


def _drawn(step: ExperimentStep, seed: str) -> str:
    """An arm by weight; the same seed gives the same arm."""
    point = int(seed[:8], 16) * sum(weight for _, weight, _ in step.arms) // _POINTS
    for name, weight, _ in step.arms:
        point -= weight
        if point < 0:
            return name
    raise AssertionError("the point lies below the sum of weights")


def _repeat(scene: Scene, course: Course, step: RepeatStep) -> CompiledStep | None:
    return _round(scene, course, step, 1)


def _again(scene: Scene, course: Course, step: RoundStep) -> CompiledStep | None:
    return _round(scene, course, step.loop, course.count(step.path) + 1)


def _round(scene: Scene, course: Course, loop: RepeatStep, number: int) -> CompiledStep | None:
    """Begin a round if there is one more, and its condition holds."""
    holds = scene.sight.evaluate(loop.while_, course.timed_out) if loop.while_ is not None else True
    if number <= loop.times and holds is True:
        course.set_count(loop.path, number, back=number > 1)
        return loop.body
    course.end_count(loop.path)
    if number <= loop.times and isinstance(holds, EvaluationError) and loop.while_ is not None:
        return fail(scene, course, loop, Failure(loop.while_.expression.text, holds.kind))
    return loop.next


def _jump(scene: Scene, course: Course, step: JumpStep) -> CompiledStep | None:
    if step.times:
        jumps = course.count(step.path)
        if jumps >= step.times:
            return step.next
        course.set_count(step.path, jumps + 1, back=True)
    return step.to


def _set(scene: Scene, course: Course, step: SetStep) -> CompiledStep | None:
    traits = _values(scene, course, step.traits)
    if isinstance(traits, Failure):
        return fail(scene, course, step, traits)
    scene.tell(course.instance(scene.state), facts.TRAITS_SET, **course.about(step), traits=traits)
    scene.sight.forget()
    return step.next


def _emit(scene: Scene, course: Course, step: EmitStep) -> CompiledStep | None:
    data = _values(scene, course, step.data)
    if isinstance(data, Failure):
        return fail(scene, course, step, data)
    instance = course.instance(scene.state)
    too_far = scene.cause.hops >= facts.MAX_HOPS
    if too_far or scene.emissions >= facts.MAX_EMITTED:
        reason = facts.HOPS if too_far else facts.TOO_MANY
        scene.tell(instance, facts.EMIT_SUPPRESSED, **course.about(step), event=step.event, reason=reason)
        return step.next
    place = (instance.instance_id, course.intervention.name, course.place(step), course.id)
    event = derived(
        scene.cause,
        id=stable_id("emitted", *place),
        type=step.event,
        data=data,
        source=facts.SOURCE,
        profile_id=scene.state.profile_id,
    )
    scene.emit(replace(event, hops=scene.cause.hops + 1))
    return step.next


def _exit(scene: Scene, course: Course, step: ExitStep) -> CompiledStep | None:
    scene.tell(course.instance(scene.state), facts.EXITED, reason=step.reason)
    return None


def _values(scene: Scene, course: Course, wanted: tuple[tuple[str, Condition], ...]) -> dict[str, Any] | Failure:
    found: dict[str, Any] = {}
    for name, condition in wanted:
        value = scene.sight.evaluate(condition, course.timed_out)
        if isinstance(value, EvaluationError):
            return Failure(condition.expression.text, value.kind)
        if not _storable(value):
            return Failure(condition.expression.text, "WRONG_TYPE")
        found[name] = format_instant(micros(value)) if isinstance(value, datetime) else value
    return found


def _storable(value: Any) -> bool:
    match value:
        case float():
            return isfinite(value)
        case None | bool() | int() | str() | datetime():
            return True
        case list():
            return all(_storable(item) and not isinstance(item, datetime) for item in value)
        case dict():
            return all(isinstance(key, str) for key in value) and _storable(list(value.values()))
        case _:
            return False


_PERFORM: Final[dict[type[CompiledStep], Callable[[Scene, Course, Any], CompiledStep | None]]] = {
    DecideStep: _decide,
    WaitStep: _wait,
    BranchStep: _branch,
    ExperimentStep: _experiment,
    RepeatStep: _repeat,
    RoundStep: _again,
    JumpStep: _jump,
    SetStep: _set,
    EmitStep: _emit,
    ExitStep: _exit,
}
