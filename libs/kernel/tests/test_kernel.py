from decimal import Decimal
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cairn_kernel.ids import CAIRN_NAMESPACE, stable_id, stable_ids
from cairn_kernel.money import decimal_text, exact
from cairn_kernel.partitions import PARTITIONS, partition_of
from cairn_kernel.time import DAY, HOUR, format_instant, parse_duration, parse_instant


def test_a_stable_id_is_the_uuid_version_5_of_its_parts() -> None:
    assert stable_id("a", "b", 3) == str(uuid5(CAIRN_NAMESPACE, "a\x1fb\x1f3"))
    assert UUID(stable_id("x")).version == 5


@given(st.lists(st.text() | st.integers(), min_size=1), st.text())
def test_ids_of_causes_that_begin_alike_are_the_same_ids(begin: list[str | int], last: str) -> None:
    assert (
        stable_ids(*begin)(last)
        == stable_id(*begin, last)
        == str(uuid5(CAIRN_NAMESPACE, "\x1f".join(map(str, [*begin, last]))))
    )


def test_parts_do_not_run_into_each_other() -> None:
    assert stable_id("a", "bc") != stable_id("ab", "c")


def test_a_partition_is_the_same_for_ever() -> None:
    assert [partition_of("default", f"u{n}") for n in range(5)] == [22, 18, 8, 19, 23]
    assert partition_of("other", "u0") != 22


@given(st.text(), st.text())
def test_a_partition_is_in_range(tenant: str, key: str) -> None:
    assert 0 <= partition_of(tenant, key) < PARTITIONS


@given(st.integers(min_value=0, max_value=4_102_444_800_000_000))
def test_an_instant_survives_its_text(instant: int) -> None:
    assert parse_instant(format_instant(instant)) == instant


@pytest.mark.parametrize(("text", "expected"), [("30d", 30 * DAY), ("1d12h", DAY + 12 * HOUR), ("0s", 0)])
def test_durations_are_read(text: str, expected: int) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5h", "1d 2h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


def test_sums_of_floats_are_exact() -> None:
    tenths = [exact(0.1) or Decimal(0)] * 3
    assert sum(tenths) == Decimal("0.3")


@pytest.mark.parametrize("value", [True, None, float("nan"), float("inf"), "abc", [], "1e", "NaN"])
def test_what_is_no_number_is_none(value: object) -> None:
    assert exact(value) is None


@pytest.mark.parametrize(("number", "text"), [("12.50", "12.5"), ("1E+3", "1000"), ("-0.0", "0"), ("3", "3")])
def test_a_number_has_one_text(number: str, text: str) -> None:
    assert decimal_text(Decimal(number)) == text
