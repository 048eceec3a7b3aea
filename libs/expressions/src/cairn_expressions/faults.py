"""What is wrong with the text of an expression, in words an author can act on."""

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

_DIAGNOSTIC: Final = re.compile(r"ERROR: [^:\n]*:(\d+):(\d+): ([^\n]*)")
_UNDECLARED: Final = re.compile(r"undeclared reference to '([^']*)'")
_NO_OVERLOAD: Final = re.compile(r"found no matching overload for '([^']*)' applied to '\(?([^']*?)\)?'$")
_NO_CEL: Final = "this is not CEL"
_KINDS: Final = {
    "int": "a whole number",
    "uint": "an unsigned number",
    "double": "a decimal number",
    "string": "a text",
    "bool": "true or false",
    "dyn": "any value",
    "null": "null",
    "null_type": "null",
    "int64": "a whole number",
    "timestamp": "an instant",
    "duration": "a duration",
    "bytes": "bytes",
}


_FUNCTIONS: Final = (
    *("contains", "startsWith", "endsWith", "matches", "size", "has", "all", "exists", "exists_one", "filter", "map"),
    *("int", "uint", "double", "string", "bool", "bytes", "timestamp", "duration", "type", "dyn"),
    *("getFullYear", "getMonth", "getDate", "getDayOfWeek", "getDayOfYear", "getHours", "getMinutes", "getSeconds"),
)
"""What CEL offers of itself, those used most first."""
_TOLD: Final = 5
_NO_VALUE: Final = re.compile(r"No matching overloads found : _?([^\w(]+|\w+?)_?\((.*)\)")


class ExpressionFault(Exception):
    """An expression that cannot be compiled: its syntax, a type or an unknown name.

    `line` and `column` count from 1 within the expression's text; `cure` says what to write instead. `others` are what
    else is wrong with the same expression.
    """

    def __init__(
        self, message: str, column: int, *, line: int = 1, cure: str = "", others: "tuple[ExpressionFault, ...]" = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.line = line
        self.cure = cure
        self.others = others


def fault_from(diagnostics: str, text: str, names: Collection[str]) -> ExpressionFault:
    """A compiler's diagnostics of a text as a fault; `names` are the variables one may use."""
    first, *others = [_fault(match, text, names) for match in _DIAGNOSTIC.finditer(diagnostics)] or [
        _whole(diagnostics)
    ]
    if not first.message.startswith(_NO_CEL):  # a mistake in the syntax brings others about
        first.others = tuple(others)
    return first


def _whole(diagnostics: str) -> ExpressionFault:
    if "recursion limit" in diagnostics:
        return ExpressionFault("the expression is nested too deeply", 1, cure="split it, or leave brackets out")
    return ExpressionFault("the expression cannot be compiled", 1, cure="write a CEL expression")


def _fault(match: re.Match[str], text: str, names: Collection[str]) -> ExpressionFault:
    line, column, message = int(match[1]), int(match[2]), match[3].removesuffix(" [INVALID_ARGUMENT]")
    written = text.split("\n")[line - 1]
    undeclared = _UNDECLARED.search(message)
    if undeclared is None:
        said, cure = _in_words(message)
        return ExpressionFault(said, column, line=line, cure=cure)
    name = undeclared[1].lstrip(".").split(".")[0]
    if written[column - 1 :].lstrip().startswith("(") and "." not in undeclared[1]:
        said, cure = _no_function(name)
    else:
        said, cure = _no_variable(name, names)
    return ExpressionFault(said, _start_of(name, written, column), line=line, cure=cure)


def _no_variable(name: str, names: Collection[str]) -> tuple[str, str]:
    close = get_close_matches(name, names, n=1)
    known = ", ".join(sorted(names)) or "none"
    hint = f"did you mean {close[0]}? " if close else ""
    return f"nothing is called {name} here", f"{hint}names one may use: {known}"


def _no_function(name: str) -> tuple[str, str]:
    if name in _FUNCTIONS:
        return f"{name} is not called like this", f"see {name} in CEL's list of functions: its values and their order"
    if close := get_close_matches(name, _FUNCTIONS, n=1, cutoff=0.85):
        return f"CEL has no function {name}", f"did you mean {close[0]}?"
    return f"CEL has no function {name}", f"use one of CEL's, such as {', '.join(_FUNCTIONS[:_TOLD])}"


def _in_words(message: str) -> tuple[str, str]:
    if mismatch := _NO_OVERLOAD.search(message):
        operator = mismatch[1].strip("@").replace("_", " ").strip()
        kinds = [kind.strip() for kind in re.split(r", (?![^(]*\))", mismatch[2])]
        between = " and ".join(_kind_in_words(kind) for kind in kinds)
        numbers = {"int", "double"} <= set(kinds)
        cure = "write the whole number with a point, such as 5.0" if numbers else "compare values of one kind"
        return f"{operator} does not work between {between}", cure
    if "mismatched input '<EOF>'" in message:
        return "the expression ends too early", "complete it"
    if message.startswith("Syntax error"):
        said = message.removeprefix("Syntax error: ").split(" expecting ")[0]
        return f"{_NO_CEL}: {said}", "correct the syntax"
    if message.startswith("invalid int"):
        return "a whole number is out of range", "write it with a point, such as 5.0"
    return message, "correct the expression"


def mismatch_in_words(message: str) -> str:
    """What an evaluator says of values that do not fit together, as people say it."""
    mismatch = _NO_VALUE.fullmatch(message)
    if mismatch is None:
        return "values of the wrong kind"
    kinds = " and ".join(_kind_in_words(kind) for kind in mismatch[2].split(", "))
    return f"{mismatch[1]} does not work {'between' if ', ' in mismatch[2] else 'with'} {kinds}"


def _kind_in_words(kind: str) -> str:
    if kind.startswith("map"):
        return "a map of fields"
    return "a list" if kind.startswith("list") else _KINDS.get(kind, kind)


def _start_of(name: str, line: str, column: int) -> int:
    """Where a name stands; the compiler points at the dot or bracket after it, if there is one."""
    found = [match.start() + 1 for match in re.finditer(rf"(?<!\w){re.escape(name)}\b", line)]
    return max((start for start in found if start <= column), default=column)
