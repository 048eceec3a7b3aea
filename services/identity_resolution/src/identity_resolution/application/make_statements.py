"""Takes in what people say, waits until the owner of the graph has done it, and tells what came of it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from cairn_journey.subjects.told import Told
from cairn_kernel.errors import Invalid, NotFound, Refused, Unavailable
from cairn_kernel.event import Identifier
from cairn_kernel.ids import stable_id
from identity_resolution.application.find_profile import ProfileFinder
from identity_resolution.application.ports import IdentityStore, StoredStatement
from identity_resolution.domain.commands import Answer, Command, Relate
from identity_resolution.domain.statements import Kind, Statement

MOST_IDENTIFIERS: Final = 500
MOST_CHARS: Final = 1_000
"""Longest author or reason."""
ASK_AGAIN_S: Final = 0.05
WAIT_S: Final = 20.0
"""How long an answer is waited for; the command is done even if nobody waits."""


class Said(NamedTuple):
    """What somebody says, before it is a statement."""

    kind: Kind
    left: Sequence[Identifier]
    right: Sequence[Identifier]
    author: str
    reason: str
    expires: int | None


class StatementMaker:
    """Any replica takes statements in; the owner of the graph obeys them."""

    def __init__(self, store: IdentityStore, finder: ProfileFinder, now: Callable[[], int]) -> None:
        self._store = store
        self._finder = finder
        self._now = now

    async def make(self, tenant: str, request_id: str, said: Said, review_id: str = "") -> Answer:
        """Raises Invalid (FIELD_REQUIRED, FIELD_FORMAT), Unavailable (NOT_DONE_YET)."""
        _require(said.left, "left")
        if said.kind in (Kind.SAME, Kind.NOT_SAME):
            _require(said.right, "right")
            if set(said.left) & set(said.right):
                raise Invalid("an identifier stands on both sides", reason="FIELD_FORMAT", field="right")
        _require_texts(said.author, said.reason, request_id)
        now = self._now()
        if said.expires is not None and said.expires <= now:
            raise Invalid("it would have expired already", reason="FIELD_FORMAT", field="expire_time")
        statement = Statement(
            id=stable_id("statement", tenant, request_id),
            kind=said.kind,
            left=tuple(said.left),
            right=tuple(said.right),
            author=said.author,
            reason=said.reason,
            at=now,
            expires=said.expires,
        )
        return await self._done(tenant, request_id, Command(state=statement, review_id=review_id), now)

    async def split(self, tenant: str, request_id: str, profile_id: str, said: Said) -> Answer:
        """Keep `left` apart from the rest of a profile.

        Raises NotFound (NO_SUCH_PROFILE), Refused (NOTHING_TO_SPLIT), and what `make` does.
        """
        answered = await self._store.answered(tenant, request_id)
        if answered is not None:
            return answered
        _require(said.left, "identifiers")
        profile = await self._finder.get(tenant, profile_id)
        moved = [one for one in profile.identifiers if one in set(said.left)]
        kept = [one for one in profile.identifiers if one not in set(said.left)]
        if not moved or not kept:
            raise Refused("the profile has none of these identifiers, or no others", reason="NOTHING_TO_SPLIT")
        return await self.make(tenant, request_id, said._replace(kind=Kind.NOT_SAME, left=moved, right=kept))

    async def withdraw(
        self, tenant: str, request_id: str, ids: Sequence[str], kind: Kind | None, about: Sequence[Identifier]
    ) -> Answer:
        """End statements. Raises NotFound (NO_SUCH_STATEMENT), Unavailable (NOT_DONE_YET)."""
        _require(request_id, "request_id")
        answered = await self._store.answered(tenant, request_id)
        if answered is not None:
            return answered
        if not ids:
            _require(about, "statement_ids or identifiers")
        held = [one.statement for one in await self._store.statements(tenant, about, MOST_IDENTIFIERS, ended=False)]
        found = [
            one.id
            for one in held
            if (one.id in ids if ids else set(about) <= set(one.concerned) and kind in (None, one.kind))
        ]
        if not found:
            raise NotFound("no statement in force says that", reason="NO_SUCH_STATEMENT")
        return await self._done(tenant, request_id, Command(withdraw=tuple(found)), self._now())

    async def list(self, tenant: str, about: Sequence[Identifier], limit: int, *, ended: bool) -> list[StoredStatement]:
        """Statements about any of these identifiers, or all, the latest first."""
        return await self._store.statements(tenant, about, min(limit or 100, 1_000), ended=ended)

    async def relate(self, tenant: str, request_id: str, member: Identifier, told: Told) -> Answer:
        """Relate a person to a subject, or end it. Raises what `make` does."""
        _require_texts(told.author, told.reason, request_id)
        if told.since is not None and told.until is not None and told.until <= told.since:
            raise Invalid("it would end before it begins", reason="FIELD_FORMAT", field="until_time")
        relate = Relate(id=stable_id("relation-statement", tenant, request_id), member=member, told=told)
        return await self._done(tenant, request_id, Command(relate=relate), self._now())

    async def _done(self, tenant: str, request_id: str, command: Command, now: int) -> Answer:
        await self._store.ask(tenant, request_id, command, now)
        try:
            async with asyncio.timeout(WAIT_S):
                while True:
                    answer = await self._store.answered(tenant, request_id)
                    if answer is not None:
                        return answer
                    await asyncio.sleep(ASK_AGAIN_S)
        except TimeoutError:
            raise Unavailable("it will be done; ask again under the same request_id", reason="NOT_DONE_YET") from None


def _require_texts(author: str, reason: str, request_id: str) -> None:
    for field, text in (("author", author), ("reason", reason), ("request_id", request_id)):
        _require(text, field)
        if len(text) > MOST_CHARS:
            raise Invalid(f"{field} is too long", reason="FIELD_FORMAT", field=field)


def _require(value: object, field: str) -> None:
    if not value:
        raise Invalid(f"{field} is required", reason="FIELD_REQUIRED", field=field)
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) > MOST_IDENTIFIERS:
        raise Invalid(f"more than {MOST_IDENTIFIERS} identifiers", reason="FIELD_FORMAT", field=field)
