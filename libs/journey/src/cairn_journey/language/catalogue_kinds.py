"""Read actions, contact policies, templates and connectors."""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, Literal, cast

from liquid import Environment
from liquid.exceptions import LiquidError

from cairn_journey.language.catalogue_shapes import (
    ACTION,
    AFTER,
    CAP,
    CONNECTOR,
    COOLDOWN,
    OPT_IN,
    PARTS,
    POLICY,
    QUIET_HOURS,
    RATES,
    TEMPLATE,
    TREATMENT,
)
from cairn_journey.language.documents import Node
from cairn_journey.language.local_time import known_zones
from cairn_journey.language.model import (
    CHOSEN,
    CLASSES,
    MARKETING,
    OUTCOMES,
    Action,
    Cap,
    Connector,
    ContactPolicy,
    Cooldown,
    Money,
    OptIn,
    QuietHours,
    Template,
    Treatment,
)
from cairn_journey.language.money import parse_money
from cairn_journey.language.reading import Fields, Reading
from cairn_journey.language.scopes import ACTION_VARIABLES

DEFAULT_CONTACTS: Final = {"email": "email", "sms": "phone", "whatsapp": "phone", "voice": "phone"}
"""The sealed trait that holds a customer's address on a channel, unless the connector says otherwise."""

_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_LOCALE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_liquid: Final = Environment()

TextOf = Callable[[Node], str]
"""The text that a template's value stands for: itself, or what is in the file it names."""


def read_action(reading: Reading, node: Node) -> Action:
    """The action at a node, as well as it can be read."""
    top = Fields(reading, node, ACTION)
    name = top.name("name", "name the action, such as coupon-10")
    treatments = tuple(_treatment(reading, item) for item in top.items("treatments"))
    treatments_node = top.node_of("treatments")
    if top.is_map and not treatments and (treatments_node is None or isinstance(treatments_node.value, list)):
        cure = "say how to carry it out: treatments: [{channel: email, template: coupon-10-email}]"
        reading.fault(treatments_node or top.node, f"action {name} has no treatment", cure)
    return Action(
        name=name,
        class_=_class(top.choice("class", CLASSES)),
        treatments=treatments,
        tags=top.texts("tags"),
        owner=top.text("owner"),
        description=top.text("description"),
        eligible=top.condition("eligible", ACTION_VARIABLES),
        value=_money(top),
        priority=top.whole("priority", minimum=0, default=0),
        applicable=top.condition("applicable", ACTION_VARIABLES),
        suitable=top.condition("suitable", ACTION_VARIABLES),
        propensity=top.number("propensity", "a probability", above=0, upto=1),
        context_weight=top.numeric("context_weight", ACTION_VARIABLES),
        lever=top.number("lever", "a factor", above=0),
    )


def _class(word: str) -> Literal["marketing", "service"]:
    return cast(Literal["marketing", "service"], word)


def _treatment(reading: Reading, node: Node) -> Treatment:
    fields = Fields(reading, node, TREATMENT)
    channel = fields.name("channel", "name the channel, such as email")
    template = fields.name("template", "name the template")
    reading.use("channel", fields.node_of("channel"), channel)
    reading.use("Template", fields.node_of("template"), template, channel)
    return Treatment(channel, template)


def _money(top: Fields) -> Money | None:
    node = top.node_of("value")
    if node is None:
        return None
    try:
        return parse_money(str(node.plain()))
    except ValueError:
        top.reading.fault(node, f"{node.plain()} is not money", "write an amount and a currency, such as 4.20 EUR")
        return None


def read_policy(reading: Reading, node: Node) -> ContactPolicy:
    """The contact policy at a node, as well as it can be read."""
    top = Fields(reading, node, POLICY)
    return ContactPolicy(
        name=top.name("name", "name the policy"),
        owner=top.text("owner"),
        caps=tuple(_cap(reading, item) for item in top.items("caps")),
        cooldowns=tuple(_cooldown(reading, item) for item in top.items("cooldowns")),
        quiet_hours=_quiet_hours(top),
        opt_in=tuple(_opt_in(reading, item) for item in top.items("opt_in")),
    )


def _opt_in(reading: Reading, node: Node) -> OptIn:
    fields = Fields(reading, node, OPT_IN)
    channel = fields.text("channel")
    reading.use("channel", fields.node_of("channel"), channel)
    return OptIn(channel, fields.choice("class", CLASSES, default=MARKETING))


def _cap(reading: Reading, node: Node) -> Cap:
    fields = Fields(reading, node, CAP)
    fields.choice("scope", ("person",), default="person")
    channel = fields.text("channel")
    reading.use("channel", fields.node_of("channel"), channel)
    return Cap(
        scope="person",
        max=fields.whole("max", minimum=0),
        per=fields.duration("per", "say over what time: per: 7d"),
        class_=fields.choice("class", CLASSES, default=""),
        channel=channel,
    )


def _cooldown(reading: Reading, node: Node) -> Cooldown:
    fields = Fields(reading, node, COOLDOWN)
    fields.required("after", "say after what: after: {outcome: bounced}")
    length = fields.duration("for")
    after = fields.fields("after", AFTER)
    if after is None:
        return Cooldown(OUTCOMES[0], length)
    channel, action = after.text("channel"), after.text("action")
    reading.use("channel", after.node_of("channel"), channel)
    reading.use("Action", after.node_of("action"), action)
    return Cooldown(after.choice("outcome", (CHOSEN, *OUTCOMES)), length, channel, action)


def _quiet_hours(top: Fields) -> QuietHours | None:
    fields = top.fields("quiet_hours", QUIET_HOURS)
    if fields is None:
        return None
    zone = fields.text("zone") or "customer"
    zone_node = fields.node_of("zone")
    if zone_node is not None and zone != "customer" and zone not in known_zones():
        top.reading.fault(zone_node, f"there is no time zone {zone}", "write customer, or a name such as Europe/Berlin")
    return QuietHours(_clock(fields, "from"), _clock(fields, "to"), zone)


def _clock(fields: Fields, key: str) -> int:
    node = fields.required(key, 'give a time of day, such as "21:00"')
    match = _CLOCK.fullmatch(str(node.plain())) if node is not None else None
    if match is None:
        if node is not None:
            fields.reading.fault(node, f"{node.plain()} is not a time of day", 'write it as "21:00"')
        return 0
    return int(match[1]) * 60 + int(match[2])


def read_template(reading: Reading, node: Node, text_of: TextOf) -> Template:
    """The template at a node, as well as it can be read."""
    top = Fields(reading, node, TEMPLATE)
    name = top.name("name", "name the template")
    channel = top.name("channel", "name the channel, such as email")
    reading.use("channel", top.node_of("channel"), channel)
    top.required("body", 'say what it says: body: {en: "Hello"}, or the name of a .liquid file')
    if channel == "email":
        top.required("subject", 'an e-mail has a subject: subject: {en: "Hello"}')
    parts = {part: _texts(top, part, text_of) for part in PARTS if top.node_of(part) is not None}
    locales = sorted({locale for texts in parts.values() for locale in texts} - {""})
    default = top.text("default") or ("en" if "en" in locales else locales[0] if locales else "")
    for part, texts in parts.items():
        if texts and default not in texts and "" not in texts:
            part_node = top.node_of(part) or top.node
            reading.fault(
                part_node, f"{part} is missing in {default}", f"add {default}: it is what others fall back to"
            )
    return Template(name, channel, parts, default, top.text("owner"))


def _texts(top: Fields, part: str, text_of: TextOf) -> dict[str, str]:
    node = top.node_of(part)
    if node is not None and isinstance(node.value, str):
        return {"": _liquid_text(top.reading, node, text_of)}
    texts = {}
    for locale, key_node, value in top.entries(part):
        if not _LOCALE.fullmatch(locale):
            top.reading.fault(key_node, f"{locale} is not a locale", "write a language such as en or de-AT")
        texts[locale] = _liquid_text(top.reading, value, text_of)
    return texts


def _liquid_text(reading: Reading, node: Node, text_of: TextOf) -> str:
    if not isinstance(node.value, str):
        reading.fault(node, f"a template's text cannot be {node.kind}", "write a text, or the name of a .liquid file")
        return ""
    text = text_of(node)
    try:
        _liquid.from_string(text)
    except LiquidError as error:
        said = str(error.args[0]) if error.args else "broken"
        reading.fault(node, f"this is not Liquid: {said}", f"correct the template{_place(error, text)}")
    return text


def _place(error: LiquidError, text: str) -> str:
    token: Any = error.token
    start = -1 if token is None else token.start_index
    return f", line {text.count(chr(10), 0, start) + 1}" if start >= 0 else ""


def read_connector(reading: Reading, node: Node) -> Connector:
    """The connector at a node, as well as it can be read."""
    top = Fields(reading, node, CONNECTOR)
    name = top.name("name", "name the connector")
    channel = top.name("channel", "name the channel it serves, such as email")
    rates = top.fields("rates", RATES)
    idempotency = top.choice("idempotency", ("key", "query", "none"), default="none")
    usual = "drop" if idempotency == "none" else idempotency
    doubt = top.choice("doubt", ("query", "key", "resend", "drop"), default=usual)
    doubt_node = top.node_of("doubt")
    if doubt_node is not None and doubt in ("query", "key") and doubt != idempotency:
        cure = f"set idempotency: {doubt}, or choose resend or drop"
        top.reading.fault(doubt_node, f"a doubt cannot be settled by {doubt}: the connector does not offer it", cure)
    return Connector(
        name=name,
        channel=channel,
        contact=top.text("contact") or DEFAULT_CONTACTS.get(channel, ""),
        recipient=top.text("recipient"),
        per_second=rates.number("per_second", "a rate", above=0, default=Decimal(10)) if rates else Decimal(10),
        in_flight=rates.whole("in_flight", minimum=1, default=100) if rates else 100,
        idempotency=cast(Any, idempotency),
        doubt=cast(Any, doubt),
        owner=top.text("owner"),
    )
