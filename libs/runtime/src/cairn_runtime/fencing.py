"""How a change of the rules meets batches under way: it locks and fences; whoever was fenced reads the rules anew."""

from typing import Final

LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('definitions'))"
"""Held by whoever changes what batches are processed by, until it is committed."""
NO_CHANGE_UNDER_WAY: Final = "SELECT pg_advisory_xact_lock_shared(hashtext('definitions'))"
"""Held by whoever makes inbox rows: a change under way could not fence rows that it does not see."""
FENCE: Final = "UPDATE inbox SET epoch = epoch + 1"
"""Waits for the commits under way; later ones of batches that had begun before find themselves fenced."""
