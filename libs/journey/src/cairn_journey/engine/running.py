"""Run interventions: what waited goes on, what is triggered starts, step by step until a wait or the end."""

from cairn_journey.engine import facts
from cairn_journey.engine.compiler import CompiledJourney
from cairn_journey.engine.course import Course
from cairn_journey.engine.performing import after_wait, fail, perform
from cairn_journey.engine.scene import Scene
from cairn_journey.engine.state import Run
from cairn_journey.engine.steps import CompiledIntervention, CompiledStep
from cairn_journey.engine.waiting import Due, Failure, due


def intervene(scene: Scene, journey: CompiledJourney, slot: str, type: str, entered: str) -> None:
    """Go on with what waited for this event; then start what it, or the stage it led to, triggers.

    While the journey is paused neither happens: what ends a wait then is kept in mind until it goes on. An
    intervention may end the stay; then the others do nothing.
    """
    draft = scene.draft
    paused = draft.state.open[slot]
    if paused.held is not None:
        for name, waiting in paused.runs.items():
            _keep_in_mind(scene, journey, slot, journey.intervention(name), waiting, type)
        return
    for intervention in journey.interventions:
        instance = draft.state.open.get(slot)
        if instance is None:
            return
        run = instance.runs.get(intervention.name)
        if run is not None:
            _look(scene, journey, slot, intervention, run, type)
            instance = draft.state.open.get(slot)
            if instance is None:
                return
        if intervention.name not in instance.runs and _triggered(scene, intervention, type, entered):
            _go(scene, Course(journey, intervention, slot, scene.occasion, {}), intervention.first)


def end_wait(scene: Scene, journey: CompiledJourney, slot: str, intervention: CompiledIntervention) -> None:
    """Go on after a wait whose time has come; one that was put off while the journey was paused waits on."""
    run = scene.state.open[slot].runs[intervention.name]
    wait = intervention.waits[run.step]
    if run.awaited and wait.watches:
        found = due(wait, scene.state, scene.sight, run.limit)
        if isinstance(found, Due) and found.at > scene.sight.at:
            _move(scene, journey, slot, intervention, run, found)
            return
    _resume(scene, journey, slot, intervention, run, wait.next if run.awaited else wait.late, not run.awaited)


def _look(
    scene: Scene, journey: CompiledJourney, slot: str, intervention: CompiledIntervention, run: Run, type: str
) -> None:
    """End a wait if the event is what it was for, or move it if the event changes when it is over."""
    wait, sight = intervention.waits[run.step], scene.sight
    if wait.on and wait.on == type and sight.holds(wait.when):
        _resume(scene, journey, slot, intervention, run, wait.next, timed_out=False)
    if type not in wait.watches:
        return
    found = due(wait, scene.state, sight, run.limit)
    if isinstance(found, Failure):
        course = _course(journey, slot, intervention, run)
        _tell_end(scene, course, run, timed_out=False)
        _go(scene, course, fail(scene, course, wait, found))
    elif found.awaited and found.at <= sight.at:
        _resume(scene, journey, slot, intervention, run, after_wait(wait, found.at, sight.at), timed_out=False)
    elif found != (run.due, run.awaited):
        _move(scene, journey, slot, intervention, run, found)


def _keep_in_mind(
    scene: Scene, journey: CompiledJourney, slot: str, intervention: CompiledIntervention, run: Run, type: str
) -> None:
    """What a paused wait was for has come, or the event changes when it is over."""
    wait, sight = intervention.waits[run.step], scene.sight
    if wait.on and wait.on == type and not run.awaited and sight.holds(wait.when):
        _move(scene, journey, slot, intervention, run, Due(sight.at, awaited=True))
    elif type in wait.watches:
        found = due(wait, scene.state, sight, run.limit)
        if isinstance(found, Due) and found != (run.due, run.awaited):
            _move(scene, journey, slot, intervention, run, found)


def _move(
    scene: Scene, journey: CompiledJourney, slot: str, intervention: CompiledIntervention, run: Run, found: Due
) -> None:
    about = {**_course(journey, slot, intervention, run).about(intervention.waits[run.step]), "run": run.run}
    instance = scene.state.open[slot]
    scene.tell(instance, facts.WAIT_MOVED, **about, due=found.at, awaited=found.awaited)


def _triggered(scene: Scene, item: CompiledIntervention, type: str, entered: str) -> bool:
    by_stage = bool(entered) and item.stage == entered
    return (by_stage or (bool(type) and item.on == type)) and scene.sight.holds(item.when)


def _course(journey: CompiledJourney, slot: str, intervention: CompiledIntervention, run: Run) -> Course:
    return Course(journey, intervention, slot, run.run, run.counters)


def _resume(
    scene: Scene,
    journey: CompiledJourney,
    slot: str,
    intervention: CompiledIntervention,
    run: Run,
    step: CompiledStep | None,
    timed_out: bool,
) -> None:
    course = _course(journey, slot, intervention, run)
    _tell_end(scene, course, run, timed_out=timed_out)
    course.timed_out = timed_out
    _go(scene, course, step)


def _tell_end(scene: Scene, course: Course, run: Run, *, timed_out: bool) -> None:
    about = {**course.about(course.intervention.waits[run.step]), "run": run.run}
    scene.tell(course.instance(scene.state), facts.WAIT_ENDED, **about, timed_out=timed_out)


def _go(scene: Scene, course: Course, step: CompiledStep | None) -> None:
    """Go through the steps until a wait or the end."""
    while step is not None:
        step = perform(scene, course, step)
