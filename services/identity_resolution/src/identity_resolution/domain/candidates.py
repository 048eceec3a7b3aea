"""Which pairs of records count: those that share a list which is not dead. A function of the set of records.

A list holds the records that have one blocking key. When it would outgrow its limit it is dead: it finds nothing more,
and what only it has found does not count any longer. A dead list never revives, so the pairs that count are those
that share a living list in the end, whatever the order in which records came.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

Ends = tuple[str, str]
"""Own ids of the identifiers that two records are of, the lesser first."""


class Record(NamedTuple):
    """What is known of a record without opening it."""

    id: int
    """Hash of identifier and content under a secret key: the same content is the same record."""
    own_id: str
    """Of the identifier it is of."""
    event_time: int
    """When it was seen first (µs), as far as known when it came in."""
    keys: tuple[int, ...] = ()
    """Keyed hashes of its blocking keys, one for each of the model; 0 where it has none."""


class Death(NamedTuple):
    """A list that outgrew its limit, with those it held."""

    key: int
    members: tuple[int, ...]


class Entered(NamedTuple):
    """What a record meets as it comes in."""

    met: dict[int, list[int]]
    """Records by id, with the lists shared."""
    died: list[Death]


class Lists:
    """Records by blocking key, as far as a batch concerns them."""

    def __init__(self, stored: Mapping[int, Sequence[int] | None], limits: Sequence[int]) -> None:
        """`stored` holds the lists there are of the keys of the batch; None for a dead one."""
        self._lists: dict[int, list[int] | None] = {
            key: None if members is None else list(members) for key, members in stored.items()
        }
        self._limits = limits
        self._changed: dict[int, None] = {}

    def enter(self, record: Record) -> Entered:
        """Put a record into its lists."""
        met: dict[int, list[int]] = {}
        died: list[Death] = []
        lists = self._lists
        for key, limit in zip(record.keys, self._limits, strict=True):
            if not key:
                continue
            members = lists.get(key, ())
            if members is None:
                continue
            self._changed[key] = None
            if len(members) >= limit:
                lists[key] = None
                died.append(Death(key, tuple(members)))
                continue
            for other in members:
                met.setdefault(other, []).append(key)
            if isinstance(members, tuple):
                lists[key] = [record.id]
            else:
                members.append(record.id)
        return Entered(met, died)

    def hold(self, record: Record) -> bool:
        """Whether a record is in one of its living lists."""
        return any(record.id in (self._lists.get(key) or ()) for key in record.keys)

    def changed(self) -> list[tuple[int, list[int] | None]]:
        """The lists that are not as they were stored."""
        return [(key, self._lists[key]) for key in self._changed]


class Pair(NamedTuple):
    """Two records that are alike, with the living lists they share."""

    ends: Ends
    left: int
    """Ids of the records, in the order of `ends`."""
    right: int
    bits: float
    keys: frozenset[int]
    event_time: int
    """When both had been seen (µs)."""
    told: str = ""
    """What adds up to the bits, as JSON."""

    @property
    def rank(self) -> tuple[float, int, int]:
        """Sort key: the strongest first, and a total order."""
        return (-self.bits, self.left, self.right)


class Pairs:
    """Pairs that count, by the identifiers they are of, as far as a batch concerns them."""

    def __init__(self, stored: Iterable[Pair] = ()) -> None:
        self._by_ends: dict[Ends, dict[tuple[int, int], Pair]] = {}
        self._ends: dict[int, set[Ends]] = {}
        self._changed: dict[tuple[int, int], Pair] = {}
        for pair in stored:
            self._put(pair)

    def add(self, pair: Pair) -> Ends:
        """A pair was found; whom it is of."""
        self._put(pair)
        self._changed[pair.left, pair.right] = pair
        return pair.ends

    def drop(self, pair: Pair) -> Ends:
        """A pair does not count any more; whom it is of."""
        self._by_ends.get(pair.ends, {}).pop((pair.left, pair.right), None)
        self._changed[pair.left, pair.right] = pair._replace(keys=frozenset())
        return pair.ends

    def bury(self, death: Death) -> set[Ends]:
        """A list is dead; of whom pairs may have ceased to count."""
        touched: set[Ends] = set()
        members = set(death.members)
        for ends in {ends for member in death.members for ends in self._ends.get(member, ())}:
            of_both = self._by_ends[ends]
            for name, pair in list(of_both.items()):
                if death.key in pair.keys and pair.left in members and pair.right in members:
                    left = self._changed[name] = pair._replace(keys=pair.keys - {death.key})
                    if left.keys:
                        of_both[name] = left
                    else:
                        del of_both[name]
                    touched.add(ends)
        return touched

    def best(self, ends: Ends) -> Pair | None:
        """The strongest pair of two identifiers' records that counts."""
        return min(self._by_ends.get(ends, {}).values(), key=lambda pair: pair.rank, default=None)

    def changed(self) -> list[Pair]:
        """Pairs that are new, or share fewer living lists than before; those without any do not count."""
        return list(self._changed.values())

    def _put(self, pair: Pair) -> None:
        self._by_ends.setdefault(pair.ends, {})[pair.left, pair.right] = pair
        for record in (pair.left, pair.right):
            self._ends.setdefault(record, set()).add(pair.ends)
