import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cairn_matching import Links, Rules, Table, read_rows
from cairn_matching.blocking import Rows
from cairn_matching.cluster import OTHERS_DISAGREE, SOURCE_HOLDS_BOTH, UNIQUE_IDS_DIFFER, Clusters, cluster, members
from cairn_matching.score import Bits

RULES = Rules({"name": "surname", "customer": "unique"}, id="id", source="source")


def people(names: list[str], customers: str = "", sources: str = "") -> Table:
    rows = []
    for place, name in enumerate(names):
        customer, source = customers[place : place + 1].strip(), sources[place : place + 1]
        rows.append({"id": name, "name": name, "customer": customer, "source": source})
    return read_rows(RULES, rows)


def joined(table: Table, bits: dict[str, float], *, one_per_source: bool = False) -> Clusters:
    """Pairs such as "ab" with their bits; all other pairs have -10."""
    place = {name: row for row, name in enumerate(table.ids)}
    known = {frozenset((place[pair[0]], place[pair[1]])): value for pair, value in bits.items()}

    def score(left: Rows, right: Rows) -> Bits:
        return np.array([known.get(frozenset(pair), -10.0) for pair in zip(left.tolist(), right.tolist(), strict=True)])

    sure = sorted((sorted(pair), value) for pair, value in known.items() if value >= 5)
    left, right = (np.array([pair[side] for pair, _ in sure], dtype=np.int32) for side in (0, 1))
    links = Links(left, right, np.array([value for _, value in sure], dtype=np.float64))
    return cluster(table, links, score, one_per_source=one_per_source)


def groups(table: Table, found: Clusters) -> set[str]:
    return {"".join(sorted(table.ids[row] for row in rows)) for rows in members(found).values()}


def test_one_weak_link_does_not_chain_two_people() -> None:
    table = people(list("abcdef"))
    found = joined(table, {"ab": 20, "bc": 20, "ac": 20, "de": 20, "ef": 20, "df": 20, "cd": 6})
    assert groups(table, found) == {"abc", "def"}
    assert list(found.refused.values()) == [OTHERS_DISAGREE]


def test_one_spoilt_record_does_not_part_a_person() -> None:
    table = people(list("abcd"))
    found = joined(table, {"ab": 20, "bc": 20, "ac": 20, "ad": 12, "bd": 8, "cd": -2})
    assert groups(table, found) == {"abcd"}


def test_two_groups_with_different_unique_ids_are_never_bridged() -> None:
    table = people(list("abc"), customers="1 2")
    found = joined(table, {"ab": 30, "bc": 29, "ac": 28})
    assert groups(table, found) == {"ab", "c"}
    assert set(found.refused.values()) == {UNIQUE_IDS_DIFFER}


def test_a_source_that_holds_each_person_once_parts_its_rows() -> None:
    table = people(list("abc"), sources="xyx")
    links = {"ab": 30.0, "bc": 29.0, "ac": 28.0}
    assert groups(table, joined(table, links)) == {"abc"}
    found = joined(table, links, one_per_source=True)
    assert groups(table, found) == {"ab", "c"}
    assert set(found.refused.values()) == {SOURCE_HOLDS_BOTH}


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")).filter(lambda pair: pair[0] < pair[1]),
        st.sampled_from([-10.0, -3.0, 2.0, 6.0, 7.0, 12.0, 20.0]),
    ),
    st.permutations(list("abcdefgh")),
)
def test_any_order_of_records_gives_the_same_people(bits: dict[tuple[str, str], float], order: list[str]) -> None:
    links = {"".join(pair): value for pair, value in bits.items()}
    customers = dict(zip("abcdefgh", "1 2     ", strict=True))
    straight = people(list("abcdefgh"), customers="1 2     ")
    turned = people(order, customers="".join(customers[name] for name in order))
    assert groups(straight, joined(straight, links)) == groups(turned, joined(turned, links))
