"""Given a profile's past and a programme, when a moment comes, then this is decided."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from cairn_decisions.catalogue import catalogue_of
from cairn_decisions.facts import ProfileState
from cairn_decisions.profile import DecisioningDomain, OneCatalogue
from cairn_journey import Programme
from cairn_journey.language.model import Action, Connector, ContactPolicy, Money, Treatment
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.time import DAY, parse_instant

WEEK = 7 * DAY
T0 = parse_instant("2017-03-01T12:00:00Z")
PROFILE = stable_id("profile", "ada")
SEALED = {"sealed": "c2VhbGVk", "key_id": "k1", "field": "email"}


def action(name: str = "coupon-10", *, channels: tuple[str, ...] = ("email",), value: str = "", **more: Any) -> Action:
    return Action(
        **{
            "name": name,
            "class_": "marketing",
            "treatments": tuple(Treatment(channel, f"{name}-{channel}") for channel in channels),
            "tags": ("coupon",),
            "value": Money(Decimal(value), "EUR") if value else None,
            **more,
        }
    )


def programme(*actions: Action, policy: ContactPolicy | None = None) -> Programme:
    webhook = Connector("crm", "webhook", recipient="https://crm.example/in")
    return Programme([*actions, webhook, *([policy] if policy else [])], [])


def event(type: str, at: int, data: dict[str, Any], **more: Any) -> Event:
    return Event(
        **{
            "id": stable_id("test", type, at, repr(sorted(data.items()))),
            "tenant": "default",
            "type": type,
            "event_time": at,
            "as_of": at,
            "profile_id": PROFILE,
            "data": data,
            **more,
        }
    )


def moment(
    name: str = "m1",
    at: int = T0,
    *,
    actions: Iterable[str] | None = None,
    tag: str = "coupon",
    contacts: Iterable[str] = ("email",),
    **more: Any,
) -> Event:
    expires_at = more.pop("expires_at", None)
    context = {
        "traits": more.pop("traits", {}),
        "features": more.pop("features", {}),
        "stage": more.pop("stage", "lapsing"),
        "event": more.pop("event", {}),
    }
    return event(
        "journey.moment_reached",
        at,
        {
            "moment_id": stable_id("moment", name),
            "journey": "win-back",
            "instance_id": stable_id("instance", "ada"),
            "intervention": "offer",
            "step": "0",
            "actions": {"names": list(actions)} if actions is not None else {"tag": tag},
            "context": context,
            "contacts": {channel: {**SEALED, "field": channel} for channel in contacts},
            "locale": "de-DE",
            **({"expires_at": expires_at} if expires_at else {}),
        },
        **more,
    )


def consent(at: int, *, granted: bool, channel: str = "email", class_: str = "marketing", **more: Any) -> Event:
    return event("consent.changed", at, {"channel": channel, "class": class_, "granted": granted}, **more)


def outcome(status: str, at: int, **data: Any) -> Event:
    return event(
        f"delivery.{status}",
        at,
        {"delivery_id": stable_id("delivery", at), "channel": "email", "action": "coupon-10", **data},
    )


class Profile:
    """One profile's stream, driven by inputs."""

    def __init__(self, programme: Programme, profile_id: str = PROFILE) -> None:
        self.domain = DecisioningDomain(OneCatalogue(catalogue_of(programme)))
        self.state: ProfileState = self.domain.initial("default", profile_id)
        self.stream: list[Event] = []

    def given(self, *inputs: Event) -> "Profile":
        for item in inputs:
            self.when(item)
        return self

    def when(self, item: Event) -> dict[str, Any]:
        facts, self.state = self.domain.handle(self.state, item)
        self.stream += facts
        return facts[-1].data if facts else {}


def decided(item: Event, *actions: Action, policy: ContactPolicy | None = None) -> dict[str, Any]:
    return Profile(programme(*actions, policy=policy)).when(item)


def gate(decision: dict[str, Any], name: str, candidate: int = 0) -> dict[str, Any]:
    return next(said for said in decision["candidates"][candidate]["gates"] if said["gate"] == name)
