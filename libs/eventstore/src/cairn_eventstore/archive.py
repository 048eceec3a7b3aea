"""Old events as Parquet files behind a signed manifest: writing them, and reading them again.

An archive is a range of positions of one partition in three files: the events in order of position, an index of them in
order of stream, and the manifest with the hashes of both and the link of the chain at its end.
"""

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from cairn_eventstore import chain
from cairn_eventstore.signing import Signer, check_signature
from cairn_kernel.errors import Invalid, Unavailable

ROW_GROUP: Final = 2_000
"""Events that are read together; the index tells in which of these groups a stream's events are."""


class Archived(NamedTuple):
    """Where an archive is: its range of positions, and its name below the archive folder."""

    partition: int
    first: int
    last: int
    name: str


class ArchivedEvent(NamedTuple):
    """An event as it is archived."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes

    @property
    def row(self) -> chain.Row:
        """What the chain is computed from."""
        return self.stream, self.version, self.topic, self.state


def write(
    folder: Path, log: str, place: Archived, events: Sequence[ArchivedEvent], link: bytes, signer: Signer
) -> None:
    """Write the files of an archive so that they are on the disk when this returns, the manifest last."""
    arrow, parquet = _pyarrow()
    path = folder / place.name
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: [getattr(event, name) for event in events] for name in ArchivedEvent._fields}
    by_stream = sorted((event.stream, event.position) for event in events)
    index = {"stream": [stream for stream, _ in by_stream], "position": [at for _, at in by_stream]}
    hashes = {}
    for suffix, table in ((".parquet", columns), (".streams.parquet", index)):
        parquet.write_table(arrow.table(table), f"{path}{suffix}.new", row_group_size=ROW_GROUP, compression="zstd")
        hashes[suffix] = _settle(Path(f"{path}{suffix}"))
    statement = {"log": log, **place._asdict(), "events": len(events), "link": link.hex(), "sha256": hashes}
    Path(f"{path}.json.new").write_text(json.dumps(signer.sign(statement), indent=1) + "\n")
    _settle(Path(f"{path}.json"))


def open_archive(folder: Path, place: Archived) -> "Archive":
    """An archive whose manifest and files are as they were signed; looked at once per process.

    Raises Unavailable (ARCHIVE_MISSING) if a file is not there, Invalid (SIGNATURE, ARCHIVE_CHANGED) if it was changed.
    """
    return _open(folder, place)


class Archive:
    """The events of one archive, read in groups."""

    def __init__(self, path: Path, place: Archived) -> None:
        self._path = path
        self._place = place

    def read(self, first: int, last: int) -> list[ArchivedEvent]:
        """The events of a range of positions, in order."""
        first, last = max(first, self._place.first), min(last, self._place.last)
        if first > last:
            return []
        groups = range(self._group(first), self._group(last) + 1)
        return [event for event in self._events(groups) if first <= event.position <= last]

    def streams(self, wanted: Collection[str]) -> dict[str, list[ArchivedEvent]]:
        """The events of streams, by stream, in order of version."""
        _, parquet = _pyarrow()
        found = parquet.read_table(
            f"{self._path}.streams.parquet", columns=["position"], filters=[("stream", "in", sorted(wanted))]
        )
        groups = sorted({self._group(position) for position in found["position"].to_pylist()})
        events: dict[str, list[ArchivedEvent]] = {}
        for event in self._events(groups):
            if event.stream in wanted:
                events.setdefault(event.stream, []).append(event)
        return {stream: sorted(own, key=lambda event: event.version) for stream, own in events.items()}

    def _group(self, position: int) -> int:
        return (position - self._place.first) // ROW_GROUP

    def _events(self, groups: Collection[int]) -> Iterator[ArchivedEvent]:
        if not groups:
            return
        _, parquet = _pyarrow()
        with parquet.ParquetFile(f"{self._path}.parquet") as file:
            table = file.read_row_groups(list(groups))
        yield from map(ArchivedEvent, *(table[name].to_pylist() for name in ArchivedEvent._fields))


@lru_cache(maxsize=1_024)
def _open(folder: Path, place: Archived) -> Archive:
    path = folder / place.name
    try:
        manifest: Mapping[str, Any] = json.loads(Path(f"{path}.json").read_text())
        check_signature(dict(manifest))
        for suffix, digest in manifest["sha256"].items():
            if _digest(Path(f"{path}{suffix}")) != digest:
                raise Invalid(f"a file of the archive {place.name} was changed", reason="ARCHIVE_CHANGED")
    except (OSError, ValueError) as error:
        cure = "CAIRN_ARCHIVE_DIR must name the folder with its files"
        raise Unavailable(f"the archive {place.name} cannot be read; {cure}", reason="ARCHIVE_MISSING") from error
    if [manifest[name] for name in Archived._fields] != list(place):
        raise Invalid(f"the manifest of the archive {place.name} is another's", reason="ARCHIVE_CHANGED")
    return Archive(path, place)


def _settle(path: Path) -> str:
    """Bring the file `<path>.new` to the disk under its name; return its hash."""
    draft = Path(f"{path}.new")
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return _digest(path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        digest = sha256()
        while page := file.read(1 << 20):
            digest.update(page)
    return digest.hexdigest()


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise Unavailable("archives need pyarrow: install cairn-eventstore[archive]", reason="NO_PYARROW") from error
    return pyarrow, pyarrow.parquet
