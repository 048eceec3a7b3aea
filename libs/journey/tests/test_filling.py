"""Features that are new say what they would have said had they been kept all along."""

from hypothesis import given, settings

from cairn_journey import canonical_state, load_text
from cairn_kernel.event import DEFINITION_ACTIVATED, Event
from cairn_kernel.time import DAY

from .scenario import CATALOGUE, Customer, bought, event, lives

PLAIN = "kind: Journey\nname: j\nentry: [{on: a.b}]\ngoal: {on: c.d}\n"
COUNTING = PLAIN + (
    "features:\n"
    "  baskets_30d: {count: basket.purchased, window: 30d}\n"
    "  spent: {sum: basket.purchased, of: amount, where: event.amount > 1.0}\n"
    "  idle: {idle: page.viewed}\n"
)
RICH = (
    COUNTING
    + """
---
kind: Audience
name: buyers
features: {baskets: {count: basket.purchased}}
when: baskets >= 2
---
kind: Journey
name: thanks
entry: [{audience: buyers}]
goal: {on: c.d}
"""
)


def filled(customer: Customer, text: str, day: float) -> Customer:
    """Another programme comes into force, and the customer is visited with their stream at hand."""
    programmes = customer.domain.programmes
    before = programmes.active("default")
    compiled = programmes.activate("default", load_text(text + CATALOGUE))
    at, data = round(day * DAY), {"version": compiled.version, "previous": before.version if before else ""}
    control = Event(id=f"c{day}", tenant="default", type=DEFINITION_ACTIVATED, event_time=at, as_of=at, data=data)
    customer.new = []
    history = customer.stream if customer.domain.wants_history(customer.state, control) else ()
    customer._take(customer.domain.walk(customer.state, control, history))
    return customer


@settings(max_examples=60)
@given(lives())
def test_they_say_what_they_would_have_said(life: list[Event]) -> None:
    late = filled(Customer(PLAIN).when(*life), COUNTING, 500)
    always = Customer(COUNTING).when(*life)
    assert late.state.features == always.state.features
    assert canonical_state(late.domain.fold(late.domain.initial("default", "p1"), late.stream)) == canonical_state(
        late.state
    )


def test_they_are_told_by_one_fact_before_anything_that_reads_them() -> None:
    customer = filled(Customer(PLAIN).when(bought(1), bought(2)), RICH, 3)
    assert [fact.type for fact in customer.new] == [
        "profile.features_filled",
        "profile.armed",
        "audience.joined",
        "journey.entered",
    ]


def test_they_go_on_from_there() -> None:
    customer = filled(Customer(PLAIN).when(bought(1)), COUNTING, 3).when(bought(4))
    kept = {key: value for key, value in customer.state.features.items() if key.startswith("sum")}
    assert [str(value.total) for value in kept.values()] == ["20.0"]  # type: ignore[union-attr]


def test_a_stream_is_asked_for_only_if_there_is_something_new() -> None:
    customer = Customer(COUNTING).when(bought(1))
    assert filled(customer, COUNTING + "owner: crm\n", 2).new == []
    compiled = customer.domain.programmes.activate("default", load_text(COUNTING + "owner: x\n" + CATALOGUE))
    data = {"version": compiled.version, "previous": compiled.version}
    same = Event(id="c", tenant="default", type=DEFINITION_ACTIVATED, event_time=0, as_of=0, data=data)
    assert not customer.domain.wants_history(customer.state, same)


def test_nothing_is_told_of_those_of_whom_there_is_nothing_to_tell() -> None:
    assert filled(Customer(PLAIN).when(event("x.y", 1)), COUNTING, 3).new == []
