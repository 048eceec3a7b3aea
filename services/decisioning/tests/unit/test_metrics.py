"""Committed decisions are counted by how they came out."""

from libs.decisions.tests.scene import Profile, action, moment, programme

from decisioning.adapters.processor import DECISIONS, count


def test_decisions_are_counted_by_reason() -> None:
    ada = Profile(programme(action())).given(moment("a"), moment("b", actions=["unheard-of"]))
    before = {reason: DECISIONS.labels(reason)._value.get() for reason in ("CHOSEN", "NO_CANDIDATE")}
    count(ada.stream)
    for reason, value in before.items():
        assert DECISIONS.labels(reason)._value.get() == value + 1
