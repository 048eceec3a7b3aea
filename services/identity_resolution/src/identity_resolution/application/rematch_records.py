"""Compares stored records anew after the rules of matching changed, a page at a time in the order of their ids.

A pair of the former round counts until both of its records have had their turn, and in that very transaction gives way
to what the new round says of the two: what both rounds say never parts in between.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from cairn_kernel.event import Event
from identity_resolution.application import metrics
from identity_resolution.application.match_records import NOTHING, Compared, Found, Keying, RecordMatcher, count
from identity_resolution.application.open_records import Opener
from identity_resolution.application.record_ports import RecordChanges, RecordStore, Suggestion
from identity_resolution.domain.candidates import Ends, Pairs
from identity_resolution.domain.matching import Round, Suggested, suggestion_id

FIRST_RECORD: Final = -(1 << 63)
"""Before the first id."""


class Page(NamedTuple):
    """What a page of records suggests, and how far it goes."""

    found: Found
    upto: int | None
    """Id of its last record; None if there was none left."""
    changes: RecordChanges


async def rematch(
    store: RecordStore,
    opener: Opener,
    matcher: RecordMatcher | None,
    former: Round | None,
    secret: Callable[[str], bytes],
    cause: Event,
    after: int,
    limit: int,
) -> Page:
    """The next page by `matcher`, or without one, when links by score let go. Raises Unavailable."""
    tenant = cause.tenant
    page = await store.page(tenant, after, limit)
    if not page:
        return Page(NOTHING, None, RecordChanges((), (), (), ()))
    upto = page[-1].id
    await opener.fetch({one.key_id for one in page})
    opened = [(one, values) for one in page if (values := opener.values(one)) is not None]
    if matcher is None:
        compared = Compared([], [], [], [one.id for one, _ in opened])
    else:
        compared = await matcher.again(opened, cause)
    erased = {one.id for one in page}.difference(one.id for one, _ in opened)
    worn = await store.pairs_upto([*compared.waiting, *erased], upto)
    touched: set[Ends] = {pair.ends for pair in (*worn, *compared.pairs)}
    if compared.deaths:
        touched |= await store.pairs_among({member for death in compared.deaths for member in death.members})
    pairs = Pairs(await store.pairs(touched) if touched else ())
    for pair in worn:
        pairs.drop(pair)
    for pair in compared.pairs:
        pairs.add(pair)
    for death in compared.deaths:
        pairs.bury(death)
    suggestions: list[Suggestion] = []
    suggested: list[Suggested] = []
    for ends in sorted(touched):
        best = pairs.best(ends)
        weight = matcher.weight(best) if matcher is not None else None
        suggestions.append(Suggestion(suggestion_id(tenant, ends), tenant, ends, best, weight is not None, cause.as_of))
        suggested.append(Suggested(ends, weight))
    keying = Keying(former, secret) if former is not None else None
    gone = {key for _, values in opened for key in keying.of(values) if key} if keying is not None else set()
    count(suggestions)
    metrics.DEAD_LISTS.inc(len(compared.deaths))
    metrics.REMATCHED.inc(len(page))
    return Page(
        Found({cause.id: suggested}, await store.seen(touched) if touched else set()),
        upto,
        RecordChanges((), compared.changed, pairs.changed(), suggestions, sorted(gone)),
    )
