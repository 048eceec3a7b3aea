"""What becomes of two instances of one journey when their customers turn out to be one."""

import pytest

from cairn_journey import DefinitionFaults, JourneyDomain, Programmes, counts, load_text
from cairn_journey.engine.facts import MOMENT_REACHED, UNITED
from cairn_kernel.time import DAY

from .scenario import CATALOGUE, Customer, bought, event, types

HELP = """
kind: Journey
name: help
entry: [{on: ticket.opened}]
reentry: always
goal: {on: ticket.solved, within: 100d}
stages:
  - {name: asked, on: ticket.opened}
  - {name: answered, on: ticket.answered}
interventions:
  - name: ask
    trigger: {on: ticket.answered}
    steps:
      - wait: {for: 10d}
      - decide: {actions: [reminder-email]}
  - name: greet
    trigger: {on: ticket.opened}
    steps:
      - decide: {actions: [reminder-email]}
merge: RULE
"""


def pair(rule: str) -> tuple[Customer, Customer]:
    ada = Customer(HELP.replace("RULE", rule), profile_id="ada")
    return ada, Customer(profile_id="bob", domain=ada.domain)


def joined(rule: str) -> tuple[Customer, list[str]]:
    """Bob's instance is the older one and waits since day 3; Ada's is younger. One from day 5 on."""
    ada, bob = pair(rule)
    bob.when(event("ticket.opened", 1), event("ticket.answered", 3))
    ada.when(event("ticket.opened", 2))
    ids = [one.state.open["help"].instance_id for one in (ada, bob)]
    ada.unites_with(bob, 5)
    return ada, ids


def decisions(customer: Customer) -> list[float]:
    return [fact.as_of / DAY for fact in customer.stream if fact.type == MOMENT_REACHED]


def test_furthest_goes_on_where_the_events_of_both_lead() -> None:
    ada, _ = joined("furthest")
    (instance,) = ada.state.open.values()
    assert (instance.stage, instance.entered / DAY) == ("answered", 1)
    assert decisions(ada.until(20)) == [2, 13]
    assert counts(ada.state)["help"].entered == 1


def test_oldest_keeps_the_one_entered_first_as_it_is() -> None:
    ada, (hers, his) = joined("oldest")
    (instance,) = ada.state.open.values()
    assert (instance.instance_id, instance.stage) == (his, "answered")
    told = counts(ada.state)["help"]
    assert (told.entered, told.exited, told.in_flight) == (2, 1, 1)
    (fact,) = [fact for fact in ada.stream if fact.type == UNITED]
    assert fact.data["journeys"]["help"] == {"rule": "oldest", "kept": [his], "ended": [hers]}
    assert ada.state.records["help"].past[-1].exit_reason == "merged"
    assert decisions(ada.until(20)) == [2, 13]


def test_a_wait_of_the_one_that_ends_goes_on_in_the_other() -> None:
    ada, bob = pair("oldest")
    ada.when(event("ticket.opened", 1))
    bob.when(event("ticket.opened", 2), event("ticket.answered", 3))
    ada.unites_with(bob, 5).until(20)
    assert decisions(ada) == [1, 13]


def test_a_wait_for_what_the_other_has_seen_to_since_does_not_go_on() -> None:
    ada, bob = pair("oldest")
    ada.when(event("ticket.opened", 1), event("ticket.answered", 4))
    bob.when(event("ticket.opened", 2), event("ticket.answered", 3))
    ada.until(14.5).unites_with(bob, 14.6)
    assert ada.until(40).said() == []


def test_both_go_on_side_by_side_and_one_event_concerns_both() -> None:
    ada, (hers, his) = joined("both")
    assert set(ada.state.open) == {"help", f"help/{his[:8]}"}
    assert {one.instance_id for one in ada.state.open.values()} == {hers, his}
    ada.when(event("ticket.answered", 6)).until(30)
    assert decisions(ada) == [2, 13, 16]
    ada.when(event("ticket.solved", 31))
    assert ada.state.open == {}
    assert counts(ada.state)["help"].goal == 2


def test_restart_ends_both_and_begins_anew() -> None:
    ada, (hers, his) = joined("restart")
    (instance,) = ada.state.open.values()
    assert instance.instance_id not in (hers, his)
    assert (instance.entered / DAY, instance.stage, instance.occurrence) == (5, "", 3)
    told = counts(ada.state)["help"]
    assert (told.entered, told.exited, told.in_flight) == (3, 2, 1)
    assert decisions(ada.until(40)) == [2]


@pytest.mark.parametrize("rule", ["oldest", "both", "restart"])
def test_an_instance_that_only_one_is_in_goes_on_whatever_the_rule(rule: str) -> None:
    ada, bob = pair(rule)
    bob.when(event("ticket.opened", 1), event("ticket.answered", 3))
    his = bob.state.open["help"].instance_id
    ada.when(bought(2)).unites_with(bob, 5)
    (instance,) = ada.state.open.values()
    assert instance.instance_id == his
    assert decisions(ada.until(20)) == [13]


@pytest.mark.parametrize("rule", ["furthest", "oldest", "both", "restart"])
def test_a_merge_by_any_rule_can_be_taken_back(rule: str) -> None:
    ada, ids = joined(rule)
    bob = Customer(profile_id="bob", domain=ada.domain)
    ada.gives(bob, 6)
    assert [one.instance_id for one in ada.state.open.values()] != []
    assert types(ada.new) == ["profile.parted", "identity.split"]
    assert len(ids) == 2


def test_two_of_one_key_become_the_older_one() -> None:
    programmes = Programmes()
    keyed = HELP.replace("RULE", "both").replace("reentry", "key: event.ticket\nreentry")
    programmes.activate("default", load_text(keyed + CATALOGUE))
    domain = JourneyDomain(programmes)
    ada, bob = Customer(profile_id="ada", domain=domain), Customer(profile_id="bob", domain=domain)
    ada.when(event("ticket.opened", 1, ticket="t1"), event("ticket.opened", 1.5, ticket="t2"))
    bob.when(event("ticket.opened", 2, ticket="t2"), event("ticket.opened", 2.5, ticket="t3"))
    ada.unites_with(bob, 5)
    assert {slot: one.entered / DAY for slot, one in ada.state.open.items()} == {
        "help/t1": 1,
        "help/t2": 1.5,
        "help/t3": 2.5,
    }


def test_an_unknown_rule_is_a_fault_of_the_definition() -> None:
    with pytest.raises(DefinitionFaults) as refused:
        load_text(HELP.replace("RULE", "newest") + CATALOGUE)
    assert [fault.cure for fault in refused.value.faults] == ["did you mean oldest?"]
