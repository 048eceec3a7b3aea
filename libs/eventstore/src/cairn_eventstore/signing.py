"""The installation's signature (Ed25519) under statements about its logs, checked by whoever kept the public key."""

from base64 import b64decode, b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cairn_eventstore.key_files import read_or_make
from cairn_kernel.errors import Invalid
from cairn_kernel.event import canonical

KEY_FILE: Final = "signing"


class Signer:
    """Signs with the key in the file `signing` of the key folder; it is made at first use."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._key = Ed25519PrivateKey.from_private_bytes(read_or_make(folder / KEY_FILE))

    @property
    def public_key(self) -> str:
        """The public key, base64 of its 32 bytes."""
        return b64encode(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

    def sign(self, statement: dict[str, Any]) -> dict[str, Any]:
        """The statement with `public_key` and `signature` over its canonical JSON."""
        named = {**statement, "public_key": self.public_key}
        return {**named, "signature": b64encode(self._key.sign(canonical(named))).decode()}


def check_signature(signed: dict[str, Any], *, public_key: str = "") -> None:
    """Raises Invalid (SIGNATURE) if the statement was changed, or was not signed by `public_key` where one is given."""
    statement = {name: value for name, value in signed.items() if name != "signature"}
    with suppress(InvalidSignature, ValueError, KeyError, TypeError):
        if public_key in ("", statement["public_key"]):
            key = Ed25519PublicKey.from_public_bytes(b64decode(statement["public_key"], validate=True))
            key.verify(b64decode(signed["signature"], validate=True), canonical(statement))
            return
    raise Invalid("the signature does not fit the statement", reason="SIGNATURE")
