"""The names of the gates, in order, and what a gate says."""

from typing import Final, NamedTuple

CONSENT: Final = "CONSENT"
CHANNEL: Final = "CHANNEL"
ELIGIBILITY: Final = "ELIGIBILITY"
APPLICABILITY: Final = "APPLICABILITY"
SUITABILITY: Final = "SUITABILITY"
CONTACT_POLICY: Final = "CONTACT_POLICY"
ARBITRATION: Final = "ARBITRATION"

ORDER: Final = (CONSENT, CHANNEL, ELIGIBILITY, APPLICABILITY, SUITABILITY, CONTACT_POLICY, ARBITRATION)


class Gate(NamedTuple):
    """What one gate said of one candidate, with the values it saw; `reason` is empty if it let it pass."""

    gate: str
    saw: str
    reason: str = ""
