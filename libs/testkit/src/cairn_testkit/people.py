"""Records of made-up people with known truth: households, twins, namesakes, moves, typos, missing fields."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

_GIVEN: Final = {
    "en": "oliver amelia george isla william elizabeth james mary thomas emily robert margaret henry charlotte jack "
    "grace samuel lucy daniel hannah peter sarah michael anna christopher katherine edward alice joseph rebecca",
    "de": "lukas anna felix marie jürgen ursula wolfgang helga günter renate maximilian sophie paul emma jonas mia "
    "heinrich gisela karl käthe björn anke stefan sabine thomas petra michael monika uwe jutta",
    "es": "josé maría antonio carmen manuel ana francisco isabel david laura juan cristina javier lucía daniel paula "
    "josé-luis maría-jesús ángel dolores miguel pilar alejandro elena rafael raquel pedro sara jesús concepción",
}
_ENDINGS: Final = {
    "en": ("son", "ton", "ley", "ham", "field", "wood", "er", "man", "well", "ford", "by", "shaw"),
    "de": ("mann", "er", "bach", "berg", "meier", "hoff", "ke", "schmidt", "stein", "wald", "ing", "müller"),
    "es": ("ez", "ero", "ado", "illa", "osa", "ares", "ín", "andez", "uela", "ano", "era", "iz"),
}
_STARTS: Final = (
    "al an ar bar ben bur cal car cor dal dor el fal far gar gol hal har hol jan kal kel lam lor mar mel mor nor ol "
    "par pel quin ral ros sal sel tal tor ul van vel wal wil yor zan brad clay dun finch grim hart kirk lang stan"
).split()
_STREETS: Final = {
    "en": ("street", "road", "lane"),
    "de": ("straße", "weg", "gasse"),
    "es": ("calle", "avenida", "plaza"),
}
_DOMAINS: Final = ("mail.example", "post.example", "web.example", "home.example", "firm.example")


@dataclass(frozen=True, slots=True)
class World:
    """What sort of people there are and how badly they are written down; shares are between 0 and 1."""

    people: int = 1_000
    locale: str = "en"
    most_records: int = 4
    spoilt: float = 0.15
    missing: float = 0.05
    moved: float = 0.1
    in_households: float = 0.5
    twins: float = 0.02
    namesakes: float = 0.03
    contacts: bool = True
    sources: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Person:
    """One person as they are."""

    given: str
    surname: str
    suffix: str
    sex: str
    born: date
    number: str
    street: str
    city: str
    postcode: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True)
class Record:
    """One row and the person it is of."""

    person: int
    row: dict[str, str]


class Census:
    """Makes a world's people and their records, always the same ones for a seed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = random.Random(world.seed)  # noqa: S311  # seeded on purpose
        endings = _ENDINGS[world.locale]
        self._surnames = [start + ending for start in _STARTS for ending in endings]
        self._chance.shuffle(self._surnames)
        self._given = _GIVEN[world.locale].split()
        self._cities = [f"{start}{ending}" for start in _STARTS[:30] for ending in ("ville", "stadt", "port")]

    def records(self) -> list[Record]:
        """All records in a random order; rows of one source are of different people where there are sources."""
        made = [
            Record(number, row) for number, person in enumerate(self._people()) for row in self._rows(number, person)
        ]
        self._chance.shuffle(made)
        return [replace(one, row={"id": f"r{place}"} | one.row) for place, one in enumerate(made)]

    def _people(self) -> list[Person]:
        people: list[Person] = []
        while len(people) < self._world.people:
            first = self._adult()
            people.append(first)
            if self._chance.random() < self._world.in_households:
                people += self._family(first)
        return people[: self._world.people]

    def _adult(self) -> Person:
        city = self._skewed(self._cities)
        place = self._cities.index(city)
        given, surname = self._skewed(self._given), self._skewed(self._surnames)
        return Person(
            given=given,
            surname=surname,
            suffix="",
            sex="m" if self._given.index(given) % 2 == 0 else "f",
            born=date(1940, 1, 1) + timedelta(days=self._chance.randrange(60 * 365)),
            number=str(self._chance.randint(1, 150)),
            street=self._street(),
            city=city,
            postcode=f"{10_000 + place * 37 + self._chance.randrange(20)}",
            phone=self._phone(),
            email=self._email(given, surname),
        )

    def _family(self, first: Person) -> list[Person]:
        """Members of one household: same surname and address, often the same telephone."""
        members = []
        for _ in range(self._chance.randint(1, 3)):
            given = self._chance.choice([name for name in self._given if name != first.given])
            members.append(
                replace(
                    first,
                    given=given,
                    sex="m" if self._given.index(given) % 2 == 0 else "f",
                    born=first.born + timedelta(days=self._chance.randint(-3_000, 12_000)),
                    phone=first.phone if self._chance.random() < 0.5 else self._phone(),
                    email=self._email(given, first.surname),
                )
            )
        if self._chance.random() < self._world.twins * 4:
            members[0] = replace(members[0], born=first.born)
        if self._chance.random() < self._world.namesakes * 4:
            junior = first.born + timedelta(days=self._chance.randint(7_000, 12_000))
            members[-1] = replace(first, suffix="Jr", born=junior, email=self._email(first.given, first.surname))
        return members

    def _rows(self, number: int, person: Person) -> list[dict[str, str]]:
        world = self._world
        if world.sources:
            held = [source for source in range(world.sources) if source == 0 or self._chance.random() < 0.8]
            return [{"source": f"s{source}"} | self._row(person) for source in held]
        return [self._row(person) for _ in range(self._chance.randint(1, world.most_records))]

    def _row(self, person: Person) -> dict[str, str]:
        if self._chance.random() < self._world.moved:
            there = self._adult()
            person = replace(person, number=there.number, street=there.street, city=there.city, postcode=there.postcode)
        surname = f"{person.surname} {person.suffix}".strip() if self._chance.random() < 0.7 else person.surname
        row = {
            "given_name": person.given,
            "surname": surname,
            "sex": person.sex,
            "date_of_birth": person.born.isoformat(),
            "street_number": person.number,
            "address": person.street,
            "city": person.city,
            "postcode": person.postcode,
        }
        if self._world.contacts:
            row |= {"phone": person.phone, "email": person.email}
        for field, value in row.items():
            if self._chance.random() < self._world.missing:
                row[field] = ""
            elif self._chance.random() < self._world.spoilt:
                row[field] = self._spoilt(field, value)
        if self._chance.random() < self._world.spoilt / 10:
            row["given_name"], row["surname"] = row["surname"], row["given_name"]
        return row

    def _spoilt(self, field: str, value: str) -> str:
        if field == "date_of_birth" and self._chance.random() < 0.4:
            year, month, day = value.split("-")
            return f"{year}-{day}-{month}"
        if field == "given_name" and self._chance.random() < 0.3:
            return value[0]
        if field in ("email", "phone") and self._chance.random() < 0.5:
            return self._email(value.partition("@")[0], "x") if field == "email" else self._phone()
        return self._typo(value)

    def _typo(self, value: str) -> str:
        if len(value) < 3:
            return value
        place = self._chance.randrange(len(value) - 1)
        letter = self._chance.choice("0123456789" if value[place].isdigit() else "abcdefghijklmnoprstuvwz")
        ways: list[Callable[[], str]] = [
            lambda: value[:place] + value[place + 1 :],
            lambda: value[:place] + letter + value[place:],
            lambda: value[:place] + letter + value[place + 1 :],
            lambda: value[:place] + value[place + 1] + value[place] + value[place + 2 :],
        ]
        return self._chance.choice(ways)()

    def _skewed(self, values: list[str]) -> str:
        """A few values are frequent, most are rare."""
        return values[int(len(values) * self._chance.random() ** 2.5)]

    def _street(self) -> str:
        word = self._chance.choice(_STREETS[self._world.locale])
        return f"{self._chance.choice(self._surnames)} {word}"

    def _phone(self) -> str:
        return f"0{self._chance.randint(20, 89)}{self._chance.randint(1_000_000, 9_999_999)}"

    def _email(self, given: str, surname: str) -> str:
        """Names with a number after them, at a few domains; some families share one."""
        return f"{given[:6]}.{surname}{self._chance.randint(1, 99)}@{self._chance.choice(_DOMAINS)}"
