"""Read typed fields out of a definition; every mistake becomes a fault and reading goes on."""

import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Final, NamedTuple

from cairn_expressions import Expression, ExpressionFault, compile_expression
from cairn_journey.language.documents import Node
from cairn_journey.language.faults import Fault
from cairn_journey.language.shapes import Shape
from cairn_kernel.event_names import normalised
from cairn_kernel.money import exact
from cairn_kernel.time import parse_duration

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_ONE: Final = Decimal(1)
_MAX_DURATION: Final = parse_duration("3660d")


class Use(NamedTuple):
    """A name that must be defined somewhere in the programme."""

    kind: str
    name: str
    node: Node
    channel: str = ""


class Reading:
    """What reading a programme gathers: faults, and names to be looked up when all is read."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        self.uses: list[Use] = []
        self.places: dict[tuple[str, str], Mapping[str, Node]] = {}
        """Where steps stand: journey and intervention, then path."""
        self.triggers: dict[tuple[str, str], Node] = {}
        """Where triggers stand: journey and intervention."""
        self.audiences: frozenset[str] = frozenset()
        """Names of the audiences there are."""
        self.subjects: frozenset[str] = frozenset()
        """Names of the kinds of subject there are besides persons."""
        self.roles: Mapping[str, tuple[str, ...]] = {}
        """The roles that each of them names."""

    def fault(self, node: Node, message: str, cure: str) -> None:
        """Note a fault at a node."""
        self.faults.append(node.fault(message, cure))

    def use(self, kind: str, node: Node | None, name: str, channel: str = "") -> None:
        """Note that a name is used, and for which channel if that matters."""
        if node is not None and name:
            self.uses.append(Use(kind, name, node, channel))

    def compile(self, node: Node, text: str, variables: Mapping[str, type]) -> Expression | None:
        """Compile an expression found at a node; None and a fault if that fails."""
        try:
            expression = compile_expression(text, variables)
        except ExpressionFault as fault:
            for one in (fault, *fault.others):
                self.faults.append(node.fault_within(one.line, one.column, one.message, one.cure))
            return None
        for reference in sorted(expression.references) if "audience" in variables else ():
            root, _, name = reference.partition(".")
            if root == "audience":
                self.use("Audience", node, name if name in self.audiences else "")
            if root == "audience" and name not in self.audiences:
                self.fault(node, f"there is no Audience {name or 'named here'}", suggestion(name, self.audiences))
        return expression


def suggestion(name: str, known: Collection[str]) -> str:
    """A cure for an unknown name."""
    if close := get_close_matches(name, sorted(known), n=1, cutoff=0.5):
        return f"did you mean {close[0]}?"
    return f"use one of: {', '.join(sorted(known))}" if known else "define it first"


class Fields:
    """The fields of one map. Each reader returns a usable value even after a fault."""

    def __init__(self, reading: Reading, node: Node, what: str | Shape, known: Sequence[str] = ()) -> None:
        if isinstance(what, Shape):
            known = tuple(what.keys)
            what = what.what
        self.reading = reading
        self.node = node
        self.what = what
        self._known = frozenset(known)
        self._entries: dict[str, tuple[Node, Node]] = node.value if isinstance(node.value, dict) else {}
        if not isinstance(node.value, dict):
            reading.fault(node, f"{what} must be a map, not {node.kind}", f"write it with the keys {', '.join(known)}")
        for key, (key_node, _) in self._entries.items():
            if key not in known:
                reading.fault(key_node, f"{what} has no key {key}", suggestion(key, known))

    @property
    def is_map(self) -> bool:
        """Whether there are fields at all."""
        return isinstance(self.node.value, dict)

    def node_of(self, key: str) -> Node | None:
        """The value's node, or None if the key is left out or empty. Only known keys may be asked for."""
        if key not in self._known:
            raise KeyError(key)
        entry = self._entries.get(key)
        return None if entry is None or entry[1].value is None else entry[1]

    def required(self, key: str, cure: str) -> Node | None:
        """As `node_of`, with a fault if there is none."""
        node = self.node_of(key)
        if node is None and self.is_map:
            self.reading.fault(self.node, f"{self.what} needs {key}", cure)
        return node

    def text(self, key: str) -> str:
        """A text, or empty."""
        return self._text(self.node_of(key), key)

    def name(self, key: str, cure: str) -> str:
        """A required name: lower case, digits, dashes."""
        node = self.required(key, cure)
        name = self._text(node, key)
        if node is not None and name and not NAME.fullmatch(name):
            cure = "use lower-case letters, digits and dashes, at most 63, beginning with a letter or digit"
            self.reading.fault(node, f"{name} is not a name", cure)
        return name

    def event(self, key: str, cure: str = "name an event type, such as basket.purchased") -> str:
        """A required event type."""
        node = self.required(key, cure)
        name = self._text(node, key)
        return name if node is None or not name else self.listed_event(name, node)

    def listed_event(self, name: str, node: Node) -> str:
        """An event type written at a node."""
        if name != normalised(name):
            self.reading.fault(node, f"{name} is not an event type", f"write {normalised(name) or 'a name'}")
        elif name.startswith(("journey.", "audience.", "cairn.", "profile.united", "profile.armed")):
            self.reading.fault(node, f"{name} is a fact of Cairn's own", "listen to an event of the customer instead")
        return name

    def events(self, key: str) -> tuple[str, ...]:
        """A list of event types; none if the key is left out."""
        named = self.texts(key)
        return tuple(self.listed_event(name, item) for name, item in zip(named, self.items(key), strict=True))

    def duration(self, key: str, cure: str = "give a duration such as 30d") -> int:
        """A required duration in µs."""
        return self.optional_duration(key) or 0 if self.required(key, cure) is not None else 0

    def optional_duration(self, key: str) -> int | None:
        """A duration in µs, or None if the key is left out."""
        node = self.node_of(key)
        if node is None:
            return None
        try:
            length = parse_duration(str(node.value))
        except ValueError:
            length = -1
        if not 0 < length <= _MAX_DURATION:
            cure = "write a number and a unit s, m, h, d or w, such as 30d; more than nothing, at most ten years"
            self.reading.fault(node, f"{node.plain()} is not a duration", cure)
            return None
        return length

    def whole(self, key: str, *, minimum: int, default: int | None = None) -> int:
        """A whole number; required unless there is a default."""
        node = self.node_of(key) if default is not None else self.required(key, "give a whole number")
        if node is None:
            return default if default is not None else minimum
        if not isinstance(node.value, int) or isinstance(node.value, bool) or node.value < minimum:
            self.reading.fault(node, f"{key} must be a whole number", f"write a number from {minimum} up")
            return minimum
        return node.value

    def number(self, key: str, what: str, *, above: int, upto: int | None = None, default: Decimal = _ONE) -> Decimal:
        """A number above one limit and at most the other, exactly as written."""
        node = self.node_of(key)
        if node is None:
            return default
        number = exact(node.value) if isinstance(node.value, int | float) else None
        if number is None or number <= above or (upto is not None and number > upto):
            limit = f"above {above}" + (f", at most {upto}" if upto is not None else "")
            self.reading.fault(node, f"{node.plain()} is not {what}", f"write a number {limit}")
            return default
        return number

    def choice(self, key: str, options: Sequence[str], default: str | None = None) -> str:
        """One of some words; required unless there is a default."""
        node = self.node_of(key) if default is not None else self.required(key, f"use one of: {', '.join(options)}")
        if node is None:
            return default if default is not None else options[0]
        if node.value not in options:
            self.reading.fault(node, f"{key} cannot be {node.plain()}", suggestion(str(node.plain()), options))
            return options[0]
        return str(node.value)

    def items(self, key: str) -> list[Node]:
        """The items of a list; none if the key is left out."""
        node = self.node_of(key)
        if node is None:
            return []
        if not isinstance(node.value, list):
            self.reading.fault(node, f"{key} must be a list, not {node.kind}", "write it as [a, b] or with dashes")
            return []
        return node.value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; none if the key is left out."""
        return tuple(self._text(item, key) for item in self.items(key))

    def fields(self, key: str, what: str | Shape, known: Sequence[str] = ()) -> "Fields | None":
        """The fields of a map within, or None if the key is left out."""
        node = self.node_of(key)
        return None if node is None else Fields(self.reading, node, what, known)

    def entries(self, key: str) -> list[tuple[str, Node, Node]]:
        """Name, key node and value node of each entry of a map within; none if the key is left out."""
        node = self.node_of(key)
        if node is None:
            return []
        if not isinstance(node.value, dict):
            self.reading.fault(node, f"{key} must be a map, not {node.kind}", "write it as {name: ...}")
            return []
        return [(name, key_node, value) for name, (key_node, value) in node.value.items()]

    def condition(self, key: str, variables: Mapping[str, type]) -> str:
        """A CEL condition, or empty if the key is left out."""
        text, expression = self.expression(key, variables)
        node = self.node_of(key)
        if expression is not None and node is not None and not expression.is_condition:
            self.reading.fault(
                node, f"{key} is not a condition: it is never true", "write a comparison, such as a == b"
            )
        return text

    def numeric(self, key: str, variables: Mapping[str, type]) -> str:
        """A number or CEL that gives one, or empty if the key is left out."""
        node = self.node_of(key)
        if node is not None and isinstance(node.value, int | float) and not isinstance(node.value, bool):
            return str(node.value)
        text, expression = self.expression(key, variables)
        if node is not None and expression is not None and expression.kind in (bool, str):
            self.reading.fault(node, f"{key} must be a number", "write a number, or a field: event.amount")
        return text

    def value_text(self, node: Node, key: str, variables: Mapping[str, type]) -> str:
        """CEL for a value: a number or true or false as it is, or an expression."""
        match node.value:
            case bool():
                return "true" if node.value else "false"
            case int() | float():
                return str(node.value)
        text = self._text(node, key)
        if text:
            self.reading.compile(node, text, variables)
        return text

    def expression(self, key: str, variables: Mapping[str, type]) -> tuple[str, Expression | None]:
        """CEL and its compiled form, or empty and None if the key is left out or wrong."""
        node = self.node_of(key)
        if node is None:
            return "", None
        text = {True: "true", False: "false"}[node.value] if isinstance(node.value, bool) else self._text(node, key)
        return text, self.reading.compile(node, text, variables) if text else None

    def _text(self, node: Node | None, key: str) -> str:
        if node is None:
            return ""
        if not isinstance(node.value, str) or not node.value.strip():
            said = "empty" if isinstance(node.value, str) else node.kind
            self.reading.fault(
                node, f"{key} must be a text, not {said}", 'write a text; put it in "quotes" if in doubt'
            )
            return ""
        return node.value
