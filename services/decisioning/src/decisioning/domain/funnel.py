"""The gates a candidate passes one by one, from who may be addressed to what the contact policy allows."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cairn_expressions import Expression
from cairn_journey.model import Action, Treatment
from decisioning.domain.catalogue import Catalogue, Offer
from decisioning.domain.contact_policy import Message, contact_policy
from decisioning.domain.gates import APPLICABILITY, CHANNEL, CONSENT, ELIGIBILITY, SUITABILITY, Gate
from decisioning.domain.ledger import Ledger
from decisioning.domain.moment import Moment


@dataclass(slots=True)
class Scene:
    """What all candidates of a moment have in common."""

    moment: Moment
    ledger: Ledger
    catalogue: Catalogue
    _limits: dict[Message, Gate] = field(default_factory=dict)

    def consents(self, action: Action, treatment: Treatment) -> bool:
        return self.ledger.consents_to(treatment.channel, action.class_)

    def knows(self, channel: str) -> bool:
        return channel in self.moment.contacts or channel in self.catalogue.open_channels

    def limits(self, action: Action, treatment: Treatment) -> Gate:
        """The contact policy's word, looked up once for candidates that are the same to it."""
        name = action.name if action.name in self.catalogue.rested_actions else ""
        message = Message(action.class_, treatment.channel, name)
        if message not in self._limits:
            self._limits[message] = contact_policy(self.catalogue.policies, message, self.ledger, self.moment.at)
        return self._limits[message]


def walk(offer: Offer, scene: Scene) -> tuple[list[Gate], int | None]:
    """The gates up to and including the first that stops the candidate; the treatment that passes them all."""
    action = offer.action
    consented = [number for number, way in enumerate(action.treatments) if scene.consents(action, way)]
    consent = _consent(action, consented)
    if consent.reason:
        return [consent], None
    reachable = [number for number in consented if scene.knows(action.treatments[number].channel)]
    channel = _channel(action, consented, reachable)
    gates = [consent, channel]
    if channel.reason:
        return gates, None
    for gate, reason, condition in (
        (ELIGIBILITY, "NOT_ELIGIBLE", offer.eligible),
        (APPLICABILITY, "NOT_APPLICABLE", offer.applicable),
        (SUITABILITY, "NOT_SUITABLE", offer.suitable),
    ):
        if condition is not None:
            said = _condition(gate, reason, condition, scene.moment)
            gates.append(said)
            if said.reason:
                return gates, None
    limits = [scene.limits(action, action.treatments[number]) for number in reachable]
    allowed = [place for place, gate in enumerate(limits) if not gate.reason]
    place = allowed[0] if allowed else 0
    gates.append(limits[place])
    return gates, reachable[place] if allowed else None


def _consent(action: Action, consented: Sequence[int]) -> Gate:
    said = {way.channel: number in consented for number, way in enumerate(action.treatments)}
    saw = ", ".join(f"{channel} {'granted' if granted else 'withdrawn'}" for channel, granted in said.items())
    return Gate(CONSENT, saw or "no treatment", "" if consented or not said else "CONSENT_WITHHELD")


def _channel(action: Action, consented: Sequence[int], reachable: Sequence[int]) -> Gate:
    asked = {action.treatments[number].channel: number in reachable for number in consented}
    saw = ", ".join(f"{channel} {'known' if known else 'unknown'}" for channel, known in asked.items())
    return Gate(CHANNEL, saw or "no treatment", "" if reachable else "NO_CONTACT")


def _condition(gate: str, reason: str, condition: Expression, moment: Moment) -> Gate:
    saw = f"{condition.text} with {moment.seen_by(condition)}"
    return Gate(gate, saw, "" if condition.holds(moment.activation) else reason)
