"""Write definitions the one way: keys in canonical order, two spaces, lines of at most 120, comments where they were.

What an author wrote on one line stays on one line if it fits, and what is in lines of its own stays so. Texts are kept
as written. Comments belong to what follows them, or to what they stand behind. The meaning never changes: if it would,
or if a document uses anchors, aliases or tags, the document stays as it is.
"""

import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.tokens import AliasToken, AnchorToken, DirectiveToken, TagToken

from cairn_journey.language.documents import read_text, read_yaml
from cairn_journey.language.faults import DefinitionFaults, Fault
from cairn_journey.language.schema import KINDS, LATER
from cairn_journey.language.shapes import AnyKind, Key, Later, ListOf, MapOf, OneOf, Shape

WIDTH: Final = 120
_STEP: Final = "  "
_SPECIAL: Final = (AliasToken, AnchorToken, DirectiveToken, TagToken)
_SEPARATOR: Final = re.compile(r"^---(?=\s|$).*$", re.MULTILINE)


def format_file(path: Path) -> tuple[str, str]:
    """The text of a file of definitions as it is, and as it should be. Raises DefinitionFaults."""
    faults: list[Fault] = []
    text = read_text(path, faults)
    if text is None:
        raise DefinitionFaults(faults)
    return text, format_text(text, str(path))


def format_text(text: str, file: str = "programme.yaml") -> str:
    """The text of a file of definitions as it should be. Raises DefinitionFaults if it is not YAML."""
    faults: list[Fault] = []
    before = [node.plain() for node in read_yaml(text, file, faults)]
    if faults:
        raise DefinitionFaults(faults)
    after = "\n---\n".join(part for part in map(_document, _documents(text)) if part) + "\n"
    same = [node.plain() for node in read_yaml(after, file, faults)]
    return after if not faults and same == before and _ordered(same) == _ordered(before) else text


def _ordered(values: list[Any]) -> str:
    """For telling 1 from 1.0 and true, which Python takes for equal."""
    return json.dumps(values, sort_keys=True, default=str)


def _documents(text: str) -> list[str]:
    """The texts between `---` lines, as far as those are separators and not inside a text."""
    parts = _SEPARATOR.split(text.replace("\r\n", "\n"))
    return [part.strip("\n").rstrip() for part in parts]


def _document(text: str) -> str:
    if not text.strip():
        return ""
    if any(isinstance(token, _SPECIAL) for token in YAML(typ="safe", pure=True).scan(StringIO(text))):
        return text
    root = YAML(typ="safe", pure=True).compose(StringIO(text))
    if root is None:
        return "\n".join(line.strip() for line in text.splitlines() if line.strip())
    source = _Source(text, root)
    shape = KINDS.get(_kind_of(root)) if isinstance(root, MappingNode) else None
    head, body = source.before(root), _Writer(source).lines(root, shape, "")
    while head and not head[-1] and not body[0]:
        body.pop(0)
    lines = [*head, *body, *source.rest()]
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def _kind_of(root: MappingNode) -> str:
    return next((str(value.value) for key, value in root.value if key.value == "kind"), "")


class _Source:
    """The text of one document, and which comments belong to which of its nodes."""

    def __init__(self, text: str, root: Node) -> None:
        self._text = text
        self._lines = text.split("\n")
        self._taken = 0
        self._begun = False
        self._full: dict[int, str] = {}
        """Lines that are a comment, or empty, by number."""
        self._behind: dict[int, str] = {}
        """Comments behind something, by number of the line."""
        marks = ((node.start_mark.index, node.end_mark.index) for node in _scalars(root))
        covered = [(start, start + len(text[start:end].rstrip())) for start, end in marks]
        at = 0
        for number, line in enumerate(self._lines):
            self._comment(number, line, at, covered)
            at += len(line) + 1

    def _comment(self, number: int, line: str, at: int, covered: list[tuple[int, int]]) -> None:
        for match in re.finditer(r"(?:^|(?<=\s))#", line):
            if not any(start <= at + match.start() < end for start, end in covered):
                if line[: match.start()].strip():
                    self._behind[number] = line[match.start() :].rstrip()
                else:
                    self._full[number] = line.strip()
                return
        if not line.strip() and not any(start <= at < end for start, end in covered):
            self._full[number] = ""

    def before(self, node: Node) -> list[str]:
        """Comments on lines of their own before a node that nobody took yet; several empty lines become one."""
        return self._take(node.start_mark.line)

    def rest(self) -> list[str]:
        """Comments after everything."""
        return self._take(len(self._lines))

    def _take(self, upto: int) -> list[str]:
        found: list[str] = []
        for number in range(self._taken, upto):
            line = self._full.pop(number, None)
            if line is not None and (line or (found and found[-1])):
                found.append(line)
            elif line == "" and not found and self._begun:
                found.append("")
        self._taken = max(self._taken, upto)
        self._begun = True
        return found

    def behind(self, first: Node) -> str:
        """The comment behind the line on which something begins, if nobody took it yet."""
        return self._behind.pop(first.start_mark.line, "")

    def has_comments(self, node: Node) -> bool:
        """Whether there are comments inside a node, rather than behind its last line."""
        first, last = node.start_mark.line, node.end_mark.line
        full = any(line and first < number <= last for number, line in self._full.items())
        return full or any(first <= number < last for number in self._behind)

    def written(self, node: Node) -> str:
        """A text on one line as the author wrote it; one on several lines in double quotes."""
        text = self._text[node.start_mark.index : node.end_mark.index]
        return json.dumps(node.value, ensure_ascii=False) if "\n" in text.strip() else text.strip()

    def block(self, node: ScalarNode, indent: str) -> list[str]:
        """The head and the lines of a block text, newly indented."""
        head, *body = self._text[node.start_mark.index : node.end_mark.index].rstrip().split("\n")
        depth = min((len(line) - len(line.lstrip()) for line in body if line.strip()), default=0)
        style, hash, remark = head.partition("#")
        first = f"{style.strip()}  {hash}{remark}".rstrip()
        return [first, *(f"{indent}{line[depth:]}" if line.strip() else "" for line in body)]


class _Writer:
    def __init__(self, source: _Source) -> None:
        self._source = source

    def lines(self, node: Node, kind: AnyKind | None, indent: str) -> list[str]:
        """A map or a list in lines of its own."""
        if isinstance(node, MappingNode):
            return [line for entry in self._entries(node, kind, indent) for line in entry]
        if isinstance(node, SequenceNode):
            return [line for item in node.value for line in self._item(item, _item_kind(kind), indent)]
        return [f"{indent}{self._source.written(node)}"]

    def _entries(self, node: MappingNode, kind: AnyKind | None, indent: str) -> list[list[str]]:
        """The lines of each entry, in canonical order; comments are collected in the order in which they stand."""
        written = []
        for key, value in node.value:
            lead = [f"{indent}{line}" if line else "" for line in self._source.before(key)]
            shape = _shape_of(kind, key.value)
            written.append((_rank(kind, key.value), [*lead, *self._entry(key, value, shape, indent)]))
        return [lines for _, lines in sorted(written, key=lambda one: one[0])]

    def _entry(self, key: Node, value: Node, kind: AnyKind | None, indent: str) -> list[str]:
        name = self._source.written(key)
        short = self._short(value, len(indent) + len(name) + 2, kind)
        remark = self._remark(key)
        if short is not None:
            return [f"{indent}{name}: {short}{remark}".rstrip() if short else f"{indent}{name}:{remark}"]
        if isinstance(value, ScalarNode):
            head, *body = self._source.block(value, indent + _STEP)
            return [f"{indent}{name}: {head}{remark}", *body]
        return [f"{indent}{name}:{remark}", *self.lines(value, kind, indent + _STEP)]

    def _item(self, node: Node, kind: AnyKind | None, indent: str) -> Iterator[str]:
        for line in self._source.before(node):
            yield f"{indent}{line}" if line else ""
        short = self._short(node, len(indent) + 2, kind)
        if short is not None:
            yield f"{indent}- {short}{self._remark(node)}"
            return
        if isinstance(node, ScalarNode):
            head, *body = self._source.block(node, indent + _STEP)
            yield f"{indent}- {head}{self._remark(node)}"
            yield from body
            return
        lines = self.lines(node, kind, indent + _STEP)
        leading = next((number for number, line in enumerate(lines) if line.strip() and line.strip()[0] != "#"), 0)
        yield from (indent + line.strip() for line in lines[:leading])
        yield f"{indent}- {lines[leading][len(indent) + 2 :]}"
        yield from lines[leading + 1 :]

    def _remark(self, node: Node) -> str:
        behind = self._source.behind(node)
        return f"  {behind}" if behind else ""

    def _short(self, node: Node, column: int, kind: AnyKind | None) -> str | None:
        """On one line, if the author did so, it fits and no comment is inside."""
        if isinstance(node, ScalarNode):
            return None if node.style in ("|", ">") else self._source.written(node)
        if node.value and not getattr(node, "flow_style", None):
            return None
        if self._source.has_comments(node):
            return None
        text = self._flow(node, kind)
        return text if column + len(text) <= WIDTH else None

    def _flow(self, node: Node, kind: AnyKind | None) -> str:
        if isinstance(node, ScalarNode):
            return self._source.written(node) or "null"
        if isinstance(node, SequenceNode):
            return f"[{', '.join(self._flow(item, _item_kind(kind)) for item in node.value)}]"
        entries = sorted(node.value, key=lambda entry: _rank(kind, entry[0].value))
        told = (
            f"{self._source.written(key)}: {self._flow(value, _shape_of(kind, key.value))}" for key, value in entries
        )
        return f"{{{', '.join(told)}}}"


def _scalars(node: Node) -> Iterator[ScalarNode]:
    if isinstance(node, ScalarNode):
        yield node
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            yield from _scalars(key)
            yield from _scalars(value)
    else:
        for item in node.value:
            yield from _scalars(item)


def _shape(kind: AnyKind | None) -> Shape | None:
    """The shape of a map of this kind; of several, the first."""
    match kind:
        case Shape():
            return kind
        case Later(name):
            return LATER[name]
        case OneOf(kinds):
            return next((shape for one in kinds if (shape := _shape(one)) is not None), None)
    return None


def _shape_of(kind: AnyKind | None, name: str) -> AnyKind | None:
    """The kind of the value of a key."""
    shape = _shape(kind)
    if shape is not None:
        key: Key | None = shape.keys.get(name)
        return key.kind if key is not None else None
    match kind:
        case MapOf(of):
            return of
        case OneOf(kinds):
            return next((one.of for one in kinds if isinstance(one, MapOf)), None)
    return None


def _item_kind(kind: AnyKind | None) -> AnyKind | None:
    match kind:
        case ListOf(of):
            return of
        case OneOf(kinds):
            return next((one.of for one in kinds if isinstance(one, ListOf)), None)
    return None


def _rank(kind: AnyKind | None, name: str) -> int:
    shape = _shape(kind)
    if shape is None:
        return 0
    return list(shape.keys).index(name) if name in shape.keys else len(shape.keys)
