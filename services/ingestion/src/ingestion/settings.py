"""What ingestion is told from outside, besides what every service is told."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from pydantic import SecretStr

from cairn_kernel.errors import Refused
from cairn_runtime import Settings


class IngestionSettings(Settings):
    """Environment variables CAIRN_…; times in seconds."""

    write_keys: SecretStr = SecretStr("")
    """`tenant/source:KEY, tenant/source@device:KEY`: sources to declare at start; `@device` clocks are corrected."""
    write_keys_file: Path | None = None
    """A file of such entries, one a line; both are taken together. With neither, `<keys_dir>/write_keys` is read,
    and made with a random key for `default/web` if it is not there."""
    key_access_token: SecretStr = SecretStr("")
    """What callers of KeyService must know; empty: everybody who reaches the gRPC address may ask."""
    queue_max_events: int = 20_000
    """Events that may wait for a commit before senders are told to come back."""
    quarantine_days: int = 90
    """How long events are kept aside."""
    step_max_s: int = 86_400
    """How far a step of a time-lapse reaches at most; later events are kept aside."""


def written_keys(settings: IngestionSettings) -> str:
    """The declarations of the settings and of the file. Raises Refused if the file cannot be read."""
    text = settings.write_keys.get_secret_value()
    path = settings.write_keys_file
    if path is None and not text.strip():
        path = settings.keys_dir / "write_keys"
        if not path.exists():
            _make(path)
    try:
        return text if path is None else f"{text}\n{path.read_text()}"
    except OSError as error:
        raise Refused("the file of write keys cannot be read", reason="WRITE_KEYS") from error


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    own = path.with_suffix(f".{os.getpid()}")
    with open(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"default/web:{secrets.token_urlsafe(24)}\n")
    with suppress(FileExistsError):
        os.link(own, path)  # whole or not at all: another replica may be making it too
    own.unlink()
