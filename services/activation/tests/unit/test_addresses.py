import asyncio
import json
from base64 import b64encode
from collections.abc import Collection, Mapping

import pytest

from activation.application.addresses import FORGET_AFTER_S, Addresses
from cairn_eventstore import seal_field
from cairn_kernel.errors import Invalid, Unavailable

KEY = b"k" * 32
ADDRESS = "h1@households.example"


class Cupboard:
    def __init__(self) -> None:
        self.keys = {"key-1": KEY}
        self.failures = 0
        self.asked: list[list[str]] = []

    async def unwrap(self, key_ids: Collection[str]) -> Mapping[str, bytes]:
        if self.failures:
            self.failures -= 1
            raise Unavailable("not now")
        self.asked.append(sorted(key_ids))
        return {key_id: self.keys[key_id] for key_id in key_ids if key_id in self.keys}


def contact(
    address: object = "h1@households.example", *, key_id: str = "key-1", field: str = "email"
) -> dict[str, str]:
    text = json.dumps(address).encode()
    sealed = seal_field(KEY, tenant="default", key_id=key_id, field="email", value=text)
    return {"sealed": b64encode(sealed).decode(), "key_id": key_id, "field": field}


async def fetched(addresses: Addresses, *contacts: Mapping[str, str]) -> None:
    """Ask for the keys of contacts and wait until they have come."""
    come = asyncio.Event()
    addresses.on_found = come.set
    assert not any([addresses.at_hand(each) for each in contacts])
    async with asyncio.TaskGroup() as group:
        task = group.create_task(addresses.run())
        await asyncio.wait_for(come.wait(), 60)
        task.cancel()


async def test_keys_are_asked_for_together_and_then_at_hand() -> None:
    cupboard = Cupboard()
    addresses = Addresses(cupboard)
    await fetched(addresses, contact(), contact(key_id="key-2"), contact())
    assert cupboard.asked == [["key-1", "key-2"]]
    assert addresses.at_hand(contact())
    assert addresses.open("default", contact()) == ADDRESS


async def test_a_forgotten_customer_has_no_address_any_more() -> None:
    addresses = Addresses(Cupboard())
    await fetched(addresses, contact(key_id="gone"))
    with pytest.raises(Invalid) as caught:
        addresses.open("default", contact(key_id="gone"))
    assert caught.value.reason == "ADDRESS_ERASED"


@pytest.mark.parametrize("bad", [contact(field="phone"), contact(5), contact(""), {**contact(), "sealed": "?"}])
async def test_what_cannot_be_opened_is_said_without_telling_what_it_was(bad: dict[str, str]) -> None:
    addresses = Addresses(Cupboard())
    await fetched(addresses, bad)
    with pytest.raises(Invalid) as caught:
        addresses.open("default", bad)
    assert caught.value.reason == "ADDRESS_UNREADABLE"


async def test_a_key_is_asked_for_again_after_a_while_so_that_an_erased_one_is_noticed() -> None:
    cupboard, now = Cupboard(), [0.0]
    addresses = Addresses(cupboard, clock_s=lambda: now[0])
    await fetched(addresses, contact())
    now[0] = FORGET_AFTER_S + 1
    cupboard.keys.clear()
    await fetched(addresses, contact())
    with pytest.raises(Invalid, match="erased"):
        addresses.open("default", contact())


async def test_while_ingestion_is_away_keys_are_asked_for_until_it_is_back() -> None:
    cupboard = Cupboard()
    cupboard.failures = 1
    addresses = Addresses(cupboard)
    await fetched(addresses, contact())
    assert addresses.at_hand(contact())
