"""Read a Journey."""

from collections.abc import Mapping

from cairn_journey.language.documents import Node
from cairn_journey.language.entries_kind import read_entries
from cairn_journey.language.features_kind import read_features
from cairn_journey.language.friction_kind import read_channels, read_friction, read_health, read_usual
from cairn_journey.language.in_flight_kind import read_in_flight, read_retired
from cairn_journey.language.journey_shapes import EXIT_RULE, GOAL, IDLE, JOURNEY, REENTRY, STAGE
from cairn_journey.language.model import (
    MERGE_RULES,
    PERSON,
    Entry,
    ExitRule,
    Goal,
    Idle,
    Journey,
    MergeRule,
    Reentry,
    Stage,
)
from cairn_journey.language.money import CURRENCY, parse_money
from cairn_journey.language.reading import Fields, Reading
from cairn_journey.language.scopes import WHERE_VARIABLES, event_variables, standing_variables
from cairn_journey.language.steps_kind import read_interventions, read_on_error


def read_journey(reading: Reading, node: Node) -> Journey:
    """The journey at a node, as well as it can be read."""
    top = Fields(reading, node, JOURNEY)
    features = read_features(top)
    at_event, standing = event_variables(features), standing_variables(features)
    stages = _stages(top, at_event, standing)
    entry = read_entries(top, at_event, standing, tuple(stage.name for stage in stages))
    channels = read_channels(top)
    subject = top.choice("subject", (PERSON, *sorted(top.reading.subjects)), default=PERSON)
    interventions = read_interventions(top, tuple(stage.name for stage in stages), stages, at_event)
    return Journey(
        name=top.name("name", "name the journey, such as win-back"),
        owner=top.text("owner"),
        description=top.text("description"),
        subject=subject,
        key=_key(top, entry),
        audience=_audience(top, standing),
        features=features,
        entry=entry,
        reentry=_reentry(top),
        goal=_goal(top, at_event),
        exit=_exits(top, at_event, standing),
        priority=_priority(top),
        stages=stages,
        channels=channels,
        friction=read_friction(top, stages, channels, at_event),
        health=read_health(top),
        on_error=read_on_error(top, goto=False),
        interventions=interventions,
        in_flight=read_in_flight(top, tuple(stage.name for stage in stages), interventions),
        retired=read_retired(top),
        merge=_merge(top),
        lateness=top.optional_duration("lateness") or 0,
    )


def _audience(top: Fields, standing: Mapping[str, type]) -> str:
    """A condition, or the name of an Audience, which is the condition of being in it."""
    node = top.node_of("audience")
    if node is not None and node.value in top.reading.audiences:
        return f'audience["{node.value}"]'
    return top.condition("audience", standing)


def _exits(top: Fields, at_event: Mapping[str, type], standing: Mapping[str, type]) -> tuple[ExitRule, ...]:
    rules = []
    for item in top.items("exit"):
        fields = Fields(top.reading, item, EXIT_RULE)
        on, when = fields.node_of("on"), fields.node_of("when")
        if fields.is_map and on is None and when is None:
            cure = "name an event (on: account.closed) or a condition over traits and features (when: profile.closed)"
            fields.reading.fault(item, "an exit rule needs an event or a condition", cure)
        reason = fields.name("reason", "") if fields.node_of("reason") is not None else ""
        if on is not None:
            rules.append(ExitRule(fields.event("on"), fields.condition("when", at_event), reason))
        else:
            rules.append(ExitRule("", fields.condition("when", standing), reason))
    return tuple(rules)


def _priority(top: Fields) -> int:
    return top.whole("priority", minimum=-1_000_000, default=0) if top.node_of("priority") is not None else 0


def _key(top: Fields, entry: tuple[Entry, ...]) -> tuple[tuple[str, str], ...]:
    node = top.node_of("key")
    if node is None:
        return ()
    for rule in entry:
        if rule.audience or rule.schedule is not None:
            what = f"audience {rule.audience}" if rule.audience else "schedule"
            top.reading.fault(node, f"the {what} leads in and gives no key", "leave the key out, or enter by an event")
    if not isinstance(node.value, dict):
        return (("", _key_text(top, "key")),)
    fields = Fields(top.reading, node, "key", tuple(node.value))
    for rule in entry:
        if rule.on and rule.on not in node.value:
            cure = f"say which field tells one from another there: key: {{{rule.on}: event.order_id}}"
            top.reading.fault(node, f"{rule.on} leads in, but key does not say which instance it is about", cure)
    return tuple(
        sorted((fields.listed_event(name, place), _key_text(fields, name)) for name, place, _ in top.entries("key"))
    )


def _key_text(fields: Fields, name: str) -> str:
    text, expression = fields.expression(name, WHERE_VARIABLES)
    node = fields.node_of(name)
    if node is not None and expression is not None and expression.kind in (bool, float):
        fields.reading.fault(node, "a key is a text or a whole number", "name a field: event.order_id")
    return text


def _merge(top: Fields) -> MergeRule:
    wanted = top.choice("merge", MERGE_RULES, default="furthest")
    return next((rule for rule in MERGE_RULES if rule == wanted), "furthest")


def _reentry(top: Fields) -> Reentry:
    node = top.node_of("reentry")
    if node is None:
        return Reentry()
    if isinstance(node.value, dict):
        return _limited(Fields(top.reading, node, REENTRY))
    rule = top.choice("reentry", ("never", "always"), default="never")
    return Reentry("always" if rule == "always" else "never")


def _limited(fields: Fields) -> Reentry:
    most = fields.whole("max", minimum=2) if fields.node_of("max") is not None else None
    if most is not None and fields.node_of("after") is None:
        return Reentry("always", max=most)
    return Reentry("after", fields.duration("after"), most)


def _goal(top: Fields, variables: Mapping[str, type]) -> Goal:
    cure = "say what the journey is for: goal: {on: order.completed, value: event.amount, within: 30d}"
    top.required("goal", cure)
    fields = top.fields("goal", GOAL)
    if fields is None:
        return Goal("", 0)
    value, currency = _value(fields, variables)
    return Goal(
        on=fields.event("on"),
        within=fields.optional_duration("within"),
        when=fields.condition("when", variables),
        value=value,
        currency=_currency(fields, variables, currency),
        attribution=fields.optional_duration("attribution"),
    )


def _value(fields: Fields, variables: Mapping[str, type]) -> tuple[str, str]:
    node = fields.node_of("value")
    try:
        money = parse_money(str(node.value) if node is not None else "")
    except ValueError:
        return fields.numeric("value", variables), ""
    return str(money.amount), money.currency


def _currency(fields: Fields, variables: Mapping[str, type], of_value: str) -> str:
    node = fields.node_of("currency")
    if node is None:
        return of_value
    if of_value:
        fields.reading.fault(node, "the value has its currency already", "leave `currency` out")
        return of_value
    if isinstance(node.value, str) and CURRENCY.fullmatch(node.value):
        return node.value
    return fields.expression("currency", variables)[0]


def _stages(top: Fields, at_event: Mapping[str, type], standing: Mapping[str, type]) -> tuple[Stage, ...]:
    stages: list[Stage] = []
    for item in top.items("stages"):
        fields = Fields(top.reading, item, STAGE)
        stage = _stage(fields, at_event, standing)
        _refuse_second(fields, stage.name, {other.name for other in stages}, "stage")
        stages.append(stage)
    return tuple(stages)


def _stage(fields: Fields, at_event: Mapping[str, type], standing: Mapping[str, type]) -> Stage:
    name = fields.name("name", "name the stage")
    on, after = fields.node_of("on"), fields.node_of("after")
    if fields.is_map and (on is None) == (after is None):
        cure = "give `on: basket.purchased`, or `after: {idle: basket.purchased, for: 30d}`, and `when` to narrow it"
        fields.reading.fault(fields.node, f"stage {name} must be detected by an event or by its absence", cure)
        return Stage(name)
    if on is not None:
        return Stage(name, fields.event("on"), fields.condition("when", at_event), usual=read_usual(fields))
    idle = fields.fields("after", IDLE)
    when = fields.condition("when", standing)
    if idle is None:
        return Stage(name, when=when)
    return Stage(name, "", when, Idle(idle.event("idle"), idle.duration("for")), read_usual(fields))


def _refuse_second(fields: Fields, name: str, known: set[str], what: str) -> None:
    node = fields.node_of("name")
    if node is not None and name in known:
        fields.reading.fault(node, f"there is another {what} called {name}", "give it a name of its own")
