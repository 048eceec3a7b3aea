"""The consent ledger of a profile: a set of words, in any order, and what follows from it. Suppression wins.

Identity resolution tells the words, one by one, as `consent.changed`; decisioning and activation keep copies. All of
them, and what explains them, judge by this module.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from cairn_kernel.event import Event

GRANTED: Final = "granted"
DENIED: Final = "denied"
"""Asked, and said no."""
WITHDRAWN: Final = "withdrawn"
SUPPRESSED: Final = "suppressed"
"""Nothing goes there whatever was granted: unsubscribed, complained, a hard bounce, a legal reason."""
LIFTED: Final = "lifted"
"""A suppression holds no more."""
REFUSALS: Final = frozenset({DENIED, WITHDRAWN, SUPPRESSED})
STATES: Final = frozenset({GRANTED, LIFTED}) | REFUSALS

UNSUBSCRIBE: Final = "unsubscribe"
COMPLAINT: Final = "complaint"
HARD_BOUNCE: Final = "hard_bounce"
LEGAL: Final = "legal"
REASONS: Final = frozenset({UNSUBSCRIBE, COMPLAINT, HARD_BOUNCE, LEGAL})
"""Of a suppression."""
SPARING_SERVICE: Final = frozenset({UNSUBSCRIBE, COMPLAINT})
"""Suppressions for these reasons that name no class leave messages of class `service` alone."""
SERVICE: Final = "service"
ANY: Final = "*"
"""Stands for every channel, or every class; an empty text means the same."""


class Word(NamedTuple):
    """One entry of the ledger. The order of fields is that of time; at one instant a refusal is later than a grant."""

    at: int
    """When it was said (µs), never after `as_of`."""
    refuses: bool
    as_of: int
    """When Cairn came to know it."""
    event_id: str
    profile_id: str
    """The profile it was told of, which may have been merged into another since."""
    channel: str
    class_: str
    state: str
    reason: str = ""
    """Of a suppression; of what lifts one, the reason it is about, if not all of them."""
    purpose: str = ""
    """What it was given for, in the source's words."""
    source: str = ""
    proof: str = ""
    author: str = ""
    """Who entered it by hand."""

    def speaks_of(self, channel: str, class_: str) -> bool:
        """Whether it is about messages of a class on a channel."""
        if self.channel not in (channel, ANY, ""):
            return False
        if self.class_ in (ANY, ""):
            return not (class_ == SERVICE and self.reason in SPARING_SERVICE)
        return self.class_ == class_

    @property
    def what(self) -> str:
        """The state in words, such as `suppressed (complaint)`."""
        return f"{self.state} ({self.reason})" if self.reason else self.state


class Joined(NamedTuple):
    """A profile turned out to be the same person as another."""

    as_of: int
    loser: str
    survivor: str


class Standing(NamedTuple):
    """Whether messages may go out, and the word that says so."""

    allowed: bool | None
    """None if nobody said anything."""
    word: Word | None = None


SILENCE: Final = Standing(None)
NEVER: Final = 2**63


def word_of(event: Event) -> Word:
    """The word that a `consent.changed` tells."""
    data = event.data
    granted = data.get("granted") is True
    state = str(data.get("state") or (GRANTED if granted else WITHDRAWN))
    return Word(
        min(int(data.get("at") or event.as_of), event.as_of),
        state in REFUSALS,
        event.as_of,
        event.id,
        event.profile_id,
        str(data.get("channel") or ANY),
        str(data.get("class") or ANY),
        state,
        *(str(data.get(name) or "") for name in ("reason", "purpose", "source", "proof", "author")),
    )


def data_of(word: Word) -> dict[str, Any]:
    """The data of the `consent.changed` that tells a word; what goes without saying is left out."""
    told = {name: getattr(word, name) for name in ("reason", "purpose", "source", "proof", "author")}
    return {
        "channel": word.channel,
        "class": word.class_,
        "granted": word.state == GRANTED,
        **({} if word.state in (GRANTED, WITHDRAWN) else {"state": word.state}),
        "at": word.at,
        **{name: value for name, value in told.items() if value},
    }


def standing(words: Iterable[Word], joined: Sequence[Joined], channel: str, class_: str) -> Standing:
    """Whether messages of a class may go out on a channel, by all words about one person, as a set.

    A refusal holds until a later word takes it back: a suppression until it is lifted, any other until a grant. Where
    two were told of different profiles, the later one must have been said after the two were known to be one person:
    so whatever is merged, the strictest word counts until the customer speaks again. A suppression is told first.
    """
    heard = [word for word in words if word.speaks_of(channel, class_)]
    if not heard:
        return SILENCE
    refusals = [word for word in heard if word.refuses]
    open = [one for one in refusals if not any(_takes_back(other, one, joined) for other in heard)]
    if open:
        return Standing(False, max(open, key=lambda word: (word.state == SUPPRESSED, word)))
    grants = [word for word in heard if word.state == GRANTED]
    return Standing(True, max(grants)) if grants else SILENCE


def frontier(words: Iterable[Word]) -> tuple[Word, ...]:
    """The words without those that can make no difference any more, in order.

    Of words that say the same, one that was said and heard no later than another makes none. The frontier of a union is
    that of the frontiers' union, so it does not matter when it is drawn.
    """
    by_theme: dict[tuple[str, ...], list[Word]] = {}
    for word in sorted(set(words), reverse=True):
        theme = (word.profile_id, word.channel, word.class_, word.state, word.reason)
        kept = by_theme.setdefault(theme, [])
        if not kept or word.as_of > kept[-1].as_of:
            kept.append(word)
    return tuple(sorted(word for kept in by_theme.values() for word in kept))


def _takes_back(word: Word, refusal: Word, joined: Sequence[Joined]) -> bool:
    if refusal.state != SUPPRESSED:
        fits = word.state == GRANTED
    else:
        fits = word.state == LIFTED and word.reason in ("", refusal.reason)
    return fits and word.at > refusal.at and word.at >= _shared_since(word, refusal, joined)


def _shared_since(word: Word, refusal: Word, joined: Sequence[Joined]) -> int:
    """When both profiles were known to be one. Of a refusal that came in late: when its profile last took one in."""
    late = [
        join.as_of
        for join in joined
        if join.survivor == refusal.profile_id and refusal.at < join.as_of <= refusal.as_of
    ]
    since = max(late, default=0)
    if word.profile_id == refusal.profile_id:
        return since
    heir: dict[str, str] = {}

    def who(profile_id: str) -> str:
        while profile_id in heir:
            profile_id = heir[profile_id]
        return profile_id

    for join in sorted(joined):
        loser, survivor = who(join.loser), who(join.survivor)
        if loser != survivor:
            heir[loser] = survivor
        if who(word.profile_id) == who(refusal.profile_id):
            return max(since, join.as_of)
    return NEVER
