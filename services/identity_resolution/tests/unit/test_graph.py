"""What one event teaches the graph."""

import random
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from cairn_kernel.ids import stable_id
from cairn_kernel.time import DAY, HOUR
from identity_resolution.domain.devices import DeviceRules, SharedBy
from identity_resolution.domain.elements import SUPPORT_COUNTED, WEEK, Refusal
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.moves import Merged, Split
from identity_resolution.domain.refusing import rule_of
from identity_resolution.domain.resolution import Resolution
from identity_resolution.domain.rules import DEFAULT_LIMITS, NamespaceRule, Rules
from identity_resolution.domain.statements import Kind, Stated, Statement

from .evidence import named, seen


def profile(founder: str) -> str:
    identifier = named(founder)
    return stable_id("profile", "default", identifier.namespace, identifier.token)


FIRST = Rules(devices=DeviceRules(policy=SharedBy.FIRST))


def block(identifier: str) -> Statement:
    return Statement(id=identifier, kind=Kind.BLOCK, left=(named(identifier),), author="anna", reason="desk", at=0)


def said(kind: Kind, left: str, right: str) -> Statement:
    return Statement(
        id=f"{kind} {left}", kind=kind, left=(named(left),), right=(named(right),), author="anna", reason="call", at=0
    )


@pytest.fixture
def graph() -> IdentityGraph:
    return IdentityGraph("default", Rules())


def test_an_anonymous_visitor_is_a_profile_of_its_own(graph: IdentityGraph) -> None:
    assert graph.resolve(seen(1, "anonymous_id:a")) == Resolution(profile("anonymous_id:a"))


def test_a_log_in_keeps_the_profile_that_was_there_first(graph: IdentityGraph) -> None:
    graph.resolve(seen(1, "anonymous_id:a"))
    resolution = graph.resolve(seen(2, "user_id:u", "anonymous_id:a"))
    assert resolution.profile_id == profile("anonymous_id:a")
    assert resolution.moves == ()


def test_two_profiles_that_meet_are_merged_into_the_older(graph: IdentityGraph) -> None:
    graph.resolve(seen(1, "card:c"))
    graph.resolve(seen(2, "user_id:u"))
    resolution = graph.resolve(seen(3, "user_id:u", "card:c"))
    assert resolution.profile_id == profile("card:c")
    assert resolution.moves == (Merged(profile("user_id:u"), profile("card:c")),)
    assert graph.survivor(profile("user_id:u")) == profile("card:c")


def test_one_event_may_merge_several_profiles(graph: IdentityGraph) -> None:
    for at, identifier in enumerate(("email:e", "card:c", "user_id:u"), start=1):
        graph.resolve(seen(at, identifier))
    resolution = graph.resolve(seen(9, "user_id:u", "email:e", "card:c"))
    assert set(resolution.moves) == {
        Merged(profile("card:c"), profile("email:e")),
        Merged(profile("user_id:u"), profile("email:e")),
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
    assert not any(graph.take_changes())


def test_with_the_first_owner_rule_two_users_never_become_one_over_a_shared_device() -> None:
    graph = IdentityGraph("default", FIRST)
    graph.resolve(seen(1, "user_id:u", "anonymous_id:tablet"))
    resolution = graph.resolve(seen(2, "user_id:v", "anonymous_id:tablet"))
    assert resolution.profile_id == profile("user_id:v")
    refused = graph.links[named("user_id:v"), named("anonymous_id:tablet")]
    assert refused.refusal == Refusal.CARDINALITY
    assert graph.resolve(seen(3, "anonymous_id:tablet")).profile_id == profile("user_id:u")


def test_older_evidence_that_comes_late_renames_by_a_merge(graph: IdentityGraph) -> None:
    graph.resolve(seen(5, "user_id:u", "anonymous_id:a"))
    resolution = graph.resolve(seen(1, "anonymous_id:a"))
    assert resolution.moves == (Merged(profile("user_id:u"), profile("anonymous_id:a")),)


def test_late_evidence_may_take_an_identifier_away_and_says_so() -> None:
    graph = IdentityGraph("default", FIRST)
    graph.resolve(seen(5, "user_id:u", "anonymous_id:tablet"))
    graph.resolve(seen(4, "user_id:v"))
    resolution = graph.resolve(seen(2, "user_id:v", "anonymous_id:tablet"))
    assert graph.resolve(seen(6, "anonymous_id:tablet")).profile_id == profile("user_id:v")
    tablet, user = named("anonymous_id:tablet"), named("user_id:u")
    assert resolution.moves[0] == Split(profile("user_id:u"), profile("anonymous_id:tablet"), (tablet,), (user,))
    assert resolution.moves[1:] == (Merged(profile("anonymous_id:tablet"), profile("user_id:v")),)


def test_our_own_outcomes_find_the_survivor_and_are_no_evidence(graph: IdentityGraph) -> None:
    graph.resolve(seen(1, "card:c"))
    graph.resolve(seen(2, "user_id:u"))
    graph.resolve(seen(3, "user_id:u", "card:c"))
    graph.take_changes()
    outcome = seen(4, f"cairn_profile:{profile('user_id:u')}", type="delivery.sent")
    assert graph.resolve(outcome).profile_id == profile("card:c")
    assert not any(graph.take_changes())


def test_an_event_that_nobody_is_named_in_stands_alone(graph: IdentityGraph) -> None:
    event = seen(1, id="e1")
    assert graph.resolve(event).profile_id == stable_id("profile", "default", "event", "e1")


def test_a_blocked_identifier_links_nothing_and_does_not_own_the_event() -> None:
    graph = IdentityGraph("default", Rules(), Stated([block("email:everybody")]))
    first = graph.resolve(seen(1, "email:everybody", "anonymous_id:a"))
    second = graph.resolve(seen(2, "email:everybody", "anonymous_id:b"))
    assert (first.profile_id, second.profile_id) == (profile("anonymous_id:a"), profile("anonymous_id:b"))
    assert {link.refusal for link in graph.links.values()} == {Refusal.BLOCKED}


def test_only_the_earliest_links_of_an_identifier_into_a_namespace_count() -> None:
    limits = {"user_id": NamespaceRule(1, at_most=1, fan_out=2), "anonymous_id": NamespaceRule(5, 9, 2)}
    graph = IdentityGraph("default", Rules(limits=limits))
    for at, device in enumerate("pqrst", start=1):
        graph.resolve(seen(at, "user_id:u", f"anonymous_id:{device}"))
    assert [link.pair[1].token for link in graph.nodes[named("user_id:u")].links.values()] == ["p", "q"]
    assert graph.links[named("user_id:u"), named("anonymous_id:t")].refusal == Refusal.FAN_OUT


def test_nothing_stays_of_what_is_forgotten_not_even_a_link_that_ranks_nowhere() -> None:
    limits = {"email": NamespaceRule(2, 9, fan_out=1), "card": NamespaceRule(4, 9, fan_out=1)}
    graph = IdentityGraph("default", Rules(limits=limits))
    for at, (email, card) in enumerate((("a", "a"), ("b", "b"), ("a", "b"))):
        graph.resolve(seen(at, f"email:{email}", f"card:{card}"))
    assert graph.links[named("email:a"), named("card:b")].refusal == Refusal.FAN_OUT
    graph.take_changes()
    assert len(graph.evict(0)) == 4
    assert (graph.nodes, graph.links, graph.known) == ({}, {}, {})


def test_what_is_seen_with_a_crowd_becomes_generic_and_all_it_joined_parts() -> None:
    limits = {"user_id": NamespaceRule(1, at_most=1, fan_out=2), "email": NamespaceRule(2, 9, 9)}
    graph = IdentityGraph("default", Rules(limits=limits))
    graph.resolve(seen(1, "user_id:p", "email:family"))
    graph.resolve(seen(2, "user_id:q", "email:family"))
    assert graph.resolve(seen(3, "email:family")).profile_id == profile("user_id:p")
    resolution = graph.resolve(seen(4, "user_id:r", "email:family"))
    assert [bar.identifier for bar in resolution.barred] == [named("email:family")]
    assert [type(move) for move in resolution.moves] == [Split]
    assert graph.resolve(seen(5, "email:family")).profile_id == profile("email:family")
    assert graph.links[named("user_id:p"), named("email:family")].refusal == Refusal.GENERIC


def test_a_crowd_is_cut_at_its_most_linked_identifier() -> None:
    graph = IdentityGraph("default", Rules(component_cap=6))
    blocked = [
        statement for n in range(8) for statement in graph.resolve(seen(n + 1, f"user_id:{n}", "email:shared")).blocked
    ]
    assert [(one.kind, one.left, one.reason) for one in blocked] == [
        (Kind.BLOCK, (named("email:shared"),), "COMPONENT_CAP")
    ]
    assert graph.take_changes().statements == blocked
    assert graph.resolve(seen(20, "user_id:3", "email:shared")).profile_id == profile("user_id:3")
    assert max(len(node.cluster.nodes) for node in graph.nodes.values()) == 1


def test_the_cap_bounds_what_one_event_costs() -> None:
    graph = IdentityGraph("default", Rules(component_cap=50))
    for n in range(400):  # a chain: each household shares a card with the next
        graph.resolve(seen(n + 1, f"user_id:{n}", f"card:{n}"))
        graph.resolve(seen(n + 1, f"user_id:{n + 1}", f"card:{n}"))
    assert max(len(node.cluster.nodes) for node in graph.nodes.values()) <= 50


def test_a_merged_profile_whose_evidence_parts_again_is_restored_under_its_old_id(graph: IdentityGraph) -> None:
    graph.resolve(seen(1, "user_id:u"))
    graph.resolve(seen(2, "user_id:v"))
    graph.resolve(seen(3, "user_id:u", "card:c"))
    graph.resolve(seen(4, "email:e"))
    graph.resolve(seen(5, "email:e", "card:c"))
    assert graph.survivor(profile("email:e")) == profile("user_id:u")
    denial = said(Kind.NOT_SAME, "email:e", "card:c")
    resolution = graph.state(denial, as_of=6)
    kept = (named("user_id:u"), named("card:c"))
    assert resolution.moves == (Split(profile("user_id:u"), profile("email:e"), (named("email:e"),), kept),)
    assert graph.withdraw(denial.id, as_of=7).moves == (Merged(profile("email:e"), profile("user_id:u")),)


def test_very_late_evidence_never_merges_into_a_profile_that_was_merged_before(graph: IdentityGraph) -> None:
    graph.resolve(seen(5, "user_id:u"))
    graph.resolve(seen(7, "card:c"))
    graph.resolve(seen(8, "user_id:u", "card:c"))
    both = (named("user_id:u"), named("card:c"))
    assert graph.resolve(seen(1, "card:c")).moves == (
        Split(profile("user_id:u"), profile("card:c"), both),
        Merged(profile("user_id:u"), profile("card:c")),
    )


def test_a_denial_beats_an_assertion_and_any_evidence(graph: IdentityGraph) -> None:
    graph.state(said(Kind.SAME, "email:e", "card:c"), as_of=1)
    graph.resolve(seen(1, "email:e", "card:c"))
    assert graph.survivor(profile("email:e")) == graph.survivor(profile("card:c"))
    graph.state(said(Kind.NOT_SAME, "email:e", "card:c"), as_of=2)
    graph.resolve(seen(3, "email:e", "card:c"))
    assert graph.survivor(profile("email:e")) != graph.survivor(profile("card:c"))
    assert graph.links[named("email:e"), named("card:c")].refusal == Refusal.DENIED


def test_what_people_say_is_the_same_may_exceed_a_limit(graph: IdentityGraph) -> None:
    graph.resolve(seen(1, "user_id:u"))
    graph.resolve(seen(2, "user_id:v"))
    resolution = graph.state(said(Kind.SAME, "user_id:u", "user_id:v"), as_of=3)
    assert resolution.moves == (Merged(profile("user_id:v"), profile("user_id:u")),)
    graph.resolve(seen(4, "user_id:v", "card:c"))
    assert graph.resolve(seen(5, "card:c")).profile_id == profile("user_id:u")


def test_identifiers_stay_together_when_the_strongest_they_were_shown_with_is_blocked(graph: IdentityGraph) -> None:
    graph.resolve(seen(1, "email:desk", "phone:p", "card:c"))
    graph.state(block("email:desk"), as_of=2)
    assert graph.resolve(seen(3, "card:c")).profile_id == graph.resolve(seen(3, "phone:p")).profile_id
    assert graph.resolve(seen(4, "email:desk")).profile_id == profile("email:desk")


def test_a_window_counts_only_what_was_first_seen_close_together() -> None:
    limits = {"anonymous_id": NamespaceRule(5, at_most=2, fan_out=9, window_us=10)}
    graph = IdentityGraph("default", Rules(limits=limits))
    people = [
        graph.resolve(seen(at, "user_id:u", f"anonymous_id:{n}")) and graph.survivor(profile(f"anonymous_id:{n}"))
        for n, at in enumerate((1, 2, 3, 20))
    ]
    owner = graph.survivor(profile("user_id:u"))
    assert [one == owner for one in people] == [True, True, False, True]


def household(graph: IdentityGraph, *at: tuple[int, str]) -> list[Resolution]:
    """Days and what happened at the tablet: a log-in of somebody, or `-` for a page."""
    return [
        graph.resolve(
            seen(day * DAY, *([] if who == "-" else [f"user_id:{who}"]), "anonymous_id:tablet", id=f"{day} {who}")
        )
        for day, who in at
    ]


def test_on_a_shared_device_what_is_near_a_log_in_is_theirs_who_made_it(graph: IdentityGraph) -> None:
    household(graph, (1, "u"), (2, "v"))
    pages = household(graph, (4, "-"), (6, "-"), (20, "u"), (22, "-"), (24, "v"), (25, "-"))
    u, v, tablet = (profile(name) for name in ("user_id:u", "user_id:v", "anonymous_id:tablet"))
    assert [page.profile_id for page in pages] == [v, tablet, u, u, v, v]
    assert owners(graph, 0, 4, 16, 18, 19, 21, 22, 23, 26, 28) == [u, v, tablet, u, u, u, v, v, v, tablet]
    closed = graph.resolve(seen(26 * DAY, "anonymous_id:tablet", type="user.logged_out"))
    assert household(graph, (27, "-"))[0].profile_id == tablet
    assert closed.moves == ()


def test_what_lies_between_two_log_ins_of_one_person_is_theirs_however_long_it_was(graph: IdentityGraph) -> None:
    household(graph, (1, "u"), (2, "v"), (9, "-"))
    u, v, tablet = (profile(name) for name in ("user_id:u", "user_id:v", "anonymous_id:tablet"))
    assert owners(graph, 9) == [tablet]
    (again,) = household(graph, (30, "v"))
    only = (named("anonymous_id:tablet"),)
    assert again.moves == (Split(tablet, v, only, (), only, 5 * DAY, 30 * DAY),)
    assert owners(graph, 9, 29) == [v, v]
    (other,) = household(graph, (20, "u"))
    assert other.moves == (Split(v, tablet, only, (), only, 5 * DAY, 17 * DAY),)  # later on nobody was seen there
    assert owners(graph, 9, 18, 22, 24, 28) == [tablet, u, u, tablet, v]


def test_a_log_out_between_two_log_ins_of_one_person_parts_them(graph: IdentityGraph) -> None:
    household(graph, (1, "u"), (2, "v"), (30, "v"))
    v, tablet = profile("user_id:v"), profile("anonymous_id:tablet")
    graph.resolve(seen(3 * DAY, "anonymous_id:tablet", type="user.logged_out"))
    assert owners(graph, 2, 4, 26, 28) == [v, tablet, tablet, v]


def owners(graph: IdentityGraph, *days: int) -> list[str]:
    """Whose a page on the tablet is on these days."""
    return [graph.look_up(seen(day * DAY, "anonymous_id:tablet")).profile_id for day in days]


def test_a_device_that_turns_out_to_be_shared_leaves_its_first_user_what_they_did(graph: IdentityGraph) -> None:
    household(graph, (1, "-"), (2, "u"), (3, "-"))
    (second,) = household(graph, (5, "v"))
    u, v, tablet = (profile(name) for name in ("user_id:u", "user_id:v", "anonymous_id:tablet"))
    only = (named("anonymous_id:tablet"),)
    assert [type(move) for move in second.moves[:-2]] == [Split]
    assert second.moves[-2:] == (
        Split(tablet, graph.survivor(u), only, (), only, -DAY, 3 * DAY + DAY // 2),
        Split(tablet, v, only, (), only, 3 * DAY + DAY // 2, 8 * DAY),
    )


def test_a_log_in_that_comes_late_takes_over_what_it_vouches_for(graph: IdentityGraph) -> None:
    household(graph, (1, "u"), (2, "v"), (8, "-"))
    (late,) = household(graph, (6, "u"))
    u, v, tablet = (profile(name) for name in ("user_id:u", "user_id:v", "anonymous_id:tablet"))
    only = (named("anonymous_id:tablet"),)
    assert late.moves == (
        Split(v, u, only, (), only, 4 * DAY, 5 * DAY),
        Split(tablet, u, only, (), only, 5 * DAY, 9 * DAY),
    )
    assert household(graph, (30, "v"))[0].moves == ()


@pytest.mark.parametrize("seed", range(20))
def test_moves_lead_each_page_of_a_shared_device_to_whom_it_is_in_the_end(seed: int) -> None:
    chance = random.Random(seed)
    told = {chance.randrange(200) for _ in range(40)}
    happened = [(hour, chance.choice(["u", "v", "w", "-", "-", "-", "out"])) for hour in told]
    graph = IdentityGraph("default", Rules(devices=DeviceRules(idle_us=20 * HOUR)))
    pages: dict[int, str] = {}
    for hour, who in chance.sample(happened, len(happened)):
        people = [f"user_id:{who}"] if who in "uvw" else []
        kind = "user.logged_out" if who == "out" else "page.viewed"
        event = seen(hour * HOUR, *people, "anonymous_id:tablet", id=f"{hour}", type=kind)
        found = graph.resolve(msgspec.structs.replace(event, as_of=200 * HOUR))
        pages = {at: led(found.moves, at * HOUR, where) for at, where in pages.items()}
        if who == "-":
            pages[hour] = found.profile_id
    assert pages == {at: graph.look_up(seen(at * HOUR, "anonymous_id:tablet")).profile_id for at in pages}


def led(moves: Sequence[Merged | Split], at: int, profile_id: str) -> str:
    """Where moves lead a page that shows nothing but the tablet."""
    for move in moves:
        match move:
            case Merged(gone, heir) if gone == profile_id:
                profile_id = heir
            case Split(source, target, moved, _, _, since, until):
                within = (since is None or since <= at) and (until is None or at < until)
                if source == profile_id and within and named("anonymous_id:tablet") in moved:
                    profile_id = target
    return profile_id


def test_whose_an_event_is_does_not_depend_on_the_order_of_log_ins() -> None:
    days = [(1, "u"), (2, "v"), (6, "u"), (9, "v"), (40, "u"), (7, "-"), (41, "-"), (39, "-")]
    owners = set()
    for seed in range(20):
        graph = IdentityGraph("default", Rules())
        household(graph, *random.Random(seed).sample(days, len(days)))
        asked = tuple(graph.look_up(seen(day * DAY, "anonymous_id:tablet")).profile_id for day in range(1, 60))
        owners.add(asked)
    assert len(owners) == 1


def test_with_the_last_owner_rule_all_of_a_device_follows_the_last_log_in() -> None:
    graph = IdentityGraph("default", Rules(devices=DeviceRules(policy=SharedBy.LAST)))
    household(graph, (1, "u"), (2, "v"))
    (third,) = household(graph, (3, "u"))
    only = (named("anonymous_id:tablet"),)
    assert third.moves == (Split(profile("user_id:v"), profile("user_id:u"), only, (), only),)
    assert graph.look_up(seen(DAY, "anonymous_id:tablet")).profile_id == profile("user_id:u")


YEAR = 52 * WEEK
RECYCLED = replace(Rules(), limits={**DEFAULT_LIMITS, "phone": DEFAULT_LIMITS["phone"]._replace(valid_us=YEAR)})


def test_a_recycled_number_is_that_of_its_new_owner() -> None:
    graph = IdentityGraph("default", RECYCLED)
    graph.resolve(seen(1, "user_id:old", "phone:p"))
    first = graph.resolve(seen(2 * YEAR, "user_id:new", "phone:p"))
    assert [type(move) for move in first.moves] == [Split]
    assert graph.resolve(seen(2 * YEAR + 1, "phone:p")).profile_id == graph.resolve(seen(3, "user_id:new")).profile_id
    link = graph.links[named("user_id:old"), named("phone:p")]
    assert link.refusal == Refusal.LAPSED
    assert rule_of(link, link.refusal, RECYCLED) == "phone valid_for 364d"


def test_a_number_that_is_still_used_stays_with_whom_it_was_first_and_comes_back_to_them() -> None:
    graph = IdentityGraph("default", RECYCLED)
    old = graph.resolve(seen(1, "user_id:old", "phone:p")).profile_id
    graph.resolve(seen(2 * YEAR, "user_id:new", "phone:p"))
    graph.resolve(seen(YEAR + 2 * WEEK, "user_id:old", "phone:p"))  # comes late
    assert graph.resolve(seen(2 * YEAR + 1, "phone:p")).profile_id == old
    assert graph.links[named("user_id:new"), named("phone:p")].refusal == Refusal.CARDINALITY


def test_what_comes_after_a_log_out_is_no_log_out(graph: IdentityGraph) -> None:
    names = ("user_id:u", "anonymous_id:a")
    graph.resolve(seen(1, *names, type="user.logged_out"))
    graph.resolve(seen(1 + DAY, *names))
    owners = [(namespace, token) for *_, namespace, token in graph.take_changes().logins]
    assert owners == [("", ""), ("user_id", "u")]
