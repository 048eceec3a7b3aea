"""The results as tables on the terminal."""

from collections.abc import Mapping

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from journeyctl.demo.pictures import number
from journeyctl.demo.report import money
from journeyctl.demo.results import Results
from journeyctl.words import reason


def tell(console: Console, results: Results) -> None:
    """Print what became of all that was sent."""
    _events(console, results)
    _journeys(console, results)
    _decisions(console, results)
    _deliveries(console, results)


def _events(console: Console, results: Results) -> None:
    _heading(console, "Events, compared by id with what the log holds")
    table = _table("sent", "accepted", "duplicate", "quarantined", "lost", "customers", "merges")
    table.add_row(
        *map(number, (results.sent, results.accepted, results.duplicates, results.quarantined)),
        Text(number(results.lost), style="red" if results.lost else "green"),
        *map(number, (results.profiles, results.merges)),
    )
    console.print(table)


def _journeys(console: Console, results: Results) -> None:
    _heading(console, "Journeys")
    table = Table("journey", box=None, pad_edge=False)
    for column in ("entered", "on the way", "goal", "worth", "left without"):
        table.add_column(column, justify="right")
    table.add_column("on the way, by stage")
    for journey in results.journeys:
        table.add_row(
            journey.name,
            number(journey.entered),
            number(journey.in_flight),
            Text(number(journey.goal), style="green"),
            money(journey.goal_value, journey.currency),
            number(journey.exited),
            ", ".join(f"{name or 'none yet'} {number(count)}" for name, count in journey.stages.items() if count),
        )
    console.print(table)
    console.print("Purchases were recorded before any of this: goals are counts, not effects.", style="dim")


def _decisions(console: Console, results: Results) -> None:
    _heading(console, f"Decisions: {number(results.made)} actions at {number(results.moments)} moments")
    console.print(_counts("action", results.actions))
    if results.suppressed:
        console.print()
        console.print(_counts("nothing was sent, because", {reason(key): n for key, n in results.suppressed.items()}))


def _deliveries(console: Console, results: Results) -> None:
    _heading(console, "Deliveries")
    console.print(_counts("status", results.deliveries))
    said = f"Read back at the mail server: {number(results.mails_found)} of {number(results.mails_expected)} e-mails"
    said += f", {number(results.mails_missing)} missing, {number(results.mails_twice)} twice; "
    said += f"at the webhook receiver: {number(results.calls_found)} of {number(results.calls_expected)} calls."
    console.print(said, style="red" if results.mails_missing or results.mails_twice else "")


def tell_speed(console: Console, results: Results) -> None:
    """Print how long things took."""
    _heading(console, "Speed")
    console.print(f"{results.throughput_eps:,.0f} events/s taken in while sending; {results.wall_s:,.0f} s in all.")
    if results.latency is not None:
        p50_ms, p99_ms, decisions, rate = results.latency
        measured = f"over {number(decisions)} decisions, live at {rate:,.0f} events/s"
        console.print(f"From ingest to dispatch: median {p50_ms:,.1f} ms, p99 {p99_ms:,.1f} ms {measured}.")
    console.print(f"State hash {results.state_hash}")


def _counts(name: str, counts: Mapping[str, int]) -> Table:
    table = _table("count")
    table.columns[0].justify = "right"
    table.add_column(name)
    for key, count in sorted(counts.items(), key=lambda item: -item[1]):
        table.add_row(number(count), key)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(Rule(Text(text, style="bold"), align="left"))
