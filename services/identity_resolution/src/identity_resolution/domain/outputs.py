"""What one resolved event becomes in the `resolved` log."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from cairn_kernel.event import MERGED, RULES_CHANGED, SPLIT, STATED, Event, Identifier, derived
from cairn_kernel.ids import stable_id
from identity_resolution.domain.consents import SOURCE, TELLING, words
from identity_resolution.domain.moves import Merged, Move, Split
from identity_resolution.domain.resolution import Resolution
from identity_resolution.domain.statements import Statement


def outputs(event: Event, resolution: Resolution) -> Iterator[Event]:
    """What the event did to profiles, then the event under its profile, then what it tells of consent."""
    if resolution.moves:
        yield from told(event, resolution.moves)
    resolved = msgspec.structs.replace(event, profile_id=resolution.profile_id)
    yield resolved
    if event.type in TELLING:
        yield from words(resolved)


def told(cause: Event, moves: Iterable[Move]) -> Iterator[Event]:
    """Merges and splits as control events: one copy in the partition of each of the two, the losing one's first."""
    alike: Counter[tuple[str, ...]] = Counter()
    for move in moves:
        if isinstance(move, Merged):
            word, type, data = "merged", MERGED, {"from": move.gone, "to": move.heir}
        else:
            word, type, data = "split", SPLIT, _split(move, cause.as_of)
        about = (word, data["from"], data["to"])
        place = [f"{alike[about]}"] if alike[about] else []  # an identifier and a device may part one way
        alike[about] += 1
        for side in ("from", "to"):
            yield derived(
                cause,
                id=stable_id(*about, cause.id, side, *_bounds(data), *place),
                type=type,
                data=data,
                source=SOURCE,
                profile_id=data[side],
                definition_version=cause.definition_version if cause.type == RULES_CHANGED else "",
            )


def stated_event(tenant: str, statement: Statement, how: str, at: int, resolution: Resolution) -> Event:
    """The statement as a control event: it was `stated`, `withdrawn` or has `expired`, as of an instant (µs)."""
    first = statement.left[0]
    return Event(
        id=stable_id("stated", tenant, statement.id, how),
        tenant=tenant,
        type=STATED,
        event_time=at,
        as_of=at,
        source=SOURCE,
        profile_id=resolution.profile_id or stable_id("profile", tenant, *first),
        data={"how": how, "statement": msgspec.to_builtins(statement)},
    )


def rules_event(tenant: str, ordinal: int, version: str, place: str, at: int) -> Event:
    """The change of the rules, as the cause of what follows at one place of it, as of an instant (µs)."""
    return Event(
        id=stable_id("rules", tenant, ordinal, version, place),
        tenant=tenant,
        type=RULES_CHANGED,
        event_time=at,
        as_of=at,
        source=SOURCE,
        definition_version=version,
    )


def _split(move: Split, at: int) -> dict[str, Any]:
    data: dict[str, Any] = {"from": move.source, "to": move.target, "moved": _texts(move.moved), "at": at}
    if move.kept:
        data["kept"] = _texts(move.kept)
    if move.alone:
        data["alone"] = _texts(move.alone)
    data.update({name: at for name, at in (("since", move.since), ("until", move.until)) if at is not None})
    return data


def _bounds(data: dict[str, Any]) -> list[str]:
    return [f"{name} {data[name]}" for name in ("since", "until") if name in data]


def _texts(identifiers: Iterable[Identifier]) -> list[str]:
    return [":".join(identifier) for identifier in identifiers]
