"""What matching suggests and people decide."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple, Protocol

from cairn_kernel.errors import Invalid, NotFound, Refused
from cairn_kernel.event import Identifier
from identity_resolution.application.find_profile import ProfileFinder, is_uuid
from identity_resolution.application.make_statements import MOST_IDENTIFIERS, Said, StatementMaker
from identity_resolution.application.ports import IdentityStore
from identity_resolution.domain.commands import Answer
from identity_resolution.domain.matching import Told
from identity_resolution.domain.statements import Kind, Statement

PAGE: Final = 50
LARGEST_PAGE: Final = 500
OPEN: Final = "open"
STATES: Final = (OPEN, "accepted", "rejected", "joined")


class Review(NamedTuple):
    """Two identifiers that may be of one person."""

    id: str
    state: str
    """One of STATES."""
    profile_ids: tuple[str, str]
    identifiers: tuple[Identifier, Identifier]
    bits: float
    told: tuple[Told, ...]
    refusal: str
    """Why the link did not join by itself though it is sure enough."""
    since: int
    """µs."""
    decided: Statement | None


class After(NamedTuple):
    """The last review of a page."""

    bits: float
    id: str


class ReviewStore(Protocol):
    """Reads reviews."""

    async def reviews(
        self, tenant: str, states: Collection[str], least_bits: float, after: After | None, limit: int
    ) -> list[Review]:
        """The surest first."""
        ...

    async def review(self, tenant: str, id: str) -> Review | None:
        """One of them; None if matching never suggested it, or does not any more."""
        ...


class ReviewDesk:
    """Any replica lists reviews and takes decisions in; the owner of the graph obeys them."""

    def __init__(
        self, reviews: ReviewStore, store: IdentityStore, finder: ProfileFinder, maker: StatementMaker
    ) -> None:
        self._reviews = reviews
        self._store = store
        self._finder = finder
        self._maker = maker

    async def list(
        self, tenant: str, state: str, least_bits: float, page_size: int, page_token: str
    ) -> tuple[Sequence[Review], str]:
        """A page of reviews (all states if none is given) and the token of the next. Raises Invalid (FIELD_FORMAT)."""
        limit = min(page_size if page_size > 0 else PAGE, LARGEST_PAGE)
        states = [state] if state else STATES
        found = await self._reviews.reviews(tenant, states, least_bits, _after(page_token), limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        return found[:limit], f"{last.bits!r}:{last.id}" if last else ""

    async def decide(
        self, tenant: str, request_id: str, review_id: str, author: str, reason: str, *, accept: bool
    ) -> Answer:
        """Say that both are one person, or two.

        Raises NotFound (NO_SUCH_REVIEW), Refused (REVIEW_CLOSED), and what StatementMaker.make does.
        """
        answered = await self._store.answered(tenant, request_id) if request_id else None
        if answered is not None:
            return answered
        review = await self._reviews.review(tenant, review_id)
        if review is None:
            raise NotFound("matching suggests nothing under this id", reason="NO_SUCH_REVIEW")
        if review.state != OPEN:
            raise Refused(f"it is {review.state}", reason="REVIEW_CLOSED", state=review.state)
        if accept:
            left, right = review.identifiers
            said = Said(Kind.SAME, [left], [right], author, reason, None)
        else:
            sides = [await self._finder.get(tenant, profile_id) for profile_id in review.profile_ids]
            ours, theirs = (side.identifiers[:MOST_IDENTIFIERS] for side in sides)
            said = Said(Kind.NOT_SAME, ours, theirs, author, reason, None)
        return await self._maker.make(tenant, request_id, said, review_id=review_id)


def _after(token: str) -> After | None:
    if not token:
        return None
    bits, _, id = token.partition(":")
    try:
        last = After(float(bits), id)
    except ValueError:
        last = None
    if last is None or not is_uuid(id):
        raise Invalid("no answer gave this page_token", reason="FIELD_FORMAT", field="page_token")
    return last
