"""What is told when the borders between people moved: merges and splits that lead from the old state to the new one."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from cairn_kernel.event import Identifier
from identity_resolution.domain.elements import Node


class Merged(NamedTuple):
    """A profile lives on under another id."""

    gone: str
    heir: str


class Split(NamedTuple):
    """Identifiers leave a profile for one that is new, or that was merged before and is restored."""

    source: str
    target: str
    moved: tuple[Identifier, ...]
    kept: tuple[Identifier, ...] = ()
    alone: tuple[Identifier, ...] = ()
    """Of both, those that own an event only if it names nobody else: they are blocked, generic or shared."""
    since: int | None = None
    """Only what happened at or after this instant (µs) moves."""
    until: int | None = None
    """Only what happened before this instant (µs) moves."""


Move = Merged | Split


class Was(NamedTuple):
    """How a node stood before."""

    node: Node
    profile_id: str
    """Empty if it is new."""
    root: str
    had_profile: bool


def moves(before: Sequence[Was], strongest: Sequence[Identifier], barred: Collection[Identifier]) -> tuple[Move, ...]:
    """Splits first, then merges; `strongest` holds the identifiers of all nodes, strongest first.

    A split never leads into a profile that goes on, and a merge never into one that was merged
    before: an id whose founder comes to the fore again is first restored by a split.
    """
    place = {identifier: rank for rank, identifier in enumerate(strongest)}
    had = {was.node.own_id for was in before if was.had_profile}
    owner = {was.node.own_id: was.node.profile_id for was in before}
    parts: dict[str, dict[str, list[Node]]] = {}
    for was in before:
        if was.profile_id:
            parts.setdefault(was.profile_id, {}).setdefault(was.node.profile_id, []).append(was.node)
    told: list[Move] = []
    pieces: dict[str, list[tuple[str, list[Node]]]] = {}
    for old in sorted(parts):
        heir = owner[old]
        left = {node.identifier: node for part in parts[old].values() for node in part}
        for new, part in sorted(parts[old].items()):
            if new == heir:
                pieces.setdefault(new, []).append((old, part))
                continue
            founder = min(part, key=lambda node: (node.first_time, place[node.identifier]))
            founder.had_profile = True
            for node in part:
                del left[node.identifier]
            told.append(_split(old, founder.own_id, [node.identifier for node in part], left, place, barred))
            pieces.setdefault(new, []).append((founder.own_id, part))
    for new, standing in sorted(pieces.items()):
        told += _join(new, standing, had, place, barred)
    return tuple(told)


def _join(
    new: str,
    pieces: list[tuple[str, list[Node]]],
    had: Collection[str],
    place: dict[Identifier, int],
    barred: Collection[Identifier],
) -> list[Move]:
    ids = [id for id, _ in pieces]
    told: list[Move] = []
    if new not in ids and new in had:
        host, part = next((id, part) for id, part in pieces if any(node.own_id == new for node in part))
        told.append(_split(host, new, [node.identifier for node in part], (), place, barred))
    return told + [Merged(id, new) for id in sorted(ids) if id != new]


def _split(
    source: str,
    target: str,
    moved: Collection[Identifier],
    kept: Collection[Identifier],
    place: dict[Identifier, int],
    barred: Collection[Identifier],
) -> Split:
    alone = [identifier for identifier in (*moved, *kept) if identifier in barred]
    ordered = [tuple(sorted(some, key=place.__getitem__)) for some in (moved, kept, alone)]
    return Split(source, target, ordered[0], ordered[1], ordered[2])
