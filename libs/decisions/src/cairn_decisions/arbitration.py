"""Which of the candidates that passed every gate is best, and by what."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from cairn_decisions.catalogue import EXACT, ONE, Offer
from cairn_decisions.gates import ARBITRATION, ORDER, Gate
from cairn_decisions.moment import Moment
from cairn_journey.language.model import Action
from cairn_kernel.money import decimal_text, exact

_text: Final = lru_cache(maxsize=10_000)(decimal_text)


@dataclass(slots=True)
class Candidate:
    """An action under consideration, with all that was found out about it."""

    action: Action
    gates: list[Gate]
    treatment: int | None
    factors: Mapping[str, str]
    score: Decimal

    @property
    def stopped(self) -> Gate | None:
        """The gate that stopped it, if one did."""
        return self.gates[-1] if self.gates and self.gates[-1].reason else None

    def told(self, chosen: "Candidate | None") -> dict[str, Any]:
        """The candidate as it is stored in the decision."""
        stopped = self.stopped
        return {
            "action": self.action.name,
            "class": self.action.class_,
            "chosen": self is chosen,
            "stopped_by": stopped.gate if stopped else "",
            "reason": stopped.reason if stopped else "",
            "gates": [{"gate": gate.gate, "passed": not gate.reason, "saw": gate.saw} for gate in self.gates],
            "priority": self.action.priority,
            "factors": dict(self.factors),
            "score": _text(self.score),
        }


def scored(offer: Offer, moment: Moment, gates: list[Gate], treatment: int | None) -> Candidate:
    """A candidate with its factors and their exact product; a context weight without a value is one."""
    if offer.context_weight is None:
        return Candidate(offer.action, gates, treatment, offer.factors, offer.score)
    weight = exact(offer.context_weight.value(moment.activation))
    weight = ONE if weight is None else weight
    factors = {**offer.factors, "context_weight": _text(weight)}
    return Candidate(offer.action, gates, treatment, factors, EXACT.multiply(offer.score, weight))


def ranked(candidates: list[Candidate]) -> list[Candidate]:
    """Best first: how far it got, then priority, then score, then name."""
    return sorted(candidates, key=_rank)


def arbitrate(candidates: list[Candidate]) -> Candidate | None:
    """Let the best of the ranked candidates win, if any passed all gates, and say to the others why they lost."""
    best = candidates[0] if candidates and candidates[0].stopped is None else None
    if best is None:
        return None
    for candidate in candidates:
        if candidate is best:
            candidate.gates.append(Gate(ARBITRATION, f"best, {_standing(best)}"))
        elif candidate.stopped is None:
            saw = f"{_standing(candidate)}; {best.action.name} has {_standing(best)}"
            candidate.gates.append(Gate(ARBITRATION, saw, "OUTRANKED"))
    return best


def _rank(candidate: Candidate) -> tuple[int, int, Decimal, str]:
    stopped = candidate.stopped
    reached = ORDER.index(stopped.gate) if stopped else len(ORDER)
    return (-reached, -candidate.action.priority, -candidate.score, candidate.action.name)


def _standing(candidate: Candidate) -> str:
    return f"priority {candidate.action.priority} score {_text(candidate.score)}"
