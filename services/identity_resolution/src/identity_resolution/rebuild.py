"""How the identity graph follows from the own log: `python -m identity_resolution.rebuild` makes it anew.

Each event that ever came stands in `resolved` with its identifiers, and so does what people said, what the service
blocked, and when rules changed. Records of matching are sealed under keys that may be gone: they and what they suggest,
the queue of commands, and relations (in no log stands since when a kind of subject was in force) are left alone.
"""

import os
from pathlib import Path
from typing import Any, Final

from cairn_eventstore import FileKeyProvider
from cairn_kernel.errors import Unavailable
from cairn_runtime.rebuild_command import main
from cairn_runtime.rebuild_in_order import OrderedReadModel
from identity_resolution.adapters.held import HeldConnection
from identity_resolution.adapters.postgres_identities import PostgresIdentityStore
from identity_resolution.adapters.postgres_relearning import PostgresRelearning
from identity_resolution.adapters.postgres_told import PostgresTold
from identity_resolution.application.learn_again import Relearning


class KeysIfAny:
    """Tokens by the installation's keys, which are asked for only if rules block values. None are made."""

    def token(self, tenant: str, namespace: str, value: str) -> str:
        """Raises Unavailable (KEYS_MISSING)."""
        folder = Path(os.environ.get("CAIRN_KEYS_DIR", ""))
        if not (folder / "token").exists():
            raise Unavailable("rules block values, which takes the keys: set CAIRN_KEYS_DIR", reason="KEYS_MISSING")
        return FileKeyProvider(folder).token(tenant, namespace, value)


async def replay(connection: Any) -> Relearning:
    """The graph as far as the shadow tables hold it."""
    held = HeldConnection(connection)
    relearning = Relearning(
        PostgresIdentityStore(held), PostgresTold(held), PostgresRelearning(connection, KeysIfAny())
    )
    await relearning.open()
    return relearning


READ_MODEL: Final = OrderedReadModel(
    service="identity_resolution",
    replay=replay,
    tables={
        # What is left out depends on the order of arrival, or on how long something stayed in memory.
        "nodes": """
            SELECT own_id, profile_id, min(own_id::text) OVER (PARTITION BY root) AS cluster, tenant, namespace, token,
                first_time
            FROM {table}
        """,
        "links": """
            SELECT left_id, right_id, first_time, first_event_id, refusal, left_ranked, right_ranked, weight,
                CASE WHEN left_ranked AND right_ranked THEN last_week END
            FROM {table} WHERE weight < 0 OR left_ranked
        """,
        "generic": "SELECT tenant, namespace, token, reason FROM {table}",
        "statements": "SELECT * FROM {table}",
        "evidence": """
            SELECT DISTINCT ON (left_id, right_id) left_id, right_id, event_time, event_id FROM {table}
            ORDER BY left_id, right_id, event_time, event_id
        """,
        "memberships": "SELECT DISTINCT ON (own_id) own_id, profile_id FROM {table} ORDER BY own_id, ordinal DESC",
        "logins": "SELECT device_id, minute, owner_namespace, owner_token FROM {table}",
        "told": "SELECT * FROM {table}",
        "rules_changes": "SELECT tenant, ordinal, version, done FROM {table}",
    },
    log_tables=("timers",),
    keep="""
        UPDATE {shadow}.rules_changes s SET merges = l.merges, splits = l.splits FROM {live}.rules_changes l
        WHERE l.tenant = s.tenant AND l.ordinal = s.ordinal
    """,
)

if __name__ == "__main__":
    main("identity_resolution.rebuild:READ_MODEL")
