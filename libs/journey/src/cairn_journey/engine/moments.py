"""State moments: points where something should be decided, each with all that decisioning needs to know."""

from base64 import b64encode
from typing import Any

from cairn_journey.engine import facts
from cairn_journey.engine.course import Course
from cairn_journey.engine.evolve import influenced
from cairn_journey.engine.health import health_at
from cairn_journey.engine.scene import Scene
from cairn_journey.engine.state import Instance
from cairn_journey.engine.steps import DecideStep
from cairn_kernel.ids import stable_id


def moment(scene: Scene, course: Course, step: DecideStep) -> None:
    """State a moment, or that it was suppressed."""
    if scene.quiet:
        if not _suppressed(scene):
            influenced(scene.programmes, scene.draft, course.instance(scene.state), scene.sight.at)
        return
    instance = course.instance(scene.state)
    moment_id = stable_id("moment", instance.instance_id, course.intervention.name, course.place(step), course.id)
    about = {**course.about(step), "moment_id": moment_id}
    if reason := _suppressed(scene):
        scene.tell(instance, facts.MOMENT_SUPPRESSED, **about, reason=reason)
        return
    selector = step.selector
    data: dict[str, Any] = {
        **about,
        "actions": {"tag": selector.tag} if selector.tag else {"names": list(selector.names)},
        "context": _context(scene, course, instance),
        "contacts": _contacts(scene, instance),
        "locale": str(scene.state.traits.get("locale", "")),
    }
    if course.journey.definition.priority:
        data["priority"] = course.journey.definition.priority
    if step.expires is not None:
        data["expires_at"] = scene.sight.at + step.expires
    scene.tell(instance, facts.MOMENT_REACHED, **data)


def _suppressed(scene: Scene) -> str:
    """Why a moment must cause nothing now; empty: it may."""
    if scene.cause.historical:
        return facts.HISTORICAL
    return facts.HOPS if scene.cause.hops > facts.MAX_HOPS else ""


def _context(scene: Scene, course: Course, instance: Instance) -> dict[str, Any]:
    context: dict[str, Any] = {
        "traits": scene.state.traits,
        "features": scene.sight.features(course.journey.features),
        "stage": instance.stage,
        "event": dict(scene.sight.event),
        "event_type": "" if scene.cause.type == facts.TIMER else scene.cause.type,
    }
    if course.journey.frictions:
        context["health"] = health_at(course.journey.definition.health, instance, scene.sight.at)
    return context


def _contacts(scene: Scene, instance: Instance) -> dict[str, Any]:
    channels = scene.programmes.version(scene.state.tenant, instance.version).contacts
    sealed = scene.state.sealed
    return {
        channel: {
            "sealed": b64encode(sealed[field].sealed).decode(),
            "key_id": sealed[field].key_id,
            "field": field,
        }
        for channel, field in channels.items()
        if field in sealed
    }
