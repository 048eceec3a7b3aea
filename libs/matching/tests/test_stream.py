from random import Random

import pytest

from cairn_matching import Model, Stream, guess, match, read_rows, train
from cairn_matching.cluster import members
from cairn_testkit.people import Census, Record, World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def learned(records: list[Record]) -> tuple[Model, set[frozenset[str]]]:
    rules = guess(list(records[0].row))
    table = read_rows(rules, (one.row for one in records))
    model = train(rules, table)
    return model, {frozenset(table.ids[row] for row in rows) for rows in members(match(model, table).clusters).values()}


def streamed(model: Model, records: list[Record], batch: int) -> set[frozenset[str]]:
    stream = Stream(model)
    for start in range(0, len(records), batch):
        stream.add((one.row["id"], one.row) for one in records[start : start + batch])
    table, clusters = stream.clusters()
    return {frozenset(table.ids[row] for row in rows) for rows in members(clusters).values()}


@pytest.mark.parametrize("world", [World(people=250, spoilt=0.3), World(people=250, sources=2)], ids=["one", "two"])
def test_any_order_and_any_batches_give_what_the_whole_table_gives(world: World) -> None:
    records = Census(world).records()
    model, whole = learned(records)
    for seed, batch in enumerate((1_000_000, 97, 13, 5, 50)):
        assert streamed(model, Random(seed).sample(records, len(records)), batch) == whole


def test_a_list_that_outgrows_its_limit_takes_its_links_with_it() -> None:
    records = Census(World(people=120, missing=0.5)).records()
    _, whole = learned(records)
    model, _ = learned(records)
    tight = Model(
        model.rules, model.fields, tuple(type(key)(key.atoms, 3) for key in model.keys), model.priors, {}, len(records)
    )
    found = {
        frozenset(map(frozenset, streamed(tight, Random(seed).sample(records, len(records)), 7))) for seed in range(4)
    }
    assert len(found) == 1
    assert found != {frozenset(map(frozenset, whole))}


def test_a_record_is_told_whom_it_may_be() -> None:
    records = Census(World(people=100)).records()
    model, _ = learned(records)
    stream = Stream(model)
    stream.add((one.row["id"], one.row) for one in records)
    again = stream.add([("again", records[0].row)])
    best = max(again, key=lambda one: one.bits)
    assert {best.left, best.right} == {"again", records[0].row["id"]}
