"""Exact sums: numbers from events become decimals before they are added."""

from decimal import Decimal, InvalidOperation


def exact(value: object) -> Decimal | None:
    """The number as the decimal its shortest text says (0.1 is 1/10), or None if it is no number.

    Booleans, NaN and infinities are no numbers here.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        value = repr(value)
    elif isinstance(value, Decimal):
        return value if value.is_finite() else None
    elif not isinstance(value, str):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def decimal_text(number: Decimal) -> str:
    """The one text of a number: no exponent, no trailing zeros after the point."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
