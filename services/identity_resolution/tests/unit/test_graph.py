"""What one event teaches the graph."""

import pytest

from cairn_kernel.ids import stable_id
from identity_resolution.domain.elements import SUPPORT_COUNTED, Refusal
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.rules import NamespaceRule, Rules

from .evidence import named, seen


def profile(founder: str) -> str:
    identifier = named(founder)
    return stable_id("profile", "default", identifier.namespace, identifier.token)


@pytest.fixture
def graph() -> IdentityGraph:
    return IdentityGraph("default", Rules())


def test_an_anonymous_visitor_is_a_profile_of_its_own(graph: IdentityGraph) -> None:
    assert graph.resolve(seen(1, "anonymous_id:a")) == (profile("anonymous_id:a"), (), (), ())


def test_a_log_in_keeps_the_profile_that_was_there_first(graph: IdentityGraph) -> None:
    graph.resolve(seen(1, "anonymous_id:a"))
    resolution = graph.resolve(seen(2, "user_id:u", "anonymous_id:a"))
    assert resolution.profile_id == profile("anonymous_id:a")
    assert resolution.merges == ()


def test_two_profiles_that_meet_are_merged_into_the_older(graph: IdentityGraph) -> None:
    graph.resolve(seen(1, "card:c"))
    graph.resolve(seen(2, "user_id:u"))
    resolution = graph.resolve(seen(3, "user_id:u", "card:c"))
    assert resolution.profile_id == profile("card:c")
    assert resolution.merges == ((profile("user_id:u"), profile("card:c")),)
    assert graph.survivor(profile("user_id:u")) == profile("card:c")


def test_one_event_may_merge_several_profiles(graph: IdentityGraph) -> None:
    for at, identifier in enumerate(("email:e", "card:c", "user_id:u"), start=1):
        graph.resolve(seen(at, identifier))
    resolution = graph.resolve(seen(9, "user_id:u", "email:e", "card:c"))
    assert set(resolution.merges) == {
        (profile("card:c"), profile("email:e")),
        (profile("user_id:u"), profile("email:e")),
    }


def test_known_identifiers_teach_nothing_but_support(graph: IdentityGraph) -> None:
    graph.resolve(seen(1, "user_id:u", "card:c"))
    graph.take_changes()
    assert graph.resolve(seen(2, "user_id:u", "card:c")).profile_id == profile("user_id:u")
    changes = graph.take_changes()
    assert changes.nodes == []
    assert [link.pair for link in changes.links] == [(named("user_id:u"), named("card:c"))]


def test_support_is_counted_until_it_tells_nothing_more(graph: IdentityGraph) -> None:
    for at in range(1, SUPPORT_COUNTED + 1):
        graph.resolve(seen(at, "user_id:u", "card:c"))
    assert graph.links[named("user_id:u"), named("card:c")].support == SUPPORT_COUNTED
    graph.take_changes()
    graph.resolve(seen(SUPPORT_COUNTED + 1, "user_id:u", "card:c"))
    assert graph.take_changes() == ([], [], [])


def test_two_users_never_become_one_over_a_shared_device(graph: IdentityGraph) -> None:
    graph.resolve(seen(1, "user_id:u", "anonymous_id:tablet"))
    resolution = graph.resolve(seen(2, "user_id:v", "anonymous_id:tablet"))
    assert resolution.profile_id == profile("user_id:v")
    refused = graph.links[named("user_id:v"), named("anonymous_id:tablet")]
    assert refused.refusal == Refusal.CARDINALITY
    assert graph.resolve(seen(3, "anonymous_id:tablet")).profile_id == profile("user_id:u")


def test_older_evidence_that_comes_late_renames_by_a_merge(graph: IdentityGraph) -> None:
    graph.resolve(seen(5, "user_id:u", "anonymous_id:a"))
    resolution = graph.resolve(seen(1, "anonymous_id:a"))
    assert resolution.merges == ((profile("user_id:u"), profile("anonymous_id:a")),)


def test_late_evidence_may_take_an_identifier_away_and_says_so(graph: IdentityGraph) -> None:
    graph.resolve(seen(5, "user_id:u", "anonymous_id:tablet"))
    graph.resolve(seen(4, "user_id:v"))
    resolution = graph.resolve(seen(2, "user_id:v", "anonymous_id:tablet"))
    assert graph.resolve(seen(6, "anonymous_id:tablet")).profile_id == profile("user_id:v")
    assert resolution.splits == ((profile("user_id:u"), profile("user_id:v")),)


def test_our_own_outcomes_find_the_survivor_and_are_no_evidence(graph: IdentityGraph) -> None:
    graph.resolve(seen(1, "card:c"))
    graph.resolve(seen(2, "user_id:u"))
    graph.resolve(seen(3, "user_id:u", "card:c"))
    graph.take_changes()
    outcome = seen(4, f"cairn_profile:{profile('user_id:u')}", type="delivery.sent")
    assert graph.resolve(outcome).profile_id == profile("card:c")
    assert graph.take_changes() == ([], [], [])


def test_an_event_that_nobody_is_named_in_stands_alone(graph: IdentityGraph) -> None:
    event = seen(1, id="e1")
    assert graph.resolve(event).profile_id == stable_id("profile", "default", "event", "e1")


def test_a_blocked_identifier_links_nothing_and_does_not_own_the_event() -> None:
    graph = IdentityGraph("default", Rules(), {named("email:everybody")})
    first = graph.resolve(seen(1, "email:everybody", "anonymous_id:a"))
    second = graph.resolve(seen(2, "email:everybody", "anonymous_id:b"))
    assert (first.profile_id, second.profile_id) == (profile("anonymous_id:a"), profile("anonymous_id:b"))
    assert {link.refusal for link in graph.links.values()} == {Refusal.BLOCKED}


def test_only_the_earliest_links_of_an_identifier_into_a_namespace_count() -> None:
    limits = {"user_id": NamespaceRule(1, at_most=1, fan_out=2), "anonymous_id": NamespaceRule(5, 9, 9)}
    graph = IdentityGraph("default", Rules(limits=limits))
    for at, user in enumerate("pqrst", start=1):
        graph.resolve(seen(at, f"user_id:{user}", "anonymous_id:kiosk"))
    kiosk = graph.nodes[named("anonymous_id:kiosk")]
    assert [link.pair[0].token for link in kiosk.links.values()] == ["p", "q"]
    assert graph.links[named("user_id:t"), named("anonymous_id:kiosk")].refusal == Refusal.FAN_OUT


def test_a_crowd_is_cut_at_its_most_linked_identifier() -> None:
    graph = IdentityGraph("default", Rules(component_cap=6))
    blocked = [
        identifier
        for n in range(8)
        for identifier in graph.resolve(seen(n + 1, f"user_id:{n}", "email:shared")).blocked
    ]
    assert blocked == [named("email:shared")]
    assert graph.take_changes().blocked == blocked
    assert graph.resolve(seen(20, "user_id:3", "email:shared")).profile_id == profile("user_id:3")
    assert max(len(node.cluster.nodes) for node in graph.nodes.values()) == 1


def test_the_cap_bounds_what_one_event_costs() -> None:
    graph = IdentityGraph("default", Rules(component_cap=50))
    for n in range(400):  # a chain: each household shares a card with the next
        graph.resolve(seen(n + 1, f"user_id:{n}", f"card:{n}"))
        graph.resolve(seen(n + 1, f"user_id:{n + 1}", f"card:{n}"))
    assert max(len(node.cluster.nodes) for node in graph.nodes.values()) <= 50
