"""Facts of the services as sentences."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from cairn.activation.v1.activation_pb2 import Delivery, RefusedBy
from cairn.decisioning.v1.decisioning_pb2 import Candidate, Decision
from cairn.identity.v1.identity_pb2 import FieldWeight, Link, PathStep
from cairn.journey.v1.journey_pb2 import Instance, TimelineEntry
from cairn_journey import duration_text
from cairn_kernel.time import to_datetime

REASONS: Final[Mapping[str, str]] = {
    "CHOSEN": "chosen",
    "CONSENT_WITHHELD": "the customer does not want it",
    "NO_CONTACT": "no address on any channel",
    "NOT_ELIGIBLE": "not for this customer",
    "NOT_APPLICABLE": "does not fit what happened",
    "NOT_SUITABLE": "would not help now",
    "CONTACT_POLICY_CAP": "the contact policy: enough messages already",
    "COOLDOWN": "the contact policy: too soon after the last one",
    "OUTRANKED": "another action was better",
    "NO_CANDIDATE": "no action to choose from",
    "WITHDRAWN": "an event that came late had taken the reason away",
    "SPLIT": "it turned out to be about somebody else",
    "merged": "gave way to the other one when two profiles became one",
    "PROFILE_MERGED": "the profile had become part of another",
    "HISTORICAL": "imported history causes no messages",
    "TOO_MANY_HOPS": "only our own messages led here",
    "HOPS": "only our own messages led here",
    "CLOSED": "nobody may enter now",
    "CHAIN": "too many journeys led into one another at once",
    "MAX_OPEN": "too many are open at once",
    "NOBODY": "no member is in that role",
    "goal_window_elapsed": "the time for its goal was over",
}
"""Why nothing was chosen, by the stable word of the decision."""

UNSENT: Final[Mapping[str, str]] = {
    "TEMPLATE_FAULT": "its template shows something that is not known; the log of activation says in which part",
    "ADDRESS_ERASED": "the address was erased",
    "ADDRESS_UNREADABLE": "the address cannot be read",
    "NO_ADDRESS": "no address is known",
    "NO_CONNECTOR": "no connector serves the channel",
}
"""Why a message was rejected before any provider saw it."""

_STATUS: Final[Mapping[str, str]] = {
    "planned": "is planned",
    "dispatched": "is on its way",
    "in_doubt": "may have been sent, which is being found out",
    "accepted": "was taken by the provider",
    "sent": "was sent",
    "delivered": "arrived",
    "opened": "was opened",
    "clicked": "led to a click",
    "suppressed": "was held back",
    "expired": "came too late and was dropped",
    "bounced": "came back",
    "rejected": "was refused by the provider",
}

_ISO: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def moment(time: Timestamp) -> datetime:
    """The instant of a proto, in UTC."""
    return time.ToDatetime(tzinfo=UTC)


def day(time: Timestamp) -> str:
    """The day of an instant: 3 March 2017."""
    return f"{moment(time):%-d %B %Y}"


def dated(text: str) -> str:
    """A text with its ISO instants as people write them: 7 January 2017, 15:36."""
    return _ISO.sub(lambda found: f"{datetime.fromisoformat(found[0]):%-d %B %Y, %H:%M}", text)


def reason(word: str) -> str:
    """A stable word as people say it."""
    return REASONS.get(word) or UNSENT.get(word, word.lower().replace("_", " "))


def plain(struct: Struct) -> dict[str, Any]:
    """The fields of a Struct; whole numbers without a point."""
    return {name: _plain(value) for name, value in _fields(struct)}


def _fields(struct: Struct) -> Iterable[tuple[str, Any]]:
    return ((name, struct[name]) for name in struct)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Struct):
        return plain(value)
    return value if isinstance(value, str | bool | int | float | None) else [_plain(item) for item in value]


def link(shown: Link) -> str:
    """Why two identifiers belong together, or why they were not joined."""
    names = f"{shown.left.namespace} {shown.left.token[:8]}… and {shown.right.namespace} {shown.right.token[:8]}…"
    if shown.weight:
        joined = f"were not joined ({reason(shown.refusal)})" if shown.refusal else "were joined"
        return f"{names} {joined} for what their records tell: {weights(shown.weight, shown.fields)}"
    if shown.refusal:
        by = f" (rule: {shown.rule})" if shown.rule else ""
        return f"{names} were not joined: {reason(shown.refusal)}{by}"
    times = "once" if shown.support == 1 else f"{shown.support} times"
    return f"{names} were seen together {times}, first on {day(shown.first_event_time)}"


def weights(bits: float, fields: Iterable[FieldWeight]) -> str:
    """What a score adds up from, in bits."""
    parts = [f"{one.field} {one.level} {one.bits:+.1f}".replace("  ", " ") for one in fields]
    return f"{bits:.1f} bits ({', '.join(parts)})"


def path_step(step: PathStep) -> str:
    """One step between two identifiers: what joins them, or why it was refused."""
    start = getattr(step, "from")
    names = f"{start.namespace} {start.token[:8]}… and {step.to.namespace} {step.to.token[:8]}…"
    shown = f"event {step.event_id} on {day(step.event_time)}" if step.event_id else f"statement {step.statement_id}"
    if step.weight:
        shown = f"what their records tell, {weights(step.weight, step.fields)}"
    if not step.refusal:
        return f"{names}: joined by {shown}"
    because = f", one person would have too many of {step.limit}" if step.limit else ""
    because += f", rule: {step.rule}" if step.rule else ""
    because += f", statement {step.statement_id}" if step.event_id and step.statement_id else ""
    return f"{names}: shown by {shown}, refused ({reason(step.refusal)}{because})"


def instance(one: Instance) -> str:
    """One stay in a journey in a sentence."""
    said = [f"entered on {day(one.entered_time)}"]
    if one.occurrence > 1:
        said[0] += f" (time {one.occurrence})"
    if one.HasField("goal_time"):
        worth = f", worth {one.goal_value}" if one.goal_value else ""
        said.append(f"reached the goal on {day(one.goal_time)}{worth}")
    elif one.HasField("exited_time"):
        said.append(f"left on {day(one.exited_time)} ({reason(one.exit_reason)})")
    elif one.stage:
        said.append(f"{one.stage} since {day(one.stage_entered_time)}")
    said += [f"{timer.purpose or 'a timer'} on {day(timer.due_time)}" for timer in one.timers]
    return "; ".join(said)


def decision(made: Decision) -> str:
    """A decision in a sentence."""
    if made.summary:
        return made.summary
    if made.action:
        return f"{made.action} by {made.channel}."
    return f"Nothing was sent: {reason(made.reason)}."


def candidate(considered: Candidate) -> str:
    """Why an action was chosen or not."""
    if considered.explanation:
        return considered.explanation
    return "chosen" if considered.chosen else f"stopped by {reason(considered.stopped_by)}"


def delivery(sent: Delivery) -> str:
    """What became of a message in a sentence."""
    said = "was never sent" if sent.reason in UNSENT else _STATUS.get(sent.status, sent.status)
    why = f" ({reason(sent.reason)})" if sent.reason else ""
    refused = [refusal(fact.refused_by) for fact in sent.facts if fact.HasField("refused_by")]
    if sent.status == "suppressed" and refused:
        why = f" ({refused[-1]})"
    return f"{sent.action} by {sent.channel} {said}{why}"


def refusal(entry: RefusedBy) -> str:
    """Which entry of the consent ledger refused a message."""
    if not entry.event_id:
        return "the customer has not consented, and an opt-in is asked for"
    what = f"{entry.state}: {entry.reason.replace('_', ' ')}" if entry.reason else entry.state
    source = f" by {entry.source}" if entry.source else ""
    return f"{what}, told{source} on {day(entry.time)}, event {entry.event_id}"


def touchpoint(entry: TimelineEntry) -> str:
    """A fact of a timeline in a few words."""
    data = plain(entry.data)
    match entry.type:
        case "profile.identified":
            return "told who they are"
        case "identity.merged":
            return "two profiles became one"
        case "profile.united":
            return "took in what was known of the other profile"
        case "identity.split":
            return "one profile was two people"
        case "profile.parted":
            return "is told anew without the other person"
        case "journey.revised":
            return f"an event came {duration_text(int(data.get('by', 0)))} late; what followed is told anew"
        case "journey.moment_withdrawn":
            return f"{data.get('journey')}: nothing to decide after all ({data.get('intervention')})"
        case "journey.looked":
            return "conditions were looked at, since time may have changed them"
        case "profile.armed":
            return "a programme came into force"
        case "profile.features_filled":
            return "new features were filled from the past"
        case "relation.changed":
            return f"{_belongs(data)} in {data.get('key')}"
        case "journey.member_addressed":
            return f"{data.get('journey')}: a member has something to decide ({data.get('intervention')})"
        case "journey.schedule_reached":
            return f"{data.get('journey')}: its schedule came round"
        case "audience.joined" | "audience.left":
            did = "came into" if entry.type == "audience.joined" else "left"
            return f"{did} the audience {data.get('audience')}"
        case "journey.entry_refused":
            return f"{data.get('journey')}: not entered ({reason(str(data.get('reason', '')))})"
        case "journey.held" | "journey.released":
            return f"{data.get('journey')}: {'paused' if entry.type == 'journey.held' else 'goes on'}"
        case "journey.entered":
            return f"entered {data.get('journey')}"
        case "journey.stage_entered":
            return f"{data.get('journey')}: {data.get('stage')}"
        case "journey.goal_reached":
            return f"{data.get('journey')}: goal reached, worth {data.get('value')} {data.get('currency', '')}".rstrip()
        case "journey.exited":
            return f"{data.get('journey')}: left ({reason(str(data.get('reason', '')))})"
        case "journey.moment_reached":
            return f"{data.get('journey')}: something to decide ({data.get('intervention')})"
        case "journey.moment_suppressed":
            return f"{data.get('journey')}: nothing to decide ({reason(str(data.get('reason', '')))})"
        case "journey.wait_started":
            until = f"{to_datetime(int(data.get('due', 0))):%-d %B %Y}"
            return f"{data.get('journey')}: {data.get('intervention')} waits until {until}"
        case "journey.wait_ended":
            ended = "has waited long enough" if data.get("timed_out") else "has what it waited for"
            return f"{data.get('journey')}: {data.get('intervention')} {ended}"
        case "journey.wait_moved":
            until = f"{to_datetime(int(data.get('due', 0))):%-d %B %Y}"
            return f"{data.get('journey')}: {data.get('intervention')} now waits until {until}"
        case "journey.arm_assigned":
            return f"{data.get('journey')}: arm {data.get('arm')} of {data.get('experiment')}"
        case "journey.traits_set":
            return f"{data.get('journey')}: {data.get('intervention')} set {', '.join(sorted(data.get('traits', {})))}"
        case "journey.step_failed":
            place = f"{data.get('intervention')}, step {data.get('step')}"
            return f"{data.get('journey')}: {place} failed ({data.get('error')} in {data.get('expression')})"
        case "journey.condition_failed":
            owner = data.get("journey") or data.get("audience")
            return f"{owner}: {data.get('condition')} failed ({data.get('error')} in {data.get('expression')})"
        case "journey.emit_suppressed":
            return f"{data.get('journey')}: {data.get('event')} not emitted ({reason(str(data.get('reason', '')))})"
        case "journey.migrated":
            return f"{data.get('journey')}: goes on in another version"
        case "journey.friction_met":
            return f"{data.get('journey')}: friction, {data.get('friction')}"
        case "journey.stage_skipped":
            return f"{data.get('journey')}: not {data.get('stage')}, its condition did not hold"
        case _ if entry.type.startswith("delivery."):
            return f"{data.get('action')} {_STATUS.get(entry.type.removeprefix('delivery.'), entry.type)}"
        case _:
            return ", ".join([entry.type.replace(".", " "), *_fields_in_words(data)])


def _belongs(data: dict[str, Any]) -> str:
    roles = [str(role) for role in data.get("roles", [])]
    return f"a member is {' and '.join(roles)}" if roles else "somebody is no member any more"


def _fields_in_words(data: dict[str, Any]) -> list[str]:
    """Money first, then the rest by name; empty fields are left out."""
    rest = {name: value for name, value in sorted(data.items()) if value not in ("", False, None, [])}
    told = []
    if "amount" in rest:
        told.append(f"{rest.pop('amount')} {rest.pop('currency', '')}".strip())
    for name, value in rest.items():
        called = name.replace("_", " ")
        told.append(called if value is True else f"{called} {_short(value)}")
    return told


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_short(one)}' for name, one in value.items())}}}"
    if isinstance(value, list):
        return ", ".join(map(str, value[:3])) + (" …" if len(value) > 3 else "")
    return str(value)
