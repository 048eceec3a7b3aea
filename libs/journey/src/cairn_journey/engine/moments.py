"""State moments: points where something should be decided, each with all that decisioning needs to know."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from cairn_journey.engine import facts
from cairn_journey.engine.course import Course
from cairn_journey.engine.evolve import influenced
from cairn_journey.engine.health import health_at
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.scene import Scene
from cairn_journey.engine.state import CustomerState, Instance
from cairn_journey.engine.steps import DecideStep
from cairn_journey.language.steps_model import To
from cairn_kernel.event import MEMBER_ADDRESSED, Event
from cairn_kernel.ids import stable_id


def moment(scene: Scene, course: Course, step: DecideStep) -> None:
    """State a moment, that it was suppressed, or one for each member it is for."""
    instance = course.instance(scene.state)
    at = scene.sight.at
    members = _members(scene.state, step.members, at) if step.members is not None else []
    reason = facts.NOBODY if step.members is not None and not members else _suppressed(scene.cause)
    if scene.quiet:
        if not reason:
            influenced(scene.programmes, scene.draft, instance, at)
        return
    moment_id = stable_id("moment", instance.instance_id, course.intervention.name, course.place(step), course.id)
    about = {**course.about(step), "moment_id": moment_id}
    if reason:
        scene.tell(instance, facts.MOMENT_SUPPRESSED, **about, reason=reason)
        return
    selector = step.selector
    data: dict[str, Any] = {
        **about,
        "actions": {"tag": selector.tag} if selector.tag else {"names": list(selector.names)},
        "context": _context(scene, course, instance),
    }
    if course.journey.definition.priority:
        data["priority"] = course.journey.definition.priority
    if step.expires is not None:
        data["expires_at"] = at + step.expires
    if step.members is None:
        scene.tell(instance, facts.MOMENT_REACHED, **data, **_way_to(scene.programmes, scene.state, instance.version))
    for member in members:
        own = stable_id("moment", moment_id, member)
        scene.tell(instance, MEMBER_ADDRESSED, **{**data, "moment_id": own}, member=member, version=instance.version)


def moment_of_member(programmes: Programmes, state: CustomerState, addressed: Event) -> Event:
    """The moment that a subject's journey comes to for one of its members, once it has reached the member's stream."""
    version = str(addressed.data["version"])
    data = {name: value for name, value in addressed.data.items() if name not in ("member", "version")}
    context = {**data["context"], "subject": data["context"]["traits"], "traits": state.traits}
    data |= {"context": context, **_way_to(programmes, state, version)}
    type = facts.MOMENT_REACHED
    if reason := _suppressed(addressed):
        type, data = facts.MOMENT_SUPPRESSED, {**_about(data), "reason": reason}
    return facts.make(addressed, state.profile_id, type, version, addressed.id, data)


def _members(state: CustomerState, to: To, at: int) -> list[str]:
    """Whom it is for, those first who have been in it longest."""
    since = {
        member: min(found)
        for member, intervals in state.members.items()
        if (found := [one.since for one in intervals if one.holds(at) and to.role in ("", one.role)])
    }
    return sorted(since, key=lambda member: (since[member], member))[: to.most]


def _about(data: Mapping[str, Any]) -> dict[str, Any]:
    names = ("journey", "instance_id", "key", "intervention", "step", "lap", "moment_id")
    return {name: data[name] for name in names if name in data}


def _suppressed(cause: Event) -> str:
    """Why a moment must cause nothing now; empty: it may."""
    if cause.historical:
        return facts.HISTORICAL
    return facts.HOPS if cause.hops > facts.MAX_HOPS else ""


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


def _way_to(programmes: Programmes, state: CustomerState, version: str) -> dict[str, Any]:
    """How somebody is reached, and in which language."""
    channels = programmes.version(state.tenant, version).contacts
    sealed = state.sealed
    contacts = {
        channel: {
            "sealed": b64encode(sealed[field].sealed).decode(),
            "key_id": sealed[field].key_id,
            "field": field,
        }
        for channel, field in channels.items()
        if field in sealed
    }
    return {"contacts": contacts, "locale": str(state.traits.get("locale", ""))}
