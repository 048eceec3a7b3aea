"""What interventions look like."""

from typing import Final

from cairn_journey.language.shapes import (
    CLOCK,
    CONDITION,
    DURATION,
    EVENT,
    NAME,
    OFFSET,
    VALUE,
    ZONE,
    Key,
    Later,
    ListOf,
    MapOf,
    OneOf,
    Shape,
    choice,
    whole,
)

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAX_ROUNDS: Final = 1_000
RULES: Final = ("skip", "exit", "stop_run")

STEPS: Final = ListOf(Later("Step"), least=1)
DAY: Final = choice(*DAYS)

GOTO: Final = Shape(
    "Goto", "on_error", "Go on at a later step.", Key("goto", NAME, "Id of a later step.", required=True)
)

TAG: Final = Shape("Tag", "actions", "Actions by tag.", Key("tag", NAME, "All actions with this tag.", required=True))

TO: Final = Shape(
    "To",
    "to",
    "Which members of the subject it is for; decided for each by what they agreed to and have had.",
    Key("role", NAME, "Only those in this role."),
    Key("most", whole(1), "So many at most, those first who have been in it longest."),
)

DECIDE: Final = Shape(
    "Decide",
    "decide",
    "A moment: decisioning chooses one of these actions, or none.",
    Key("actions", OneOf((ListOf(NAME, least=1), TAG)), "What to choose from: names, or a tag.", required=True),
    Key("to", TO, TO.text),
    Key("expires", DURATION, "After so long it is too late for the message."),
)

UNTIL: Final = Shape(
    "Until",
    "until",
    "What is waited for: an event, a time of day or weekday, a time from an attribute, or a condition.",
    Key("on", EVENT, "An event of this type."),
    Key("at", CLOCK, "The next time it is this time of day after now."),
    Key("between", ListOf(CLOCK, least=2), "From one time of day to another; at once if it is that time already."),
    Key("day", OneOf((DAY, ListOf(DAY, least=1))), "Only on these days of the week; alone: at once on such a day."),
    Key("time", VALUE, "CEL that gives a time: ISO 8601 text, or seconds since 1970 UTC."),
    Key("offset", OFFSET, "So long after that time, or before it: `-24h`."),
    Key("past", choice("go_on", "skip"), "If that time is over: go on at once, or leave out the rest of this list."),
    Key("zone", ZONE, "Where clocks are read: the customer's zone (the default) or a named one."),
    Key("when", CONDITION, "With `on`: only if it holds. Alone: until it holds."),
)

WAIT: Final = Shape(
    "Wait",
    "wait",
    "Wait for something, or just so long.",
    Key("until", UNTIL, "What is waited for."),
    Key("for", DURATION, "No longer than this; then `wait.timed_out` is true."),
    Key("on_timeout", STEPS, "What to do if `for` passed first, before going on."),
)

ARM: Final = Shape(
    "Arm",
    "a branch",
    "One way on: the first whose condition holds is taken.",
    Key("when", CONDITION, "Take this way if it holds."),
    Key("steps", STEPS, "What to do then."),
    Key("else", STEPS, "What to do if nothing before held; the last way."),
    groups=(("when", "else"), ("steps", "else")),
)

VARIANT: Final = Shape(
    "Variant",
    "an arm",
    "One arm of an experiment.",
    Key("name", NAME, "Name of the arm.", required=True),
    Key("weight", whole(1, 1_000_000), "Its share, in proportion to the other weights.", required=True),
    Key("steps", STEPS, "What to do; left out: nothing."),
)

EXPERIMENT: Final = Shape(
    "Split",
    "experiment",
    "A split by chance, the same for a customer each time.",
    Key("name", NAME, "Name of the experiment.", required=True),
    Key("by", choice("person", "instance"), "The same arm for a person each time (the default), or anew per stay."),
    Key("arms", ListOf(VARIANT, least=2), "The arms.", required=True),
)

REPEAT: Final = Shape(
    "Repeat",
    "repeat",
    "Rounds, each with a wait.",
    Key("times", whole(1, MAX_ROUNDS), "At most so many rounds.", required=True),
    Key("while", CONDITION, "A round begins only if it holds."),
    Key("steps", STEPS, "What to do in a round.", required=True),
)

JUMP: Final = Shape(
    "Jump",
    "jump",
    "Go on at another step.",
    Key("to", NAME, "Id of a step of the same list or of one around it.", required=True),
    Key("times", whole(1, MAX_ROUNDS), "How often at most in one run; needed to go backward."),
)

EMIT: Final = Shape(
    "Emit",
    "emit",
    "An event of our own in the customer's stream, which other journeys can react to.",
    Key("event", EVENT, "Type of the event.", required=True),
    Key("data", MapOf(VALUE), "Its fields, each CEL or a number."),
)

STEP: Final = Shape(
    "Step",
    "a step",
    "One thing to do.",
    Key("id", NAME, "A name for `jump`, `goto` and migrations; one of its kind in the intervention."),
    Key("decide", DECIDE, DECIDE.text),
    Key("wait", WAIT, WAIT.text),
    Key("branch", ListOf(ARM, least=1), "Ways on; the first that holds is taken, if none holds it goes on."),
    Key("experiment", EXPERIMENT, EXPERIMENT.text),
    Key("repeat", REPEAT, REPEAT.text),
    Key("jump", OneOf((NAME, JUMP)), "Go on at the step with this id."),
    Key("set", MapOf(VALUE, least=1), "Set traits of the customer: name and CEL, or a number."),
    Key("emit", EMIT, EMIT.text),
    Key("exit", NAME, "End the stay, with this reason."),
    Key("on_error", OneOf((choice(*RULES), GOTO)), "If it fails: go on, end the stay, end the run, or go elsewhere."),
    groups=(("decide", "wait", "branch", "experiment", "repeat", "jump", "set", "emit", "exit"),),
)

TRIGGER: Final = Shape(
    "Trigger",
    "a trigger",
    "What starts the steps: a stage that is entered, or an event.",
    Key("stage", NAME, "Entering this stage."),
    Key("on", EVENT, "An event of this type."),
    Key("when", CONDITION, "Only if it holds."),
    groups=(("stage", "on"),),
)

INTERVENTION: Final = Shape(
    "Intervention",
    "an intervention",
    "What we do: steps that run when triggered, one run at a time per stay.",
    Key("name", NAME, "Name of the intervention.", required=True),
    Key("priority", whole(0), "Of several that one event concerns, the highest comes first; the default is 0."),
    Key("trigger", TRIGGER, TRIGGER.text, required=True),
    Key("steps", STEPS, "What to do, in order.", required=True),
)
