"""Read interventions: triggers and steps."""

from collections.abc import Mapping
from typing import Final, Literal, cast

from cairn_expressions import references_of
from cairn_journey.language.documents import Node
from cairn_journey.language.flow import check_flow
from cairn_journey.language.model import PERSON, Selector, Stage
from cairn_journey.language.reading import Fields, Reading, suggestion
from cairn_journey.language.steps_model import (
    Arm,
    Branch,
    Decide,
    Does,
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
    Trigger,
    Variant,
    Wait,
    lists_within,
)
from cairn_journey.language.steps_shapes import (
    ARM,
    DECIDE,
    EMIT,
    EXPERIMENT,
    GOTO,
    INTERVENTION,
    JUMP,
    MAX_ROUNDS,
    REPEAT,
    RULES,
    STEP,
    TAG,
    TO,
    TRIGGER,
    VARIANT,
)
from cairn_journey.language.subject_kind import check_role
from cairn_journey.language.waits_kind import read_wait

STEPS: Final = STEP.groups[0]
EXIT_REASONS: Final = ("exit_event", "goal_window_elapsed", "step_failed")
"""Reasons that the engine itself gives."""

_NOT_TO_EMIT: Final = ("identity.", "consent.", "definition.", "profile.", "delivery.")
"""Events that say something to Cairn itself."""


def read_interventions(
    top: Fields, stage_names: tuple[str, ...], stages: tuple[Stage, ...], variables: Mapping[str, type]
) -> tuple[Intervention, ...]:
    """The interventions of a journey."""
    found: list[Intervention] = []
    for item in top.items("interventions"):
        fields = Fields(top.reading, item, INTERVENTION)
        name = fields.name("name", "name the intervention")
        name_node = fields.node_of("name")
        if name_node is not None and name in {other.name for other in found}:
            top.reading.fault(name_node, f"there is another intervention called {name}", "give it a name of its own")
        trigger = _trigger(fields, stage_names, variables)
        fields.required("steps", "say what to do: steps: [{decide: {actions: [reminder-email]}}]")
        subject = top.node_of("subject")
        reader = _StepReader(top.reading, variables, str(subject.plain()) if subject is not None else PERSON)
        steps = reader.read(fields, "steps", "", waited=False)
        check_flow(top.reading, steps, reader.places)
        place = (str(top.text("name")), name)
        top.reading.places[place] = {path: step.node for path, step in reader.places.items()}
        top.reading.triggers[place] = fields.node_of("trigger") or fields.node
        found.append(Intervention(name, trigger, steps, fields.whole("priority", minimum=0, default=0)))
    return tuple(found)


def read_on_error(fields: Fields, *, goto: bool) -> OnError | None:
    """What is to be done after a failure; None if it is left out."""
    node = fields.node_of("on_error")
    if node is None:
        return None
    if goto and isinstance(node.value, dict):
        return OnError("goto", Fields(fields.reading, node, GOTO).name("goto", "name the id of a later step"))
    rule = fields.choice("on_error", RULES, default="skip")
    return OnError(cast(Literal["skip", "exit", "stop_run"], rule))


def _trigger(fields: Fields, stage_names: tuple[str, ...], variables: Mapping[str, type]) -> Trigger:
    fields.required("trigger", "say what starts it: trigger: {stage: lapsing}, or trigger: {on: basket.abandoned}")
    trigger = fields.fields("trigger", TRIGGER)
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


class _StepReader:
    """Reads the steps of one intervention."""

    def __init__(self, reading: Reading, variables: Mapping[str, type], subject: str) -> None:
        self._reading = reading
        self._variables = variables
        self._subject = subject
        self._in_steps = {"wait": dict, **variables}
        self.places: dict[str, Fields] = {}
        """Where each step stands, by path."""

    def read(self, fields: Fields, key: str, prefix: str, *, waited: bool) -> tuple[Step, ...]:
        """The steps in a list, with paths from `prefix`; `waited` says whether there may have been a wait before."""
        steps: list[Step] = []
        for item in fields.items(key):
            path = f"{prefix}{len(steps) + 1}"
            step = self._step(item, path, waited=waited)
            if step is not None:
                waited = waited or _waits(step)
                steps.append(step)
        node = fields.node_of(key)
        if node is not None and isinstance(node.value, list) and not node.value:
            fields.reading.fault(node, f"{key} is empty", "add a step: decide, wait or branch")
        return tuple(steps)

    def _step(self, node: Node, path: str, *, waited: bool) -> Step | None:
        fields = self.places[path] = Fields(self._reading, node, STEP)
        kinds = [kind for kind in STEPS if fields.node_of(kind) is not None]
        if len(kinds) != 1:
            if fields.is_map:
                said = f"a step is one of {', '.join(STEPS)}"
                self._reading.fault(node, said, "write each step as an item of its own")
            return None
        does = self._does(fields, kinds[0], path, waited=waited)
        id = fields.name("id", "name the step") if fields.node_of("id") is not None else ""
        return None if does is None else Step(does, id, read_on_error(fields, goto=True))

    def _does(self, step: Fields, kind: str, path: str, *, waited: bool) -> Does | None:
        match kind:
            case "decide":
                return self._decide(step)
            case "wait":
                return self._wait(step, path, waited=waited)
            case "branch":
                return self._branch(step, path, waited=waited)
            case "experiment":
                return self._experiment(step, path, waited=waited)
            case "repeat":
                return self._repeat(step, path, waited=waited)
            case "jump":
                return self._jump(step)
            case "set":
                return SetTraits(self._values(step, "set", waited=waited))
            case "emit":
                return self._emit(step, waited=waited)
            case _:
                return self._exit(step)

    def _decide(self, step: Fields) -> Decide | None:
        fields = step.fields("decide", DECIDE)
        if fields is None or not fields.is_map:
            return None
        node = fields.required("actions", "say what to choose from: actions: [coupon-10], or actions: {tag: coupon}")
        selector = Selector()
        if node is not None and isinstance(node.value, dict):
            tags = Fields(fields.reading, node, TAG)
            tag = tags.required("tag", "actions: {tag: coupon}")
            selector = Selector(tag=tags.text("tag"))
            fields.reading.use("tag", tag, selector.tag)
        elif node is not None:
            selector = Selector(names=fields.texts("actions"))
            if isinstance(node.value, list) and not node.value:
                fields.reading.fault(node, "actions is empty", "name at least one action, or a tag")
            for name, item in zip(selector.names, fields.items("actions"), strict=True):
                fields.reading.use("Action", item, name)
        return Decide(selector, fields.optional_duration("expires"), self._to(fields))

    def _to(self, decide: Fields) -> To | None:
        fields = decide.fields("to", TO)
        if fields is None or not fields.is_map:
            return None
        if self._subject == PERSON:
            cure = "leave `to` out, or say whom the journey is about: subject: account"
            fields.reading.fault(fields.node, "a person has no members to address", cure)
        role, role_node = fields.text("role"), fields.node_of("role")
        if role_node is not None:
            check_role(fields.reading, role_node, role, fields.reading.roles.get(self._subject, ()))
        most = fields.whole("most", minimum=1) if fields.node_of("most") is not None else None
        return To(role, most)

    def _wait(self, step: Fields, path: str, *, waited: bool) -> Wait | None:
        wait = read_wait(step, self._variables, self._in_steps)
        if wait is None:
            return None
        fields, for_, until = wait
        if until is not None:
            self._refuse_wait(until[1], until[2], self._in_steps, waited=waited)
        late = self.read(fields, "on_timeout", f"{path}.1.", waited=True)
        return Wait(for_, until[0] if until is not None else None, late)

    def _branch(self, step: Fields, path: str, *, waited: bool) -> Branch:
        arms = []
        items = step.items("branch")
        for number, item in enumerate(items, 1):
            fields = Fields(step.reading, item, ARM)
            otherwise = fields.node_of("else")
            if otherwise is None:
                fields.required("when", "say when to go this way; `when: true` is always")
                fields.required("steps", "say what to do")
                when = self._condition(fields, "when", waited=waited)
                arms.append(Arm(when, self.read(fields, "steps", f"{path}.{number}.", waited=waited)))
                continue
            if fields.node_of("when") is not None or fields.node_of("steps") is not None:
                fields.reading.fault(otherwise, "`else` stands alone", "write {else: [...]} as the last way")
            if number < len(items):
                fields.reading.fault(otherwise, "nothing after `else` can be reached", "put it last")
            arms.append(Arm("", self.read(fields, "else", f"{path}.{number}.", waited=waited)))
        return Branch(tuple(arms))

    def _experiment(self, step: Fields, path: str, *, waited: bool) -> Experiment | None:
        fields = step.fields("experiment", EXPERIMENT)
        if fields is None or not fields.is_map:
            return None
        name = fields.name("name", "name the experiment; its arms are remembered under this name")
        arms_node = fields.required("arms", "give at least two arms: arms: [{name: control, weight: 50}, ...]")
        arms: list[Variant] = []
        for number, item in enumerate(fields.items("arms"), 1):
            arm = Fields(fields.reading, item, VARIANT)
            arm_name, arm_node = arm.name("name", "name the arm"), arm.node_of("name")
            if arm_node is not None and arm_name in {other.name for other in arms}:
                fields.reading.fault(arm_node, f"there is another arm called {arm_name}", "give it a name of its own")
            weight = arm.whole("weight", minimum=1)
            arms.append(Variant(arm_name, weight, self.read(arm, "steps", f"{path}.{number}.", waited=waited)))
        if arms_node is not None and isinstance(arms_node.value, list) and len(arms) < 2:
            fields.reading.fault(arms_node, "an experiment has at least two arms", "add one, if only a control")
        by = fields.choice("by", ("person", "instance"), default="person")
        return Experiment(name, tuple(arms), cast(Literal["person", "instance"], by))

    def _repeat(self, step: Fields, path: str, *, waited: bool) -> Repeat | None:
        fields = step.fields("repeat", REPEAT)
        if fields is None or not fields.is_map:
            return None
        fields.required("steps", "say what to do in a round")
        while_ = self._condition(fields, "while", waited=waited)
        times = self._rounds(fields, required=True)
        return Repeat(times, self.read(fields, "steps", f"{path}.1.", waited=waited), while_)

    def _rounds(self, fields: Fields, *, required: bool) -> int:
        if required:
            fields.required("times", "every loop has a bound: times: 3")
        times = fields.whole("times", minimum=1, default=0)
        node = fields.node_of("times")
        if node is not None and times > MAX_ROUNDS:
            fields.reading.fault(node, f"a loop has at most {MAX_ROUNDS} rounds", f"write at most {MAX_ROUNDS}")
        return times

    def _jump(self, step: Fields) -> Jump | None:
        node = step.node_of("jump")
        if node is None or not isinstance(node.value, dict):
            return Jump(step.name("jump", "name the id of a step"))
        fields = Fields(step.reading, node, JUMP)
        return Jump(fields.name("to", "name the id of a step"), self._rounds(fields, required=False))

    def _emit(self, step: Fields, *, waited: bool) -> Emit | None:
        fields = step.fields("emit", EMIT)
        if fields is None or not fields.is_map:
            return None
        event, node = fields.event("event"), fields.node_of("event")
        if node is not None and event.startswith(_NOT_TO_EMIT):
            said = f"{event} says something to Cairn itself"
            fields.reading.fault(node, said, "emit an event type of your own; to change a trait use `set`")
        return Emit(event, self._values(fields, "data", waited=waited))

    def _exit(self, step: Fields) -> Exit:
        reason, node = step.name("exit", "give a reason, such as gave-up"), step.node_of("exit")
        if node is not None and reason in EXIT_REASONS:
            step.reading.fault(node, f"{reason} is a reason that the engine itself gives", "choose another word")
        return Exit(reason)

    def _values(self, fields: Fields, key: str, *, waited: bool) -> tuple[tuple[str, str], ...]:
        """CEL by name."""
        node = fields.node_of(key)
        if node is not None and isinstance(node.value, dict) and not node.value:
            fields.reading.fault(node, f"{key} is empty", "name a field and its value: {tier: profile.tier}")
        found = []
        for name, key_node, value in fields.entries(key):
            if not name.isidentifier():
                cure = "use letters, digits and underscores, beginning with a letter"
                fields.reading.fault(key_node, f"{name} is not the name of a field", cure)
            text = fields.value_text(value, name, self._in_steps)
            self._refuse_wait(value, text, self._in_steps, waited=waited)
            found.append((name, text))
        return tuple(found)

    def _condition(self, fields: Fields, key: str, *, waited: bool) -> str:
        text, node = fields.condition(key, self._in_steps), fields.node_of(key)
        if node is not None:
            self._refuse_wait(node, text, self._in_steps, waited=waited)
        return text

    def _refuse_wait(self, node: Node, text: str, variables: Mapping[str, type], *, waited: bool) -> None:
        for reference in sorted(references_of(text, variables)):
            if reference.split(".")[0] != "wait":
                continue
            if reference != "wait.timed_out":
                self._reading.fault(node, f"there is no {reference}", "use wait.timed_out")
            elif not waited:
                self._reading.fault(node, "no wait comes before this", "put a wait before it")


def _waits(step: Step) -> bool:
    """Whether it may wait, so that a later step may ask how the wait ended."""
    return isinstance(step.does, Wait) or any(_waits(inner) for inner in _inner(step))


def _inner(step: Step) -> tuple[Step, ...]:
    return tuple(inner for steps in lists_within(step.does) for inner in steps)
