"""Amounts of money in definitions."""

import re
from decimal import Decimal
from typing import Final

from cairn_journey.language.model import Money

CURRENCY: Final = re.compile(r"[A-Z]{3}")
_MONEY: Final = re.compile(r"(-?\d{1,15}(?:\.\d{1,6})?) ([A-Z]{3})")


def parse_money(text: str) -> Money:
    """`4.20 EUR` as money. Raises ValueError if it is none."""
    match = _MONEY.fullmatch(text)
    if match is None:
        raise ValueError("money is an amount and a currency, such as 4.20 EUR")
    return Money(Decimal(match[1]), match[2])
