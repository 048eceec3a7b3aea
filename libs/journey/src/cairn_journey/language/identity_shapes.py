"""What the rules of identity look like."""

from typing import Final

from cairn_journey.language.journey_shapes import DESCRIPTION, OWNER
from cairn_journey.language.shapes import (
    DURATION,
    EVENT,
    NAME,
    TEXT,
    Key,
    Kind,
    ListOf,
    MapOf,
    OneOf,
    Shape,
    choice,
    whole,
)
from cairn_kernel.identifiers import CAIRN_PROFILE, NAMESPACES
from cairn_kernel.survivorship import Keep

NAMED: Final = tuple(name for name in NAMESPACES if name != CAIRN_PROFILE)
"""Namespaces that rules may speak of, strongest first."""
SHARED: Final = ("interval", "last", "first")

_LIMIT: Final = OneOf(
    (
        whole(1),
        Kind("`number per duration`", {"type": "string", "pattern": "^[0-9]+ per ([0-9]+[smhdw])+$"}),
    )
)

SPELLINGS: Final = ("address", "mailbox")

NAMESPACE_RULES: Final = Shape(
    "NamespaceRules",
    "a namespace",
    "What one namespace of identifiers allows. Those that stand first are the strongest.",
    Key("name", choice(*NAMED), "The namespace.", required=True),
    Key("max", _LIMIT, "How many of them one person may have; `20 per 7d`: first seen within so long of each other."),
    Key("fan_out", whole(1), "How many of them may be linked to any one other identifier; the earliest count."),
    Key(
        "valid_for",
        DURATION,
        "Shown last so long before a newer owner came, a link counts no more: a recycled number. To the week.",
    ),
    Key("region", TEXT, "Of phone: the country (as DE) whose numbers are meant where none is named; spells E.164."),
    Key("spelling", choice(*SPELLINGS), "Of email: whether +tags, and dots at Google, tell mailboxes apart (address)."),
)
BLOCKED: Final = Shape(
    "Blocked",
    "what is blocked",
    "Identifiers that name nobody in particular.",
    Key("namespace", choice(*NAMED), "The namespace.", required=True),
    Key("values", ListOf(TEXT, least=1), "Exact values, however they are spelt; they join nobody, also in the past."),
    Key("patterns", ListOf(TEXT, least=1), "With * and ?; what fits is no identifier from now on."),
)
DEVICES: Final = Shape(
    "Devices",
    "devices",
    "What holds for a device (anonymous_id) that several people log in on.",
    Key(
        "shared",
        choice(*SHARED),
        "Whose it is: of who logged in nearest in time (interval), last of all, or first; interval if left out.",
    ),
    Key("idle", DURATION, "So far a log-in vouches at most, before and after it; 3d if left out."),
)
_SURE: Final = Kind("probability", {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1})
MATCHING: Final = Shape(
    "Matching",
    "matching",
    "How records of people are compared as events bring them. Nothing is, if it is left out.",
    Key("model", TEXT, "The file of a trained model (journeyctl identity match --model).", required=True),
    Key("fields", MapOf(TEXT, least=1), "Column of the model: path of a trait, such as address.city.", required=True),
    Key("automatic", _SURE, "From this probability on a link joins by itself; 0.99 if left out."),
    Key("review", _SURE, "From this one on people decide, below nothing follows; 0.5 if left out."),
    Key("candidates", whole(2), "Most records that one blocking key may hold; a longer list says nothing. Else 100."),
    Key("events", ListOf(EVENT, least=1), "Types of events that tell who somebody is; else profile.identified."),
)
KEEPS: Final = tuple(str(keep) for keep in Keep)
TRAIT_RULES: Final = Shape(
    "TraitRules",
    "the rule of a trait",
    "Which of several values told of a trait counts, whatever the order in which they come in.",
    Key("name", TEXT, "The trait.", required=True),
    Key(
        "keep",
        choice(*KEEPS),
        "By when it was told (latest, earliest), a list of sources (source), how far the Source is trusted (trusted), "
        "number (max, min) or how many events told it (most_frequent). Where several are left, the latest counts.",
        required=True,
    ),
    Key("sources", ListOf(TEXT, least=1), "With `source`: the best first; sources not named come after them."),
)
IDENTITY_RULES: Final = Shape(
    "IdentityRules",
    "an IdentityRules",
    "Which identifiers are one person. A programme has at most one; what it leaves out is as without it.",
    Key("kind", choice("IdentityRules"), "IdentityRules.", required=True),
    Key("name", NAME, "Its name.", required=True),
    OWNER,
    DESCRIPTION,
    Key("namespaces", ListOf(NAMESPACE_RULES), "Namespaces, strongest first; those left out come after them."),
    Key("blocked", ListOf(BLOCKED), "Identifiers that name nobody in particular."),
    Key("devices", DEVICES, DEVICES.text),
    Key("matching", MATCHING, MATCHING.text),
    Key("traits", ListOf(TRAIT_RULES), "Which values of traits count; of traits left out the latest."),
    Key("largest", whole(2), "So many identifiers links may hold together; the most linked one is blocked beyond it."),
)
