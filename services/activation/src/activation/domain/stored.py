"""Which versions of which facts of deliveries can be read. A new version adds a number, a step and a golden file."""

from typing import Final

from activation.domain.delivery import PREFIX
from activation.domain.status import PRECEDENCE, RETURNED
from cairn_kernel.stored_types import CONTROLS, StoredTypes

STORED: Final = CONTROLS | StoredTypes.first(PREFIX + status for status in (*PRECEDENCE, RETURNED))
