"""Personal fields are encrypted under a key of their subject; identifiers are replaced by keyed tokens."""

import hmac
import os
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cairn_eventstore.key_files import KEY_BYTES, read_or_make
from cairn_kernel.errors import Invalid

NONCE_BYTES: Final = 12


def seal_field(key: bytes, *, tenant: str, key_id: str, field: str, value: bytes, nonce: bytes | None = None) -> bytes:
    """Encrypt one field (AES-256-GCM): nonce, then ciphertext; bound to tenant, key id and field name.

    Give the nonce that FileKeyProvider.nonce makes of the same value, or none for a random one.
    """
    nonce = os.urandom(NONCE_BYTES) if nonce is None else nonce
    return nonce + _cipher(key).encrypt(nonce, value, _bound(tenant, key_id, field))


def open_field(key: bytes, *, tenant: str, key_id: str, field: str, sealed: bytes) -> bytes:
    """Decrypt what seal_field made. Raises Invalid (UNSEALABLE) if key, binding or bytes do not fit."""
    try:
        return _cipher(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(tenant, key_id, field))
    except InvalidTag as error:
        raise Invalid("a sealed field cannot be opened", reason="UNSEALABLE", field=field) from error


class FileKeyProvider:
    """Keys from files of one folder: `kek` wraps subject keys, `token` makes identifier tokens.

    Missing files are made with owner-only rights. Raises Unavailable if a file is readable by others.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._kek = read_or_make(folder / "kek")
        self._token_key = read_or_make(folder / "token")

    def new_key(self) -> bytes:
        """A fresh 256-bit subject key."""
        return os.urandom(KEY_BYTES)

    def wrap(self, key_id: str, key: bytes) -> bytes:
        """The subject key, encrypted under the folder's key and bound to its id."""
        return seal_field(self._kek, tenant="", key_id=key_id, field="subject-key", value=key)

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """The subject key again. Raises Invalid (UNSEALABLE) if it was made elsewhere."""
        return open_field(self._kek, tenant="", key_id=key_id, field="subject-key", sealed=wrapped)

    def token(self, tenant: str, namespace: str, value: str) -> str:
        """32 hex digits that stand for a normalised identifier value; equal values give equal tokens."""
        message = f"{tenant}\x1f{namespace}\x1f{value}".encode()
        return hmac.digest(self._token_key, message, "sha256")[:16].hex()

    def nonce(self, tenant: str, key_id: str, field: str, value: bytes) -> bytes:
        """12 bytes that depend on the value under a secret key, as in a synthetic initialisation vector.

        The same value sealed again gives the same bytes, and another value another nonce; so the nonce in front
        of a sealed field tells whether two are equal, without opening them, to whoever compares whole states.
        """
        message = _bound(tenant, key_id, field) + b"\x1f" + value
        return hmac.digest(self._token_key, message, "sha256")[:NONCE_BYTES]

    def payload_digest(self, payload: bytes) -> bytes:
        """16 bytes that tell whether two payloads are the same, useless without the key."""
        return hmac.digest(self._token_key, payload, "sha256")[:16]


@lru_cache(maxsize=10_000)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def _bound(tenant: str, key_id: str, field: str) -> bytes:
    return f"{tenant}|{key_id}|{field}".encode()
