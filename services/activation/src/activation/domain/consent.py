"""What a customer agreed to, over all profiles that turned out to be theirs. Suppression wins."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

ANY: Final = ("*", "")
"""Every channel, or every class."""


class Consent(NamedTuple):
    """One change of mind."""

    profile_id: str
    as_of: int
    event_id: str
    channel: str
    class_: str
    granted: bool

    def speaks_of(self, channel: str, class_: str) -> bool:
        return self.channel in (channel, *ANY) and self.class_ in (class_, *ANY)


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

    consents: Sequence[Consent] = ()
    merges: Sequence[Merge] = field(default=())
    splits: Sequence[Split] = field(default=())

    def allows(self, profile_id: str, channel: str, class_: str, *, upto: int | None = None) -> bool:
        """Whether a message may go out; silence is consent. `upto` leaves out what happened later.

        Within one profile the latest word counts. When profiles become one, a withdrawal of either
        holds, until the customer grants anew. Where they were parted again, each word counts for whoever's event told
        it, as if they had never been one.
        """
        said: dict[str, bool] = {}
        heir: dict[str, str] = {}

        def who(profile: str) -> str:
            while profile in heir:
                profile = heir[profile]
            return profile

        for happened in sorted(self._until(upto, channel, class_), key=_when):
            if isinstance(happened, Consent):
                said[who(happened.profile_id)] = happened.granted
                continue
            gone, stays = who(happened.loser), who(happened.survivor)
            if gone == stays:
                continue
            heir[gone] = stays
            words = [said.pop(profile) for profile in (gone, stays) if profile in said]
            if words:
                said[stays] = all(words)
        return said.get(who(profile_id), True)

    def awaits_loser(self, profile_id: str, *, upto: int | None = None) -> bool:
        """Whether a profile merged into this one, or that it left, may have said something that we have not read."""
        family = {profile_id}
        waiting = any(
            split.receiver == profile_id and not split.giver_told and (upto is None or split.as_of <= upto)
            for split in self.splits
        )
        _, merges = self._parted(upto)
        for merge in sorted(merges, key=lambda merge: -merge.as_of):
            if merge.survivor in family and (upto is None or merge.as_of <= upto):
                family.add(merge.loser)
                waiting = waiting or not merge.loser_told
        return waiting

    def left(self, profile_id: str, event_id: str, *, upto: int | None = None) -> bool:
        """Whether an event that was this profile's turned out to be somebody else's."""
        return any(
            split.giver == profile_id and event_id in split.events and (upto is None or split.as_of <= upto)
            for split in self.splits
        )

    def _until(self, upto: int | None, channel: str, class_: str) -> Iterable[Consent | Merge]:
        consents, merges = self._parted(upto)
        for merge in merges:
            if upto is None or merge.as_of <= upto:
                yield merge
        for consent in consents:
            if consent.speaks_of(channel, class_) and (upto is None or consent.as_of <= upto):
                yield consent

    def _parted(self, upto: int | None) -> tuple[Sequence[Consent], Sequence[Merge]]:
        """Consents as whose they turned out to be, and the merges that were not taken back."""
        consents, merges = self.consents, self.merges
        for split in sorted(self.splits, key=lambda split: split.as_of):
            if upto is None or split.as_of <= upto:
                consents = [_at_home(consent, split) for consent in consents]
                merges = [merge for merge in merges if not _taken_back(merge, split)]
        return consents, merges


def _at_home(consent: Consent, split: Split) -> Consent:
    leaves = consent.profile_id == split.giver and consent.event_id in split.events
    return consent._replace(profile_id=split.receiver) if leaves else consent


def _taken_back(merge: Merge, split: Split) -> bool:
    return (merge.loser, merge.survivor) == (split.receiver, split.giver) and merge.as_of <= split.as_of


def _when(happened: Consent | Merge) -> tuple[int, int, int, str]:
    """Order of time; at one instant merges first, and a withdrawal after a grant."""
    if isinstance(happened, Merge):
        return (happened.as_of, 0, 0, happened.loser)
    return (happened.as_of, 1, int(not happened.granted), happened.event_id)
