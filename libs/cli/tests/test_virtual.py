"""Customers who live in process are treated as the services treat them: moments that late events withdraw."""

import pytest
from libs.cli.tests.recorded import CATALOGUE, WIN_BACK, basket, known

from cairn_journey import load_text
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.time import DAY
from journeyctl.virtual.customer import Customer
from journeyctl.virtual.world import World

ID = stable_id("profile", 1)
QUIET = CATALOGUE.replace("per: 7d}]", 'per: 40d}], quiet_hours: {from: "00:00", to: "23:00", zone: UTC}')
"""Whoever lapses at midnight hears of it in the last hour of the day."""


def customer_who_lapsed() -> Customer:
    """Bought last on day 1 as far as is known at the beginning of day 31, and is to get a message in its evening."""
    customer = Customer(World(load_text(WIN_BACK + "lateness: 5d\n" + QUIET)), ID)
    customer.take(known(ID, 1))
    customer.take(basket(ID, 1))
    customer.advance(31 * DAY)
    return customer


def late(day: float, came_in: float) -> Event:
    plain = basket(ID, came_in)
    fields = {name: getattr(plain, name) for name in plain.__struct_fields__}
    return Event(**fields | {"event_time": round(day * DAY)})


def told(customer: Customer, type: str) -> list[tuple[float, str]]:
    return [(fact.as_of / DAY, fact.data.get("reason", "")) for fact in customer.log if fact.type == type]


def test_what_is_withdrawn_in_time_is_not_sent_and_its_contact_does_not_count() -> None:
    customer = customer_who_lapsed()
    customer.take(late(29, came_in=31.5))
    assert told(customer, "decision.withdrawn") == [(31.5, "")]
    assert told(customer, "delivery.suppressed") == [(31.5, "WITHDRAWN")]
    customer.advance(32 * DAY)
    assert told(customer, "delivery.sent") == []
    assert customer.ledger.ledger.counted() == ()


def test_what_has_gone_out_counts_on_although_its_moment_is_withdrawn() -> None:
    customer = customer_who_lapsed()
    customer.take(late(29, came_in=32))
    assert told(customer, "decision.withdrawn") == [(32, "")]
    assert told(customer, "delivery.sent") == [(31 + 23 / 24, "")]
    assert told(customer, "delivery.suppressed") == []
    assert len(customer.ledger.ledger.counted()) == 1


@pytest.mark.parametrize(("came_in", "chosen"), [(31.5, ["come-back", "come-back"]), (32, ["come-back", None])])
def test_the_caps_let_another_message_out_only_if_the_first_was_kept_back(
    came_in: float, chosen: list[str | None]
) -> None:
    customer = customer_who_lapsed()
    customer.take(late(29, came_in))
    customer.advance(60 * DAY)
    decided = [fact.data["chosen"] for fact in customer.log if fact.type == "decision.made"]
    assert [one and one["action"] for one in decided] == chosen
