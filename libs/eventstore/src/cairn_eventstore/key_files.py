"""Secret keys in files that only their owner may read."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from cairn_kernel.errors import Unavailable

KEY_BYTES: Final = 32


def read_or_make(path: Path) -> bytes:
    """The 32 bytes of a key file, which is made of random bytes if it is missing.

    Raises Unavailable if others may read it (KEY_FILE_MODE) or it holds something else (KEY_FILE).
    """
    if not path.exists():
        own = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(own, path)  # whole or not at all: another process may be making it too
        own.unlink()
    if path.stat().st_mode & 0o077:
        raise Unavailable("a key file is readable by others; run: chmod 600 on it", reason="KEY_FILE_MODE")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise Unavailable("a key file does not hold 32 bytes", reason="KEY_FILE")
    return key
