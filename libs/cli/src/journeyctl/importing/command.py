"""`journeyctl import`: a file of rows becomes events; killed and begun again, it goes on where it was."""

import csv
import os
from collections import Counter
from collections.abc import Iterator
from collections.abc import Mapping as Fields
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cairn_journey import DefinitionFaults
from cairn_source.events import BadRow, Mapped, event_of, id_of
from cairn_source.mapping import Mapping, load_mapping
from cairn_source.rows import CannotRead, columns_of, format_of, rows_of, size_of, unpacked_name
from journeyctl.errors import CannotRun
from journeyctl.importing.progress import Bookmark, Done
from journeyctl.importing.sending import Batch, FrontDoor, Result, call_of, in_batches
from journeyctl.installation import Installation, home_folder
from journeyctl.up import Home
from journeyctl.validate import fault_lines

_BATCH: Final = 1_000
_LISTED: Final = 10

File = Annotated[Path, typer.Argument(help="CSV, JSONL or Parquet file.", exists=True, dir_okay=False)]
MappingFile = Annotated[Path, typer.Option("--mapping", "-m", help="What the columns mean (kind: Import).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and check every row, send nothing.")]
Again = Annotated[bool, typer.Option("--again", help="Begin at the first row, whatever an earlier run did.")]
Url = Annotated[str, typer.Option(help="The front door, if it is not that of this machine.")]
KeyFile = Annotated[Path | None, typer.Option("--key-file", help="File with the write key of the source.")]


def import_(
    file: File,
    mapping: MappingFile,
    dry_run: DryRun = False,
    again: Again = False,
    url: Url = "",
    key_file: KeyFile = None,
    home: Home = None,
) -> None:
    """Take the rows of a file in as events of the past: once each, with progress, resumable."""
    try:
        _import(file, mapping, dry_run, again, url, key_file, home or home_folder())
    except CannotRead as fault:
        raise CannotRun(str(fault)) from None


def _import(
    file: Path, mapping: Path, dry_run: bool, again: bool, url: str, key_file: Path | None, folder: Path
) -> None:
    told = _mapping_or_tell(mapping)
    format = format_of(file, told.format)
    _check_columns(file, format, told)
    console = Console(soft_wrap=True)
    if dry_run:
        _dry_run(console, file, format, told)
        return
    address = url or f"http://{Installation.load(folder).http['ingestion']}"
    bookmark = Bookmark(folder, file, mapping)
    if again:
        bookmark.forget()
    with FrontDoor(address, write_key(folder, key_file)) as door:
        done = _Run(console, file, format, told, bookmark).run(door)
    _tell(console, done, bookmark)
    if done.refused:
        raise typer.Exit(2)


class _Run:
    """One run over a file."""

    def __init__(self, console: Console, file: Path, format: str, mapping: Mapping, bookmark: Bookmark) -> None:
        self._console = console
        self._file = file
        self._format = format
        self._mapping = mapping
        self._bookmark = bookmark
        self._done = bookmark.load()
        self._bad: list[tuple[int, str]] = []
        """Rows that could not be sent, up to where reading is."""

    def run(self, door: FrontDoor) -> Done:
        if self._done.row:
            self._console.print(f"Going on after row {self._done.row:,}.")
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[pace]}"),
        )
        with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=self._console) as progress:
            total = size_of(self._file, self._format)
            task = progress.add_task(self._file.name, total=total, pace="")
            for result in door.send(
                in_batches(self._calls(), _BATCH), historical=self._mapping.historical is not False
            ):
                self._take(result)
                progress.update(task, completed=result.batch.read, pace=f"{result.batch.last_row:,} rows")
            self._take(Result(Batch([], [], self._last, total), 0, 0))
            progress.update(task, completed=total)
        return self._done

    def _calls(self) -> Iterator[tuple[int, int, dict[str, Any]]]:
        self._last = self._done.row
        for number, read, row in _rows(self._file, self._format, self._mapping):
            if number <= self._done.row:
                continue
            self._last = number
            try:
                yield number, read, call_of(_event(self._mapping, self._file, number, row))
            except BadRow as fault:
                self._bad.append((number, str(fault)))

    def _take(self, result: Result) -> None:
        """Note what became of the rows up to the end of a batch, those that were not sent included."""
        last = result.batch.last_row
        refused = sorted([*result.aside, *(bad for bad in self._bad if bad[0] <= last)])
        self._bad = [bad for bad in self._bad if bad[0] > last]
        reasons = Counter(self._done.reasons)
        reasons.update(reason for _, reason in refused)
        with self._bookmark.rejects.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(refused)
            listed_bytes = file.tell()
        self._done = Done(
            row=max(self._done.row, last),
            accepted=self._done.accepted + result.accepted,
            duplicates=self._done.duplicates + result.duplicates,
            refused=self._done.refused + len(refused),
            reasons=dict(reasons),
            listed_bytes=listed_bytes,
        )
        self._bookmark.save(self._done)


def _rows(file: Path, format: str, mapping: Mapping) -> Iterator[Any]:
    return rows_of(file, format, delimiter=mapping.delimiter, encoding=mapping.encoding)


def _event(mapping: Mapping, file: Path, number: int, row: Fields[str, Any]) -> Mapped:
    """Raises BadRow."""
    return event_of(mapping, row, place_id="" if mapping.id else id_of(mapping.name, unpacked_name(file.name), number))


def _mapping_or_tell(path: Path) -> Mapping:
    try:
        return load_mapping(path)
    except DefinitionFaults as refused:
        for line in fault_lines(refused.faults):
            typer.echo(line)
        raise typer.Exit(1) from None


def _check_columns(file: Path, format: str, mapping: Mapping) -> None:
    there = columns_of(file, format, delimiter=mapping.delimiter, encoding=mapping.encoding)
    missing = sorted(mapping.columns() - there) if there is not None else []
    if missing:
        raise CannotRun(f"{file.name} has no column {', '.join(missing)}; it has {', '.join(sorted(there or ()))}.")


def _dry_run(console: Console, file: Path, format: str, mapping: Mapping) -> None:
    """Exit code 2 if a row is no event."""
    good, bad = 0, []
    ids: Counter[str] = Counter()
    for number, _, row in _rows(file, format, mapping):
        try:
            event = _event(mapping, file, number, row)
        except BadRow as fault:
            bad.append((number, str(fault)))
            continue
        good += 1
        ids[event.message_id] += 1
    repeats = good - len(ids)
    console.print(f"{good:,} rows would be sent, {repeats:,} of them repeat an id, {len(bad):,} are no events.")
    for number, reason in bad[:_LISTED]:
        console.print(f"  row {number:,}: {reason}", markup=False, highlight=False)
    if bad:
        raise typer.Exit(2)


def _tell(console: Console, done: Done, bookmark: Bookmark) -> None:
    console.print(
        f"{done.row:,} rows: {done.accepted:,} taken in, {done.duplicates:,} known already, {done.refused:,} refused."
    )
    for reason, count in sorted(done.reasons.items(), key=lambda item: -item[1])[:_LISTED]:
        console.print(f"  {count:,} × {reason}", markup=False, highlight=False)
    if done.refused:
        console.print(f"The rows and reasons are in {bookmark.rejects}.")


def write_key(folder: Path, key_file: Path | None) -> str:
    """From a file, the environment, or the installation's own keys; never from the command line, which others see."""
    if key_file is not None:
        try:
            return key_file.read_text().strip()
        except OSError:
            raise CannotRun(f"{key_file} cannot be read.") from None
    if key := os.environ.get("CAIRN_WRITE_KEY", ""):
        return key
    try:
        first = (folder / "keys" / "write_keys").read_text().split()[0]
    except (OSError, IndexError):
        raise CannotRun("Which source sends? Give its write key with --key-file or CAIRN_WRITE_KEY.") from None
    return first.partition(":")[2]
