"""Which fields and names an expression reads, found in its text."""

import re
from collections.abc import Collection
from typing import Final

_TOKEN: Final = re.compile(
    r"""
      (?P<comment>//[^\n]*)
    | (?P<text>[bBrR]{0,2}(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    | (?P<number>\d[\w.]*)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<space>\s+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def references_of(text: str, variables: Collection[str]) -> frozenset[str]:
    """The variables that `text` reads, each with its field path as far as it is written out.

    `profile.address.city` and `profile["address"].city` both give `profile.address.city`; an index that is not
    a plain text ends the path; a method call, as in `event.name.startsWith("a")`, is no part of it.
    """
    tokens = [
        (match.lastgroup or "", match.group())
        for match in _TOKEN.finditer(text)
        if match.lastgroup not in ("space", "comment")
    ]
    found = set()
    for at, (kind, token) in enumerate(tokens):
        if kind == "name" and token in variables and (at == 0 or tokens[at - 1][1] != "."):
            found.add(_path(tokens, at))
    return frozenset(found)


def _path(tokens: list[tuple[str, str]], at: int) -> str:
    path = [tokens[at][1]]
    at += 1
    while at < len(tokens):
        rest = tokens[at : at + 3]
        if rest[0][1] == "." and len(rest) > 1 and rest[1][0] == "name":
            if len(rest) > 2 and rest[2][1] == "(":
                break
            path.append(rest[1][1])
            at += 2
        elif rest[0][1] == "[" and len(rest) > 2 and rest[1][0] == "text" and rest[2][1] == "]":
            path.append(rest[1][1].strip("\"'"))
            at += 3
        else:
            break
    return ".".join(path)
