"""Among those who passed, the best wins, and each factor is on record."""

from decimal import Decimal

from .scene import action, decided, gate, moment


def test_priority_goes_before_score() -> None:
    decision = decided(moment(), action("cheap", priority=1, value="1"), action("dear", value="9"))
    assert decision["chosen"]["action"] == "cheap"


def test_the_score_is_the_exact_product_of_its_factors() -> None:
    weighed = action(
        propensity=Decimal("0.1"), context_weight="event.amount > 2.0 ? 1.5 : 0.5", value="4.20", lever=Decimal("0.5")
    )
    candidate = decided(moment(event={"amount": 3.0}), weighed)["candidates"][0]
    assert candidate["factors"] == {"propensity": "0.1", "context_weight": "1.5", "value": "4.2", "lever": "0.5"}
    assert candidate["score"] == "0.315"


def test_equal_candidates_are_taken_by_name() -> None:
    assert decided(moment(), action("b"), action("a"))["chosen"]["action"] == "a"


def test_who_was_outranked_is_told_by_whom() -> None:
    decision = decided(moment(), action("a", value="2"), action("b", value="3"))
    assert [candidate["action"] for candidate in decision["candidates"]] == ["b", "a"]
    assert decision["candidates"][1]["reason"] == "OUTRANKED"
    assert gate(decision, "ARBITRATION", 1)["saw"] == "priority 0 score 2; b has priority 0 score 3"
    assert gate(decision, "ARBITRATION", 0) == {
        "gate": "ARBITRATION",
        "passed": True,
        "saw": "best, priority 0 score 3",
    }


def test_a_context_weight_without_a_value_is_one() -> None:
    assert decided(moment(), action(context_weight="event.amount"))["candidates"][0]["score"] == "1"
