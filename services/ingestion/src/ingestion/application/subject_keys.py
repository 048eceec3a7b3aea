"""Keys of customers: made with the first personal field, unwrapped for whoever may open one."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from cairn_eventstore import FileKeyProvider
from ingestion.application.ports import Ledger, NewKey

CACHED: Final = 50_000


class StoredKeys(Protocol):
    """The keys table outside a transaction."""

    async def keys(self, key_ids: Iterable[str]) -> dict[str, bytes]:
        """Wrapped keys of those that exist."""
        ...


class SubjectKeys:
    """Unwrapped keys of the customers seen last."""

    def __init__(self, provider: FileKeyProvider) -> None:
        self._provider = provider
        self._cache: OrderedDict[str, bytes] = OrderedDict()

    async def at_hand(self, wanted: Mapping[str, str], ledger: Ledger) -> dict[str, bytes]:
        """The keys of these ids (id to tenant); those that do not exist are made, in the open transaction.

        Call `keep` with them once it is committed.
        """
        found = self._cached(wanted)
        missing = sorted(wanted.keys() - found.keys())
        if not missing:
            return found
        found |= self._unwrapped(await ledger.keys(missing))
        made = [key_id for key_id in missing if key_id not in found]
        if made:
            found |= {key_id: self._provider.new_key() for key_id in made}
            await ledger.add_keys(
                [NewKey(key_id, wanted[key_id], self._provider.wrap(key_id, found[key_id])) for key_id in made]
            )
        return found

    def keep(self, keys: Mapping[str, bytes]) -> None:
        """Remember keys that are stored for sure."""
        for key_id, key in keys.items():
            self._cache[key_id] = key
            self._cache.move_to_end(key_id)
        while len(self._cache) > CACHED:
            self._cache.popitem(last=False)

    async def unwrap(self, key_ids: Iterable[str], stored: StoredKeys) -> dict[str, bytes]:
        """The keys of those ids that exist. Asks the table each time: an erased key must stay erased."""
        return self._unwrapped(await stored.keys(key_ids))

    def _cached(self, key_ids: Iterable[str]) -> dict[str, bytes]:
        return {key_id: self._cache[key_id] for key_id in key_ids if key_id in self._cache}

    def _unwrapped(self, wrapped: Mapping[str, bytes]) -> dict[str, bytes]:
        return {key_id: self._provider.unwrap(key_id, key) for key_id, key in wrapped.items()}
