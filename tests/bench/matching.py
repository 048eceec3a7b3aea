"""Accuracy of probabilistic matching on FEBRL beside Splink and recordlinkage on the same files, and its speed.

No gold label reaches training or thresholds. The national id is left out unless the name says `with_id`.
"""

import csv
import itertools
import json
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
from tests.bench.figures import Figure

from cairn_matching import Model, Rules, Stream, Table, match, read_rows, train
from cairn_matching.cluster import members

RIVALS: Final = Path("build/rivals/bin/python")
FOLDER: Final = Path("build/febrl")
SEEDS: Final = range(5)
BATCH: Final = 1_000
COLUMNS: Final = {
    "given_name": "given",
    "surname": "surname",
    "date_of_birth": "date",
    "postcode": "postcode",
    "street_number": "number",
    "address_1": "address",
    "suburb": "place",
    "state": "category",
}
AIMS: Final = {"closure_f1": 0.9989, "b3_f1": 0.9994}
AIM_WITH_ID: Final = 0.9999

Groups = list[list[str]]
Row = Mapping[str, str]


def measure() -> list[Figure]:
    """Accuracy of each track and system, order agreement, and records per second of one core, one by one."""
    if not RIVALS.exists():
        raise SystemExit("What matching is compared with is not installed; run scripts/rivals.sh once.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    subprocess.run([RIVALS, "-P", "tests/bench/febrl_rivals.py", FOLDER], check=True, stdout=subprocess.DEVNULL)
    took = json.loads((FOLDER / "took.json").read_text())
    figures: list[Figure] = []
    for name, with_id in itertools.product(("febrl3", "febrl4"), (False, True)):
        figures += _accuracy(name, with_id=with_id, took=took)
    return [*figures, *_streaming()]


def _accuracy(name: str, *, with_id: bool, took: Mapping[str, float]) -> list[Figure]:
    rows = _rows(name)
    rules = _rules(with_id=with_id)
    started = time.process_time()
    table = read_rows(rules, rows)
    groups = _groups(table, train(rules, table))
    elapsed = time.process_time() - started
    track = f"{name}.with_id" if with_id else name
    figures = _scores(f"identity.{track}", groups, aims={"closure_f1": AIM_WITH_ID} if with_id else AIMS)
    ratios = {system: took[f"{track}.{system}"] / elapsed for system in ("splink", "recordlinkage")}
    figures.append(Figure(f"identity.{track}.records", len(rows) / elapsed, "records/s", None, ratios))
    for system in ("splink", "recordlinkage"):
        figures += _scores(f"identity.{track}.{system}", _closure(rows, FOLDER / f"{track}.{system}.csv"), aims={})
    return figures


def _scores(prefix: str, groups: Groups, aims: Mapping[str, float]) -> list[Figure]:
    found = {"closure_f1": closure_f1(groups), "b3_f1": b3_f1(groups)}
    return [Figure(f"{prefix}.{name}", value, "share", aims.get(name)) for name, value in found.items()]


def _streaming() -> list[Figure]:
    """Every event brings a new record, which is the dearest case; in five orders."""
    rows = _rows("febrl4")
    rules = _rules(with_id=False)
    model = train(rules, read_rows(rules, rows))
    speeds: list[float] = []
    partitions: list[Groups] = []
    for seed in SEEDS:
        stream = Stream(model)
        shuffled = Random(seed).sample(rows, len(rows))
        started = time.process_time()
        for start in range(0, len(shuffled), BATCH):
            stream.add((row["rec_id"], row) for row in shuffled[start : start + BATCH])
        speeds.append(len(rows) / (time.process_time() - started))
        table, clusters = stream.clusters()
        partitions.append([[table.ids[row] for row in group] for group in members(clusters).values()])
    agreement = min(b3_between(a, b) for a, b in itertools.combinations(partitions, 2))
    return [
        Figure("identity.matching.records", sorted(speeds)[len(speeds) // 2], "records/s"),
        Figure("identity.matching.order_agreement", agreement, "share", 1.0),
    ]


def _rules(*, with_id: bool) -> Rules:
    columns = COLUMNS | ({"soc_sec_id": "identifier"} if with_id else {})
    return Rules(columns, id="rec_id", source="source")


def _rows(name: str) -> list[Row]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _groups(table: Table, model: Model) -> Groups:
    return [[table.ids[row] for row in rows] for rows in members(match(model, table).clusters).values()]


def _closure(rows: Sequence[Row], pairs: Path) -> Groups:
    """Connected components of another system's pairs."""
    groups = {row["rec_id"]: [row["rec_id"]] for row in rows}
    with pairs.open(encoding="utf-8", newline="") as file:
        for left, right in itertools.islice(csv.reader(file), 1, None):
            a, b = groups[left], groups[right]
            if a is not b:
                a += b
                for member in b:
                    groups[member] = a
    return list({id(group): group for group in groups.values()}.values())


def person(record: str) -> str:
    """The truth that FEBRL writes into its ids: rec-<person>-org, rec-<person>-dup-<n>."""
    return record.split("-")[1]


def closure_f1(groups: Groups) -> float:
    """F1 over pairs of records in one group."""
    true: dict[str, list[str]] = {}
    for record in itertools.chain.from_iterable(groups):
        true.setdefault(person(record), []).append(record)
    met = sum(_pairs(_counts(map(person, group))) for group in groups)
    found, wanted = _pairs(map(len, groups)), _pairs(map(len, true.values()))
    return 2 * met / (found + wanted)


def b3_f1(groups: Groups) -> float:
    """B-cubed F1 over records, against the truth."""
    true: dict[str, list[str]] = {}
    for record in itertools.chain.from_iterable(groups):
        true.setdefault(person(record), []).append(record)
    return b3_between(groups, list(true.values()))


def b3_between(found: Groups, wanted: Groups) -> float:
    """B-cubed F1 of one partition against another."""
    wanted_of = {record: place for place, group in enumerate(wanted) for record in group}
    shares: list[tuple[float, float]] = []
    for group in found:
        places = [wanted_of[record] for record in group]
        for place in places:
            met = places.count(place)
            shares.append((met / len(group), met / len(wanted[place])))
    precision, recall = np.array(shares).mean(axis=0)
    return float(2 * precision * recall / (precision + recall))


def _counts(names: Iterable[str]) -> list[int]:
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    return list(seen.values())


def _pairs(sizes: Iterable[int]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes)
