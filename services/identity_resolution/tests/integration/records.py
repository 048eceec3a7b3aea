"""Made-up people as identifying events with sealed traits, and the rules that compare them."""

import json
from collections.abc import Collection, Mapping
from functools import lru_cache

from cairn_eventstore import seal_field
from cairn_kernel.event import Event, Identifier
from cairn_kernel.ids import stable_id
from cairn_matching import Model, guess, read_rows, train
from cairn_testkit.people import Census, Record, World
from identity_resolution.domain.matching import Matching

PATHS = {
    "given_name": "firstName",
    "surname": "lastName",
    "sex": "gender",
    "date_of_birth": "birthday",
    "street_number": "address.number",
    "address": "address.street",
    "city": "address.city",
    "postcode": "address.postalCode",
    "phone": "phone",
    "email": "email",
}
SEALED = ("firstName", "lastName", "birthday", "phone", "email")


class SubjectKeys:
    """Keys of customers as ingestion gives them: one for each event here, but for those erased."""

    def __init__(self) -> None:
        self.erased: set[str] = set()
        self.asked = 0

    async def unwrap(self, key_ids: Collection[str]) -> Mapping[str, bytes]:
        self.asked += len(key_ids)
        return {key_id: key_of(key_id) for key_id in key_ids if key_id not in self.erased}


def key_of(key_id: str) -> bytes:
    return key_id.encode().ljust(32, b"k")[:32]


@lru_cache
def model() -> Model:
    records = Census(World(people=300, seed=1)).records()
    rules = guess([column for column in records[0].row if column != "person"])
    return train(rules, read_rows(rules, [one.row for one in records]))


def matching(automatic: float = 0.99, review: float = 0.5, candidates: int = 100) -> Matching:
    return Matching(model(), PATHS, automatic, review, candidates)


def identified(number: int, row: Mapping[str, str], *names: tuple[str, str], tenant: str = "default") -> Event:
    """An event that tells who somebody is, at a time that its number gives."""
    told = {path: row[column] for column, path in PATHS.items() if row.get(column)}
    address = {path.partition(".")[2]: value for path, value in told.items() if path.startswith("address.")}
    personal = {path: told[path] for path in SEALED if path in told} | ({"address": address} if address else {})
    key_id = f"key-{number}"
    return Event(
        id=stable_id("identified", tenant, number),
        tenant=tenant,
        type="profile.identified",
        event_time=number,
        as_of=number,
        identifiers=tuple(Identifier(*name) for name in names),
        data={"gender": told["gender"]} if "gender" in told else {},
        sealed={
            field: seal_field(
                key_of(key_id), tenant=tenant, key_id=key_id, field=field, value=json.dumps(value).encode()
            )
            for field, value in personal.items()
        },
        key_id=key_id,
    )


def crm_rows(world: World) -> list[tuple[Record, Event]]:
    """Each record as an event of its own identifier: nothing but what they tell joins them."""
    records = Census(world).records()
    return [(one, identified(number, one.row, ("crm_id", one.row["id"]))) for number, one in enumerate(records, 1)]
