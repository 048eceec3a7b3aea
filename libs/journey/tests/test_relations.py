"""Who belongs to what: what events say, and the intervals that come of it in any order."""

from hypothesis import given
from hypothesis import strategies as st

from cairn_journey import load_text
from cairn_journey.subjects.intervals import Interval, Point, intervals
from cairn_journey.subjects.rolled_up import copies, traits
from cairn_journey.subjects.told import Kinds, Says, Told, subject_id
from cairn_kernel.event import ADDRESSED, Event
from cairn_kernel.time import DAY

KINDS = """
kind: SubjectKind
name: account
roles: [admin, buyer]
member_of: {group: company, role: position, until: contract_end, ends: [group.left]}
rolls_up: {events: [basket.purchased], roles: [buyer, member]}
---
kind: SubjectKind
name: household
member_of: {trait: household_id}
"""


def kinds() -> Kinds:
    return Kinds(load_text(KINDS).subjects.values())


def event(type: str, at: int = 0, **data: object) -> Event:
    return Event(id=f"{type}@{at}", tenant="t", type=type, event_time=at, as_of=at, profile_id="p1", data=data)


def told(says: Says, *keys: str, roles: tuple[str, ...] = (), **more: int | str) -> Told:
    return Told(says=says, kind="account", keys=keys, roles=roles, **more)  # type: ignore[arg-type]


def test_a_group_call_says_in_which_role_somebody_belongs_to_a_company() -> None:
    (one,) = kinds().told(event("group.joined", group_id="acme", group_type="company", position="Admin"))
    assert one == told(Says.IS, "acme", roles=("admin",))


def test_a_group_of_another_type_is_not_about_companies() -> None:
    assert kinds().told(event("group.joined", group_id="x", group_type="team")) == []
    assert kinds().told(event("group.joined", group_id="acme")) == [told(Says.IS, "acme")]


def test_a_role_that_the_kind_does_not_name_is_that_of_any_member() -> None:
    (one,) = kinds().told(event("group.joined", group_id="acme", position=["janitor", "buyer"]))
    assert one.roles == ("buyer", "member")


def test_words_for_nothing_name_no_subject() -> None:
    assert kinds().told(event("group.joined", group_id="null")) == []
    assert kinds().told(event("profile.identified", household_id="undefined")) == []


def test_a_trait_says_the_one_household_and_null_says_none() -> None:
    assert kinds().told(event("profile.identified", household_id="H1")) == [
        Told(says=Says.ONLY, kind="household", keys=("H1",))
    ]
    assert kinds().told(event("profile.identified", household_id=None)) == [
        Told(says=Says.ONLY, kind="household", keys=())
    ]
    assert kinds().told(event("profile.identified", tier="gold")) == []


def test_the_end_of_a_contract_is_an_instant_and_anything_else_is_none() -> None:
    (one,) = kinds().told(event("group.joined", group_id="acme", contract_end="2026-03-01"))
    (other,) = kinds().told(event("group.joined", group_id="acme", contract_end="soon"))
    assert one.until == 1_772_323_200_000_000
    assert other.until is None


def at(*points: tuple[int, Told]) -> tuple[Interval, ...]:
    return intervals(Point(day * DAY, f"e{day}", one) for day, one in points)


def test_who_joins_belongs_until_the_end_is_told() -> None:
    assert at((1, told(Says.IS, "a")), (5, told(Says.ENDS, "a"))) == (Interval("a", "member", DAY, 5 * DAY),)


def test_a_role_told_later_replaces_the_one_before_and_no_role_keeps_it() -> None:
    found = at(
        (1, told(Says.IS, "a", roles=("admin",))), (2, told(Says.IS, "a")), (3, told(Says.IS, "a", roles=("x",)))
    )
    assert found == (Interval("a", "admin", DAY, 3 * DAY), Interval("a", "x", 3 * DAY))


def test_by_hand_a_role_is_given_besides_others_and_taken_alone() -> None:
    found = at(
        (1, told(Says.IS, "a", roles=("admin",))),
        (2, told(Says.ALSO, "a", roles=("payer",), author="kim", reason="pays")),
        (4, told(Says.ENDS, "a", roles=("admin",), author="kim", reason="left")),
    )
    assert found == (Interval("a", "admin", DAY, 4 * DAY), Interval("a", "payer", 2 * DAY))


def test_several_subjects_stand_side_by_side_and_one_end_may_end_all() -> None:
    found = at((1, told(Says.IS, "a")), (2, told(Says.IS, "b")), (3, told(Says.ENDS)))
    assert found == (Interval("a", "member", DAY, 3 * DAY), Interval("b", "member", 2 * DAY, 3 * DAY))


def test_a_trait_ends_what_it_does_not_name_but_for_what_was_related_by_hand() -> None:
    found = at(
        (1, told(Says.ONLY, "a")), (2, told(Says.ALSO, "h", author="kim", reason="hers")), (3, told(Says.ONLY, "b"))
    )
    assert found == (
        Interval("a", "member", DAY, 3 * DAY),
        Interval("b", "member", 3 * DAY),
        Interval("h", "member", 2 * DAY),
    )


def test_an_interval_may_be_told_later_than_it_began() -> None:
    found = at((5, told(Says.IS, "a", since=2 * DAY, until=9 * DAY)), (7, told(Says.ENDS, "a")))
    assert found == (Interval("a", "member", 2 * DAY, 7 * DAY),)


TOLD = st.builds(
    told,
    st.sampled_from(Says),
    st.sampled_from("abc"),
    roles=st.sampled_from([(), ("admin",), ("buyer",)]),
    since=st.none() | st.integers(0, 9).map(lambda day: day * DAY),
    until=st.none() | st.integers(0, 12).map(lambda day: day * DAY),
)
POINTS = st.lists(st.builds(Point, st.integers(0, 9).map(lambda day: day * DAY), st.sampled_from("uvw"), TOLD))


@given(POINTS, st.randoms(use_true_random=False), st.integers(0, 3))
def test_neither_order_nor_repeats_leave_a_trace(points: list[Point], random: object, repeats: int) -> None:
    shuffled = points * (1 + repeats)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert intervals(shuffled) == intervals(points)


@given(POINTS)
def test_at_each_instant_the_latest_word_that_holds_by_then_is_what_counts(points: list[Point]) -> None:
    found = intervals(points)
    for instant in range(0, 13 * DAY, DAY // 2):
        assert {(one.key, one.role) for one in found if one.holds(instant)} == _naive(points, instant)


def _naive(points: list[Point], instant: int) -> set[tuple[str, str]]:
    standing: dict[str, tuple[set[str], int | None, bool]] = {}
    for point in sorted(set(points), key=lambda p: (p.at, p.id, p.told.id)):
        one = point.told
        if point.starts > instant:
            continue
        if one.says is Says.ONLY:
            standing = {key: known for key, known in standing.items() if key in one.keys or known[2]}
        for key in one.keys:
            roles, until, by_hand = standing.get(key, (set(), None, False))
            roles = set() if until is not None and until <= point.starts else roles
            if one.says is Says.ENDS:
                left = standing[key][0] - set(one.roles) if one.roles and key in standing else set()
                standing.pop(key, None)
                if left:
                    standing[key] = (left, until, by_hand)
                continue
            named = set(one.roles)
            after = roles | (named or {"member"}) if one.says is Says.ALSO else named or roles or {"member"}
            standing[key] = (after, one.until, bool(one.author) or (bool(roles) and by_hand))
    return {
        (key, role) for key, (roles, until, _) in standing.items() if until is None or instant < until for role in roles
    }


def test_a_members_event_is_told_once_to_each_subject() -> None:
    account = kinds().by_name["account"]
    belongs = at(
        (1, told(Says.IS, "a", roles=("admin", "buyer"))),
        (1, told(Says.IS, "b")),
        (1, told(Says.IS, "c", roles=("x",))),
    )
    made = list(copies(account, belongs, event("basket.purchased", 2 * DAY)))
    assert [(copy.subject, copy.profile_id, copy.member_id) for copy in made] == [
        ("account", subject_id("t", "account", "a"), "p1"),
        ("account", subject_id("t", "account", "b"), "p1"),
    ]
    assert len({copy.id for copy in made}) == 2
    assert not list(copies(account, belongs, event("basket.purchased", 0)))
    assert not list(copies(account, belongs, event("page.viewed", 2 * DAY)))


def test_a_copy_has_neither_names_nor_sealed_fields_of_the_member_and_is_not_copied_again() -> None:
    household = kinds().by_name["household"]
    one = Event(**{**{f: getattr(event("x", DAY), f) for f in Event.__struct_fields__}, "sealed": {"email": b"x"}})
    (copy,) = copies(household, at((1, told(Says.IS, "H1"))), one)
    assert (copy.sealed, copy.identifiers, copy.causation_id) == ({}, (), one.id)
    assert not list(copies(household, at((1, told(Says.IS, "H1"))), copy))
    assert not list(copies(household, at((1, told(Says.IS, "H1"))), event(ADDRESSED, DAY)))


def test_what_a_group_call_tells_of_the_group_is_the_groups() -> None:
    account = kinds().by_name["account"]
    call = event("group.joined", 1, group_id="acme", group_type="company", position="admin", plan="gold")
    made = traits(account, "acme", call)
    assert made is not None
    assert (made.type, made.subject, made.member_id, made.data) == (
        "profile.identified",
        "account",
        "",
        {"group_id": "acme", "plan": "gold"},
    )
