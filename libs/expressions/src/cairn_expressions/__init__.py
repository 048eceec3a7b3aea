"""Conditions and values of Cairn's definitions: CEL, compiled once and evaluated often."""

from cairn_expressions.expression import (
    Activation,
    EvaluationError,
    Expression,
    activate,
    compile_expression,
)
from cairn_expressions.faults import ExpressionFault
from cairn_expressions.references import references_of

__all__ = [
    "Activation",
    "EvaluationError",
    "Expression",
    "ExpressionFault",
    "activate",
    "compile_expression",
    "references_of",
]
