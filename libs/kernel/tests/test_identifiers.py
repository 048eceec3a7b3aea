import pytest
from hypothesis import given
from hypothesis import strategies as st

from cairn_kernel.event import Identifier
from cairn_kernel.identifiers import NAMESPACES, normalise, strongest_first


@pytest.mark.parametrize(
    ("namespace", "value", "spelling"),
    [
        ("user_id", "  H-1042 ", "H-1042"),
        ("user_id", 1042, "1042"),
        ("email", " Ada@Example.COM ", "ada@example.com"),
        ("phone", "+49 (170) 123-45.67", "+491701234567"),
        ("phone", "0049 170 1234567", "+491701234567"),
        ("card", "4000 0000-1234", "400000001234"),
        ("card", "ab12-cd", "AB12CD"),
        ("anonymous_id", "6f1d9F0e", "6f1d9F0e"),
    ],
)
def test_a_value_has_one_spelling(namespace: str, value: object, spelling: str) -> None:
    assert normalise(namespace, value) == spelling


@pytest.mark.parametrize(
    ("namespace", "value"),
    [
        ("user_id", ""),
        ("user_id", "   "),
        ("user_id", "null"),
        ("user_id", "Undefined"),
        ("user_id", "0000-0000"),
        ("user_id", None),
        ("user_id", True),
        ("user_id", 1.5),
        ("user_id", "x" * 321),
        ("email", "ada"),
        ("email", "ada@localhost"),
        ("email", "test@test.com"),
        ("email", "Test@anything.example"),
        ("email", "guest@shop.example"),
        ("email", "no-reply@shop.example"),
        ("phone", "12345"),
        ("phone", "+000000000"),
        ("card", "12"),
        ("shoe_size", "42"),
    ],
)
def test_a_value_that_names_nobody_is_empty(namespace: str, value: object) -> None:
    assert normalise(namespace, value) == ""


@given(st.sampled_from(sorted(NAMESPACES)), st.text(max_size=40))
def test_normalising_twice_changes_nothing(namespace: str, value: str) -> None:
    once = normalise(namespace, value)
    assert normalise(namespace, once) == once


def test_the_strongest_identifier_comes_first_and_repeats_go() -> None:
    device, card, person = Identifier("anonymous_id", "a"), Identifier("card", "b"), Identifier("user_id", "c")
    odd = Identifier("loyalty", "d")
    assert strongest_first([odd, device, card, person, device]) == (person, card, device, odd)
