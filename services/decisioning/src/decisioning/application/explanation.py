"""A stored decision in words."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cairn_kernel.event import Event

STOPPED: Final[Mapping[str, str]] = {
    "CONSENT_WITHHELD": "the customer has not consented",
    "NO_CONTACT": "no address is known",
    "NOT_ELIGIBLE": "the customer is not eligible",
    "NOT_APPLICABLE": "it does not apply now",
    "NOT_SUITABLE": "it does not suit the customer",
    "CONTACT_POLICY_CAP": "the contact cap is reached",
    "COOLDOWN": "a cool-down is running",
    "OUTRANKED": "another action is better",
}
NOTHING: Final[Mapping[str, str]] = {
    "NO_CANDIDATE": "the programme has no action that this moment asks for",
    "HISTORICAL": "the moment belongs to imported history, which never causes a message",
    "TOO_MANY_HOPS": "the moment was caused by a long chain of our own messages with no customer between",
    "PROFILE_MERGED": "the profile had been merged into another",
}


def explanation(candidate: Mapping[str, Any]) -> str:
    """Why a candidate was chosen, or what stopped it, with the values seen."""
    gates: Sequence[Mapping[str, Any]] = candidate["gates"]
    saw = gates[-1]["saw"] if gates else ""
    why = "it is the best that passed every gate" if candidate["chosen"] else STOPPED.get(candidate["reason"], "")
    return f"{why}: {saw}" if saw else why


def summary(decision: Event) -> str:
    """The whole decision in one or two sentences."""
    data = decision.data
    chosen: Mapping[str, Any] | None = data.get("chosen")
    candidates: Sequence[Mapping[str, Any]] = data["candidates"]
    if not chosen:
        return f"In journey {data['journey']} nothing was chosen: {_why_nothing(data['reason'], candidates)}."
    worth = f", worth {chosen['value']} {chosen['currency']}".rstrip() if chosen["value"] else ""
    sentence = f"In journey {data['journey']} {chosen['action']} was chosen, to go out by {chosen['channel']}{worth}."
    others = [f"{other['action']} ({STOPPED.get(other['reason'], '')})" for other in candidates if not other["chosen"]]
    return f"{sentence} Not taken: {', '.join(others)}." if others else sentence


def _why_nothing(reason: str, candidates: Sequence[Mapping[str, Any]]) -> str:
    if not candidates:
        return NOTHING.get(reason, reason)
    furthest = candidates[0]
    return f"{furthest['action']} came furthest, but {explanation(furthest)}"
