"""What is wrong with the text of an expression, in words an author can act on."""

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

_DIAGNOSTIC: Final = re.compile(r"ERROR: [^:\n]*:(\d+):(\d+): ([^\n]*)")
_UNDECLARED: Final = re.compile(r"undeclared reference to '([^']*)'")
_NO_OVERLOAD: Final = re.compile(r"found no matching overload for '([^']*)' applied to '\(?([^']*?)\)?'$")
_KINDS: Final = {
    "int": "a whole number",
    "uint": "an unsigned number",
    "double": "a decimal number",
    "string": "a text",
    "bool": "true or false",
    "dyn": "any value",
    "null": "null",
    "timestamp": "an instant",
    "duration": "a duration",
    "bytes": "bytes",
}


class ExpressionFault(Exception):
    """An expression that cannot be compiled: its syntax, a type or an unknown name.

    `line` and `column` count from 1 within the expression's text; `cure` says what to write instead.
    """

    def __init__(self, message: str, column: int, *, line: int = 1, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.line = line
        self.cure = cure


def fault_from(diagnostics: str, text: str, names: Collection[str]) -> ExpressionFault:
    """The first of a compiler's diagnostics of a text as a fault; `names` are the variables one may use."""
    match = _DIAGNOSTIC.search(diagnostics)
    if match is None:
        return ExpressionFault("the expression cannot be compiled", 1, cure="write a CEL expression")
    line, column, message = int(match[1]), int(match[2]), match[3].removesuffix(" [INVALID_ARGUMENT]")
    if undeclared := _UNDECLARED.search(message):
        column = _start_of(undeclared[1].split(".")[0], text.split("\n")[line - 1], column)
    said, cure = _in_words(message, names)
    return ExpressionFault(said, column, line=line, cure=cure)


def _in_words(message: str, names: Collection[str]) -> tuple[str, str]:
    if undeclared := _UNDECLARED.search(message):
        name = undeclared[1].split(".")[0]
        close = get_close_matches(name, names, n=1)
        known = ", ".join(sorted(names)) or "none"
        hint = f"did you mean {close[0]}? " if close else ""
        return f"nothing is called {name} here", f"{hint}names one may use: {known}"
    if mismatch := _NO_OVERLOAD.search(message):
        operator = mismatch[1].strip("@").replace("_", " ").strip()
        kinds = [kind.strip() for kind in mismatch[2].split(", ")]
        between = " and ".join(_KINDS.get(kind, kind) for kind in kinds)
        numbers = {"int", "double"} <= set(kinds)
        cure = "write the whole number with a point, such as 5.0" if numbers else "compare values of one kind"
        return f"{operator} does not work between {between}", cure
    if "mismatched input '<EOF>'" in message:
        return "the expression ends too early", "complete it"
    if message.startswith("Syntax error"):
        said = message.removeprefix("Syntax error: ").split(" expecting ")[0]
        return f"this is not CEL: {said}", "correct the syntax"
    return message, "correct the expression"


def _start_of(name: str, line: str, column: int) -> int:
    """Where a name stands; the compiler points at the dot after it, if there is one."""
    found = [match.start() + 1 for match in re.finditer(rf"(?<![\w.]){re.escape(name)}\b", line)]
    return max((start for start in found if start <= column), default=column)
