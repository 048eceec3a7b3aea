from collections.abc import Callable
from typing import Any

import pytest

from cairn_journey import Programme, load_text
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.time import DAY, parse_instant

PROGRAMME = """
kind: Connector
name: email
channel: email
contact: email
rates: {per_second: 1000, in_flight: 5}
---
kind: Connector
name: webhook
channel: webhook
recipient: call-list
---
kind: Template
name: hello
channel: email
default: en
subject: {en: "Hello", de: "Hallo"}
body:
  en: "{% if event.amount %}You spent {{ event.amount }}.{% else %}Hello.{% endif %}"
  de: "Hallo aus {{ profile.city }}."
---
kind: Template
name: call
channel: webhook
body: '{"spent": "{{ features.spent }}"}'
---
kind: Action
name: greet
class: marketing
treatments: [{channel: email, template: hello}]
---
kind: Action
name: receipt
class: service
treatments: [{channel: email, template: hello}]
---
kind: Action
name: call
class: marketing
treatments: [{channel: webhook, template: call}]
---
kind: ContactPolicy
name: default
quiet_hours: {from: "21:00", to: "08:00", zone: customer}
"""

NOON = parse_instant("2017-03-01T12:00:00Z")


@pytest.fixture(scope="session")
def programme() -> Programme:
    return load_text(PROGRAMME)


@pytest.fixture
def decide(programme: Programme) -> Callable[..., Event]:
    """Make a decision that chose an action; keyword arguments change it."""

    def make(
        number: int = 1,
        *,
        at: int = NOON,
        profile: str = "anna",
        action: str = "greet",
        locale: str = "en",
        traits: dict[str, Any] | None = None,
        event: dict[str, Any] | None = None,
        contact: dict[str, str] | None = None,
        chosen: bool = True,
        historical: bool = False,
        expires_in: int = DAY,
    ) -> Event:
        definition = programme.actions[action]
        treatment = definition.treatments[0]
        profile_id = stable_id("profile", profile)
        return Event(
            id=stable_id("decision", profile, number),
            tenant="default",
            type="decision.made",
            event_time=at,
            as_of=at,
            source="decisioning",
            profile_id=profile_id,
            historical=historical,
            definition_version=programme.version,
            data={
                "moment_id": stable_id("moment", profile, number),
                "journey": "onboarding",
                "instance_id": stable_id("instance", profile),
                "intervention": "greet",
                "step": "0",
                "chosen": {
                    "action": action,
                    "class": definition.class_,
                    "channel": treatment.channel,
                    "treatment": 0,
                    "template": treatment.template,
                    "value": "1",
                    "currency": "USD",
                    "contact": {"sealed": "AAAA", "key_id": stable_id("key", profile), "field": "email"}
                    if contact is None
                    else contact,
                }
                if chosen
                else None,
                "reason": "CHOSEN" if chosen else "NO_CANDIDATE",
                "candidates": [],
                "context": {"traits": traits or {}, "features": {"spent": 7}, "stage": "", "event": event or {}},
                "locale": locale,
                "expires_at": at + expires_in,
            },
        )

    return make
