"""Frictions: signs that a customer met an obstacle, seen in the order, the pace or the absence of what happens.

Traces of what may become a friction are kept in the instance, folded from touchpoints and stages, at most as many
instants as the friction asks for; a friction that is met begins anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from cairn_expressions import Expression, activate, compile_expression
from cairn_journey.engine.state import Instance, Trace
from cairn_journey.language.model import Friction, Journey
from cairn_journey.language.scopes import WHERE_VARIABLES

DWELL: Final = "dwell"
SILENCE: Final = "silence"
_NO_TRACE: Final = Trace()


class Watch(NamedTuple):
    """What an event of one type may mean to a friction."""

    friction: Friction
    part: str
    """repeat, loop, channel (it tells where the customer is), begins or ends (a silence)."""
    element: str
    """The event's type, or the channel."""
    when: Expression | None

    def sees(self, data: Mapping[str, Any]) -> bool:
        """Whether it is about an event with these fields."""
        return self.when is None or self.when.holds(activate({"event": data}))


class CompiledFriction:
    """The frictions of one journey, by what they look at."""

    __slots__ = ("back", "by_name", "channels", "dwell", "loops", "order")

    def __init__(self, journey: Journey) -> None:
        self.by_name = {one.name: one for one in journey.friction}
        self.order: Mapping[str, int] = {stage.name: number for number, stage in enumerate(journey.stages)}
        self.channels: Mapping[str, int] = {channel.name: rank for rank, channel in enumerate(journey.channels)}
        self.back = [one for one in journey.friction if one.kind == "back"]
        self.loops = [one for one in journey.friction if one.kind == "loop" and one.stages]
        self.dwell: dict[str, list[Friction]] = {}
        for one in journey.friction:
            if one.kind == DWELL:
                self.dwell.setdefault(one.stage, []).append(one)

    def __bool__(self) -> bool:
        return bool(self.by_name)


def watches_of(journey: Journey) -> dict[str, list[Watch]]:
    """What frictions look at in events, by type."""
    found: dict[str, list[Watch]] = {}
    for one in journey.friction:
        when = compile_expression(one.when, WHERE_VARIABLES) if one.when and one.kind in ("repeat", SILENCE) else None
        match one.kind:
            case "repeat":
                found.setdefault(one.on, []).append(Watch(one, "repeat", one.on, when))
            case "loop":
                for type in dict.fromkeys(one.events):
                    found.setdefault(type, []).append(Watch(one, "loop", type, None))
            case "silence":
                found.setdefault(one.on, []).append(Watch(one, "begins", one.on, when))
                found.setdefault(one.until, []).append(Watch(one, "ends", one.until, None))
            case "channel_switch":
                for channel in journey.channels:
                    told = compile_expression(channel.when, WHERE_VARIABLES) if channel.when else None
                    for type in channel.on:
                        found.setdefault(type, []).append(Watch(one, "channel", channel.name, told))
    return found


def traced(instance: Instance, watches: Sequence[Watch], data: Mapping[str, Any], at: int) -> Instance:
    """The instance with the traces that an event leaves."""
    traces = dict(instance.traces)
    channel = ""
    for watch in watches:
        name = watch.friction.name
        if watch.part == "repeat" and watch.sees(data):
            traces[name] = _once_more(traces.get(name, _NO_TRACE), watch.friction, at)
        elif watch.part == "loop":
            traces[name] = _along(traces.get(name, _NO_TRACE), watch.friction, watch.friction.events, watch.element, at)
        elif watch.part == "channel" and not channel and watch.sees(data):
            channel = watch.element
    if not channel:
        return instance if traces == instance.traces else replace(instance, traces=traces)
    return replace(instance, traces=traces, channel=channel, came_from=instance.channel)


def traced_stage(instance: Instance, compiled: CompiledFriction, stage: str, at: int) -> Instance:
    """The instance with the traces that a stage leaves."""
    if not compiled.loops:
        return instance
    traces = dict(instance.traces)
    for one in compiled.loops:
        traces[one.name] = _along(traces.get(one.name, _NO_TRACE), one, one.stages, stage, at)
    return replace(instance, traces=traces)


def full(instance: Instance, friction: Friction, at: int) -> bool:
    """Whether its trace, of which the last instant is now, makes it a friction."""
    trace = instance.traces.get(friction.name, _NO_TRACE)
    return len(trace.at) == friction.times and trace.at[-1] == at and at - trace.at[0] < friction.within


def switched(instance: Instance, friction: Friction, compiled: CompiledFriction) -> bool:
    """Whether the customer has come from a cheaper channel to one of those the friction is about."""
    ranks = compiled.channels
    return instance.channel in friction.to and ranks.get(instance.came_from, len(ranks)) < ranks[instance.channel]


def _once_more(trace: Trace, friction: Friction, at: int) -> Trace:
    return replace(trace, at=(*trace.at, at)[-friction.times :])


def _along(trace: Trace, friction: Friction, path: Sequence[str], element: str, at: int) -> Trace:
    """One element further round a loop, or back at its beginning."""
    position = trace.position + 1 if path[trace.position] == element else int(path[0] == element)
    if position < len(path):
        return replace(trace, position=position)
    return Trace(0, (*trace.at, at)[-friction.times :])
