"""Which versions of which facts of deliveries can be read. A new version adds a number, a step and a golden file."""

from typing import Final

from activation.domain.delivery import PREFIX, VERSIONS
from activation.domain.status import PRECEDENCE, RETURNED, SUPPRESSED
from cairn_kernel.stored_types import CONTROLS, StoredTypes

STORED: Final = CONTROLS | StoredTypes(
    {PREFIX + status: VERSIONS.get(status, 1) for status in (*PRECEDENCE, RETURNED)},
    {(PREFIX + SUPPRESSED, 1): lambda data: data},
)
