"""What event types and sources look like."""

from typing import Final

from cairn_journey.language.journey_shapes import DESCRIPTION, OWNER
from cairn_journey.language.shapes import EVENT, NAME, TEXT, Key, Kind, ListOf, Shape, choice, whole

MODES: Final = ("strict", "learn", "open")
CLOCKS: Final = ("server", "device")
TRUSTS: Final = ("server", "public", "partner")
UNKNOWN: Final = ("accept", "quarantine")

EVENT_TYPE: Final = Shape(
    "EventType",
    "an EventType",
    "A type of event, and what its fields must be.",
    Key("kind", choice("EventType"), "EventType.", required=True),
    Key("name", EVENT, "The type, such as order.completed.", required=True),
    OWNER,
    DESCRIPTION,
    Key("version", whole(1), "Version of the schema; 1 if left out."),
    Key("mode", choice(*MODES), "What becomes of events that do not fit; open if left out."),
    Key("schema", Kind("JSON Schema", {"type": "object"}), "JSON Schema of the fields."),
    Key("personal", ListOf(TEXT), "Fields that are personal and so are sealed."),
)
QUOTA: Final = Shape(
    "Quota", "a quota", "How much a source may send.", Key("per_second", whole(1), "Events a second.", required=True)
)
SOURCE: Final = Shape(
    "Source",
    "a Source",
    "Who sends events.",
    Key("kind", choice("Source"), "Source.", required=True),
    Key("name", NAME, "The name that its write key has.", required=True),
    OWNER,
    DESCRIPTION,
    Key("clock", choice(*CLOCKS), "Whose clock its events carry; server if left out."),
    Key("trust", choice(*TRUSTS), "How far its word counts where a trait keeps the most trusted; server if left out."),
    Key("unknown", choice(*UNKNOWN), "What becomes of events of unknown types; accept if left out."),
    Key("quota", QUOTA, QUOTA.text),
)
