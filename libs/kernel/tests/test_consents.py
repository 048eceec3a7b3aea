from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from cairn_kernel.consents import (
    COMPLAINT,
    DENIED,
    GRANTED,
    LEGAL,
    LIFTED,
    REFUSALS,
    SILENCE,
    SUPPRESSED,
    UNSUBSCRIBE,
    WITHDRAWN,
    Joined,
    Word,
    data_of,
    frontier,
    standing,
    word_of,
)
from cairn_kernel.event import CONSENT_CHANGED, Event


def word(
    at: int,
    state: str,
    *,
    profile: str = "ada",
    known: int = -1,
    channel: str = "*",
    class_: str = "*",
    reason: str = "",
) -> Word:
    as_of = max(at, known)
    return Word(at, state in REFUSALS, as_of, f"{at}-{state}", profile, channel, class_, state, reason)


def allowed(*words: Word, joined: tuple[Joined, ...] = (), channel: str = "email", class_: str = "marketing") -> object:
    return standing(words, joined, channel, class_).allowed


words_ = st.lists(
    st.builds(
        lambda at, late, state, profile, channel, class_, reason: word(
            at,
            state,
            profile=profile,
            known=at + late,
            channel=channel,
            class_=class_,
            reason=reason if state in (SUPPRESSED, LIFTED) else "",
        ),
        st.integers(0, 12),
        st.sampled_from([0, 0, 3, 9]),
        st.sampled_from([GRANTED, DENIED, WITHDRAWN, SUPPRESSED, LIFTED]),
        st.sampled_from(["ada", "bob", "eve"]),
        st.sampled_from(["*", "email", "sms"]),
        st.sampled_from(["*", "marketing", "service"]),
        st.sampled_from([UNSUBSCRIBE, LEGAL]),
    ),
    max_size=10,
)
merges = st.lists(
    st.builds(Joined, st.integers(0, 14), st.sampled_from(["bob", "eve"]), st.sampled_from(["ada", "bob"])).filter(
        lambda join: join.loser != join.survivor
    ),
    max_size=3,
)
questions = st.tuples(st.sampled_from(["email", "sms"]), st.sampled_from(["marketing", "service"]))


def test_silence_says_nothing() -> None:
    assert standing([], (), "email", "marketing") == SILENCE


def test_the_latest_word_counts_by_when_it_was_said() -> None:
    late = word(10, WITHDRAWN, known=99)
    assert allowed(word(20, GRANTED), late) is True
    assert allowed(word(5, GRANTED), late) is False
    assert allowed(word(10, GRANTED), late) is False


def test_a_suppression_wins_over_any_grant_until_it_is_lifted() -> None:
    suppressed = word(10, SUPPRESSED, reason=LEGAL)
    assert allowed(suppressed, word(20, GRANTED)) is False
    assert allowed(suppressed, word(20, GRANTED), word(30, LIFTED)) is True
    assert allowed(suppressed, word(5, LIFTED)) is False
    assert allowed(suppressed, word(30, LIFTED, reason=UNSUBSCRIBE)) is False
    assert allowed(suppressed, word(40, LIFTED), word(50, SUPPRESSED, reason=COMPLAINT)) is False


def test_lifting_a_suppression_does_not_undo_a_withdrawal() -> None:
    assert allowed(word(5, WITHDRAWN), word(10, SUPPRESSED, reason=LEGAL), word(20, LIFTED)) is False


def test_who_unsubscribed_still_gets_service_messages_unless_they_are_named() -> None:
    for reason in (UNSUBSCRIBE, COMPLAINT):
        assert allowed(word(1, SUPPRESSED, reason=reason), class_="service") is None
        assert allowed(word(1, SUPPRESSED, reason=reason, class_="service"), class_="service") is False
    assert allowed(word(1, SUPPRESSED, reason=LEGAL), class_="service") is False


def test_when_two_become_one_the_strictest_word_counts_until_a_new_grant() -> None:
    joined = (Joined(50, "bob", "ada"),)
    said = [word(10, WITHDRAWN, profile="bob"), word(20, GRANTED)]
    assert allowed(*said) is False
    assert allowed(*said, joined=joined) is False
    assert allowed(*said, word(60, GRANTED), joined=joined) is True
    assert allowed(word(10, WITHDRAWN), word(20, GRANTED), joined=joined) is True


def test_a_refusal_of_one_of_two_that_comes_in_after_they_became_one_still_counts() -> None:
    joined = (Joined(50, "bob", "ada"),)
    late = word(10, WITHDRAWN, known=70)
    assert allowed(word(20, GRANTED), late, joined=joined) is False
    assert allowed(word(20, GRANTED), late, word(60, GRANTED), joined=joined) is True


def test_the_word_that_refuses_is_told_and_a_suppression_first() -> None:
    suppressed = word(10, SUPPRESSED, reason=COMPLAINT)
    assert standing([word(20, WITHDRAWN), suppressed], (), "email", "marketing").word == suppressed
    assert suppressed.what == "suppressed (complaint)"


def test_a_word_survives_the_event_that_tells_it() -> None:
    said = word(5, SUPPRESSED, known=9, channel="email", reason=COMPLAINT)._replace(
        purpose="news", source="shop", proof="form 7", author="ops"
    )
    event = Event(
        id=said.event_id, tenant="t", type=CONSENT_CHANGED, event_time=9, as_of=9, profile_id="ada", data=data_of(said)
    )
    assert word_of(event) == said


def test_a_word_told_before_states_had_names_reads_as_it_was() -> None:
    data = {"channel": "email", "class": "", "granted": False}
    event = Event(id="e", tenant="t", type=CONSENT_CHANGED, event_time=9, as_of=9, profile_id="ada", data=data)
    assert word_of(event) == Word(9, True, 9, "e", "ada", "email", "*", WITHDRAWN)


@given(words_.filter(lambda words: len(words) <= 5), merges, questions)
def test_neither_order_nor_repetition_matters(words: list[Word], joined: list[Joined], asked: tuple[str, str]) -> None:
    answers = {standing([*order, *words], joined[::-1], *asked) for order in permutations(words)}
    assert answers == {standing(words, joined, *asked)}


@given(words_, merges, questions)
def test_words_beyond_the_frontier_make_no_difference(
    words: list[Word], joined: list[Joined], asked: tuple[str, str]
) -> None:
    assert standing(frontier(words), joined, *asked).allowed == standing(words, joined, *asked).allowed


@given(words_, words_)
def test_the_frontier_of_a_union_is_that_of_the_frontiers(left: list[Word], right: list[Word]) -> None:
    assert frontier([*frontier(left), *frontier(right)]) == frontier([*left, *right])
    assert frontier(frontier(left)) == frontier(left)


@given(words_, merges, questions)
def test_no_grant_and_no_merge_ever_opens_what_is_suppressed(
    words: list[Word], joined: list[Joined], asked: tuple[str, str]
) -> None:
    never_lifted = [one for one in words if one.state != LIFTED]
    suppressed = any(one.state == SUPPRESSED and one.speaks_of(*asked) for one in never_lifted)
    assert not suppressed or standing(never_lifted, joined, *asked).allowed is False


@given(words_, merges, questions)
def test_a_merge_never_opens_what_either_side_had_closed(
    words: list[Word], joined: list[Joined], asked: tuple[str, str]
) -> None:
    """Whatever was said up to a merge: if one side refuses, so do both together."""
    known = [one for one in words if one.as_of < 20]
    sides = [standing([one for one in known if one.profile_id == who], (), *asked) for who in ("ada", "bob", "eve")]
    together = standing(known, [Joined(20, "bob", "ada"), Joined(21, "eve", "ada")], *asked)
    assert together.allowed is not True or all(side.allowed is not False for side in sides)
