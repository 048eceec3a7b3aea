"""Which versions of which facts of decisioning can be read. A new version adds a number, a step and a golden file."""

from typing import Final

from cairn_decisions.decide import DECISION_MADE
from cairn_decisions.facts import DECISION_WITHDRAWN, LEDGER_PARTED, LEDGER_UNITED, OUTCOME_RECORDED, with_words
from cairn_kernel.stored_types import CONTROLS, StoredTypes

STORED: Final = (
    CONTROLS
    | StoredTypes.first((DECISION_MADE, DECISION_WITHDRAWN, OUTCOME_RECORDED))
    | StoredTypes(
        {LEDGER_PARTED: 2, LEDGER_UNITED: 2}, {(LEDGER_PARTED, 1): with_words, (LEDGER_UNITED, 1): with_words}
    )
)
