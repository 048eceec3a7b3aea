"""Which versions of which facts of journeys can be read. A new version adds a number, a step and a golden file."""

from typing import Final

from cairn_journey.engine.facts import FACTS
from cairn_kernel.stored_types import CONTROLS, StoredTypes

STORED: Final = CONTROLS | StoredTypes.first(FACTS)
