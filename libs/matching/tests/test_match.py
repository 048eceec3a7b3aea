"""Accuracy and order on made-up people, whose truth is known to the test only."""

from dataclasses import replace
from random import Random

import pytest

from cairn_matching import BadModel, Model, Rules, Scorer, Table, dump, guess, load, match, read_rows, train
from cairn_matching.blocking import Blocks
from cairn_matching.cluster import members
from cairn_testkit.people import Census, Record, World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def trained(records: list[Record]) -> tuple[Rules, Table, Model]:
    rules = guess(list(records[0].row))
    table = read_rows(rules, (one.row for one in records))
    return rules, table, train(rules, table)


def partition(table: Table, model: Model) -> set[frozenset[str]]:
    return {frozenset(table.ids[row] for row in rows) for rows in members(match(model, table).clusters).values()}


def pairs(groups: set[frozenset[str]]) -> set[tuple[str, str]]:
    return {(a, b) for group in groups for a in group for b in group if a < b}


def truth(records: list[Record]) -> set[frozenset[str]]:
    by_person: dict[int, set[str]] = {}
    for one in records:
        by_person.setdefault(one.person, set()).add(one.row["id"])
    return {frozenset(ids) for ids in by_person.values()}


@pytest.mark.parametrize(
    ("world", "precision", "recall"),
    [
        (World(people=500, in_households=0.0), 0.99, 0.98),
        (World(people=500, locale="de", in_households=0.7, twins=0.0, namesakes=0.0), 0.98, 0.93),
        (World(people=500, locale="es", moved=0.4), 0.97, 0.92),
        (World(people=500, sources=3), 0.98, 0.90),
    ],
    ids=["strangers", "households", "many have moved", "three sources"],
)
def test_people_are_found_without_any_example(world: World, precision: float, recall: float) -> None:
    records = Census(world).records()
    _, table, model = trained(records)
    found, wanted = pairs(partition(table, model)), pairs(truth(records))
    assert len(found & wanted) / len(found) >= precision
    assert len(found & wanted) / len(wanted) >= recall


def test_a_file_without_duplicates_stays_without_even_if_full_of_families() -> None:
    records = Census(World(people=800, most_records=1, in_households=0.8)).records()
    _, table, model = trained(records)
    assert len(pairs(partition(table, model))) <= 2


def test_the_order_of_rows_does_not_matter() -> None:
    records = Census(World(people=150, spoilt=0.3)).records()
    rules, table, model = trained(records)
    straight = partition(table, model)
    for seed in range(5):
        shuffled = Random(seed).sample(records, len(records))
        again = read_rows(rules, (one.row for one in shuffled))
        assert seed or train(rules, again).version == model.version
        assert partition(again, model) == straight


def test_what_each_field_adds_sums_up_to_the_score() -> None:
    records = Census(World(people=100)).records()
    _, table, model = trained(records)
    scorer = Scorer(model, table)
    left, right = next(iter(Blocks(table, model.keys).pairs()))
    for place in range(0, len(left), max(1, len(left) // 50)):
        told = sum(one.bits for one in scorer.explain(int(left[place]), int(right[place])))
        assert told == pytest.approx(float(scorer.bits(left[[place]], right[[place]])[0]), abs=1e-9)


def test_missing_values_neither_help_nor_harm() -> None:
    records = Census(World(people=100, missing=0.0)).records()
    rules, _, model = trained(records)
    bare = {key: "" for key in records[0].row}
    table = read_rows(rules, [bare | {"id": "a"}, bare | {"id": "b"}])
    assert [one.bits for one in Scorer(model, table).explain(0, 1)[1:-1]] == [0.0] * len(model.fields)


def test_a_model_reads_back_and_a_changed_one_is_refused() -> None:
    _, _, model = trained(Census(World(people=100)).records())
    text = dump(model)
    assert load(text) == model
    with pytest.raises(BadModel, match="was changed"):
        load(text.replace('"limit": 400', '"limit": 399', 1))


def test_scores_rest_on_frozen_frequencies_whatever_arrives_later() -> None:
    records = Census(World(people=100)).records()
    rules, table, model = trained(records)
    more = read_rows(rules, (one.row for one in [*records, *records[:1] * 50]))
    assert Scorer(model, more).explain(0, 1) == Scorer(model, table).explain(0, 1)


def test_rows_of_one_source_are_never_compared() -> None:
    records = Census(World(people=100, sources=2)).records()
    _, table, model = trained(records)
    for left, right in Blocks(table, model.keys).pairs():
        assert (table.sources[left] != table.sources[right]).all()


def test_different_unique_ids_are_never_joined_and_equal_ones_always() -> None:
    records = Census(World(people=100)).records()
    groups = sorted(map(sorted, truth(records)))
    shared = {groups[0][0], groups[-1][0]}
    rows = [one.row | {"customer": "7" if one.row["id"] in shared else ""} for one in records]
    guessed = guess(list(records[0].row))
    rules = replace(guessed, columns={**guessed.columns, "customer": "unique"})
    table = read_rows(rules, rows)
    model = train(rules, table)
    assert any(shared <= group for group in partition(table, model))
    numbered = [row | {"customer": str(number)} for number, row in enumerate(rows)]
    assert all(len(group) == 1 for group in partition(read_rows(rules, numbered), model))


def test_no_pair_that_would_reach_the_threshold_is_given_up_early() -> None:
    records = Census(World(people=200, spoilt=0.3)).records()
    _, table, model = trained(records)
    scorer = Scorer(model, table)
    spared = 0
    for left, right in Blocks(table, model.keys).pairs():
        kept = set(scorer.promising(left, right, 0.0).tolist())
        assert set((scorer.bits(left, right) >= 0.0).nonzero()[0].tolist()) <= kept
        spared += len(left) - len(kept)
    assert spared > 1_000
