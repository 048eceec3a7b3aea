"""One moment, one decision."""

from collections.abc import Mapping
from typing import Any, Final

from cairn_decisions.arbitration import Candidate, arbitrate, ranked, scored
from cairn_decisions.catalogue import Catalogue, Offer
from cairn_decisions.funnel import Scene, walk
from cairn_decisions.ledger import Ledger
from cairn_decisions.moment import Moment
from cairn_kernel.event import Event, derived
from cairn_kernel.ids import stable_id
from cairn_kernel.money import decimal_text
from cairn_kernel.time import DAY

SOURCE: Final = "decisioning"
DECISION_MADE: Final = "decision.made"
CHOSEN: Final = "CHOSEN"
MAX_HOPS: Final = 8
"""An intervention behind more of our own outcomes than this, with no customer between, is a loop."""
LIFETIME: Final = DAY
"""How long a decision may be acted on, unless the moment says otherwise."""


def decide(event: Event, ledger: Ledger, catalogue: Catalogue, *, closed: bool = False) -> Event:
    """The decision of a moment: what was chosen, or why nothing was, with every candidate considered."""
    moment = Moment.of(event)
    refusal = _refusal(event, closed)
    candidates = [] if refusal else _considered(moment, ledger, catalogue)
    best = arbitrate(candidates)
    stopped = candidates[0].stopped if candidates else None
    reason = refusal or (CHOSEN if best else stopped.reason if stopped else "NO_CANDIDATE")
    data = event.data
    return derived(
        event,
        id=decision_id(moment.id),
        type=DECISION_MADE,
        source=SOURCE,
        definition_version=catalogue.version,
        data={
            "moment_id": moment.id,
            "journey": moment.journey,
            "instance_id": data.get("instance_id", ""),
            "intervention": data.get("intervention", ""),
            "step": data.get("step", ""),
            "chosen": _chosen(best, moment) if best else None,
            "reason": reason,
            "candidates": [candidate.told(best) for candidate in candidates],
            "context": data.get("context") or {},
            "locale": data.get("locale", ""),
            "expires_at": moment.expires_at or moment.at + LIFETIME,
        },
    )


def decision_id(moment_id: str) -> str:
    """The id of a moment's one decision."""
    return stable_id("decision", moment_id)


def _refusal(event: Event, closed: bool) -> str:
    if closed:
        return "PROFILE_MERGED"
    if event.historical:
        return "HISTORICAL"
    return "TOO_MANY_HOPS" if event.hops > MAX_HOPS else ""


def _considered(moment: Moment, ledger: Ledger, catalogue: Catalogue) -> list[Candidate]:
    scene = Scene(moment, ledger, catalogue)
    return ranked([scored(offer, moment, *walk(offer, scene)) for offer in select(moment.selector, catalogue)])


def select(selector: Mapping[str, Any], catalogue: Catalogue) -> list[Offer]:
    """The offers a moment asks for: by tag, or by name. Names that the programme lacks are left out."""
    if "tag" in selector:
        return [offer for offer in catalogue.offers.values() if selector["tag"] in offer.action.tags]
    return [catalogue.offers[name] for name in dict.fromkeys(selector["names"]) if name in catalogue.offers]


def _chosen(best: Candidate, moment: Moment) -> dict[str, Any]:
    assert best.treatment is not None  # noqa: S101  the gates let no other candidate through
    treatment = best.action.treatments[best.treatment]
    value = best.action.value
    return {
        "action": best.action.name,
        "class": best.action.class_,
        "channel": treatment.channel,
        "treatment": best.treatment,
        "template": treatment.template,
        "value": "" if value is None else decimal_text(value.amount),
        "currency": "" if value is None else value.currency,
        "contact": moment.contacts.get(treatment.channel) or {},
    }
