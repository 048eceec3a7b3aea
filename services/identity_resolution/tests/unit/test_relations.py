"""Relations and copies: a function of what was told, whatever order, repeats, batches and memory."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cairn_journey import load_text
from cairn_journey.subjects.intervals import Interval
from cairn_journey.subjects.told import Kinds, Says, Told
from cairn_kernel.event import RELATION_CHANGED, Event
from cairn_kernel.ids import stable_id
from identity_resolution.domain.graph import IdentityGraph
from identity_resolution.domain.relations import Evidence, Relations
from identity_resolution.domain.rules import Rules
from identity_resolution.domain.statements import Kind, Statement

from .evidence import named, seen

KINDS = Kinds(
    load_text("""
kind: SubjectKind
name: account
member_of: {group: company, ends: [group.left]}
---
kind: SubjectKind
name: household
member_of: {trait: household_id}
""").subjects.values()
)


class Tenant:
    """A graph with relations beside it."""

    def __init__(self) -> None:
        self.graph = IdentityGraph("default", Rules())
        self.relations = Relations(KINDS)
        self.shelf: dict[tuple[str, str, int], Evidence] = {}

    def take(self, event: Event) -> list[Event]:
        return list(self.relations.follow(self.graph, event, self.graph.resolve(event)))

    def profile(self, name: str) -> str:
        return self.graph.nodes[named(name)].profile_id

    def belongs(self, name: str) -> dict[str, tuple[Interval, ...]]:
        return self.relations.of(self.graph.own_ids(self.profile(name)))

    def begin_again(self) -> None:
        """Memory is lost; what was written is read again."""
        for one in self.relations.take_changes():
            self.shelf[one.own_id, one.told.id, one.day] = one
        self.relations = Relations(KINDS)
        self.relations.admit(self.shelf.values())


def joined(at: int, group: str, *who: str, **more: str) -> Event:
    return seen(at, *who, type="group.joined", id=stable_id(at, group, *who), group_id=group, **more)


def test_a_members_event_is_passed_on_to_each_account_once_and_to_nobody_elses() -> None:
    tenant = Tenant()
    tenant.take(joined(1, "acme", "user_id:a", "anonymous_id:x"))
    tenant.take(joined(2, "beta", "user_id:a"))
    tenant.take(joined(2, "beta", "user_id:b"))
    made = tenant.take(seen(5, "anonymous_id:x", type="basket.purchased"))
    assert [(one.type, one.profile_id, one.member_id) for one in made] == [
        ("basket.purchased", stable_id("subject", "default", "account", key), tenant.profile("user_id:a"))
        for key in ("acme", "beta")
    ]
    assert not [one for one in tenant.take(seen(0, "user_id:a", type="basket.purchased"))]


def test_an_account_never_makes_two_persons_one() -> None:
    tenant = Tenant()
    for who in ("user_id:a", "user_id:b"):
        tenant.take(joined(1, "acme", who))
    assert tenant.profile("user_id:a") != tenant.profile("user_id:b")


def test_a_merge_brings_memberships_along_and_a_split_takes_them_back() -> None:
    tenant = Tenant()
    tenant.take(joined(1, "acme", "user_id:a", role="admin"))
    tenant.take(joined(2, "beta", "anonymous_id:x"))
    apart = tenant.profile("user_id:a"), tenant.profile("anonymous_id:x")
    told = tenant.take(seen(3, "user_id:a", "anonymous_id:x"))
    changes = {
        (one.data["key"], one.member_id, bool(one.data["intervals"])) for one in told if one.type == RELATION_CHANGED
    }
    survivor = tenant.profile("user_id:a")
    gone = next(one for one in apart if one != survivor)
    assert changes == {(key, who, who == survivor) for key in ("acme", "beta") for who in (gone, survivor)}
    assert {one.key for one in tenant.belongs("anonymous_id:x")["account"]} == {"acme", "beta"}
    copies = [one for one in tenant.take(seen(4, "user_id:a", type="page.viewed")) if one.type == "page.viewed"]
    assert {one.member_id for one in copies} == {survivor}
    assert len(copies) == 2

    denial = Statement(
        id="s",
        kind=Kind.NOT_SAME,
        left=(named("user_id:a"),),
        right=(named("anonymous_id:x"),),
        author="k",
        reason="r",
        at=5,
    )
    moves = tenant.graph.state(denial, 5).moves
    cause = Event(id="s", tenant="default", type="identity.stated", event_time=5, as_of=5)
    retold = {
        (one.data["key"], one.member_id): one.data["intervals"]
        for one in tenant.relations.retell(tenant.graph, cause, moves)
    }
    assert (tenant.profile("user_id:a"), tenant.profile("anonymous_id:x")) == apart
    assert {pair for pair, intervals in retold.items() if intervals} == {("acme", apart[0]), ("beta", apart[1])}
    assert {one.key for one in tenant.belongs("anonymous_id:x")["account"]} == {"beta"}


def test_what_people_say_counts_from_when_they_say_it_for() -> None:
    tenant = Tenant()
    tenant.take(seen(1, "user_id:a"))
    node = tenant.graph.nodes[named("user_id:a")]
    told = Told(says=Says.ALSO, kind="account", keys=("acme",), roles=("payer",), since=3, author="kim", reason="pays")
    cause = Event(id="st", tenant="default", type="", event_time=9, as_of=9, profile_id=node.profile_id)
    (fact,) = tenant.relations.say(tenant.graph, node.own_id, cause, told)
    assert (fact.data["author"], fact.data["intervals"]) == ("kim", [["payer", 3, None]])
    assert tenant.take(seen(4, "user_id:a", type="basket.purchased"))
    assert not tenant.take(seen(2, "user_id:a", type="basket.purchased"))


SINGLE = ("user_id:a", "user_id:b", "anonymous_id:x", "anonymous_id:y")
NAMES = [
    ("user_id:a",),
    ("user_id:a", "anonymous_id:x"),
    ("anonymous_id:x",),
    ("user_id:b", "anonymous_id:y"),
    ("user_id:b",),
]
TOLD = st.one_of(
    st.builds(
        lambda at, group, who, role: joined(at, group, *who, **({"role": role} if role else {})),
        st.integers(1, 9), st.sampled_from(["acme", "beta"]), st.sampled_from(NAMES), st.sampled_from(["", "admin"]),
    ),
    st.builds(
        lambda at, who: seen(at, *who, type="group.left", id=stable_id("left", at, *who), group_id="acme"),
        st.integers(1, 9), st.sampled_from(NAMES),
    ),
    st.builds(
        lambda at, who, home: seen(
            at, *who, type="profile.identified", id=stable_id("h", at, home, *who), household_id=home
        ),
        st.integers(1, 9), st.sampled_from(NAMES), st.sampled_from(["H1", "H2", ""]),
    ),
)  # fmt: skip
PROBES = [
    seen(at, who, type="basket.purchased", id=stable_id("probe", at, who)) for at in range(1, 12) for who in SINGLE
]


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(max_examples=150)
@given(st.lists(TOLD, max_size=10), st.integers(0, 2**32), st.sets(st.integers(0, 30)))
def test_any_order_repeats_and_batches_give_the_same_copies(told: list[Event], seed: int, cuts: set[int]) -> None:
    shuffled = told * 2
    random.Random(seed).shuffle(shuffled)
    assert _copies(shuffled, cuts) == _copies(told, set())


def _copies(told: Sequence[Event], cuts: set[int]) -> set[Event | str]:
    tenant = Tenant()
    for number, event in enumerate(told):
        if number in cuts:
            tenant.begin_again()
        tenant.take(event)
    tenant.begin_again()
    return {f"{copy.id} {copy.profile_id} {copy.member_id}" for probe in PROBES for copy in tenant.take(probe)}
