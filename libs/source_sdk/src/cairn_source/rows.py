"""The rows of a CSV, JSONL or Parquet file, one after the other, in bounded memory."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

Row = tuple[int, int, Mapping[str, Any]]
"""Number of the row from 1, how many bytes (Parquet: rows) of the file are read, and its fields."""
BROKEN: Final = "\0broken"
"""The one field of a row that cannot be read."""
READ: Final = "\0read"
"""Beside it, what was read."""
_PARQUET_ROWS: Final = 10_000


class CannotRead(Exception):
    """A file that cannot be read at all; the text says why and what to do."""


def format_of(path: Path, said: str) -> str:
    """csv, jsonl or parquet, as said or by the file's ending. Raises CannotRead."""
    endings = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
    found = said or endings.get(path.suffix.lower(), "")
    if not found:
        raise CannotRead(f"What is in {path.name}? Say `format: csv`, `jsonl` or `parquet` in the mapping.")
    return found


def columns_of(path: Path, format: str, *, delimiter: str, encoding: str) -> set[str] | None:
    """The columns of the file; None if each row says its own. Raises CannotRead."""
    try:
        if format == "csv":
            with path.open(encoding=encoding, newline="") as file:
                return set(next(csv.reader(file, delimiter=delimiter), []))
        if format == "parquet":
            return set(_parquet(path).schema_arrow.names)
    except (OSError, UnicodeDecodeError, csv.Error, LookupError):
        raise CannotRead(f"{path} cannot be read as {format}.") from None
    return None


def size_of(path: Path, format: str) -> int:
    """What `Row`'s second part counts up to."""
    return int(_parquet(path).metadata.num_rows) if format == "parquet" else path.stat().st_size


def rows_of(path: Path, format: str, *, delimiter: str, encoding: str) -> Iterator[Row]:
    """All rows, in order."""
    if format == "csv":
        return _csv_rows(path, delimiter, encoding)
    return _json_rows(path) if format == "jsonl" else _parquet_rows(path)


def _csv_rows(path: Path, delimiter: str, encoding: str) -> Iterator[Row]:
    with path.open("rb") as raw:
        lines = (line.decode(encoding, errors="surrogateescape") for line in raw)
        reader = csv.reader(lines, delimiter=delimiter)
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
    with path.open("rb") as file:
        read = number = 0
        for line in file:
            read += len(line)
            if not line.strip():
                continue
            number += 1
            try:
                told = json.loads(line)
            except (ValueError, RecursionError):
                told = None
            if not isinstance(told, dict):
                told = {BROKEN: "this line is no JSON object", READ: line.decode(errors="replace").rstrip()}
            yield number, read, told


def _parquet_rows(path: Path) -> Iterator[Row]:
    number = 0
    for batch in _parquet(path).iter_batches(batch_size=_PARQUET_ROWS):
        for told in batch.to_pylist():
            number += 1
            yield number, number, told


def _parquet(path: Path) -> Any:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise CannotRead("Parquet needs pyarrow: pip install pyarrow.") from None
    try:
        return parquet.ParquetFile(path)
    except (ArrowException, OSError):
        raise CannotRead(f"{path} cannot be read as parquet.") from None
