"""The ledgers of a profile as of any instant, as known at any instant: its traits, and what it consents to."""

from collections.abc import Callable
from typing import NamedTuple

import structlog

from cairn_kernel.consents import Joined, Standing, Word, standing, word_of
from cairn_kernel.event import Event
from identity_resolution.application.look_back import Around, Instant, LookBack
from identity_resolution.application.open_records import Opener
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.application.told_ports import CONSENT, TRAIT, ToldStore
from identity_resolution.domain.consents import words
from identity_resolution.domain.traits import Trait, traits

log = structlog.get_logger()


class ConsentLedger(NamedTuple):
    """All entries of one profile, the latest first, and the merges that led to it."""

    profile_id: str
    words: list[Word]
    joined: list[Joined]

    def standing(self, channel: str, class_: str) -> Standing:
        """Whether messages of a class may go out on a channel, and the word that says so."""
        return standing(self.words, self.joined, channel, class_)


class Ledgers:
    """Reads what events told; any replica may. Whose an event is follows from the graph of the instant asked about."""

    def __init__(
        self, store: ToldStore, past: LookBack, rulebook: Rulebook, opener_for: Callable[[str], Opener]
    ) -> None:
        """`opener_for` opens with what a caller may open: the access token is the caller's own."""
        self._store = store
        self._past = past
        self._rulebook = rulebook
        self._opener_for = opener_for

    async def traits(
        self, tenant: str, profile_id: str, when: Instant, *, access_token: str | None = None
    ) -> list[Trait]:
        """The traits of a profile, by name; sealed ones are opened if the access token (None: do not) allows it.

        Raises NotFound (NO_SUCH_PROFILE), Unavailable (no keys can be had), Refused (the token opens nothing).
        """
        events = await self._told(TRAIT, await self._past.around(tenant, profile_id, when), when)
        rules = self._rulebook.traits(tenant)
        if access_token is None:
            return traits(events, rules)
        opener = self._opener_for(access_token)
        await opener.fetch({event.key_id for event in events if event.sealed})
        log.info("traits.opened", tenant=tenant, profile_id=profile_id, events=len(events))
        return traits(events, rules, opener.field)

    async def consents(self, tenant: str, profile_id: str, when: Instant) -> ConsentLedger:
        """What a profile consents to. Raises NotFound (NO_SUCH_PROFILE)."""
        around = await self._past.around(tenant, profile_id, when)
        found = [
            word_of(told)._replace(profile_id=_teller(event, around))
            for event in await self._told(CONSENT, around, when)
            for told in words(event)
        ]
        came = await self._store.came([one for one in around.own_ids if one != around.profile_id], when.known_at)
        joined = [Joined(one.as_of, one.own_id, one.profile_id) for one in came if one.profile_id == around.profile_id]
        return ConsentLedger(around.profile_id, sorted(found, reverse=True), sorted(joined))

    async def _told(self, kind: str, around: Around, when: Instant) -> list[Event]:
        own_ids = {node.own_id for node in around.graph.nodes.values()} | {around.profile_id}
        events = await self._store.told(kind, own_ids, when.as_of, when.known_at)
        return [event for event in events if around.graph.look_up(event).profile_id == around.profile_id]


def _teller(event: Event, around: Around) -> str:
    """The profile a word was told of, if it is part of this one; what left another by a split was its own all along."""
    return event.profile_id if event.profile_id in around.own_ids else around.profile_id
