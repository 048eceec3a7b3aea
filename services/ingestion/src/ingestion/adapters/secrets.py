"""The installation's keyed digests, as quick as the front door needs them."""

from hashlib import blake2b

from cairn_eventstore import FileKeyProvider


class QuickSecrets:
    """Secrets of a key provider. Contents are compared by BLAKE2b under a key made of the provider's."""

    def __init__(self, provider: FileKeyProvider) -> None:
        self.token = provider.token
        self.nonce = provider.nonce
        self._keyed = blake2b(digest_size=16, key=bytes.fromhex(provider.token("", "key", "payload digest")))

    def payload_digest(self, payload: bytes) -> bytes:
        digest = self._keyed.copy()
        digest.update(payload)
        return digest.digest()
