"""Read what leads into a journey."""

from collections.abc import Mapping
from typing import Final, Literal, cast

from cairn_journey.language.documents import Node
from cairn_journey.language.journey_shapes import ENTRY, ENTRY_KINDS, SCHEDULE
from cairn_journey.language.model import Entry, Schedule
from cairn_journey.language.reading import Fields, suggestion
from cairn_journey.language.steps_shapes import DAYS
from cairn_journey.language.waits_kind import read_clock, read_zone
from cairn_kernel.time import HOUR

_MOMENTS: Final = ("entered", "goal", "exited")
_CURE: Final = "name an event: entry: [{on: account.created}], or give audience, schedule, broadcast or journey"
_SHORTEST: Final = HOUR
_LAST_DAY: Final = 31


def read_entries(
    top: Fields, at_event: Mapping[str, type], standing: Mapping[str, type], stages: tuple[str, ...]
) -> tuple[Entry, ...]:
    """The entry rules; there must be one."""
    node = top.required("entry", "say which events lead into the journey: entry: [{on: account.created}]")
    rules = [_entry(Fields(top.reading, item, ENTRY), at_event, standing, stages) for item in top.items("entry")]
    if node is not None and isinstance(node.value, list) and not rules:
        top.reading.fault(
            node, "entry is empty, so nobody could enter", "name an event: entry: [{on: account.created}]"
        )
    return tuple(rules)


def _entry(
    fields: Fields, at_event: Mapping[str, type], standing: Mapping[str, type], stages: tuple[str, ...]
) -> Entry:
    kinds = [kind for kind in ENTRY_KINDS if fields.node_of(kind) is not None]
    if "journey" in kinds:
        kinds = [kind for kind in kinds if kind != "on"]
    stage = fields.text("stage")
    if (stage_node := fields.node_of("stage")) is not None and stage and stage not in stages:
        fields.reading.fault(stage_node, f"this journey has no stage {stage}", suggestion(stage, stages))
    if len(kinds) != 1:
        if fields.is_map:
            fields.reading.fault(fields.node, "an entry rule says one thing that leads in", _CURE)
        return Entry(stage=stage)
    kind = kinds[0]
    if kind in ("on", "broadcast"):
        return Entry(
            on=fields.event(kind),
            when=fields.condition("when", at_event),
            stage=stage,
            fans_out=kind == "broadcast",
        )
    when = fields.condition("when", standing)
    match kind:
        case "audience":
            name = fields.text("audience")
            fields.reading.use("Audience", fields.node_of("audience"), name)
            return Entry(audience=name, when=when, stage=stage)
        case "schedule":
            return Entry(schedule=_schedule(fields), when=when, stage=stage)
    name = fields.text("journey")
    fields.reading.use("Journey", fields.node_of("journey"), name)
    moment = cast(Literal["entered", "goal", "exited"], fields.choice("on", _MOMENTS))
    return Entry(journey=name, moment=moment, when=when, stage=stage)


def _schedule(entry: Fields) -> Schedule | None:
    fields = entry.fields("schedule", SCHEDULE)
    if fields is None or not fields.is_map:
        return None
    if (every := fields.node_of("every")) is not None:
        length = fields.optional_duration("every")
        if length is not None and length < _SHORTEST:
            fields.reading.fault(every, "a schedule comes round at most once an hour", "write 1h or more")
        for key in ("weekday", "day", "at", "zone"):
            if (node := fields.node_of(key)) is not None:
                fields.reading.fault(node, f"`{key}` means nothing beside `every`", "leave one of them out")
        return Schedule(every=length)
    weekday, day = fields.node_of("weekday"), fields.node_of("day")
    at = fields.required("at", 'say at which time of day: at: "09:00"')
    if weekday is not None and day is not None:
        fields.reading.fault(day, "`weekday` and `day` exclude each other", "keep one of them")
    return Schedule(
        weekday=_weekday(fields, weekday) if weekday is not None else None,
        day=_day(fields, day) if day is not None else None,
        at=read_clock(fields, at) if at is not None else 0,
        zone=read_zone(fields),
    )


def _weekday(fields: Fields, node: Node) -> int:
    if node.value in DAYS:
        return DAYS.index(node.value)
    fields.reading.fault(node, f"{node.plain()} is not a day of the week", suggestion(str(node.plain()), DAYS))
    return 0


def _day(fields: Fields, node: Node) -> int:
    day = fields.whole("day", minimum=1)
    if day > _LAST_DAY:
        fields.reading.fault(node, f"no month has a day {day}", "write 1 to 31; what a month lacks is its last day")
    return min(day, _LAST_DAY)
