"""The gates a candidate passes one by one, from who may be addressed to what the contact policy allows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cairn_expressions import Expression
from decisioning.domain.contact_policy import contact_policy
from decisioning.domain.gates import APPLICABILITY, CHANNEL, CONSENT, ELIGIBILITY, SUITABILITY, Gate
from decisioning.domain.ledger import Ledger
from decisioning.domain.moment import Moment
from decisioning.domain.programme import Action, ContactPolicy


@dataclass(slots=True)
class Scene:
    """What all candidates of a moment have in common."""

    moment: Moment
    ledger: Ledger
    policies: tuple[ContactPolicy, ...]
    _limits: dict[str, Gate] = field(default_factory=dict)

    def limits(self, class_: str) -> Gate:
        """The contact policy's word on one more message of a class; looked at once per class."""
        if class_ not in self._limits:
            self._limits[class_] = contact_policy(self.policies, class_, self.ledger, self.moment.at)
        return self._limits[class_]


def walk(action: Action, scene: Scene) -> list[Gate]:
    """The gates in order, up to and including the first that stops the candidate."""
    passed = []
    for check in _CHECKS:
        gate = check(action, scene)
        if gate is None:
            continue
        passed.append(gate)
        if gate.reason:
            break
    return passed


def treatment_of(action: Action, scene: Scene) -> int | None:
    """Index of the first treatment whose channel has both consent and a contact."""
    for index, treatment in enumerate(action.treatments):
        reachable = treatment.channel in scene.moment.contacts
        if reachable and scene.ledger.consents_to(treatment.channel, action.class_):
            return index
    return None


def _consent(action: Action, scene: Scene) -> Gate:
    said = {t.channel: scene.ledger.consents_to(t.channel, action.class_) for t in action.treatments}
    saw = ", ".join(f"{channel} {'granted' if granted else 'withdrawn'}" for channel, granted in said.items())
    return Gate(CONSENT, saw or "no treatment", "" if any(said.values()) or not said else "CONSENT_WITHHELD")


def _channel(action: Action, scene: Scene) -> Gate:
    channels = dict.fromkeys(treatment.channel for treatment in action.treatments)
    saw = ", ".join(f"{name} {'known' if name in scene.moment.contacts else 'unknown'}" for name in channels)
    return Gate(CHANNEL, saw or "no treatment", "NO_CONTACT" if treatment_of(action, scene) is None else "")


def _eligibility(action: Action, scene: Scene) -> Gate | None:
    return _condition(ELIGIBILITY, "NOT_ELIGIBLE", action.eligible, scene)


def _applicability(action: Action, scene: Scene) -> Gate | None:
    return _condition(APPLICABILITY, "NOT_APPLICABLE", action.applicable, scene)


def _suitability(action: Action, scene: Scene) -> Gate | None:
    return _condition(SUITABILITY, "NOT_SUITABLE", action.suitable, scene)


def _condition(gate: str, reason: str, condition: Expression | None, scene: Scene) -> Gate | None:
    if condition is None:
        return None
    holds = condition.holds(scene.moment.activation)
    return Gate(gate, f"{condition.text} with {scene.moment.seen_by(condition)}", "" if holds else reason)


def _limits(action: Action, scene: Scene) -> Gate:
    return scene.limits(action.class_)


_CHECKS: Final[tuple[Callable[[Action, Scene], Gate | None], ...]] = (
    _consent,
    _channel,
    _eligibility,
    _applicability,
    _suitability,
    _limits,
)
