"""Play a scenario: its events at their virtual times, through the engines, on a model of delivery."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from cairn_journey import DefinitionFaults, Programme, load_directory
from cairn_journey.subjects.told import subject_id
from cairn_kernel.event import (
    BROADCAST,
    CONSENT_CHANGED,
    DEFINITION_ACTIVATED,
    MEMBER_ADDRESSED,
    MERGED,
    PAUSED,
    RESUMED,
    SPLIT,
    STOPPED,
    Event,
)
from cairn_kernel.ids import stable_id
from journeyctl.errors import CannotRun
from journeyctl.testing.belonging import Belonging
from journeyctl.testing.scenario import Given, Scenario
from journeyctl.virtual.customer import OUTCOMES, Customer
from journeyctl.virtual.delivery import SENT, fact, outcome, to_member
from journeyctl.virtual.world import World

TENANT: Final = "default"
IDENTIFIED: Final = "profile.identified"
PERSONAL: Final = frozenset({"email", "phone", "name", "address", "first_name", "last_name"})
"""Traits that the front door seals; a scenario writes them as any other."""


class Played:
    """The customers of a scenario, at an instant of it."""

    def __init__(self, scenario: Scenario, programmes: dict[Path, Programme]) -> None:
        """`programmes` are those read before, by folder; others are added."""
        self._programmes = programmes
        self._scenario = scenario
        self.world = World(self._load(scenario.programme), TENANT)
        self.customers: dict[str, Customer] = {}
        self.belonging = Belonging(self.world.programme)
        self._by_id: dict[str, Customer] = {}
        self.versions = [self.world.programme]
        self._seen: set[str] = set()

    def customer(self, name: str) -> Customer:
        """A customer by the name that the scenario uses."""
        found = self.customers.get(name)
        if found is None:
            kind, _, key = name.partition(":")
            about_person = kind not in self.belonging.kinds.by_name
            profile_id = stable_id("scenario", name) if about_person else subject_id(TENANT, kind, key)
            found = self.customers[name] = self._who(profile_id)
        return found

    def advance(self, upto: int) -> None:
        """Let time pass for everybody; for accounts and their members together, since they hear of each other."""
        while self.belonging.kinds:
            due = min((at for one in self._by_id.values() if (at := one.next_due()) is not None), default=upto)
            if due >= upto:
                break
            self._advance(due)
        self._advance(upto)

    def _advance(self, upto: int) -> None:
        for customer in list(self._by_id.values()):
            customer.advance(upto)
        self._pass_on()

    def _who(self, profile_id: str) -> Customer:
        found = self._by_id.get(profile_id)
        if found is None:
            found = self._by_id[profile_id] = Customer(self.world, profile_id, answers=_answers, histories=True)
        return found

    def _pass_on(self) -> None:
        """Tell members what their accounts have for them, and accounts what became of it."""
        while waiting := [event for one in self._by_id.values() for event in one.outbox]:
            for one in self._by_id.values():
                one.outbox.clear()
            for event in waiting:
                if event.type == MEMBER_ADDRESSED:
                    back = to_member(event)
                    self._who(back.profile_id).take(back)
                else:
                    self._tell_subjects(self.belonging.follow(event))

    def _tell_subjects(self, told: Iterable[Event]) -> None:
        for event in told:
            self._who(event.profile_id).take(event)

    def happen(self, number: int, given: Given) -> None:
        """Something given happens."""
        self.advance(given.at - 1)
        match given.kind:
            case "event" | "identify" | "consent":
                self._take(given, self._event(number, given))
            case "outcome":
                self._come_back(given)
            case "merge":
                self._two_sided(given, MERGED, giver=str(given.what), receiver=given.customer)
            case "split":
                self._two_sided(given, SPLIT, giver=given.customer, receiver=str(given.what))
            case "programme":
                self._activate(given)
            case _:
                self._walk(given)

    def _take(self, given: Given, event: Event) -> None:
        if event.id in self._seen:
            return  # ingestion lets a repeated id in once
        self._seen.add(event.id)
        self.customer(given.customer).take(event)
        self._tell_subjects(self.belonging.follow(event))
        self._pass_on()

    def _event(self, number: int, given: Given) -> Event:
        clear: dict[str, Any] = dict(given.more.get("data", {}))
        sealed: dict[str, bytes] = {}
        type = str(given.what)
        if given.kind == "identify":
            type = IDENTIFIED
            clear = {name: value for name, value in given.what.items() if name not in PERSONAL}
            sealed = {name: str(value).encode() for name, value in given.what.items() if name in PERSONAL}
        elif given.kind == "consent":
            type = CONSENT_CHANGED
            clear = {"channel": "", "class": "", "at": given.more.get("happened") or given.at, **given.what}
        name = given.more.get("id", f"#{number}")
        happened = given.more.get("happened")
        return Event(
            id=stable_id("scenario", str(name)),
            tenant=TENANT,
            type=type,
            event_time=given.at if happened is None else happened,
            as_of=given.at,
            source="scenario",
            historical=given.more.get("historical") is True,
            profile_id=self.customer(given.customer).profile_id,
            data=clear,
            sealed=sealed,
            key_id="scenario" if sealed else "",
        )

    def _come_back(self, given: Given) -> None:
        """What became of the latest message (of an action, if it is named)."""
        customer = self.customer(given.customer)
        action = given.more.get("action")
        customer.advance(given.at)
        sent = [
            told
            for told in customer.log
            if told.type == OUTCOMES + SENT and told.source == "activation" and action in (None, told.data["action"])
        ]
        if not sent:
            what = f"of {action} " if action else ""
            raise CannotRun(f"{given.place}: no message {what}had been sent to {given.customer} by then.")
        back = outcome(fact(sent[-1], str(given.what), given.at))
        customer.take(back)
        self._tell_subjects(self.belonging.follow(back))
        self._pass_on()

    def _two_sided(self, given: Given, type: str, *, giver: str, receiver: str) -> None:
        """A merge (the giver ends) or a split (the giver goes on)."""
        self.advance(given.at)
        one, other = self.customer(giver), self.customer(receiver)
        moved = [stable_id("scenario", str(name)) for name in given.more.get("events", ())]
        data = {"from": one.profile_id, "to": other.profile_id, "moved": [], "at": given.at, "events": moved}
        cause = stable_id(type, str(given.place))
        for customer, facing in ((one, other), (other, one)):
            event = self._control(given, type, data if type == SPLIT else {k: data[k] for k in ("from", "to")}, cause)
            own = Event(**{**{name: getattr(event, name) for name in event.__struct_fields__}, **_of(customer, cause)})
            customer.join_or_part(own, facing)
        self._tell_subjects(self.belonging.join_or_part(event, moved))
        self._pass_on()

    def _activate(self, given: Given) -> None:
        programme = self._load(Path(given.place.file).parent / str(given.what))
        self.versions.append(programme)
        self.advance(given.at)
        self.world.activate(programme)
        self.belonging.under(programme)
        self._tell_all(self._control(given, DEFINITION_ACTIVATED, {"version": programme.version}, ""))

    def _walk(self, given: Given) -> None:
        self.advance(given.at)
        if given.kind == "broadcast":
            data = {"type": str(given.what), "data": dict(given.more.get("data", {}))}
            self._tell_all(self._control(given, BROADCAST, data, ""))
            return
        journey = str(given.what)
        if journey not in self.world.programme.journeys:
            raise CannotRun(f"{given.place}: there is no journey {journey} in the programme.")
        type = {"pause": PAUSED, "resume": RESUMED, "stop": STOPPED}[given.kind]
        data = {"journey": journey} | ({"mode": given.more.get("mode", "drain")} if type == STOPPED else {})
        control = self._control(given, type, data, "")
        self.world.programmes.operate(TENANT, control)
        self._tell_all(control)

    def _tell_all(self, event: Event) -> None:
        for customer in list(self._by_id.values()):
            customer.walk(event)
        self._pass_on()

    def _control(self, given: Given, type: str, data: dict[str, Any], cause: str) -> Event:
        return Event(
            id=stable_id("scenario", type, str(given.place)),
            tenant=TENANT,
            type=type,
            event_time=given.at,
            as_of=given.at,
            causation_id=cause,
            data=data,
        )

    def _load(self, folder: Path) -> Programme:
        path = folder.resolve()
        if path not in self._programmes:
            try:
                self._programmes[path] = load_directory(folder)
            except DefinitionFaults as refused:
                first = refused.faults[0]
                raise CannotRun(f"{self._scenario.place} tests a programme with faults: {first}.") from None
        return self._programmes[path]


def _of(customer: Customer, cause: str) -> dict[str, Any]:
    """Which side's copy it is."""
    return {"profile_id": customer.profile_id, "id": stable_id(cause, customer.profile_id)}


def _answers(customer: Customer, told: Event) -> Iterable[Event]:
    """What the model of delivery tells of a message comes back as an event of the customer."""
    return (told,)


def play(scenario: Scenario, programmes: dict[Path, Programme], stops: Iterable[int]) -> Iterator[tuple[int, Played]]:
    """Play a scenario, pausing after all that happens at each of some instants, and at the end."""
    played = Played(scenario, programmes)
    waiting = list(enumerate(scenario.given))
    for stop in sorted({*stops, scenario.until}):
        while waiting and waiting[0][1].at <= stop:
            played.happen(*waiting.pop(0))
        played.advance(stop)
        yield stop, played
