"""How one person's moments differ under two programmes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cairn_kernel.event import Event
from cairn_kernel.time import DAY, format_instant
from journeyctl.simulate.tally import Change, Sample, Tally, one_more
from journeyctl.words import reason


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment and what was decided at it."""

    told: Event
    decision: Event | None

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.told.data["moment_id"])

    @property
    def at(self) -> int:
        """When it came."""
        return self.told.as_of

    @property
    def place(self) -> tuple[str, str, str]:
        """Where in the programme it is, for one stay of the customer."""
        data = self.told.data
        return data["instance_id"], data["intervention"], data["step"]

    @property
    def action(self) -> str:
        """What was chosen; empty for nothing."""
        chosen = self.decision.data["chosen"] if self.decision is not None else None
        return str(chosen["action"]) if chosen else ""

    def words(self) -> str:
        """What was decided, and why if nothing was."""
        if self.action or self.decision is None:
            return self.action or "not decided"
        candidates: Sequence[Mapping[str, Any]] = self.decision.data["candidates"]
        gates = candidates[0]["gates"] if candidates else ()
        saw = f": {gates[-1]['saw']}" if gates and not gates[-1]["passed"] else ""
        return f"nothing ({reason(self.decision.data['reason'])}{saw})"

    def cause(self) -> str:
        """What led to it: a stage, and the event at hand if there was one."""
        context = self.told.data["context"]
        by = f"on {context['event_type']}" if context.get("event_type") else "as time passed"
        stage = f" in stage {context['stage']}" if context.get("stage") else ""
        return f"{self.told.data['intervention']}{stage}, {by}"


def compare(profile_id: str, before: Sequence[Moment], after: Sequence[Moment], since: int, tally: Tally) -> None:
    """Add how two lists of moments of one person differ; those before `since` do not count."""
    pairs, gone, new = _matched(before, after)
    for one, other in pairs:
        if max(one.at, other.at) >= since:
            _pair(profile_id, one, other, tally.change(one.told.data["journey"]))
    for moment in gone:
        if moment.at >= since:
            change = tally.change(moment.told.data["journey"])
            change.vanished += 1
            change.show("vanished", _sample(profile_id, moment, f"no longer: {moment.words()} ({moment.cause()})"))
    for moment in new:
        if moment.at >= since:
            change = tally.change(moment.told.data["journey"])
            change.appeared += 1
            change.show("appeared", _sample(profile_id, moment, f"new: {moment.words()} ({moment.cause()})"))


def _matched(
    before: Sequence[Moment], after: Sequence[Moment]
) -> tuple[list[tuple[Moment, Moment]], list[Moment], list[Moment]]:
    """The same id is the same moment; else the nth at one place in one stay is the nth there."""
    by_id = {moment.id: moment for moment in after}
    pairs = [(moment, by_id.pop(moment.id)) for moment in before if moment.id in by_id]
    paired = {moment.id for moment, _ in pairs}
    waiting: dict[tuple[str, str, str], list[Moment]] = defaultdict(list)
    for moment in after:
        if moment.id in by_id:
            waiting[moment.place].append(moment)
    gone: list[Moment] = []
    for moment in before:
        if moment.id in paired:
            continue
        if others := waiting.get(moment.place):
            other = others.pop(0)
            del by_id[other.id]
            pairs.append((moment, other))
        else:
            gone.append(moment)
    return pairs, gone, list(by_id.values())


def _pair(profile_id: str, one: Moment, other: Moment, change: Change) -> None:
    if one.at == other.at:
        change.same += 1
    else:
        change.moved += 1
        one_more(change.shifts, (other.at - one.at) // DAY)
        text = f"was {format_instant(one.at)}, now {format_instant(other.at)}: {other.words()} ({other.cause()})"
        change.show("moved", _sample(profile_id, other, text))
    if one.action != other.action:
        change.decided_otherwise += 1
        text = f"before {one.words()}; now {other.words()} ({other.cause()})"
        change.show("decided otherwise", _sample(profile_id, other, text))


def _sample(profile_id: str, moment: Moment, text: str) -> Sample:
    return Sample(profile_id, moment.at, text)
