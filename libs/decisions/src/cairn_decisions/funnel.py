"""The gates a candidate passes one by one, from who may be addressed to what the contact policy allows."""

from dataclasses import dataclass, field
from typing import NamedTuple

from cairn_decisions.catalogue import Catalogue, Condition, Offer
from cairn_decisions.consent import permission
from cairn_decisions.contact_policy import Message, contact_policy
from cairn_decisions.gates import CHANNEL, CONSENT, Gate
from cairn_decisions.ledger import Ledger
from cairn_decisions.moment import Moment


class Reach(NamedTuple):
    """How a customer can be addressed: what the first two gates said, and the treatments they let through."""

    gates: tuple[Gate, ...]
    treatments: tuple[int, ...]


@dataclass(slots=True)
class Scene:
    """What all candidates of a moment have in common."""

    moment: Moment
    ledger: Ledger
    catalogue: Catalogue
    _reach: dict[tuple[str, tuple[str, ...]], Reach] = field(default_factory=dict)
    _limits: dict[Message, Gate] = field(default_factory=dict)

    def reach(self, offer: Offer) -> Reach:
        """Consent and contact, looked up once for candidates of the same class and channels."""
        key = (offer.action.class_, offer.channels)
        if key not in self._reach:
            self._reach[key] = _reach(self, *key)
        return self._reach[key]

    def limits(self, offer: Offer, treatment: int) -> Gate:
        """The contact policy's word, looked up once for candidates that are the same to it."""
        action = offer.action
        name = action.name if action.name in self.catalogue.rested_actions else ""
        message = Message(action.class_, offer.channels[treatment], name)
        if message not in self._limits:
            self._limits[message] = contact_policy(self.catalogue.policies, message, self.ledger, self.moment.at)
        return self._limits[message]


def walk(offer: Offer, scene: Scene) -> tuple[list[Gate], int | None]:
    """The gates up to and including the first that stops the candidate; the treatment that passes them all."""
    reach = scene.reach(offer)
    gates = list(reach.gates)
    if not reach.treatments:
        return gates, None
    for condition in offer.conditions:
        said = _condition(condition, scene.moment)
        gates.append(said)
        if said.reason:
            return gates, None
    limits = {number: scene.limits(offer, number) for number in reach.treatments}
    allowed = next((number for number, gate in limits.items() if not gate.reason), None)
    gates.append(limits[reach.treatments[0] if allowed is None else allowed])
    return gates, allowed


def _reach(scene: Scene, class_: str, channels: tuple[str, ...]) -> Reach:
    said = {
        channel: permission(scene.ledger.standing(channel, class_), scene.catalogue.policies, channel, class_)
        for channel in channels
    }
    granted = {channel: one.allowed for channel, one in said.items()}
    saw = ", ".join(f"{channel} {one.saw}" for channel, one in said.items())
    if not any(granted.values()):
        return Reach((Gate(CONSENT, saw, "CONSENT_WITHHELD"),), ())
    consent = Gate(CONSENT, saw)
    known = {
        channel: channel in scene.moment.contacts or channel in scene.catalogue.open_channels
        for channel, yes in granted.items()
        if yes
    }
    saw = ", ".join(f"{channel} {'known' if yes else 'unknown'}" for channel, yes in known.items())
    treatments = tuple(number for number, channel in enumerate(channels) if known.get(channel))
    return Reach((consent, Gate(CHANNEL, saw, "" if treatments else "NO_CONTACT")), treatments)


def _condition(condition: Condition, moment: Moment) -> Gate:
    saw = f"{condition.expression.text} with {moment.seen(condition.paths)}"
    return Gate(condition.gate, saw, "" if condition.expression.holds(moment.activation) else condition.reason)
