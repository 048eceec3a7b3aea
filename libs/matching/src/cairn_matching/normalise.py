"""What a cell becomes before it is compared: one form for all ways of writing the same thing. Empty means missing."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Final

import phonenumbers

_LETTERS: Final = str.maketrans(
    {"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "\u0131": "i", "ħ": "h"}
)
_APOSTROPHES: Final = re.compile("['’\u2018`\u00b4.]")
_OTHER: Final = re.compile(r"[\W_]+")
_MISSING: Final = frozenset(
    {"", "na", "n a", "nan", "null", "none", "nil", "unknown", "undefined", "not known", "not available", "anonymous"}
)
_TITLES: Final = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof", "sir", "rev", "herr", "frau", "mme", "mlle"})
_SUFFIXES: Final[Mapping[str, str]] = {
    "jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr", "ii": "2", "iii": "3", "iv": "4", "2nd": "2", "3rd": "3",
}  # fmt: skip
_PARTICLES: Final = frozenset({"al", "bin", "da", "de", "del", "den", "der", "di", "du", "la", "le", "van", "von", "y"})
_DOTLESS: Final = frozenset({"gmail.com", "googlemail.com"})
_STREET_WORDS: Final[Mapping[str, str]] = {
    "street": "st", "strasse": "str", "road": "rd", "avenue": "ave", "av": "ave", "place": "pl", "court": "ct",
    "crescent": "cres", "drive": "dr", "lane": "ln", "boulevard": "blvd", "parade": "pde", "terrace": "tce",
    "close": "cl", "circuit": "cct", "highway": "hwy", "square": "sq", "apartment": "apt", "north": "n", "south": "s",
    "east": "e", "west": "w", "mount": "mt", "saint": "st",
}  # fmt: skip
_MONTHS: Final = {
    name: f"{number:02d}"
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}


def text(raw: str) -> str:
    """Lower case without accents and punctuation, words parted by one space; words that say "nothing" are missing."""
    folded = unicodedata.normalize("NFKD", raw.casefold().translate(_LETTERS))
    plain = "".join(letter for letter in folded if not unicodedata.combining(letter))
    joined = _OTHER.sub(" ", _APOSTROPHES.sub("", plain)).strip()
    return "" if joined in _MISSING else joined


def name(raw: str) -> str:
    """A given or family name without titles and generational suffixes: "O'Brien-Smith Jr." → "obrien smith"."""
    words = text(raw).split()
    kept = [word for word in words if word not in _TITLES and word not in _SUFFIXES]
    return " ".join(kept or words)


def suffix(raw: str) -> str:
    """The generational suffix in a name (jr, sr, 2, 3, 4), or missing."""
    return next((_SUFFIXES[word] for word in reversed(text(raw).split()[1:]) if word in _SUFFIXES), "")


def alone(raw: str) -> str:
    """A generational suffix in a column of its own."""
    return _SUFFIXES.get(text(raw), text(raw))


def full_name(raw: str) -> tuple[str, str]:
    """Given and family name of a full name: the family name comes last, or first before a comma."""
    before, comma, after = raw.partition(",")
    if comma and text(after) and text(after) not in _SUFFIXES:
        return name(after), name(before)
    words = name(raw).split()
    if len(words) < 2:
        return "", " ".join(words)
    cut = len(words) - 1
    while cut > 1 and words[cut - 1] in _PARTICLES:
        cut -= 1
    return " ".join(words[:cut]), " ".join(words[cut:])


def code(raw: str) -> str:
    """Letters and digits only, upper case: postcodes, numbers of documents."""
    squeezed = text(raw).replace(" ", "").upper()
    return "" if not squeezed.strip("0") or (len(squeezed) > 5 and len(set(squeezed)) == 1) else squeezed


def number(raw: str) -> str:
    """A number as written, without leading zeroes and without a fraction of nothing."""
    plain = re.sub(r"\.0+$", "", raw.strip())
    return text(plain).replace(" ", "").lstrip("0")


def category(raw: str) -> str:
    """A word out of a small set; sexes by their first letter."""
    plain = text(raw)
    return {"male": "m", "man": "m", "female": "f", "woman": "f"}.get(plain, plain)


def address(raw: str) -> str:
    """A street address with the usual words shortened."""
    return " ".join(_STREET_WORDS.get(word, word) for word in text(raw).split())


@lru_cache(maxsize=100_000)
def phone(raw: str, region: str = "") -> str:
    """E.164 where the number is possible in `region` (ISO country) or carries its country; else its digits.

    Fewer than six digits, or one digit again and again, is missing.
    """
    digits = re.sub(r"\D", "", raw)
    if len(digits) < 6 or len(set(digits)) < 3:
        return ""
    try:
        parsed = phonenumbers.parse(raw, region or None)
    except phonenumbers.NumberParseException:
        return digits.lstrip("0")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def email(raw: str) -> str:
    """Lower case, without a +tag; dots in Google's local parts do not count. What is no address is missing."""
    local, at, domain = raw.strip().casefold().rpartition("@")
    if not at or not local or "." not in domain or " " in local:
        return ""
    local = local.partition("+")[0] or local
    if domain in _DOTLESS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def date(raw: str, order: str = "dmy") -> str:
    """Eight digits, yyyymmdd. `order` (dmy or mdy) settles 03/04/1990; an impossible day stays as written.

    A date that is clearly the other way round (04/25/1990 under dmy) is read as it must be meant.
    """
    cleaned = re.sub(r"[T ]\d\d:\d\d.*$", "", raw.strip())
    named = re.sub(r"[A-Za-z]{3,}", lambda found: f" {_MONTHS.get(found[0][:3].lower(), '')} ", cleaned)
    parts = re.findall(r"\d+", named)
    if len(parts) == 1 and len(parts[0]) == 8:
        return _undelimited(parts[0], order)
    if len(parts) != 3:
        return ""
    return _ordered(parts, order, month_first=bool(re.match(r"\s*[A-Za-z]", cleaned)))


def _undelimited(digits: str, order: str) -> str:
    if digits[:2] in {"18", "19", "20"} or not 1800 <= int(digits[4:]) <= 2100:
        return "" if not digits.strip("0") else digits
    first, second = digits[:2], digits[2:4]
    day, month = (first, second) if order == "dmy" else (second, first)
    return digits[4:] + month + day


def _ordered(parts: list[str], order: str, *, month_first: bool) -> str:
    if len(parts[0]) == 4:
        year, month, day = parts
    else:
        first, second, year = parts
        day, month = (second, first) if order == "mdy" or month_first else (first, second)
    if int(month) > 12 >= int(day):
        day, month = month, day
    if len(year) == 2:
        year = ("19" if int(year) > 30 else "20") + year
    written = f"{year}{month:0>2}{day:0>2}"
    return written if len(written) == 8 and written.strip("0") else ""


def date_order(values: Iterable[str]) -> str:
    """How a column writes days and months, by those of its values that leave no choice: mdy or dmy."""
    found = (_SHORT_DATE.match(value) for value in values)
    signs = ((int(match[2]) > 12) - (int(match[1]) > 12) for match in found if match)
    return "mdy" if sum(signs) > 0 else "dmy"


_SHORT_DATE: Final = re.compile(r"\s*(\d\d?)[/.\- ](\d\d?)[/.\- ]\d{2,4}\b")


@lru_cache(maxsize=100_000)
def soundex(word: str) -> str:
    """American Soundex of the first word's ASCII letters; other scripts keep their first four letters."""
    letters = word.replace(" ", "")
    if not letters or not letters.isascii():
        return letters[:4]
    codes = [_SOUNDEX.get(letter, "") for letter in letters]
    found, before = letters[0], codes[0]
    for letter, now in zip(letters[1:], codes[1:], strict=True):
        if now and now != before:
            found += now
        if letter not in "hw":
            before = now
    return (found + "000")[:4]


_SOUNDEX: Final = {
    letter: digit
    for digit, letters in {"1": "bfpv", "2": "cgjkqsxz", "3": "dt", "4": "l", "5": "mn", "6": "r"}.items()
    for letter in letters
}

NORMALISERS: Final[Mapping[str, Callable[[str], str]]] = {
    "given": name,
    "surname": name,
    "suffix": alone,
    "postcode": code,
    "identifier": code,
    "unique": lambda raw: raw.strip(),
    "email": email,
    "address": address,
    "place": text,
    "text": text,
    "number": number,
    "category": category,
}
"""By type of field; phones and dates also need a region and an order."""
