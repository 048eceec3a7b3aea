"""Read interventions: triggers and steps."""

from collections.abc import Mapping
from typing import Final

from cairn_expressions import references_of
from cairn_journey.documents import Node
from cairn_journey.model import (
    OUTCOMES,
    Arm,
    Branch,
    Decide,
    Intervention,
    On,
    Selector,
    Stage,
    Step,
    Trigger,
    Wait,
)
from cairn_journey.reading import Fields, Reading, suggestion

_STEPS: Final = ("decide", "wait", "branch")
_OWN_OUTCOMES: Final = frozenset(f"delivery.{outcome}" for outcome in OUTCOMES if outcome != "clicked")
"""What follows from a decision without the customer doing anything."""


def read_interventions(
    top: Fields, stage_names: tuple[str, ...], stages: tuple[Stage, ...], variables: Mapping[str, type]
) -> tuple[Intervention, ...]:
    """The interventions of a journey."""
    found: list[Intervention] = []
    for item in top.items("interventions"):
        fields = Fields(top.reading, item, "an intervention", ("name", "trigger", "steps"))
        name = fields.name("name", "name the intervention")
        name_node = fields.node_of("name")
        if name_node is not None and name in {other.name for other in found}:
            top.reading.fault(name_node, f"there is another intervention called {name}", "give it a name of its own")
        trigger = _trigger(fields, stage_names, variables)
        fields.required("steps", "say what to do: steps: [{decide: {actions: [reminder-email]}}]")
        steps = _steps(fields, "steps", variables, waited=False)
        _refuse_loop(fields, trigger, steps, stages)
        found.append(Intervention(name, trigger, steps))
    return tuple(found)


def _trigger(fields: Fields, stage_names: tuple[str, ...], variables: Mapping[str, type]) -> Trigger:
    fields.required("trigger", "say what starts it: trigger: {stage: lapsing}, or trigger: {on: basket.abandoned}")
    trigger = fields.fields("trigger", "a trigger", ("stage", "on", "when"))
    if trigger is None:
        return Trigger()
    stage, on = trigger.node_of("stage"), trigger.node_of("on")
    if (stage is None) == (on is None):
        if trigger.is_map:
            trigger.reading.fault(trigger.node, "a trigger is a stage or an event", "give either `stage` or `on`")
        return Trigger()
    name = trigger.text("stage")
    if stage is not None and name and name not in stage_names:
        trigger.reading.fault(stage, f"this journey has no stage {name}", suggestion(name, stage_names))
    return Trigger(name, trigger.event("on") if on is not None else "", trigger.condition("when", variables))


def _steps(fields: Fields, key: str, variables: Mapping[str, type], *, waited: bool) -> tuple[Step, ...]:
    steps: list[Step] = []
    for item in fields.items(key):
        step = _step(fields.reading, item, variables, waited=waited)
        if step is not None:
            waited = waited or _waits(step)
            steps.append(step)
    node = fields.node_of(key)
    if node is not None and isinstance(node.value, list) and not node.value:
        fields.reading.fault(node, f"{key} is empty", "add a step: decide, wait or branch")
    return tuple(steps)


def _step(reading: Reading, node: Node, variables: Mapping[str, type], *, waited: bool) -> Step | None:
    fields = Fields(reading, node, "a step", _STEPS)
    kinds = [kind for kind in _STEPS if fields.node_of(kind) is not None]
    if len(kinds) != 1:
        if fields.is_map:
            reading.fault(node, "a step is one of decide, wait, branch", "write each step as an item of its own")
        return None
    match kinds[0]:
        case "decide":
            return _decide(fields)
        case "wait":
            return _wait(fields, variables)
        case _:
            return _branch(fields, variables, waited=waited)


def _decide(step: Fields) -> Decide | None:
    fields = step.fields("decide", "decide", ("actions", "expires"))
    if fields is None or not fields.is_map:
        return None
    node = fields.required("actions", "say what to choose from: actions: [coupon-10], or actions: {tag: coupon}")
    selector = Selector()
    if node is not None and isinstance(node.value, dict):
        tags = Fields(fields.reading, node, "actions", ("tag",))
        tag = tags.required("tag", "actions: {tag: coupon}")
        selector = Selector(tag=tags.text("tag"))
        fields.reading.use("tag", tag, selector.tag)
    elif node is not None:
        selector = Selector(names=fields.texts("actions"))
        if isinstance(node.value, list) and not node.value:
            fields.reading.fault(node, "actions is empty", "name at least one action, or a tag")
        for name, item in zip(selector.names, fields.items("actions"), strict=True):
            fields.reading.use("Action", item, name)
    return Decide(selector, fields.optional_duration("expires"))


def _wait(step: Fields, variables: Mapping[str, type]) -> Wait | None:
    fields = step.fields("wait", "wait", ("until", "for"))
    if fields is None or not fields.is_map:
        return None
    until = fields.fields("until", "until", ("on", "when"))
    length = fields.duration("for", "every wait has an end: for: 7d")
    if until is None:
        return Wait(length)
    return Wait(length, On(until.event("on"), until.condition("when", variables)))


def _branch(step: Fields, variables: Mapping[str, type], *, waited: bool) -> Branch:
    arms = []
    for item in step.items("branch"):
        fields = Fields(step.reading, item, "a branch", ("when", "steps"))
        fields.required("when", "say when to go this way; `when: true` is always")
        fields.required("steps", "say what to do")
        in_branch = {"wait": dict, **variables}
        when = fields.condition("when", in_branch)
        _refuse_wait(fields, when, in_branch, waited=waited)
        arms.append(Arm(when, _steps(fields, "steps", variables, waited=waited)))
    return Branch(tuple(arms))


def _refuse_wait(fields: Fields, when: str, variables: Mapping[str, type], *, waited: bool) -> None:
    node = fields.node_of("when")
    for reference in sorted(references_of(when, variables)):
        if node is None or reference.split(".")[0] != "wait":
            continue
        if reference != "wait.timed_out":
            fields.reading.fault(node, f"there is no {reference}", "use wait.timed_out")
        elif not waited:
            fields.reading.fault(node, "no wait comes before this branch", "put a wait before it")


def _waits(step: Step) -> bool:
    """Whether it may wait, so that a later branch may ask how the wait ended."""
    return isinstance(step, Wait) or (isinstance(step, Branch) and any(map(_waits, _steps_of(step))))


def _steps_of(branch: Branch) -> tuple[Step, ...]:
    return tuple(step for arm in branch.arms for step in arm.steps)


def _decides_at_once(steps: tuple[Step, ...]) -> bool:
    for step in steps:
        if isinstance(step, Wait):
            return False
        if isinstance(step, Decide) or (
            isinstance(step, Branch) and any(_decides_at_once(arm.steps) for arm in step.arms)
        ):
            return True
    return False


def _refuse_loop(fields: Fields, trigger: Trigger, steps: tuple[Step, ...], stages: tuple[Stage, ...]) -> None:
    causes = {trigger.on} | {stage.on for stage in stages if stage.name == trigger.stage}
    node = fields.node_of("trigger")
    looping = sorted(causes & _OWN_OUTCOMES)
    if node is not None and looping and _decides_at_once(steps):
        said = f"this could loop without waiting: its own messages cause {looping[0]}, which starts it again"
        fields.reading.fault(node, said, "put a wait before the decide, or start it by something the customer does")
