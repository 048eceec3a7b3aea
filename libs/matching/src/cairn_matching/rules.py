"""What is compared, and when two records are taken for one person: the rules document."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cairn_matching.levels import NAMES

KINDS: Final = (*NAMES, "name", "unique", "ignore")
"""Types of columns: those that are compared, full names (parted into given and surname), unique ids, and none."""


@dataclass(frozen=True, slots=True)
class Field:
    """A compared field: its name, its type, and the columns it is read from."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Probabilities: at `link` or more two records are joined, from `review` on people decide, below is nothing."""

    link: float = 0.95
    review: float = 0.5


@dataclass(frozen=True, slots=True)
class Rules:
    """Columns by type, in the order of the file."""

    columns: Mapping[str, str]
    id: str = ""
    source: str = ""
    one_per_source: bool = False
    region: str = ""
    date_order: str = ""
    thresholds: Thresholds = Thresholds()

    def of_kind(self, *kinds: str) -> list[str]:
        """Columns of these types."""
        return [column for column, kind in self.columns.items() if kind in kinds]


class BadRules(ValueError):
    """The rules cannot be used: what is wrong, where (a path of keys), and the cure."""

    def __init__(self, path: tuple[str, ...], message: str, cure: str) -> None:
        super().__init__(f"{message} — {cure}")
        self.path = path
        self.message = message
        self.cure = cure


_KEYS: Final = {"id", "source", "one_per_source", "region", "date_order", "thresholds", "fields"}


def read(document: Any, columns: Sequence[str] | None = None) -> Rules:
    """The rules in a parsed document; with `columns`, all that the rules name must be among them. Raises BadRules."""
    if not isinstance(document, dict):
        raise BadRules((), "the rules are not a map", "write at least `fields:` with a type for each column")
    for key in document:
        if key not in _KEYS:
            raise BadRules((str(key),), f"there is no rule {key!r}", f"known: {', '.join(sorted(_KEYS))}")
    fields = document.get("fields")
    if not isinstance(fields, dict) or not fields:
        raise BadRules(("fields",), "no fields are named", "write `fields:` with a type for each column")
    kinds = {str(column): _kind(str(column), kind, columns) for column, kind in fields.items()}
    rules = Rules(
        columns=kinds,
        id=_column(document, "id", columns),
        source=_column(document, "source", columns),
        one_per_source=_truth(document, "one_per_source"),
        region=_region(document),
        date_order=_order(document),
        thresholds=_thresholds(document),
    )
    if not [kind for kind in kinds.values() if kind not in ("unique", "ignore")]:
        raise BadRules(("fields",), "nothing is left to compare", "give at least one column a type other than unique")
    return rules


def _kind(column: str, kind: Any, columns: Sequence[str] | None) -> str:
    if kind not in KINDS:
        raise BadRules(("fields", column), f"there is no type {kind!r}", f"use one of {', '.join(KINDS)}")
    if columns is not None and column not in columns:
        raise BadRules(("fields", column), f"the file has no column {column!r}", f"it has {', '.join(columns)}")
    return str(kind)


def _column(document: Mapping[str, Any], key: str, columns: Sequence[str] | None) -> str:
    column = document.get(key, "")
    if column and columns is not None and column not in columns:
        raise BadRules((key,), f"the file has no column {column!r}", f"it has {', '.join(columns)}")
    return str(column or "")


def _truth(document: Mapping[str, Any], key: str) -> bool:
    value = document.get(key, False)
    if not isinstance(value, bool):
        raise BadRules((key,), f"{value!r} is neither true nor false", "write true or false")
    return value


def _region(document: Mapping[str, Any]) -> str:
    region = str(document.get("region") or "")
    if region and not (len(region) == 2 and region.isalpha()):
        raise BadRules(("region",), f"{region!r} is no country", "write its two letters, such as GB")
    return region.upper()


def _order(document: Mapping[str, Any]) -> str:
    order = str(document.get("date_order") or "")
    if order not in ("", "dmy", "mdy"):
        raise BadRules(("date_order",), f"{order!r} is no order of day, month and year", "write dmy or mdy")
    return order


def _thresholds(document: Mapping[str, Any]) -> Thresholds:
    given = document.get("thresholds", {})
    if not isinstance(given, dict) or not set(given) <= {"link", "review"}:
        raise BadRules(("thresholds",), "thresholds are `link` and `review`", "write link: 0.95 and review: 0.5")
    for key, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
            raise BadRules(("thresholds", key), f"{value!r} is no probability", "write a number between 0 and 1")
    found = Thresholds(**given)
    if found.review > found.link:
        raise BadRules(("thresholds",), "`review` is above `link`", "let review be the smaller one")
    return found


def document(rules: Rules) -> dict[str, Any]:
    """The document that reads back as these rules."""
    head: dict[str, Any] = {"id": rules.id, "source": rules.source, "one_per_source": rules.one_per_source}
    head |= {"region": rules.region, "date_order": rules.date_order}
    limits = {"link": rules.thresholds.link, "review": rules.thresholds.review}
    return {key: value for key, value in head.items() if value} | {"thresholds": limits, "fields": dict(rules.columns)}


_GUESSES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("email", ("email", "e_mail", "mail", "correo")),
    ("phone", ("phone", "mobile", "tel", "fax", "cell", "telefono")),
    ("date", ("date_of_birth", "birth", "dob", "born", "nacimiento")),
    ("suffix", ("suffix", "generation")),
    ("identifier", ("ssn", "soc_sec", "social_security", "national_id", "passport", "tax", "nhs", "licence")),
    ("given", ("given", "first_name", "firstname", "forename", "fname", "vorname", "prenom", "nombre")),
    ("surname", ("surname", "last_name", "lastname", "family", "lname", "nachname", "nom", "apellido")),
    ("postcode", ("postcode", "postal_code", "zip", "plz", "post_code", "codigo_postal")),
    ("number", ("street_number", "house_number", "house_no", "street_no")),
    ("place", ("suburb", "city", "town", "place", "locality", "municipality", "ort", "ciudad")),
    ("address", ("address", "street", "strasse", "addr", "calle", "direccion")),
    ("category", ("state", "sex", "gender", "country", "province", "region", "county")),
    ("name", ("full_name", "fullname", "name", "customer", "contact")),
)  # fmt: skip
_IDS: Final = ("rec_id", "record_id", "unique_id", "row_id", "id", "uid", "key")
_SOURCES: Final = ("source", "source_dataset", "dataset", "data_source", "system")


def guess(columns: Sequence[str]) -> Rules:
    """Rules by the names of columns; a column that says nothing is left out. Raises BadRules if none says anything."""
    plain = {column: column.strip().casefold().replace(" ", "_").replace("-", "_") for column in columns}
    id_column = next((column for known in _IDS for column in columns if plain[column] == known), "")
    source = next((column for known in _SOURCES for column in columns if plain[column] == known), "")
    kinds = {column: _guess(plain[column]) for column in columns if column not in (id_column, source)}
    found = {column: kind for column, kind in kinds.items() if kind}
    if not found:
        raise BadRules((), "no column's name says what is in it", "write a rules file with `fields:` and give --rules")
    return Rules(columns=found, id=id_column, source=source)


def _guess(column: str) -> str:
    for kind, words in _GUESSES:
        if any(word == column or word in column if len(word) > 3 else word in column.split("_") for word in words):
            return kind
    return ""
