"""Compile and evaluate expressions."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from cel_expr_python import cel  # type: ignore[import-untyped]  # its wheel has stubs but no py.typed

from cairn_expressions.faults import ExpressionFault, fault_from, mismatch_in_words
from cairn_expressions.references import references_of

_KINDS: Final[Mapping[str, type]] = {"BOOL": bool, "INT": int, "DOUBLE": float, "STRING": str}

_CEL_TYPES: Final[Mapping[type, Any]] = {
    bool: cel.Type.BOOL,
    int: cel.Type.INT,
    float: cel.Type.DOUBLE,
    str: cel.Type.STRING,
    dict: cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    object: cel.Type.DYN,
}
_MAX_CHARACTERS: Final = 4_000
_ERROR_KINDS: Final = (
    ("there is no", "MISSING"),
    ("by zero", "DIVISION_BY_ZERO"),
    ("overflow", "OUT_OF_RANGE"),
    ("Index error", "OUT_OF_RANGE"),
    ("does not work", "WRONG_TYPE"),
    ("wrong kind", "WRONG_TYPE"),
    ("SELECT", "WRONG_TYPE"),
    ("conver", "WRONG_TYPE"),
    ("neither true nor false", "WRONG_TYPE"),
)
"""What the evaluator's messages have in them."""


class EvaluationError(NamedTuple):
    """An expression had no value for these inputs, for instance because a field is missing."""

    message: str

    @property
    def kind(self) -> str:
        """What sort of error: MISSING, DIVISION_BY_ZERO, OUT_OF_RANGE, WRONG_TYPE or OTHER; safe to log and store."""
        return next((kind for mark, kind in _ERROR_KINDS if mark in self.message), "OTHER")


class Activation:
    """The values that expressions see, converted once and shared by every expression evaluated against them."""

    __slots__ = ("_bound",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._bound = _PLAIN.Activation(values)


def activate(values: Mapping[str, Any]) -> Activation:
    """Bind values by variable name; do it once per event and evaluate every rule against it.

    Maps are read where they are when an expression asks, so they must not change before the last evaluation.
    """
    return Activation(values)


class Expression:
    """A compiled expression. Immutable, and safe to share."""

    __slots__ = ("_program", "kind", "references", "text")

    def __init__(self, text: str, program: Any, references: frozenset[str]) -> None:
        self.text = text
        """As the author wrote it."""
        self.references = references
        """What it reads: `profile.locale`, `event.amount`, or a feature's name."""
        self.kind: type = _KINDS.get(program.return_type().name(), object)
        """bool, int, float or str if that is certain, otherwise object."""
        self._program = program

    @property
    def is_condition(self) -> bool:
        """Whether it can be true."""
        return self.kind in (bool, object)

    def holds(self, activation: Activation) -> bool:
        """Whether its value is true. Any other value, or none (a missing field), does not count as true."""
        return self._program.eval(activation._bound).value() is True

    def verdict(self, activation: Activation) -> "bool | EvaluationError":
        """Its value if that is true or false, otherwise why it is neither."""
        result = self._program.eval(activation._bound)
        value = result.value()
        if value is True or value is False:
            return value
        if result.type() == cel.Type.ERROR:
            return EvaluationError(_in_words(value))
        return EvaluationError("the value is neither true nor false")

    def evaluate(self, activation: Activation) -> Any:
        """Its value as plain Python, or an `EvaluationError` if it has none."""
        result = self._program.eval(activation._bound)
        if result.type() == cel.Type.ERROR:
            return EvaluationError(_in_words(result.plain_value()))
        return result.plain_value()

    def value(self, activation: Activation, default: Any = None) -> Any:
        """Its value as plain Python, or `default` if it has none."""
        value = self.evaluate(activation)
        return default if isinstance(value, EvaluationError) else value

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


def compile_expression(text: str, variables: Mapping[str, type]) -> Expression:
    """Compile CEL. The types of variables are bool, int, float, str, dict (text to anything) or object (anything).

    Raises ExpressionFault, with the place and a cure, if the syntax, a type or a name is wrong.
    """
    if len(text) > _MAX_CHARACTERS:
        raise ExpressionFault(f"an expression has at most {_MAX_CHARACTERS} characters", 1, cure="split it")
    if not text.strip():
        raise ExpressionFault("the expression is empty", 1, cure="write a condition, or leave the key out")
    return _compiled(text, tuple(sorted(variables.items(), key=lambda item: item[0])))


@lru_cache(maxsize=4_096)
def _compiled(text: str, variables: tuple[tuple[str, type], ...]) -> Expression:
    """A programme is read when it is checked, when it is planned and when it comes into force: that costs once."""
    names = [name for name, _ in variables]
    try:
        program = _environment(variables).compile(text)
    except RuntimeError as error:
        raise fault_from(str(error), text, names) from None
    return Expression(text, program, references_of(text, names))


@lru_cache(maxsize=256)
def _environment(variables: tuple[tuple[str, type], ...]) -> Any:
    return cel.NewEnv(variables={name: _CEL_TYPES[kind] for name, kind in variables})


def _in_words(message: str) -> str:
    if message.startswith("NOT_FOUND: Key not found in map"):
        return f"there is no field {message.rpartition(' : ')[2]}"
    if message.startswith("UNKNOWN: No value with name"):
        return f"there is no value for {message.split(chr(34))[1]}"
    said = message.partition(": ")[2] or message
    return mismatch_in_words(said) if said.startswith("No matching overloads") else said


_PLAIN: Final = cel.NewEnv()
