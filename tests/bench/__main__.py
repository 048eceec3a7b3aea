"""Run the bench: `python -m tests.bench [--area NAME]`."""

import argparse
from collections.abc import Callable
from pathlib import Path

from tests.bench import engine, identity, ingest, late, log, matching, pipeline, queries, rebuild, simulate, timers
from tests.bench.figures import Figure, save, show

AREAS: dict[str, Callable[[], list[Figure]]] = {
    "engine": engine.measure,
    "identity": identity.measure,
    "ingest": ingest.measure,
    "late": late.measure,
    "log": log.measure,
    "matching": matching.measure,
    "rebuild": rebuild.measure,
    "timers": timers.measure,
    "pipeline": pipeline.measure,
    "queries": queries.measure,
    "simulate": simulate.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--area", choices=sorted(AREAS), help="measure only this area")
    area = parser.parse_args().area
    figures = [figure for name in AREAS if area in (None, name) for figure in AREAS[name]()]
    show(figures)
    save(figures, Path("build/bench/summary.json"))


if __name__ == "__main__":
    main()
