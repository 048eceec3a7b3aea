"""A trained model: all that a score depends on, frozen and named by its content."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

from cairn_matching.blocking import Key
from cairn_matching.levels import NAMES
from cairn_matching.rules import Rules, read
from cairn_matching.rules import document as rules_document

FORMAT: Final = "cairn-matching/1"


@dataclass(frozen=True)
class FieldModel:
    """Of one field: how often each level is met between records of one person (m) and of strangers (u)."""

    name: str
    kind: str
    m: tuple[float, ...]
    u: tuple[float, ...]
    u_named: tuple[float, ...]
    """u between strangers of one name: their e-mail addresses are alike; empty where names do not matter."""
    rare: float
    """Chance that a stranger has the same value, if it is none of the frequent ones."""
    frequencies: Mapping[str, float]
    """Share of records that have each frequent value; frequent is what at least six records share."""


@dataclass(frozen=True)
class Priors:
    """Shares among all pairs of records: of one person, of one household, of one neighbourhood."""

    match: float
    household: float
    neighbour: float


@dataclass(frozen=True)
class Model:
    """Fields, keys, priors and the rules they belong to."""

    rules: Rules
    fields: tuple[FieldModel, ...]
    keys: tuple[Key, ...]
    priors: Priors
    date_orders: Mapping[str, str]
    trained_on: int
    """Number of records."""

    @cached_property
    def version(self) -> str:
        """Hash of the content: equal versions score alike, always."""
        return sha256(_canonical(self).encode()).hexdigest()[:16]


class BadModel(ValueError):
    """The text is no model of this format, or was changed after it was written."""


def dump(model: Model) -> str:
    """The model's file: canonical JSON that names its version."""
    return json.dumps({"version": model.version, "model": json.loads(_canonical(model))}, sort_keys=True, indent=1)


def load(text: str) -> Model:
    """The model in a file. Raises BadModel."""
    try:
        parsed = json.loads(text)
        model = _from_document(parsed["model"])
        version = parsed["version"]
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise BadModel(f"this is no model of the format {FORMAT}; train one anew") from fault
    if version != model.version:
        raise BadModel(f"the content does not fit its version {version}: the file was changed; train a model anew")
    return model


def rounded(value: float) -> float:
    """Six significant digits, so that a model is the same on every machine."""
    return float(f"{value:.6g}")


def _canonical(model: Model) -> str:
    document = {
        "format": FORMAT,
        "rules": rules_document(model.rules),
        "fields": [
            {
                "name": one.name,
                "kind": one.kind,
                "levels": NAMES[one.kind],
                "m": one.m,
                "u": one.u,
                "u_named": one.u_named,
                "rare": one.rare,
                "frequencies": dict(one.frequencies),
            }
            for one in model.fields
        ],
        "keys": [{"atoms": key.atoms, "limit": key.limit} for key in model.keys],
        "priors": {
            "match": model.priors.match,
            "household": model.priors.household,
            "neighbour": model.priors.neighbour,
        },
        "date_orders": dict(model.date_orders),
        "trained_on": model.trained_on,
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _from_document(document: Mapping[str, Any]) -> Model:
    if document["format"] != FORMAT:
        raise ValueError(document["format"])
    return Model(
        rules=read(document["rules"]),
        fields=tuple(_field(one) for one in document["fields"]),
        keys=tuple(Key(tuple((f, form) for f, form in key["atoms"]), int(key["limit"])) for key in document["keys"]),
        priors=Priors(**document["priors"]),
        date_orders=document["date_orders"],
        trained_on=int(document["trained_on"]),
    )


def _field(document: Mapping[str, Any]) -> FieldModel:
    if list(document["levels"]) != list(NAMES[document["kind"]]):
        raise ValueError("levels of another release")
    return FieldModel(
        name=document["name"],
        kind=document["kind"],
        m=tuple(document["m"]),
        u=tuple(document["u"]),
        u_named=tuple(document["u_named"]),
        rare=document["rare"],
        frequencies=document["frequencies"],
    )
