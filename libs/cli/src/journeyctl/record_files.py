"""Files of records for matching: CSV with a header; faults are told at their line."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from cairn_matching import BadRules, Rules, read
from journeyctl.errors import CannotRun

FILE_COLUMN: Final = "file"
"""Stands for the source where several files are given and no column names it."""


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A CSV file: its columns and what parts its cells."""

    path: Path
    columns: list[str]
    delimiter: str

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Line number and cells by column. Raises CannotRun at a line that does not fit the header."""
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter, skipinitialspace=True, strict=True)
            try:
                next(reader)
                for cells in reader:
                    if cells:
                        yield reader.line_num, self._row(reader.line_num, cells)
            except csv.Error as fault:
                raise CannotRun(f"{self.path}:{reader.line_num}: this is not CSV ({fault}); correct the line") from None
            except UnicodeDecodeError:
                raise CannotRun(_NOT_UTF8.format(path=self.path, line=reader.line_num + 1)) from None

    def _row(self, line: int, cells: list[str]) -> dict[str, str]:
        if len(cells) != len(self.columns):
            raise CannotRun(
                f"{self.path}:{line}: {len(cells)} cells, but the header names {len(self.columns)} columns; "
                "quote cells that contain the delimiter"
            )
        return dict(zip(self.columns, map(str.strip, cells), strict=True)) | {FILE_COLUMN: self.path.stem}


_NOT_UTF8: Final = "{path}:{line}: this is not UTF-8; save the file as UTF-8, for instance by iconv -f latin1 -t utf8"


def open_records(path: Path) -> RecordFile:
    """A CSV file by its header. Raises CannotRun if it has none that can be used."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
    except (OSError, UnicodeDecodeError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is not UTF-8 text"
        raise CannotRun(f"{path} cannot be read: {why}.") from None
    delimiter = max(",;\t|", key=header.count)
    columns = [cell.strip() for cell in next(csv.reader([header], delimiter=delimiter, skipinitialspace=True), [])]
    if len(columns) < 2:
        raise CannotRun(f"{path}:1: the header names fewer than two columns; the first line must name the columns")
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise CannotRun(f"{path}:1: the column {twice[0]!r} is named twice; give each column a name of its own")
    return RecordFile(path, columns, delimiter)


def read_rules(path: Path, columns: list[str]) -> Rules:
    """The rules in a YAML file, for a file with these columns. Raises CannotRun with line, column and cure."""
    try:
        document = YAML(typ="rt", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise CannotRun(f"{path} cannot be read: {fault.strerror}.") from None
    except MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise CannotRun(f"{path}:{line}:{column}: this is not YAML: {fault.problem} — correct the YAML") from None
    except (YAMLError, UnicodeDecodeError):
        raise CannotRun(f"{path}:1:1: this is not YAML — save it as a YAML file in UTF-8") from None
    try:
        return read(_plain(document), columns)
    except BadRules as fault:
        line, column = _place(document, fault.path)
        raise CannotRun(f"{path}:{line}:{column}: {fault}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _place(document: Any, path: tuple[str, ...]) -> tuple[int, int]:
    """Line and column of the deepest key of the path that is there."""
    line, column = 0, 0
    for key in path:
        if not isinstance(document, CommentedMap) or key not in document:
            break
        line, column = document.lc.key(key)
        document = document[key]
    return line + 1, column + 1
