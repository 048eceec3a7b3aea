"""What actions, contact policies, templates and connectors look like."""

from typing import Final

from cairn_journey.language.journey_shapes import DESCRIPTION, OWNER
from cairn_journey.language.model import CHOSEN, CLASSES, OUTCOMES
from cairn_journey.language.shapes import (
    CLOCK,
    CONDITION,
    DURATION,
    NAME,
    TEXT,
    VALUE,
    ZONE,
    Key,
    Kind,
    ListOf,
    MapOf,
    OneOf,
    Shape,
    choice,
    whole,
)

MONEY: Final = Kind("amount and currency", {"type": "string", "pattern": "^[-+]?[0-9][0-9.]* *[A-Z]{3}$"})
_PROBABILITY: Final = Kind("number above 0, at most 1", {"type": "number", "exclusiveMinimum": 0, "maximum": 1})
_FACTOR: Final = Kind("number above 0", {"type": "number", "exclusiveMinimum": 0})
_LOCALE: Final = "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
_TEXTS: Final = OneOf((Kind("text", {"type": "string"}), MapOf(Kind("text", {"type": "string"}), 1, _LOCALE)))

TREATMENT: Final = Shape(
    "Treatment",
    "a treatment",
    "One way to carry an action out.",
    Key("channel", NAME, "The channel; a connector must serve it.", required=True),
    Key("template", NAME, "What is said; a template of that channel.", required=True),
)

ACTION: Final = Shape(
    "Action",
    "an Action",
    "Something we can do for a customer.",
    Key("kind", choice("Action"), "Action.", required=True),
    Key("name", NAME, "Name of the action.", required=True),
    OWNER,
    DESCRIPTION,
    Key("tags", ListOf(TEXT), "By which moments may choose it."),
    Key("class", choice(*CLASSES), "marketing, or service (mandatory: limits do not apply).", required=True),
    Key("eligible", CONDITION, "Who may get it at all."),
    Key("applicable", CONDITION, "When it makes sense now."),
    Key("suitable", CONDITION, "When it is good for the customer."),
    Key("value", MONEY, "What success is worth."),
    Key("priority", whole(0), "Higher ones are ranked first."),
    Key("propensity", _PROBABILITY, "How likely success is; 1 if left out."),
    Key("context_weight", VALUE, "How well it fits now: a number or CEL; 1 if left out."),
    Key("lever", _FACTOR, "A factor set by hand; 1 if left out."),
    Key("treatments", ListOf(TREATMENT, least=1), "How it is carried out.", required=True),
)

CAP: Final = Shape(
    "Cap",
    "a cap",
    "At most so many messages over a time.",
    Key("scope", choice("person"), "Whose messages are counted."),
    Key("class", choice(*CLASSES), "Only of this class."),
    Key("channel", NAME, "Only on this channel."),
    Key("max", whole(0), "So many at most.", required=True),
    Key("per", DURATION, "Over so long.", required=True),
)
AFTER: Final = Shape(
    "After",
    "after",
    "What began a cool-down.",
    Key("outcome", choice(CHOSEN, *OUTCOMES), "What became of a message.", required=True),
    Key("channel", NAME, "Only on this channel."),
    Key("action", NAME, "Only of this action, which then is what rests."),
)
COOLDOWN: Final = Shape(
    "Cooldown",
    "a cooldown",
    "After something, nothing for so long.",
    Key("after", AFTER, AFTER.text, required=True),
    Key("for", DURATION, "For so long.", required=True),
)
QUIET_HOURS: Final = Shape(
    "QuietHours",
    "quiet_hours",
    "When no message goes out.",
    Key("from", CLOCK, "From this time of day.", required=True),
    Key("to", CLOCK, "To this one; may span midnight.", required=True),
    Key("zone", ZONE, "In the customer's zone (the default) or a named one."),
)
OPT_IN: Final = Shape(
    "OptIn",
    "an opt_in",
    "Messages that need a grant of consent; of all others silence is consent.",
    Key("channel", NAME, "Only on this channel."),
    Key("class", choice(*CLASSES), "Of this class; marketing if left out."),
)
POLICY: Final = Shape(
    "ContactPolicy",
    "a ContactPolicy",
    "Limits that hold over all journeys.",
    Key("kind", choice("ContactPolicy"), "ContactPolicy.", required=True),
    Key("name", NAME, "Name of the policy.", required=True),
    OWNER,
    Key("caps", ListOf(CAP), "Limits in number."),
    Key("cooldowns", ListOf(COOLDOWN), "Rests after something happened."),
    Key("quiet_hours", QUIET_HOURS, QUIET_HOURS.text),
    Key("opt_in", ListOf(OPT_IN), OPT_IN.text),
)

PARTS: Final = ("subject", "body", "html")
TEMPLATE: Final = Shape(
    "Template",
    "a Template",
    "What a message says, in Liquid.",
    Key("kind", choice("Template"), "Template.", required=True),
    Key("name", NAME, "Name of the template.", required=True),
    OWNER,
    Key("channel", NAME, "The channel it is for.", required=True),
    Key("default", TEXT, "The locale that others fall back to; `en` if there is one."),
    Key("subject", _TEXTS, "Of an e-mail: one text, texts by locale, or names of `.liquid` files."),
    Key("body", _TEXTS, "What it says.", required=True),
    Key("html", _TEXTS, "The same as HTML."),
)

RATES: Final = Shape(
    "Rates",
    "rates",
    "What the way out can take.",
    Key("per_second", _FACTOR, "So many a second; 10 if left out."),
    Key("in_flight", whole(1), "So many under way at once; 100 if left out."),
)
CONNECTOR: Final = Shape(
    "Connector",
    "a Connector",
    "A way out to customers on one channel.",
    Key("kind", choice("Connector"), "Connector.", required=True),
    Key("name", NAME, "Name of the connector.", required=True),
    OWNER,
    Key("channel", NAME, "The channel it serves.", required=True),
    Key("contact", TEXT, "The sealed trait with the customer's address; known for e-mail and telephone channels."),
    Key("recipient", TEXT, "A fixed address, the same for all."),
    Key("rates", RATES, RATES.text),
    Key("idempotency", choice("key", "query", "none"), "How a repeat is recognised; none if left out."),
    Key("doubt", choice("query", "key", "resend", "drop"), "What to do when an outcome stays unknown."),
)
