"""What journeys and audiences look like."""

from typing import Final

from cairn_journey.language.model import MERGE_RULES
from cairn_journey.language.shapes import (
    CLOCK,
    CONDITION,
    DURATION,
    EVENT,
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
from cairn_journey.language.steps_shapes import DAYS, INTERVENTION, RULES

FEATURE_KINDS: Final = ("count", "sum", "min", "max", "distinct", "last", "idle", "rate")
ENTRY_KINDS: Final = ("on", "audience", "schedule", "broadcast", "journey")
LEVELS: Final = ("generalized", "segment", "individual")

OWNER: Final = Key("owner", TEXT, "Who answers for it.")
DESCRIPTION: Final = Key("description", TEXT, "What it is for, in a sentence.")
PLACE: Final = Kind(
    "`intervention/path`, `intervention/id` or `drop`", {"type": "string", "pattern": "^(drop|[^/]+/.+)$"}
)

QUANTILE: Final = "^p[1-9][0-9]?$"

FEATURE: Final = Shape(
    "Feature",
    "a feature",
    "A value kept per customer from events of one type.",
    Key("count", EVENT, "Number of events of this type."),
    Key("sum", EVENT, "Exact sum of a field (`of`)."),
    Key("min", EVENT, "Least value of a field."),
    Key("max", EVENT, "Greatest value of a field."),
    Key("distinct", EVENT, "Number of different values of a field."),
    Key("last", EVENT, "A field of the latest event."),
    Key("idle", EVENT, "Whole days since the latest event."),
    Key("rate", EVENT, "Number of events in the window, per `per`."),
    Key("of", TEXT, "The event's field."),
    Key("where", CONDITION, "Only events for which it holds; sees `event`."),
    Key("window", DURATION, "Over the latest so long; left out: always."),
    Key("per", DURATION, "Of a rate: per so long, a day if left out."),
    groups=(FEATURE_KINDS,),
)
FEATURE_NAME: Final = "^[a-z][a-z0-9_]{0,62}$"
FEATURES: Final = Key("features", MapOf(FEATURE, names=FEATURE_NAME), "Values kept per customer, by name.")

SCHEDULE: Final = Shape(
    "Schedule",
    "a schedule",
    "Instants that come round.",
    Key("every", DURATION, "So often, from when it came into force; stands alone."),
    Key("weekday", choice(*DAYS), "Once a week on this day."),
    Key("day", whole(1, 31), "Once a month on this day, the last one if the month is shorter."),
    Key("at", CLOCK, "At this time of day; daily if no day is given."),
    Key("zone", ZONE, "Where clocks are read: the customer's zone (the default) or a named one."),
)

ENTRY: Final = Shape(
    "Entry",
    "an entry rule",
    "What leads in.",
    Key("journey", NAME, "Another journey: entering it, its goal or leaving it (`on`)."),
    Key("on", OneOf((EVENT, choice("entered", "goal", "exited"))), "An event; or what happens in `journey`."),
    Key("audience", NAME, "Coming into this audience."),
    Key("schedule", SCHEDULE, "Each time of a schedule."),
    Key("broadcast", EVENT, "An event of the business, told to everybody."),
    Key("when", CONDITION, "Only if it holds."),
    Key("stage", NAME, "Begin in this stage."),
)

REENTRY: Final = Shape(
    "Reentry",
    "reentry",
    "When one may enter again.",
    Key("after", DURATION, "So long after the last stay ended."),
    Key("max", whole(2), "At most so many entries in all."),
)

GOAL: Final = Shape(
    "Goal",
    "a goal",
    "What the journey is for.",
    Key("on", EVENT, "The event that reaches it.", required=True),
    Key("when", CONDITION, "Only if it holds."),
    Key("value", VALUE, "What it is worth: CEL, a number, or money."),
    Key("currency", TEXT, "Currency code, or CEL; left out: the event's field `currency`."),
    Key("within", DURATION, "So long after entry; then the stay ends without it."),
    Key("attribution", DURATION, "It counts as ours only if a moment came at most so long before."),
)

EXIT_RULE: Final = Shape(
    "ExitRule",
    "an exit rule",
    "What ends a stay before its goal.",
    Key("on", EVENT, "An event of this type."),
    Key("when", CONDITION, "With `on`: only if it holds. Alone: when it comes to hold."),
    Key("reason", NAME, "What the exit says; left out: exit_event or exit_condition."),
)

IDLE: Final = Shape(
    "Idle",
    "after",
    "The absence of an event.",
    Key("idle", EVENT, "The event that does not come.", required=True),
    Key("for", DURATION, "For so long.", required=True),
)

STAGE: Final = Shape(
    "Stage",
    "a stage",
    "A part of the journey that is detected, in any order.",
    Key("name", NAME, "Name of the stage.", required=True),
    Key("on", EVENT, "Entered by an event of this type."),
    Key("when", CONDITION, "Only if it holds."),
    Key("after", IDLE, "Entered when such an event has not come for so long."),
    Key("usual", MapOf(DURATION, names=QUANTILE), "How long customers usually stay: `{p90: 3d}`."),
    groups=(("on", "after"),),
)

REPEAT: Final = Shape(
    "Repeated",
    "repeat",
    "The same event again and again.",
    Key("on", EVENT, "The event.", required=True),
    Key("when", CONDITION, "Only events for which it holds; sees `event`."),
    Key("times", whole(2, 100), "So many times.", required=True),
    Key("within", DURATION, "Within so long.", required=True),
)
LOOP: Final = Shape(
    "Looped",
    "loop",
    "Going round.",
    Key("stages", ListOf(NAME, least=2), "Over these stages, in order."),
    Key("events", ListOf(EVENT, least=2), "Over these events, in order."),
    Key("times", whole(1, 100), "So many times.", required=True),
    Key("within", DURATION, "Within so long.", required=True),
    groups=(("stages", "events"),),
)
DWELL: Final = Shape(
    "Dwelt",
    "dwell",
    "Staying too long in a stage.",
    Key("stage", NAME, "The stage.", required=True),
    Key("longer_than", DURATION, "Longer than this."),
    Key("peers", Kind("quantile", {"type": "string", "pattern": QUANTILE}), "Longer than with others: `p90`."),
    groups=(("longer_than", "peers"),),
)
SWITCH: Final = Shape(
    "Switched",
    "channel_switch",
    "Going over to a dearer channel.",
    Key("to", ListOf(NAME, least=1), "To one of these channels.", required=True),
)
SILENCE: Final = Shape(
    "Silence",
    "silence",
    "What was promised does not come.",
    Key("after", EVENT, "The event that promises it.", required=True),
    Key("when", CONDITION, "Only if it holds; sees `event`."),
    Key("for", DURATION, "Nothing for so long.", required=True),
    Key("until", EVENT, "The event that keeps the promise.", required=True),
)
DETECTIONS: Final = {"repeat": REPEAT, "loop": LOOP, "dwell": DWELL, "channel_switch": SWITCH, "silence": SILENCE}
FRICTION_KINDS: Final = ("on", "error", "repeat", "loop", "dwell", "back", "channel_switch", "silence")
FRICTION: Final = Shape(
    "Friction",
    "a friction point",
    "A sign that the customer met an obstacle.",
    Key("name", NAME, "Name of the friction point.", required=True),
    Key("on", EVENT, "An event of this type."),
    Key("error", EVENT, "An event of this type that tells of an error."),
    Key("repeat", REPEAT, REPEAT.text),
    Key("loop", LOOP, LOOP.text),
    Key("dwell", DWELL, DWELL.text),
    Key("back", Kind("`true`", {"const": True}), "Going back to an earlier stage."),
    Key("channel_switch", SWITCH, SWITCH.text),
    Key("silence", SILENCE, SILENCE.text),
    Key("when", CONDITION, "With `on` or `error`: only if it holds."),
    Key("weight", whole(0, 100), "What it takes from health."),
    groups=(FRICTION_KINDS,),
)

CHANNEL: Final = Shape(
    "Channel",
    "a channel",
    "A way by which customers come.",
    Key("name", NAME, "Name of the channel.", required=True),
    Key("on", ListOf(EVENT, least=1), "Events that come by it.", required=True),
    Key("when", CONDITION, "Only if it holds; sees `event`."),
)
RECOVERY: Final = Shape(
    "Recovery",
    "recovery",
    "How health comes back by itself.",
    Key("points", whole(0), "So many points.", required=True),
    Key("every", DURATION, "Each time so long has passed.", required=True),
)
HEALTH: Final = Shape(
    "Health",
    "health",
    "How the health of a stay moves, besides the weights of frictions.",
    Key("progress", whole(0), "What a new stage gives."),
    Key("recovery", RECOVERY, RECOVERY.text),
)

MIGRATE: Final = Shape(
    "Migrate",
    "migrate",
    "Everybody in flight goes on in this version.",
    Key("stages", MapOf(NAME), "Stage of the old version, and where to; those that keep their name need none."),
    Key("waits", MapOf(PLACE), "Wait of the old version, as `offer/2`, and where to; `drop` ends its run."),
)
IN_FLIGHT: Final = Shape(
    "InFlight", "in_flight", "What becomes of those in flight.", Key("migrate", MIGRATE, MIGRATE.text, required=True)
)

JOURNEY: Final = Shape(
    "Journey",
    "a Journey",
    "A goal, how one comes in and out, the stages to detect, and what we do.",
    Key("kind", choice("Journey"), "Journey.", required=True),
    Key("name", NAME, "Name of the journey.", required=True),
    OWNER,
    DESCRIPTION,
    Key("subject", NAME, "Whom it is about: person, or the name of a SubjectKind; person if left out."),
    Key("key", OneOf((TEXT, MapOf(TEXT))), "CEL over `event` that tells instances apart, or such CEL by event type."),
    Key("priority", Kind("whole number", {"type": "integer"}), "Journeys with a higher one take an event first."),
    Key("audience", CONDITION, "Who may enter; must hold at the moment of entry. Left out: everybody."),
    FEATURES,
    Key("entry", ListOf(ENTRY, least=1), "What leads in.", required=True),
    Key("reentry", OneOf((choice("never", "always"), REENTRY)), "Whether one may enter again; never if left out."),
    Key("goal", GOAL, GOAL.text, required=True),
    Key("exit", ListOf(EXIT_RULE), "What ends a stay before its goal."),
    Key("stages", ListOf(STAGE), "Its stages; at most one is entered per event, the first that matches."),
    Key("channels", ListOf(CHANNEL), "The ways by which customers come, the cheapest first."),
    Key("friction", ListOf(FRICTION), "Signs of obstacles."),
    Key("health", HEALTH, HEALTH.text),
    Key("on_error", choice(*RULES), "What a step does that fails and does not say so itself; skip if left out."),
    Key("interventions", ListOf(INTERVENTION), "What we do."),
    Key("merge", choice(*MERGE_RULES), "Which instances go on when two profiles become one."),
    Key("lateness", DURATION, "How late an event may be and still take effect when it happened."),
    Key("in_flight", OneOf((choice("stay"), IN_FLIGHT)), "Those in flight stay on their version or go on in this one."),
    Key("retired", choice("drain", "stop"), "Nobody enters any more; those in it finish, or leave at once."),
)

AUDIENCE: Final = Shape(
    "Audience",
    "an Audience",
    "A set of customers that journeys refer to.",
    Key("kind", choice("Audience"), "Audience.", required=True),
    Key("name", NAME, "Name of the audience.", required=True),
    OWNER,
    DESCRIPTION,
    Key("level", choice(*LEVELS), "How widely it is drawn; segment if left out."),
    FEATURES,
    Key("when", CONDITION, "Who is in it.", required=True),
)

MEMBER_OF: Final = Shape(
    "MemberOf",
    "member_of",
    "How it is told to whom a person belongs.",
    Key(
        "trait",
        TEXT,
        "A field of the person's events with the subject's key, or a list of keys: those told last are the only ones.",
    ),
    Key("group", NAME, "The `group_type` of `group` calls; one that tells no type is about the only kind with groups."),
    Key("on", ListOf(EVENT, least=1), "The events whose field `trait` is; profile.identified if left out."),
    Key("role", TEXT, "Field of the same event with the role or a list of roles; `role` if left out."),
    Key("since", TEXT, "Field of the same event with the instant from which it holds; else when it happened."),
    Key("until", TEXT, "Field of the same event with the instant up to which it holds."),
    Key("ends", ListOf(EVENT, least=1), "Events that end it: of the subject they name, or of all of the kind."),
    groups=(("trait", "group"),),
)
ROLLS_UP: Final = Shape(
    "RollsUp",
    "rolls_up",
    "Which events of members are told to the subject too.",
    Key("events", ListOf(EVENT, least=1), "Only these; all if left out."),
    Key("roles", ListOf(NAME, least=1), "Only of members in one of these roles; of all if left out."),
)
SUBJECT_KIND: Final = Shape(
    "SubjectKind",
    "a SubjectKind",
    "What journeys may be about besides persons, such as accounts; events of members are told to it too.",
    Key("kind", choice("SubjectKind"), "SubjectKind.", required=True),
    Key("name", NAME, "Name of the kind, such as account.", required=True),
    OWNER,
    DESCRIPTION,
    Key("roles", ListOf(NAME), "What members may be in it, besides `member`; any role that is told if left out."),
    Key("member_of", MEMBER_OF, MEMBER_OF.text, required=True),
    Key("rolls_up", ROLLS_UP, ROLLS_UP.text),
)
