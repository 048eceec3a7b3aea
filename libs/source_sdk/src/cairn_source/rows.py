"""The rows of a CSV, JSONL or Parquet file, one after the other, in bounded memory; the first two may be packed."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

Row = tuple[int, int, Mapping[str, Any]]
"""Number of the row from 1, how many bytes (Parquet: rows) of the file are read, and its fields."""
BROKEN: Final = "\0broken"
"""The one field of a row that cannot be read."""
READ: Final = "\0read"
"""Beside it, what was read."""
MAX_LINE_BYTES: Final = 16 * 1024 * 1024
PACKED: Final = (".gz", ".zst")
"""Endings of packed files; what one is shows its first bytes."""
_GZIP: Final = b"\x1f\x8b"
_ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"
_PARQUET_ROWS: Final = 10_000


class CannotRead(Exception):
    """A file that cannot be read at all; the text says why and what to do."""


def format_of(path: Path, said: str) -> str:
    """csv, jsonl or parquet, as said or by the file's ending. Raises CannotRead."""
    endings = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
    found = said or endings.get(Path(unpacked_name(path.name)).suffix.lower(), "")
    if not found:
        raise CannotRead(f"What is in {path.name}? Say `format: csv`, `jsonl` or `parquet` in the mapping.")
    return found


def unpacked_name(name: str) -> str:
    """The name of a file without `.gz` or `.zst`."""
    return name[: name.rindex(".")] if name.lower().endswith(PACKED) else name


def columns_of(path: Path, format: str, *, delimiter: str, encoding: str) -> set[str] | None:
    """The columns of the file; None if each row says its own. Raises CannotRead."""
    try:
        if format == "csv":
            with _lines(path) as (_, lines):
                return set(next(csv.reader((line.decode(encoding) for line in lines), delimiter=delimiter), []))
        if format == "parquet":
            return set(_parquet(path).schema_arrow.names)
    except (OSError, UnicodeDecodeError, csv.Error, LookupError):
        raise CannotRead(f"{path} cannot be read as {format}.") from None
    return None


def size_of(path: Path, format: str) -> int:
    """What `Row`'s second part counts up to."""
    return int(_parquet(path).metadata.num_rows) if format == "parquet" else path.stat().st_size


def rows_of(path: Path, format: str, *, delimiter: str, encoding: str) -> Iterator[Row]:
    """All rows, in order. Raises CannotRead where a packed file is broken, or a line longer than 16 MB."""
    if format == "csv":
        return _csv_rows(path, delimiter, encoding)
    return _json_rows(path) if format == "jsonl" else _parquet_rows(path)


def _csv_rows(path: Path, delimiter: str, encoding: str) -> Iterator[Row]:
    with _lines(path) as (raw, lines):
        reader = csv.reader((line.decode(encoding, errors="surrogateescape") for line in lines), delimiter=delimiter)
        header = next(reader, [])
        number = 0
        while True:
            try:
                cells = next(reader, None)
            except csv.Error:
                number += 1
                yield number, raw.tell(), {BROKEN: "this line is no CSV"}
                continue
            if cells is None:
                return
            if not cells:
                continue
            number += 1
            if len(cells) != len(header):
                told = f"{len(cells)} cells under {len(header)} columns"
                yield number, raw.tell(), {BROKEN: told, READ: delimiter.join(cells)}
            else:
                yield number, raw.tell(), dict(zip(header, cells, strict=True))


def _json_rows(path: Path) -> Iterator[Row]:
    with _lines(path) as (raw, lines):
        number = 0
        for line in lines:
            if not line.strip():
                continue
            number += 1
            try:
                told = json.loads(line)
            except (ValueError, RecursionError):
                told = None
            if not isinstance(told, dict):
                told = {BROKEN: "this line is no JSON object", READ: line.decode(errors="replace").rstrip()}
            yield number, raw.tell(), told


def _parquet_rows(path: Path) -> Iterator[Row]:
    number = 0
    for batch in _parquet(path).iter_batches(batch_size=_PARQUET_ROWS):
        for told in batch.to_pylist():
            number += 1
            yield number, number, told


@contextmanager
def _lines(path: Path) -> Iterator[tuple[io.BufferedIOBase, Iterator[bytes]]]:
    """The file as it lies there, and the lines of what is in it."""
    with path.open("rb") as raw, _unpacked(path, raw) as file:
        yield raw, _bounded(path, file)


def _bounded(path: Path, file: io.BufferedIOBase) -> Iterator[bytes]:
    try:
        while line := file.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES:
                raise CannotRead(f"{path.name} has a line of more than 16 MB.")
            yield line
    except (EOFError, zlib.error, OSError):
        raise CannotRead(f"{path.name} cannot be read to its end: it is cut off or broken.") from None


def _unpacked(path: Path, raw: io.BufferedIOBase) -> io.BufferedIOBase:
    first = raw.read(len(_ZSTANDARD))
    raw.seek(0)
    if first.startswith(_GZIP):
        return gzip.open(raw)
    if first != _ZSTANDARD:
        return raw
    try:
        from pyarrow import input_stream
    except ImportError:
        raise CannotRead(f"{path.name} is packed by Zstandard, which needs pyarrow: pip install pyarrow.") from None
    return io.BufferedReader(input_stream(raw, compression="zstd"))


def _parquet(path: Path) -> Any:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise CannotRead("Parquet needs pyarrow: pip install pyarrow.") from None
    try:
        return parquet.ParquetFile(path)
    except (ArrowException, OSError):
        raise CannotRead(f"{path} cannot be read as parquet.") from None
