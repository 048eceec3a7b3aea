"""`journeyctl explain`: where a customer is in each journey, what was decided, and why not otherwise."""

from typing import Annotated, Final, TypeVar

import typer
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from cairn.journey.v1.journey_pb2 import Condition
from journeyctl import words
from journeyctl.customer import NAMED, Customer, find, gather
from journeyctl.installation import Installation, home_folder
from journeyctl.services import Services
from journeyctl.up import Home

Name = Annotated[str, typer.Argument(help=f"{NAMED} Or `account:acme`.", show_default=False)]
_LAST: Final = 12
_LATER: Final = ("entry", "exit", "stage", "next")
"""What waits for an event: that it does not hold now is nothing to worry about."""
Item = TypeVar("Item")


def explain(
    customer: Name,
    journey: Annotated[str, typer.Option(help="Only this journey.")] = "",
    home: Home = None,
    tenant: str = "default",
    everything: Annotated[bool, typer.Option("--all", help="Tell the whole timeline and every decision.")] = False,
) -> None:
    """Tell in words where a customer is in each journey, what was decided, and why other actions were not taken."""
    with Services(Installation.load(home or home_folder())) as services:
        found = gather(services, find(services, customer, tenant), tenant, journey)
    tell(Console(soft_wrap=False, highlight=False), customer, found, last=None if everything else _LAST)


def tell(console: Console, name: str, customer: Customer, *, last: int | None = _LAST) -> None:
    """Print what is known of a customer; of long lists only the `last` ones."""
    _who(console, name, customer)
    _journeys(console, customer)
    _decisions(console, customer, last)
    _deliveries(console, customer, last)
    _timeline(console, customer, last)


def _who(console: Console, name: str, customer: Customer) -> None:
    console.print(Rule(Text(f"Customer {name}", style="bold")))
    console.print(f"Profile {customer.profile_id}", style="dim")
    traits = words.plain(customer.state.traits)
    if traits:
        console.print(", ".join(f"{trait.replace('_', ' ')} {value}" for trait, value in sorted(traits.items())))
    merged = len(customer.profile.merged_profile_ids)
    if merged:
        console.print(f"{merged} other {'profile' if merged == 1 else 'profiles'} turned out to be the same person:")
    for shown in [*customer.identity.links, *customer.identity.refused]:
        _item(console, words.link(shown))


def _journeys(console: Console, customer: Customer) -> None:
    for journey, explained in customer.explained.items():
        _heading(console, f"Journey {journey}")
        console.print(words.dated(explained.summary))
        for one in customer.state.instances:
            if one.journey == journey:
                _item(console, words.instance(one))
        for condition in explained.conditions:
            _condition(console, condition)
    if customer.untold:
        _heading(console, "Other journeys")
        console.print(f"{len(customer.untold)} are not shown; --journey explains one of them.")


def _condition(console: Console, condition: Condition) -> None:
    sign = ("✓ ", "green") if condition.holds else ("· ", "dim") if condition.role in _LATER else ("✗ ", "red")
    line = Text.assemble(sign, f"{condition.role}: ", (condition.expression, "cyan"))
    if condition.saw:
        line.append(f" — {words.dated(condition.saw)}", style="dim")
    console.print(Padding(line, (0, 0, 0, 4), expand=False))


def _decisions(console: Console, customer: Customer, last: int | None) -> None:
    _heading(console, "Decisions")
    if not customer.decisions:
        console.print("Nothing had to be decided.")
    for made in _latest(console, list(customer.decisions), last):
        style = "green" if made.action else "yellow"
        console.print(Text.assemble((f"{words.day(made.decided_time)}  ", "dim"), (words.decision(made), style)))
        for considered in made.candidates:
            sign = "✓" if considered.chosen else "✗"
            _item(console, f"{considered.action}: {words.candidate(considered)}", sign)


def _deliveries(console: Console, customer: Customer, last: int | None) -> None:
    _heading(console, "Messages")
    if not customer.deliveries:
        console.print("None were sent.")
    for sent in _latest(console, list(customer.deliveries), last):
        console.print(Text.assemble((f"{words.day(sent.planned_time)}  ", "dim"), words.delivery(sent)))


def _timeline(console: Console, customer: Customer, last: int | None) -> None:
    _heading(console, "Timeline")
    for entry in _latest(console, list(customer.timeline), last):
        when = f"{words.moment(entry.event_time):%Y-%m-%d %H:%M}  "
        style = "bold" if entry.type.startswith("journey.") else ""
        console.print(Text.assemble((when, "dim"), (words.touchpoint(entry), style)))


def _latest(console: Console, items: list[Item], last: int | None) -> list[Item]:
    if last is None or len(items) <= last:
        return items
    console.print(f"({len(items) - last} earlier; --all tells them)", style="dim")
    return items[-last:]


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold underline"))


def _item(console: Console, text: str, sign: str = "•") -> None:
    console.print(Padding(Text(f"{sign} {text}"), (0, 0, 0, 4), expand=False))
