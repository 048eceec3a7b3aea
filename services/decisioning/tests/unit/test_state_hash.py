"""The hash changes with anything that was decided, and with nothing else."""

from collections.abc import AsyncIterator, Iterable

from libs.decisions.tests.scene import Profile, action, moment, programme
from msgspec.structs import replace

from cairn_kernel.event import Event
from decisioning.application.state_hash import state_hash


def decision(**changes: object) -> Event:
    ada = Profile(programme(action()))
    ada.when(moment())
    return replace(ada.stream[0], **changes)


async def stream(events: Iterable[Event]) -> AsyncIterator[Event]:
    for event in events:
        yield event


async def hashed(*events: Event) -> str:
    return (await state_hash(stream(events)))[0]


async def test_it_counts_what_it_covers() -> None:
    assert (await state_hash(stream([decision(), decision()])))[1] == 2


async def test_one_field_of_one_decision_changes_it() -> None:
    before = decision()
    for change in (
        {"as_of": before.as_of + 1},
        {"definition_version": "v2"},
        {"data": {**before.data, "reason": "COOLDOWN"}},
        {
            "data": {
                **before.data,
                "chosen": {**before.data["chosen"], "contact": {"sealed": "", "key_id": "k2", "field": "email"}},
            }
        },
    ):
        assert await hashed(before) != await hashed(replace(before, **change))


def addressed(before: Event, sealed: str) -> Event:
    chosen = before.data["chosen"]
    return replace(
        before, data={**before.data, "chosen": {**chosen, "contact": {**chosen["contact"], "sealed": sealed}}}
    )


async def test_ciphertext_and_trace_which_differ_in_every_run_do_not_change_it_and_the_address_does() -> None:
    before = decision()
    one = await hashed(addressed(before, "nonceofaddress01ciphertext"))
    assert one == await hashed(replace(addressed(before, "nonceofaddress01otherbytes"), traceparent="00-1-2-01"))
    assert one != await hashed(addressed(before, "nonceofaddress02ciphertext"))
