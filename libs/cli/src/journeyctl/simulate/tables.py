"""A simulation's answer for the terminal."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from journeyctl.demo.pictures import number
from journeyctl.simulate.report import Report
from journeyctl.words import reason


def tell(console: Console, report: Report, *, recorded: bool = True) -> None:
    """Print it all; with the check against the recording, unless what happened is only just happening."""
    console.print(f"In force {report['before']}, changed {report['after']}.")
    if recorded:
        console.print(baseline(report))
    console.print(_journeys(report))
    console.print(_moments(report))
    console.print(_decisions(report))
    if report["load"]:
        console.print(_load(report))
    _samples(console, report)
    _assumptions(console, report)


def baseline(report: Report) -> Text:
    """Whether the programme in force, replayed, says again what was recorded: of everybody, or of some."""
    said, recorded = report["baseline"], report["recorded"]
    extra = said["moments_not_recorded"]
    of = f"({number(recorded['events'])} events of {number(recorded['people'])} customers)"
    found = f"reproduces {number(said['moments_reproduced'])} of {number(said['moments_checked'])}"
    if said["moments_checked"] == said["moments_recorded"]:
        text = f"baseline {found} recorded moments {of}"
    else:
        text = (
            f"baseline is the {number(said['moments_recorded'])} moments recorded {of}; replayed for some, it {found}"
        )
    more = f", and states {number(extra)} that were not recorded" if extra else ""
    return Text(text + more, style="green" if is_right(report) else "red")


def is_right(report: Report) -> bool:
    """Whether what was checked of the baseline is as it was recorded."""
    said = report["baseline"]
    return bool(said["moments_reproduced"] == said["moments_checked"] and not said["moments_not_recorded"])


def _journeys(report: Report) -> Table:
    table = _table("Journeys", "journey", "entered", "goals", "worth", "left", "on the way", "moments", "policy hits")
    for name, journey in report["journeys"].items():
        one, other = journey["before"], journey["after"]
        table.add_row(
            name,
            _both(one["entered"], other["entered"]),
            _both(one["goals"], other["goals"]),
            *[_texts(_money(one["goal_values"]), _money(other["goal_values"]))],
            _both(sum(one["exits"].values()), sum(other["exits"].values())),
            _both(one["in_flight"], other["in_flight"]),
            _both(one["moments"], other["moments"]),
            _both(sum(one["contact_policy"].values()), sum(other["contact_policy"].values())),
        )
    return table


def _moments(report: Report) -> Table:
    table = _table("Moments", "journey", "same", "moved", "appear", "vanish", "decided otherwise", "moved by")
    for name, journey in report["journeys"].items():
        change = journey["change"]
        moved = sorted(change["moved_by_days"].items(), key=lambda item: (-item[1], int(item[0])))
        table.add_row(
            name,
            number(change["moments_same"]),
            _marked(change["moments_moved"]),
            _marked(change["moments_appeared"]),
            _marked(change["moments_vanished"]),
            _marked(change["decided_otherwise"]),
            ", ".join(f"{int(days):+d} d: {number(count)}" for days, count in moved[:3]),
        )
    return table


def _decisions(report: Report) -> Table:
    table = _table("Decisions", "action, or why nothing", "before", "after", "difference")
    one, other = report["decisions"]["before"], report["decisions"]["after"]
    for kind, words in (("chosen", str), ("nothing_chosen", reason), ("not_sent", reason)):
        for name in sorted({*one[kind], *other[kind]}):
            _count_row(table, words(name), one[kind].get(name, 0), other[kind].get(name, 0))
    return table


def _load(report: Report) -> Table:
    table = _table("Messages", "connector", "before", "after", "difference", "most in a day before", "after")
    for connector, days in report["load"].items():
        one, other = ([day[side] for day in days.values()] for side in ("before", "after"))
        _count_row(table, connector, sum(one), sum(other), number(max(one)), number(max(other)))
    return table


def _samples(console: Console, report: Report) -> None:
    for name, journey in report["journeys"].items():
        for kind, samples in journey["change"]["samples"].items():
            console.print(Text(f"\n{name}: {kind}, for example", style="bold"))
            for sample in samples[:3]:
                at = f"{sample['at'][:10]} " if sample["at"] else ""
                console.print(Text(f"  {sample['profile_id']} {at}{sample['why']}"), soft_wrap=True)
    for sample in report["baseline"]["differing"]:
        console.print(Text(f"  baseline differs for {sample['profile_id']}: {sample['why']}", style="red"))


def _assumptions(console: Console, report: Report) -> None:
    said = report["assumptions"]
    console.print(
        f"\nAssumed: customers {said['customers']}; {said['new_messages']}. Recorded outcomes of messages: "
        f"{number(said['outcomes_used'])} used, {number(said['outcomes_left_out'])} left out since the changed "
        f"programme would not have sent them so; {number(said['outcomes_assumed'])} assumed.",
        style="dim",
    )


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, title_style="bold")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left")
    return table


def _count_row(table: Table, name: str, before: int, after: int, *more: str) -> None:
    difference = Text(f"{after - before:+,}" if after != before else "", style="yellow")
    table.add_row(name, number(before), number(after), difference, *more)


def _both(before: int, after: int) -> Text:
    return _texts(number(before), number(after))


def _texts(before: str, after: str) -> Text:
    return Text(before) if before == after else Text.assemble(f"{before} → ", (after, "yellow"))


def _marked(count: int) -> Text:
    return Text(number(count), style="yellow" if count else "dim")


def _money(values: dict[str, Any]) -> str:
    return ", ".join(_sums(values.items())) or "0"


def _sums(values: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{float(value):,.2f} {currency}".rstrip() for currency, value in values]
