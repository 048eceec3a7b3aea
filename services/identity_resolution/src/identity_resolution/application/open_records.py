"""Opens what identifying events tell, in memory only: the values are compared, sealed again, and never told."""

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from cairn_eventstore import open_field
from cairn_kernel.errors import CairnError
from cairn_kernel.event import Event
from identity_resolution.application import metrics
from identity_resolution.application.record_ports import Keys, SealedRecord
from identity_resolution.domain.matching import Matching, cell

AT_ONCE: Final = 1_000
CACHED: Final = 50_000
FORGET_AFTER_S: Final = 300.0
"""A key that was erased is used no longer than this."""
SEALED_AS: Final = "record"
"""The name under which a record's values are sealed."""


class Opener:
    """Keys by id, asked for many at once and kept for a few minutes."""

    def __init__(self, keys: Keys, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._clock_s = clock_s
        self._known: OrderedDict[str, tuple[bytes | None, float]] = OrderedDict()

    async def fetch(self, key_ids: Collection[str]) -> None:
        """Have these keys at hand. Raises Unavailable."""
        now = self._clock_s()
        wanted = sorted(one for one in set(key_ids) if one not in self._known or self._known[one][1] <= now)
        while len(self._known) + len(wanted) > max(CACHED, len(wanted)):
            self._known.popitem(last=False)
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE]
            found = await self._keys.unwrap(part)
            for key_id in part:
                self._known[key_id] = (found.get(key_id), now + FORGET_AFTER_S)
                self._known.move_to_end(key_id)

    def key(self, key_id: str) -> bytes | None:
        """A key that was fetched; None if it was erased."""
        return self._known.get(key_id, (None, 0.0))[0]

    def cells(self, event: Event, matching: Matching) -> dict[str, str]:
        """What an event tells, by the model's columns; what cannot be opened is missing."""
        opened: dict[str, Any] = {}
        found: dict[str, str] = {}
        for column, path in matching.fields.items():
            found[column] = cell(self._at(event, path, opened))
        return found

    def _at(self, event: Event, path: str, opened: dict[str, Any]) -> Any:
        """The value at a path: of a sealed field, within one, or in the clear."""
        if "." not in path and path not in event.sealed:
            return event.data.get(path)
        steps = path.split(".")
        for length in range(len(steps), 0, -1):
            name = ".".join(steps[:length])
            if name in event.sealed:
                if name not in opened:
                    opened[name] = self.field(event, name)
                return _walk(opened[name], steps[length:])
        return _walk(event.data, steps)

    def field(self, event: Event, field: str) -> Any:
        """What an event tells in a sealed field; None if its key was erased, or it cannot be opened."""
        key = self.key(event.key_id)
        if key is None:
            return None
        try:
            return json.loads(
                open_field(key, tenant=event.tenant, key_id=event.key_id, field=field, sealed=event.sealed[field])
            )
        except (CairnError, ValueError):
            metrics.UNREADABLE.inc()
            return None

    def values(self, record: SealedRecord) -> Mapping[str, str] | None:
        """The normalised values of a stored record; None if its key was erased."""
        key = self.key(record.key_id)
        if key is None:
            return None
        try:
            opened = open_field(key, tenant=record.tenant, key_id=record.key_id, field=SEALED_AS, sealed=record.sealed)
            values: Mapping[str, str] = json.loads(opened)
        except (CairnError, ValueError):
            metrics.UNREADABLE.inc()
            return None
        return values


def shown(event: Event, paths: Iterable[str]) -> bytes:
    """What stands at these paths, unopened: equal bytes, equal values."""
    parts: list[bytes] = [event.key_id.encode()]
    for path in paths:
        head = path.partition(".")[0]
        sealed = event.sealed.get(path) or event.sealed.get(head)
        parts.append(sealed if sealed is not None else repr(_walk(event.data, path.split("."))).encode())
    return b"\x1f".join(parts)


def _walk(value: Any, steps: Iterable[str]) -> Any:
    for step in steps:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value
