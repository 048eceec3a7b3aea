"""Definitions as trees of values that know their place in a file."""

import re
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from math import isfinite
from pathlib import Path
from typing import Any, Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from cairn_journey.language.faults import Fault

_MAX_FILE_BYTES: Final = 1_000_000
_MAX_NODES: Final = 100_000
_MAX_DEPTH: Final = 100
_MAX_DIGITS: Final = 30
_MAX_SAID: Final = 400
_NESTED: Final = f"nested more than {_MAX_DEPTH} levels deep, or an alias within itself"
_FLATTEN: Final = "write it flatter"
_INT: Final = re.compile(r"[-+]?[0-9]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")

Scalar: TypeAlias = str | int | float | bool | None


class Node:
    """A value and its place. `value` is a scalar, a list of nodes, or a dict from text to (key node, value node)."""

    __slots__ = ("block", "column", "file", "line", "quoted", "value")

    def __init__(
        self, value: Any, file: str, line: int, column: int, *, quoted: bool = False, block: bool = False
    ) -> None:
        self.value = value
        self.file = file
        self.line = line
        self.column = column
        self.quoted = quoted
        self.block = block

    def fault(self, message: str, cure: str) -> Fault:
        """A fault at this place; what was written there is told in part if it is long."""
        if len(message) > _MAX_SAID:
            message = f"{message[: _MAX_SAID // 2]} … {message[-_MAX_SAID // 4 :]}"
        return Fault(self.file, self.line, self.column, message, cure)

    def fault_within(self, line: int, column: int, message: str, cure: str) -> Fault:
        """A fault at a place within this text, counted from 1."""
        if not self.line:
            return self.fault(message, cure)
        if self.block:
            return Fault(self.file, self.line + line, column, message, cure)
        if line > 1:
            return Fault(self.file, self.line + line - 1, column, message, cure)
        return Fault(self.file, self.line, self.column + column - 1 + int(self.quoted), message, cure)

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, (_, node) in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    @property
    def kind(self) -> str:
        """What sort of value it is, in words."""
        match self.value:
            case dict():
                return "a map"
            case list():
                return "a list"
            case bool():
                return "true or false"
            case int() | float():
                return "a number"
            case None:
                return "nothing"
            case _:
                return "a text"


def read_text(file: Path, faults: list[Fault]) -> str | None:
    """What a file of a programme says; None and a fault if it cannot be read."""
    try:
        if file.stat().st_size > _MAX_FILE_BYTES:
            faults.append(Fault(str(file), 1, 1, f"the file has more than {_MAX_FILE_BYTES} bytes", "split it"))
            return None
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        faults.append(Fault(str(file), 1, 1, "the file is not UTF-8", "save it as UTF-8"))
    except OSError:
        faults.append(Fault(str(file), 1, 1, "the file cannot be read", "check that it exists and its permissions"))
    return None


def read_yaml(text: str, file: str, faults: list[Fault]) -> Iterator[Node]:
    """The documents of a YAML 1.2 file that are not empty; a mistake in the YAML itself ends the file with a fault."""
    builder = _Builder(file, faults)
    try:
        for root in YAML(typ="safe", pure=True).compose_all(StringIO(text)):
            if root is not None and not (isinstance(root, ScalarNode) and _scalar(root) is None):
                yield builder.build(root)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        faults.append(Fault(file, line, column, *_not_yaml(error.problem or "broken")))
    except ReaderError as error:
        line, column = _place_of(text, error.position)
        said = f"the character U+{ord(text[error.position]):04X} may not stand in YAML"
        faults.append(Fault(file, line, column, said, "leave it out, or write it in double quotes as \\u00XX"))
    except RecursionError:
        faults.append(Fault(file, *_too_deep(text), _NESTED, _FLATTEN))
    except _TooLarge:
        faults.append(
            Fault(file, 1, 1, f"more than {_MAX_NODES} values in one file", "split the file; use fewer aliases")
        )


def _not_yaml(problem: str) -> tuple[str, str]:
    cure = "indent with spaces, YAML allows no tabs there" if r"'\t'" in problem else "correct the YAML"
    return f"this is not YAML: {problem}", cure


def _place_of(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, position - before.rfind("\n")


def _too_deep(text: str) -> tuple[int, int]:
    """Where nesting exceeds what is allowed."""
    depth = 0
    for event in YAML(typ="safe", pure=True).parse(StringIO(text)):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > _MAX_DEPTH:
            return event.start_mark.line + 1, event.start_mark.column + 1
    return 1, 1


def from_plain(value: Any, file: str) -> Node:
    """The tree of a value that has no places."""
    if isinstance(value, Mapping):
        return Node(
            {str(key): (Node(str(key), file, 0, 0), from_plain(item, file)) for key, item in value.items()}, file, 0, 0
        )
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return Node([from_plain(item, file) for item in value], file, 0, 0)
    return Node(value, file, 0, 0)


class _TooLarge(Exception):
    """More nodes than a definition can reasonably have, for instance by nested aliases."""


class _Builder:
    def __init__(self, file: str, faults: list[Fault]) -> None:
        self._file = file
        self._faults = faults
        self._count = 0

    def build(self, node: Any, depth: int = 1) -> Node:
        self._count += 1
        if self._count > _MAX_NODES:
            raise _TooLarge
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        if depth > _MAX_DEPTH and not isinstance(node, ScalarNode):
            self._faults.append(Fault(self._file, line, column, _NESTED, _FLATTEN))
            return Node(None, self._file, line, column)
        if isinstance(node, MappingNode):
            return Node(self._entries(node, depth + 1), self._file, line, column)
        if isinstance(node, SequenceNode):
            return Node([self.build(item, depth + 1) for item in node.value], self._file, line, column)
        quoted, block = node.style in ("'", '"'), node.style in ("|", ">")
        return Node(_scalar(node), self._file, line, column, quoted=quoted, block=block)

    def _entries(self, node: MappingNode, depth: int) -> dict[str, tuple[Node, Node]]:
        entries: dict[str, tuple[Node, Node]] = {}
        for key_node, value_node in node.value:
            key = self.build(key_node, depth)
            if isinstance(key.value, list | dict):
                self._faults.append(key.fault(f"{key.kind} cannot be a key", "write a text as the key"))
                continue
            name = key_node.value
            if name == "<<":
                cure = "write its keys out; YAML 1.2 has no merge keys"
                self._faults.append(key.fault("<< does not merge maps here", cure))
            elif name in entries:
                self._faults.append(key.fault(f"{name} is given twice", "keep one of them"))
            else:
                entries[name] = (key, self.build(value_node, depth))
        return entries


def _scalar(node: ScalarNode) -> Scalar:
    text: str = node.value
    if node.style is not None:
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if len(text) > _MAX_DIGITS:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and isfinite(number := float(text)):
        return number
    return text
