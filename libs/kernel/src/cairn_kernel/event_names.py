"""Event names have one spelling: at the front door, in definitions, in logs."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

_SEPARATED: Final = re.compile(r"[\s._\-/]")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BREAK: Final = re.compile(r"[^\w]+")


@lru_cache(maxsize=10_000)
def normalised(name: str) -> str:
    """Lower case, words joined by dots: `Basket Purchased` is `basket.purchased`.

    Blanks and punctuation part words, underscores do not. A name in camel case without any separator
    (`BasketPurchased`) is parted at its capitals.
    """
    text = unicodedata.normalize("NFKC", name).strip()
    if not _SEPARATED.search(text):
        text = _CAMEL.sub(" ", text)
    return _BREAK.sub(".", unicodedata.normalize("NFKC", text.lower())).strip("._")
