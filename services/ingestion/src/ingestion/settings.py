"""What ingestion is told from outside, besides what every service is told."""

from pathlib import Path

from pydantic import SecretStr

from cairn_runtime import Settings


class IngestionSettings(Settings):
    """Environment variables CAIRN_…; times in seconds."""

    write_keys: SecretStr = SecretStr("")
    """`tenant/source:KEY, tenant/source@device:KEY`: sources to declare at start; `@device` clocks are corrected."""
    write_keys_file: Path | None = None
    """A file of such entries, one a line; both are taken together."""
    key_access_token: SecretStr = SecretStr("")
    """What callers of KeyService must know; empty: everybody who reaches the gRPC address may ask."""
    queue_max_events: int = 20_000
    """Events that may wait for a commit before senders are told to come back."""
    step_max_s: int = 86_400
    """How far a step of a time-lapse reaches at most; later events are kept aside."""
