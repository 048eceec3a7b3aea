"""What the journey engine says, decisioning understands: the retail example from first basket to decision."""

from pathlib import Path

from cairn_decisions.catalogue import catalogue_of
from cairn_journey import JourneyDomain, Programmes, load_directory
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.time import DAY

from .scene import PROFILE, T0, Profile

RETAIL = load_directory(Path(__file__).parents[3] / "deploy/examples/retail")


def journeys(*events: Event, upto: int) -> list[Event]:
    programmes = Programmes()
    programmes.activate("default", RETAIL)
    engine = JourneyDomain(programmes)
    state = engine.initial("default", PROFILE)
    facts: list[Event] = []
    for event in events:
        new, state = engine.handle(state, event)
        facts += new
    return facts + engine.tick(state, upto)[0]


def customer(type: str, day: int, **more: object) -> Event:
    at = T0 + day * DAY
    return Event(
        **{"id": stable_id(type, day), "tenant": "default", "type": type, "event_time": at, "as_of": at}  # type: ignore[arg-type]
        | {"profile_id": PROFILE, **more}
    )


def test_a_households_journeys_lead_to_decisions_under_the_programme_they_ran_under() -> None:
    told = journeys(
        customer(
            "profile.identified",
            0,
            data={"locale": "de", "kids_count": "2"},
            sealed={"email": b"ciphertext"},
            key_id="key-1",
        ),
        customer("basket.purchased", 0, data={"amount": 25.5, "currency": "USD"}),
        upto=T0 + 60 * DAY,
    )
    ada = Profile(RETAIL)
    moments = [item for item in told if item.type == "journey.moment_reached"]
    decisions = {item["intervention"]: item for item in map(ada.when, moments)}
    assert {name: (item["reason"], (item["chosen"] or {}).get("action")) for name, item in decisions.items()} == {
        "welcome": ("CHOSEN", "welcome"),
        "second-basket": ("CHOSEN", "second-basket-coupon"),
        "miss-you": ("NOT_ELIGIBLE", None),
        "offer": ("CHOSEN", "last-call"),
    }
    assert decisions["welcome"]["locale"] == "de"
    assert decisions["welcome"]["chosen"]["contact"] == {
        "sealed": "Y2lwaGVydGV4dA==",
        "key_id": "key-1",
        "field": "email",
    }
    assert {item.definition_version for item in ada.stream} == {catalogue_of(RETAIL).version}
