"""The facts that journeys add to a customer's stream: their names, stored for ever, and how they are made."""

from typing import Any, Final

from cairn_kernel.event import MEMBER_ADDRESSED, Event, derived
from cairn_kernel.ids import stable_id

SOURCE: Final = "journey-state"
"""Who states them."""

ENTERED: Final = "journey.entered"
"""journey, instance_id, occurrence; silences: frictions that wait from now on, if there are any. Like all facts of an
instance that has one, it names its key."""
ENTRY_REFUSED: Final = "journey.entry_refused"
"""Somebody would have entered but for a limit: journey, key, reason MAX_OPEN."""
STAGE_ENTERED: Final = "journey.stage_entered"
STAGE_SKIPPED: Final = "journey.stage_skipped"
"""The time for a stage detected by absence came, but its condition did not hold: journey, instance_id, stage."""
GOAL_REACHED: Final = "journey.goal_reached"
EXITED: Final = "journey.exited"
LOOKED: Final = "journey.looked"
"""Time alone might have changed what conditions say, but did not: journey, instance_id or audience; next (µs; null:
never)."""
AUDIENCE_JOINED: Final = "audience.joined"
"""The customer has come into an audience that leads into a journey: audience; next if time alone brought it about."""
AUDIENCE_LEFT: Final = "audience.left"
"""As `audience.joined`."""
SCHEDULE_REACHED: Final = "journey.schedule_reached"
"""A schedule that leads into a journey came round: journey, schedule, next (µs)."""
FEATURES_FILLED: Final = "profile.features_filled"
"""What features that are new say of all that happened before: features (what is kept, by feature)."""
ARMED: Final = "profile.armed"
"""A programme came into force; its schedules and audiences are looked at from now on: version."""
FRICTION_MET: Final = "journey.friction_met"
"""journey, instance_id, friction."""
MOMENT_REACHED: Final = "journey.moment_reached"
MOMENT_SUPPRESSED: Final = "journey.moment_suppressed"
"""A moment that must cause nothing: journey, instance_id, intervention, step, moment_id, reason HOPS,
HISTORICAL or NOBODY."""
WAIT_STARTED: Final = "journey.wait_started"
"""journey, instance_id, intervention, run, step, due (µs); limit, awaited if it may move; counters of loops."""
WAIT_MOVED: Final = "journey.wait_moved"
"""The time waited for changed: journey, instance_id, intervention, run, step, due, awaited."""
WAIT_ENDED: Final = "journey.wait_ended"
"""journey, instance_id, intervention, run, step, timed_out."""
HELD: Final = "journey.held"
"""The journey was paused with the customer in it; no intervention starts or goes on: journey, instance_id."""
RELEASED: Final = "journey.released"
"""The journey goes on; what should have happened meanwhile happens now: journey, instance_id."""
ARM_ASSIGNED: Final = "journey.arm_assigned"
"""journey, instance_id, intervention, step, experiment, arm, by (person or instance)."""
TRAITS_SET: Final = "journey.traits_set"
"""journey, instance_id, intervention, step, traits (null: taken away)."""
EMIT_SUPPRESSED: Final = "journey.emit_suppressed"
"""An event that was not stated: journey, instance_id, intervention, step, event, reason HOPS or TOO_MANY."""
STEP_FAILED: Final = "journey.step_failed"
"""journey, instance_id, intervention, step, expression (as written), error (its kind), on_error (what is done)."""
CONDITION_FAILED: Final = "journey.condition_failed"
"""A condition was neither true nor false, which counts as false; told the first time: journey or audience, condition
(where it stands), expression (as written), error (its kind)."""
MIGRATED: Final = "journey.migrated"
"""The instance goes on in another version of the journey.

journey, instance_id, from_version, to_version, stage, stage_entered, runs (by intervention), before (version, stage,
stage_entered, runs; null if it went back to where it was).
"""
UNITED: Final = "profile.united"
"""The profile took another one in: from, to, state (as if known all along), touchpoints and acts (the other's),
journeys (for those with a merge rule of their own: the rule, the instances kept and ended)."""
PARTED: Final = "profile.parted"
"""The profile was two people: from, to, state (as if never one), facts (that hold instead of those told before, but
for moments), touchpoints and acts (gained), moved (ids of those lost)."""
REVISED: Final = "journey.revised"
"""An event took effect before others that had come first: late (its id), by (µs it was late), undone (ids of facts
that no longer hold), done (facts that hold instead, but for new moments, which are stated themselves), state."""
MOMENT_WITHDRAWN: Final = "journey.moment_withdrawn"
"""A moment that was stated and no longer holds: journey, instance_id, intervention, step, moment_id."""
WHOLE: Final = frozenset({UNITED, PARTED, REVISED})
"""Facts that carry the whole state."""

FACTS: Final = frozenset(
    {
        ENTERED,
        ENTRY_REFUSED,
        STAGE_ENTERED,
        STAGE_SKIPPED,
        GOAL_REACHED,
        EXITED,
        LOOKED,
        AUDIENCE_JOINED,
        AUDIENCE_LEFT,
        SCHEDULE_REACHED,
        ARMED,
        FEATURES_FILLED,
        FRICTION_MET,
        MOMENT_REACHED,
        MOMENT_SUPPRESSED,
        MEMBER_ADDRESSED,
        WAIT_STARTED,
        WAIT_MOVED,
        WAIT_ENDED,
        HELD,
        RELEASED,
        MIGRATED,
        ARM_ASSIGNED,
        TRAITS_SET,
        EMIT_SUPPRESSED,
        STEP_FAILED,
        CONDITION_FAILED,
        UNITED,
        PARTED,
        REVISED,
        MOMENT_WITHDRAWN,
    }
)

TIMER: Final = "cairn.timer"
"""Type of the stand-in that is the cause of what a timer brings about; it is never stored."""

CLOSED: Final = "CLOSED"
"""Why nobody enters: the journey is paused or stopped."""
RETIRED: Final = "retired"
"""Reason of an exit: the journey was taken out of service for everybody in it."""
STOPPED_NOW: Final = "stopped"
"""Reason of an exit: the journey was stopped for everybody in it."""
HOPS: Final = "HOPS"
HISTORICAL: Final = "HISTORICAL"
NOBODY: Final = "NOBODY"
"""The subject has no member such as is to be addressed."""
MAX_HOPS: Final = 8
"""So many outcomes of ours in a row, without the customer in between, may still lead to a moment."""
TOO_MANY: Final = "TOO_MANY"
MAX_EMITTED: Final = 100
"""So many events of our own may follow from one event of a customer, or one timer."""


def is_fact(event: Event) -> bool:
    """Whether it is a fact of journey-state's own rather than a touchpoint."""
    return event.source == SOURCE and event.type in FACTS


def make(cause: Event, profile_id: str, type: str, version: str, occasion: str, data: dict[str, Any]) -> Event:
    """A fact that follows from `cause`; `occasion` tells apart facts of one type about one thing."""
    about = str(data.get("moment_id") or data.get("instance_id") or profile_id)
    detail = str(data.get("stage") or data.get("friction") or data.get("step") or data.get("audience") or "")
    if type == ENTRY_REFUSED:
        detail = f"{data['journey']}/{data['key']}"
    elif type == CONDITION_FAILED:
        detail = f"{data.get('journey', '')}/{detail}/{data['condition']}/{data['error']}"
    if "lap" in data:
        detail = f"{detail}#{data['lap']}"
    if "expression" in data:
        detail = f"{detail}:{data['expression']}"
    return derived(
        cause,
        id=stable_id(type, about, str(data.get("intervention", "")), detail, occasion),
        type=type,
        data=data,
        source=SOURCE,
        profile_id=profile_id,
        definition_version=version,
    )
