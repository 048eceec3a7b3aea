"""The installation's keyed digests, with a memory for customers seen lately."""

from functools import lru_cache

from cairn_eventstore import FileKeyProvider
from ingestion.domain.told import CACHED


class RememberingSecrets:
    """Secrets of a key provider; the tokens made last are kept in memory."""

    def __init__(self, provider: FileKeyProvider) -> None:
        self.token = lru_cache(maxsize=CACHED)(provider.token)
        self.payload_digest = provider.payload_digest
        self.nonce = provider.nonce
