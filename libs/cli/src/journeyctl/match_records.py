"""`journeyctl identity match`: clusters of records that are of one person, in any CSV file."""

import csv
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from ruamel.yaml import YAML

from cairn_matching import (
    BadModel,
    BadRules,
    Matched,
    Model,
    Reader,
    Rules,
    Scorer,
    Table,
    date_orders,
    document,
    dump,
    guess,
    load,
    match,
    probability,
    train,
)
from journeyctl.errors import CannotRun
from journeyctl.record_files import FILE_COLUMN, RecordFile, open_records, read_rules

Files = Annotated[list[Path], typer.Argument(help="CSV files with a header.", show_default=False)]
RulesFile = Annotated[Path | None, typer.Option("--rules", help="Types of columns; guessed by their names if absent.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Where to write id and cluster of each record.")]
ModelFile = Annotated[Path | None, typer.Option("--model", help="Use this model, or train one and keep it there.")]
Review = Annotated[Path | None, typer.Option("--review", help="Where to write pairs that people should decide.")]


def match_records(
    files: Files, output: Output, rules: RulesFile = None, model: ModelFile = None, review: Review = None
) -> None:
    """Cluster records that are of one person; no examples are needed.

    Several files, or a column named in the rules as `source`, are linked: rows of one source are not compared.
    """
    records = [open_records(path) for path in files]
    used = _rules(records, rules)
    console = Console(stderr=True)
    with _progress(console) as tell:
        trained = _kept_model(model, used)
        orders = trained.date_orders if trained else date_orders(used, lambda column: _cells(records, column))
        table = _read(records, used, orders, tell)
        if trained is None:
            trained = train(used, table, orders, progress=tell)
            if model:
                _write(model, dump(trained) + "\n")
        found = match(trained, table, tell)
    _write_clusters(output, table, found, linked=bool(used.source))
    if review:
        _write_review(review, table, found, trained)
    _conclude(table, found, trained, output)


def _rules(records: list[RecordFile], path: Path | None) -> Rules:
    """The rules given or guessed; what was guessed is printed. Several files are sources."""
    columns = records[0].columns
    for other in records[1:]:
        if other.columns != columns:
            raise CannotRun(f"{other.path}:1: its columns differ from those of {records[0].path}; give them one header")
    try:
        rules = read_rules(path, columns) if path else guess(columns)
    except BadRules as fault:
        raise CannotRun(f"{records[0].path}:1: {fault}") from None
    if len(records) > 1 and not rules.source:
        rules = replace(rules, source=FILE_COLUMN)
    if path is None:
        typer.echo(
            f"# Rules guessed by the names of columns; save them, correct them, give them with --rules.\n{_yaml(rules)}"
        )
    return rules


def _yaml(rules: Rules) -> str:
    shown = {key: value for key, value in document(rules).items() if value != FILE_COLUMN}
    out = StringIO()
    YAML().dump(shown, out)
    return out.getvalue().rstrip()


def _cells(records: list[RecordFile], column: str) -> Iterator[str]:
    for one in records:
        for _, row in one.rows():
            yield row[column]


def _kept_model(path: Path | None, rules: Rules) -> Model | None:
    if path is None or not path.exists():
        return None
    try:
        kept = load(path.read_text(encoding="utf-8"))
    except (BadModel, UnicodeDecodeError) as fault:
        raise CannotRun(f"{path}: {fault}.") from None
    if kept.rules.columns != rules.columns:
        raise CannotRun(f"{path} was trained for other columns or types; give another --model to train a new one.")
    return replace(kept, rules=rules)


def _read(records: list[RecordFile], rules: Rules, orders: Mapping[str, str], tell: "Tell") -> Table:
    reader = Reader(rules, orders)
    lines: dict[tuple[str, str], int] = {}
    count = 0
    for one in records:
        size = max(1, os.path.getsize(one.path))
        for line, row in one.rows():
            record_id = row.get(rules.id, "")
            if record_id:
                known = lines.setdefault((row.get(rules.source, ""), record_id), line)
                if known != line:
                    raise CannotRun(f"{one.path}:{line}: the id {record_id!r} is also on line {known}; ids must differ")
            reader.add(record_id, row)
            count += 1
            if count % 5_000 == 0:
                tell(f"reading {one.path.name}", min(size, count * 60), size)
    if not count:
        raise CannotRun(f"{records[0].path} holds no records below its header.")
    return reader.table()


def _write_clusters(path: Path, table: Table, found: Matched, *, linked: bool) -> None:
    """One line for each record in the order of the file; a cluster is named by the first of its ids."""
    sources = [table.source_names[code] if code >= 0 else "" for code in table.sources.tolist()] if linked else []
    names: dict[int, str] = {}
    labels = [f"{source}:{name}" for source, name in zip(sources, table.ids, strict=True)] if sources else table.ids
    for label, cluster in zip(labels, found.clusters.of.tolist(), strict=True):
        names[cluster] = min(label, names.get(cluster, label))
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["source", "id", "cluster"] if sources else ["id", "cluster"])
    for row, cluster in enumerate(found.clusters.of.tolist()):
        writer.writerow([*([sources[row]] if sources else []), table.ids[row], names[cluster]])
    _write(path, out.getvalue())


def _write_review(path: Path, table: Table, found: Matched, model: Model) -> None:
    """Pairs to decide, surest first, with what each field adds in bits."""
    scorer = Scorer(model, table)
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    fields = [one.name for one in model.fields]
    writer.writerow(["left", "right", "probability", "bits", "why", "prior", *fields, "relatives"])
    pairs = zip(found.review.left.tolist(), found.review.right.tolist(), found.review.bits.tolist(), strict=True)
    for left, right, bits in sorted(pairs, key=lambda pair: (-pair[2], table.ids[pair[0]], table.ids[pair[1]])):
        why = found.clusters.refused.get((left, right), "UNSURE").lower().replace("_", " ")
        parts = [f"{one.level} {one.bits:+.1f}".strip() for one in scorer.explain(left, right)]
        chance = float(probability(bits))
        writer.writerow([table.ids[left], table.ids[right], f"{chance:.4f}", f"{bits:.2f}", why, *parts])
    _write(path, out.getvalue())


def _conclude(table: Table, found: Matched, model: Model, output: Path) -> None:
    clusters = len(set(found.clusters.of.tolist()))
    typer.echo(
        f"{len(table):,} records are of {clusters:,} people; {found.compared:,} pairs compared, "
        f"{len(found.review.bits):,} left to review. Model {model.version}. Written to {output}."
    )


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as fault:
        raise CannotRun(f"{path} cannot be written: {fault.strerror}.") from None


class Tell:
    """Shows what is being done and how far it is."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, word: str, done: int, total: int) -> None:
        """Move the bar of this word."""
        if word not in self._tasks:
            self._tasks[word] = self._bar.add_task(word, total=total)
        self._bar.update(self._tasks[word], completed=done, total=total)


@contextmanager
def _progress(console: Console) -> Iterator[Tell]:
    """Bars on a terminal, nothing in a file."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Tell(bar)
