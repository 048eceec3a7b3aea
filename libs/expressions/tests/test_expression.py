import pytest

from cairn_expressions import EvaluationError, ExpressionFault, activate, compile_expression, references_of

VARIABLES = {"profile": dict, "event": dict, "baskets_30d": int, "spend": float, "last_store": object}
SEEN = activate(
    {
        "profile": {"loyalty": "member", "age": 41},
        "event": {"amount": 7.5, "items": [{"sku": "a"}]},
        "baskets_30d": 0,
        "spend": 12.5,
        "last_store": None,
    }
)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('profile.loyalty == "member"', True),
        ("baskets_30d == 0 && spend > 12.0", True),
        ("event.amount > 5", True),
        ('event.items.exists(item, item.sku == "a")', True),
        ("profile.age >= 18 && profile.age < 40", False),
        ("has(profile.email)", False),
        ("last_store == null", True),
    ],
)
def test_a_condition_holds_or_not(text: str, holds: bool) -> None:
    assert compile_expression(text, VARIABLES).holds(SEEN) is holds


@pytest.mark.parametrize("text", ["profile.missing == 1", "profile.age", "event.amount", "1 / (baskets_30d) == 1"])
def test_only_true_counts_as_true(text: str) -> None:
    assert compile_expression(text, VARIABLES).holds(SEEN) is False


def test_a_missing_field_is_told_apart_from_false() -> None:
    expression = compile_expression("profile.missing == 1", VARIABLES)
    assert expression.evaluate(SEEN) == EvaluationError('there is no field "missing"')
    assert expression.value(SEEN, default="none") == "none"


def test_a_missing_variable_is_told_apart_from_false() -> None:
    expression = compile_expression("baskets_30d == 0", VARIABLES)
    assert expression.evaluate(activate({})) == EvaluationError("there is no value for baskets_30d")
    assert not expression.holds(activate({}))


def test_an_alternative_saves_a_missing_field() -> None:
    assert compile_expression("profile.missing == 1 || spend > 1.0", VARIABLES).holds(SEEN)


@pytest.mark.parametrize(
    ("text", "value"),
    [("event.amount", 7.5), ("profile.age + 1", 42), ("event.items", [{"sku": "a"}]), ("last_store", None)],
)
def test_a_value_is_plain_python(text: str, value: object) -> None:
    assert compile_expression(text, VARIABLES).value(SEEN) == value


@pytest.mark.parametrize(
    ("text", "column", "says", "cure"),
    [
        ("baskets_3d == 0", 1, "nothing is called baskets_3d here", "did you mean baskets_30d?"),
        ('has(profile.a) && profil.tier == "a"', 19, "nothing is called profil here", "did you mean profile?"),
        ("1 + foo", 5, "nothing is called foo here", "names one may use"),
        ('baskets_30d == "a"', 13, "== does not work between a whole number and a text", "one kind"),
        ("spend > 5", 7, "> does not work between a decimal number and a whole number", "5.0"),
        ("baskets_30d +", 14, "the expression ends too early", "complete"),
        ("profile..a", 9, "this is not CEL", "syntax"),
        ("profile.a.substring(2) == 1", 11, "CEL has no function substring", "such as contains"),
        ("profile.a.startswith(profile.b)", 11, "CEL has no function startswith", "did you mean startsWith?"),
        ("size(1, 2) == 1", 1, "size is not called like this", "values and their order"),
        (".nan", 2, "nothing is called nan here", "names one may use"),
        ("profile == null", 9, "== does not work between a map of fields and null", "one kind"),
        ("(" * 40 + "1" + ")" * 40, 1, "nested too deeply", "split"),
        ("99999999999999999999 > 1", 1, "out of range", "with a point"),
        ("", 1, "empty", "condition"),
        ("1 +" * 2000, 1, "at most", "split"),
    ],
)
def test_a_fault_tells_place_and_cure(text: str, column: int, says: str, cure: str) -> None:
    with pytest.raises(ExpressionFault) as caught:
        compile_expression(text, VARIABLES)
    assert caught.value.column == column
    assert says in caught.value.message
    assert cure in caught.value.cure


def test_all_faults_of_an_expression_are_told_at_once() -> None:
    with pytest.raises(ExpressionFault) as caught:
        compile_expression("a.b && baskets_30d == true &&\n c(1)", VARIABLES)
    faults = (caught.value, *caught.value.others)
    assert [(fault.line, fault.column) for fault in faults] == [(1, 1), (1, 20), (2, 2)]


def test_a_fault_of_syntax_is_told_alone() -> None:
    with pytest.raises(ExpressionFault) as caught:
        compile_expression("a b c d", VARIABLES)
    assert caught.value.others == ()


def test_a_fault_in_a_text_of_two_lines_tells_its_line() -> None:
    with pytest.raises(ExpressionFault) as caught:
        compile_expression("spend > 1.0 &&\n  foo", VARIABLES)
    assert (caught.value.line, caught.value.column) == (2, 3)


@pytest.mark.parametrize(
    ("text", "kind"), [("spend > 1.0", bool), ("spend", float), ("1", int), ('"a"', str), ("event.amount", object)]
)
def test_the_kind_of_the_value_is_known_where_it_is_certain(text: str, kind: type) -> None:
    expression = compile_expression(text, VARIABLES)
    assert expression.kind is kind
    assert expression.is_condition is (kind in (bool, object))


@pytest.mark.parametrize(
    ("text", "references"),
    [
        ("profile.a.b == 1 && baskets_30d == 0", {"profile.a.b", "baskets_30d"}),
        ('profile["a"].b == event.name', {"profile.a.b", "event.name"}),
        ('event.name.startsWith("profile.x")', {"event.name"}),
        ("event.items.exists(i, i.event == 1)", {"event.items"}),
        ("spend > 1.0 // event.no", {"spend"}),
        ("event[last_store]", {"event", "last_store"}),
    ],
)
def test_references_name_the_fields_that_are_read(text: str, references: set[str]) -> None:
    assert references_of(text, VARIABLES) == references
    assert compile_expression(text, VARIABLES).references == references


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("event.none >= 30", ">= does not work between null and a whole number"),
        ("event.text > 3", "> does not work between a text and a whole number"),
        ("-event.text == 3", "- does not work with a text"),
        ("event.fields > 3", "> does not work between a map of fields and a whole number"),
        ("event.number.startsWith('a')", "values of the wrong kind"),
        ("event.number && event.number", "values of the wrong kind"),
    ],
)
def test_values_of_the_wrong_kind_are_told_in_words(text: str, message: str) -> None:
    seen = activate({"event": {"none": None, "text": "a", "fields": {}, "number": 1}})
    found = compile_expression(text, {"event": dict}).evaluate(seen)
    assert found == EvaluationError(message)
    assert found.kind == "WRONG_TYPE"


def test_an_expression_shows_its_text() -> None:
    assert repr(compile_expression("1 == 1", {})) == "Expression('1 == 1')"
