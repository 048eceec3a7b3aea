"""Builders of events for these tests."""

from cairn_kernel.event import Event, Identifier


def seen(at: int, *identifiers: str, id: str = "", type: str = "page.viewed", **data: object) -> Event:
    """An event at a time (µs) with identifiers written as `namespace:token`."""
    return Event(
        id=id or f"{at}-{'+'.join(identifiers)}",
        tenant="default",
        type=type,
        event_time=at,
        as_of=at,
        identifiers=tuple(named(identifier) for identifier in identifiers),
        data=dict(data),
    )


def named(text: str) -> Identifier:
    namespace, _, token = text.partition(":")
    return Identifier(namespace, token)
