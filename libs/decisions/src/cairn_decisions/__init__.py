"""What is decided at a moment: contact ledger, funnel, score, decision; and when a message may go out. Pure."""

from cairn_decisions.catalogue import Catalogue, catalogue_of
from cairn_decisions.decide import CHOSEN, DECISION_MADE, decide, decision_id
from cairn_decisions.facts import DECISION_WITHDRAWN, ProfileState
from cairn_decisions.ledger import Contact, Ledger, Outcome
from cairn_decisions.profile import MOMENT_REACHED, MOMENT_WITHDRAWN, Catalogues, DecisioningDomain, OneCatalogue
from cairn_decisions.quiet_hours import end_of_quiet, zone_of

__all__ = [
    "CHOSEN",
    "DECISION_MADE",
    "DECISION_WITHDRAWN",
    "MOMENT_REACHED",
    "MOMENT_WITHDRAWN",
    "Catalogue",
    "Catalogues",
    "Contact",
    "DecisioningDomain",
    "Ledger",
    "OneCatalogue",
    "Outcome",
    "ProfileState",
    "catalogue_of",
    "decide",
    "decision_id",
    "end_of_quiet",
    "zone_of",
]
