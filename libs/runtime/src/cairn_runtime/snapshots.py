"""Snapshots: the states of long streams, written now and then so that loading one does not read all of it."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final, Generic, TypeVar

import msgspec
import structlog

from cairn_eventstore import Snapshot
from cairn_runtime import metrics

log = structlog.get_logger()

S = TypeVar("S")

EVERY: Final = 200
"""Events between two snapshots of a stream: to read and fold so many costs about 2 ms of CPU."""

FORM: Final = 2
"""Version of what is written beside a state: one without `told_from` must never be taken for one with it."""


class Snapshots(Generic[S]):
    """Writes and reads states of a msgspec type."""

    def __init__(self, type: type[S], *, meaning: int) -> None:
        """`meaning` is the version of the rules that make the state; raise it if they would make another of the same
        events. That the type itself has changed is noticed without.
        """
        shape = sha256(msgspec.json.encode(msgspec.json.schema(type), order="deterministic")).hexdigest()[:16]
        self.format = f"{FORM}-{meaning}-{shape}"
        """What a snapshot must carry to be read."""
        self._encode = msgspec.msgpack.Encoder().encode
        wanted: Any = tuple[str, type]  # type: ignore[valid-type]
        self._decode: Callable[[bytes], tuple[str, S]] = msgspec.msgpack.Decoder(wanted).decode

    def make(self, stream: str, version: int, tenant: str, state: S, told_from: int | None = None) -> Snapshot:
        """The snapshot of a state; see Snapshot for `told_from`."""
        metrics.SNAPSHOTS.labels("written").inc()
        return Snapshot(stream, version, self.format, self._encode((tenant, state)), told_from)

    def read(self, snapshot: Snapshot) -> tuple[str, S] | None:
        """Tenant and state; None if it cannot be read, which is as if there were none."""
        try:
            kept = self._decode(snapshot.state)
        except msgspec.MsgspecError:
            log.warning("snapshot.unreadable", profile_id=snapshot.stream)
            return None
        metrics.SNAPSHOTS.labels("read").inc()
        return kept
