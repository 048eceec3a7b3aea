"""Where steps may lead: names that are unknown, steps that cannot be reached, loops that do not wait.

The steps of an intervention are a graph: each path leads to others, and some of them wait on the way. All checks are
about that graph, so they hold whatever conditions say; a condition counts as constant only if it is written `true`.
"""

from collections.abc import Iterator, Mapping
from heapq import heappop, heappush
from typing import Final

from cairn_journey.language.documents import Node
from cairn_journey.language.model import On
from cairn_journey.language.reading import Fields, Reading, suggestion
from cairn_journey.language.steps_model import (
    Branch,
    Does,
    Exit,
    Experiment,
    Jump,
    Repeat,
    Step,
    UntilClock,
    UntilTime,
    Wait,
    lists_within,
)

END: Final = ""
"""In place of a path: the run is over."""
_AGAIN: Final = "~"
"""After the path of a loop: the end of a round."""


class Flow:
    """The ways from each step, by path."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self.steps: dict[str, Step] = {}
        self.ids: dict[str, str] = {}
        """Path by id; of several with one id, the first."""
        self._ways: dict[str, set[str]] = {}
        self._collect(steps, "")
        self.first = self._list(steps, "", END)

    def reachable(self, start: str, *, at_once: bool = False) -> set[str]:
        """All paths that a run can come to from a step, that step included; `at_once`: without having to wait."""
        found, ahead = {start}, [start]
        while ahead:
            here = ahead.pop()
            if at_once and here in self.steps and must_wait(self.steps[here].does):
                continue
            fresh = self._ways.get(here, set()) - found
            found |= fresh
            ahead.extend(fresh)
        return found

    def earliest(self) -> dict[str, tuple[int, int]]:
        """How soon (µs) after its start a run can come to each step, and how soon to what led there.

        Only waits of a fixed length count, and patience where it must have ended.
        """
        found = {self.first: (0, 0)}
        ahead = [(0, self.first)]
        while ahead:
            at, here = heappop(ahead)
            if here not in self._ways or at > found[here][0]:
                continue
            for there in self._ways[here]:
                soon = at + self._length(here, there)
                if there not in found or soon < found[there][0]:
                    found[there] = soon, at
                    heappush(ahead, (soon, there))
        return found

    def _length(self, here: str, there: str) -> int:
        does = self.steps[here].does if here in self.steps else None
        if not isinstance(does, Wait) or does.for_ is None:
            return 0
        late = bool(does.on_timeout) and there == f"{here}.1.1"
        return does.for_ if does.until is None or late else 0

    def rounds(self) -> Iterator[tuple[str, str, str]]:
        """Each way back: the path of the loop or jump, where a round begins, and where it ends."""
        for path, step in self.steps.items():
            match step.does:
                case Repeat():
                    yield path, f"{path}.1.1", path + _AGAIN
                case Jump(to, _) if to in self.ids and not is_later(self.ids[to], path):
                    yield path, self.ids[to], path

    def _collect(self, steps: tuple[Step, ...], prefix: str) -> None:
        for path, step in _numbered(steps, prefix):
            self.steps[path] = step
            if step.id:
                self.ids.setdefault(step.id, path)
            for number, within in enumerate(lists_within(step.does), 1):
                self._collect(within, f"{path}.{number}.")

    def _list(self, steps: tuple[Step, ...], prefix: str, after: str) -> str:
        """Where a list begins: its first step, or what comes after it if it is empty."""
        following = after
        for path, step in reversed(_numbered(steps, prefix)):
            self._ways[path] = self._from(step.does, path, following, after)
            if step.on_error is not None and step.on_error.rule == "goto":
                self._ways[path].add(self.ids.get(step.on_error.to, following))
            following = path
        return following

    def _from(self, does: Does, path: str, next: str, leave: str) -> set[str]:
        after = f"{path}{_AGAIN}" if isinstance(does, Repeat) else next
        within = [self._list(steps, f"{path}.{n}.", after) for n, steps in enumerate(lists_within(does), 1)]
        match does:
            case Branch(arms):
                always = next_always(tuple(arm.when for arm in arms))
                return set(within[: always + 1]) if always is not None else {*within, next}
            case Experiment():
                return set(within)
            case Repeat(_, _, while_):
                self._ways[after] = {path, next}
                return {*within, next} if while_ else set(within)
            case Wait(_, until, _):
                skips = isinstance(until, UntilTime) and until.past == "skip"
                return {*within, next, leave} if skips else {*within, next}
            case Jump(to, times):
                return {self.ids.get(to, next)} | ({next} if times else set())
            case Exit():
                return set()
            case _:
                return {next}


def check_flow(reading: Reading, steps: tuple[Step, ...], places: Mapping[str, Fields]) -> None:
    """Note what is wrong with the ways of one intervention; `places` says where its steps stand, by path."""
    flow = Flow(steps)
    unknown = _refuse_names(reading, flow, places)
    if unknown:
        return
    reached = flow.reachable(flow.first)
    for path in flow.steps:
        if path not in reached and (not _before(path) or _before(path) in reached):
            cure = "take it out, or give it an id and jump to it"
            reading.fault(places[path].node, "this step cannot be reached", cure)
    for path, begin, end in flow.rounds():
        if path in reached and end in flow.reachable(begin, at_once=True):
            cure = "put a wait on every way through it, such as wait: {for: 1d}"
            reading.fault(places[path].node, "a round of this loop can pass without waiting", cure)


def must_wait(does: Does) -> bool:
    """Whether time must pass at a step: other waits may be over when they begin."""
    if not isinstance(does, Wait):
        return False
    at_clock = isinstance(does.until, UntilClock) and does.until.at is not None
    return does.until is None or isinstance(does.until, On) or at_clock


def next_always(conditions: tuple[str, ...]) -> int | None:
    """The first arm that is taken whenever none before it was; `else` has no condition."""
    return next((number for number, when in enumerate(conditions) if when in ("", "true")), None)


def is_later(target: str, path: str) -> bool:
    """Whether a step of the same list as another, or of one around it, comes after it."""
    return _order(target) > _order(path)[: len(_order(target))]


def _refuse_names(reading: Reading, flow: Flow, places: Mapping[str, Fields]) -> bool:
    """Note ids that are given twice, and those that a step cannot lead to; whether there were any."""
    before = len(reading.faults)
    for path, step in flow.steps.items():
        fields = places[path]
        id_node = fields.node_of("id")
        if id_node is not None and step.id and flow.ids[step.id] != path:
            reading.fault(id_node, f"there is another step with the id {step.id}", "give it an id of its own")
        if isinstance(step.does, Jump) and step.does.to:
            _refuse_target(reading, flow, path, step.does.to, _name(fields, "jump", "to"), bounded=step.does.times > 0)
        if step.on_error is not None and step.on_error.to:
            _refuse_target(reading, flow, path, step.on_error.to, _name(fields, "on_error", "goto"), bounded=False)
    return len(reading.faults) > before


def _refuse_target(reading: Reading, flow: Flow, path: str, to: str, node: Node, *, bounded: bool) -> None:
    target = flow.ids.get(to)
    if target is None:
        reading.fault(node, f"no step has the id {to}", suggestion(to, flow.ids))
    elif not path.startswith(_list_of(target)):
        cure = "jump to a step of the same list, or of one around it"
        reading.fault(node, f"{to} stands inside another step", cure)
    elif not bounded and not is_later(target, path):
        jump = node.value if isinstance(node.value, str) else to
        cure = f"say how often at most: jump: {{to: {jump}, times: 3}}; on_error can only go forward"
        reading.fault(node, f"{to} comes before this step, so this could go round for ever", cure)


def _name(fields: Fields, key: str, inner: str) -> Node:
    node = fields.node_of(key) or fields.node
    return node.value[inner][1] if isinstance(node.value, dict) and inner in node.value else node


def _numbered(steps: tuple[Step, ...], prefix: str) -> list[tuple[str, Step]]:
    return [(f"{prefix}{number}", step) for number, step in enumerate(steps, 1)]


def _order(path: str) -> tuple[int, ...]:
    return tuple(int(part) for part in path.split("."))


def _list_of(path: str) -> str:
    """What the paths of all steps of a step's list, and within, begin with."""
    return path[: path.rfind(".") + 1]


def _before(path: str) -> str:
    """The step before in the list, or the one that holds the list; empty (the beginning) if there is none."""
    number = int(path.rpartition(".")[2])
    return f"{_list_of(path)}{number - 1}" if number > 1 else path.rpartition(".")[0].rpartition(".")[0]
