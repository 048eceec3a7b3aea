import pytest

from cairn_matching.levels import NAMES, compare


@pytest.mark.parametrize(
    ("kind", "left", "right", "level"),
    [
        ("given", "bill", "william", "nickname"),
        ("given", "j", "john", "part"),
        ("given", "jonathan", "jonathon", "very similar"),
        ("given", "mary", "peter", "different"),
        ("surname", "smith", "smith jones", "part"),
        ("date", "19800403", "19800304", "day and month swapped"),
        ("date", "19800403", "19800413", "one typo"),
        ("date", "19800403", "19811204", "different"),
        ("postcode", "2604", "2640", "one typo"),
        ("phone", "+442079460018", "02079460018", "same without prefix"),
        ("email", "jo@a.example", "jo@b.example", "same name elsewhere"),
        ("address", "12 main st", "14 main st", "other number"),
        ("address", "pridham street", "pridhamstreet", "very similar"),
        ("place", "new york", "york", "part"),
        ("text", "blue chair", "chair blue", "same words"),
        ("number", "12", "21", "one typo"),
        ("category", "m", "f", "different"),
    ],
)
def test_two_values_are_as_alike_as_people_would_say(kind: str, left: str, right: str, level: str) -> None:
    assert NAMES[kind][compare(kind, [left], [right])[0]] == level


def test_many_pairs_at_once_are_graded_as_each_alone() -> None:
    left = ["smith", "meier", "obrien", "jones"]
    right = ["smyth", "meyer", "brien", "johnson"]
    together = compare("surname", left, right).tolist()
    assert together == [int(compare("surname", [a], [b])[0]) for a, b in zip(left, right, strict=True)]
