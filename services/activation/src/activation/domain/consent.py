"""The copy of the consent ledger, over all profiles that turned out to be one person's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cairn_kernel.consents import Joined, Standing, Word, standing


class Merge(NamedTuple):
    """One profile was taken into another; each of the two partitions tells it."""

    loser: str
    survivor: str
    as_of: int
    loser_told: bool
    survivor_told: bool
    cause: str = ""
    """Id of the event that both partitions' copies follow from."""


class Split(NamedTuple):
    """One profile was two people; each of the two partitions tells it."""

    giver: str
    receiver: str
    as_of: int
    events: tuple[str, ...]
    """Ids of the events that are the receiver's."""
    giver_told: bool
    receiver_told: bool
    cause: str = ""
    """The event that both copies follow from, and the interval of time they are about."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything that is known of a group of profiles."""

    words: Sequence[Word] = ()
    merges: Sequence[Merge] = ()
    splits: Sequence[Split] = ()

    def standing(self, profile_id: str, channel: str, class_: str, *, upto: int | None = None) -> Standing:
        """Whether a message may go out, and the word that says so. `upto` leaves out what came to be known later.

        Words of all profiles that are one person count together; where they were parted again, each word counts for
        whoever's event told it, as if they had never been one.
        """
        words, merges = self._parted(upto)
        family = _family(profile_id, merges)
        joined = [Joined(merge.as_of, merge.loser, merge.survivor) for merge in merges]
        own = [word for word in words if word.profile_id in family and (upto is None or word.as_of <= upto)]
        return standing(own, joined, channel, class_)

    def awaits_others(self, profile_id: str, *, upto: int | None = None) -> bool:
        """Whether a profile that is one with this one, or that it left, may have said something that we have not read.

        Each side of a merge is in the partition of one profile, and other replicas may read it: both must have come.
        """
        if any(one.receiver == profile_id and not one.giver_told for one in self.splits if _by(one, upto)):
            return True
        _, merges = self._parted(upto)
        family = _family(profile_id, merges)
        return any(merge.survivor in family and not (merge.loser_told and merge.survivor_told) for merge in merges)

    def left(self, profile_id: str, event_id: str, *, upto: int | None = None) -> bool:
        """Whether an event that was this profile's turned out to be somebody else's."""
        return any(split.giver == profile_id and event_id in split.events for split in self.splits if _by(split, upto))

    def _parted(self, upto: int | None) -> tuple[Sequence[Word], Sequence[Merge]]:
        """Words as whose they turned out to be, and the merges that were not taken back."""
        words, merges = self.words, [merge for merge in self.merges if _by(merge, upto)]
        for split in sorted(self.splits, key=lambda split: split.as_of):
            if _by(split, upto):
                words = [_at_home(word, split) for word in words]
                merges = [merge for merge in merges if not _taken_back(merge, split)]
        return words, merges


def _by(control: Merge | Split, upto: int | None) -> bool:
    return upto is None or control.as_of <= upto


def _family(profile_id: str, merges: Sequence[Merge]) -> set[str]:
    """All profiles that are one person with this one."""
    family, before = {profile_id}, 0
    while len(family) > before:
        before = len(family)
        for merge in merges:
            if merge.loser in family or merge.survivor in family:
                family |= {merge.loser, merge.survivor}
    return family


def _at_home(word: Word, split: Split) -> Word:
    leaves = word.profile_id == split.giver and word.event_id in split.events
    return word._replace(profile_id=split.receiver) if leaves else word


def _taken_back(merge: Merge, split: Split) -> bool:
    return (merge.loser, merge.survivor) == (split.receiver, split.giver) and merge.as_of <= split.as_of
