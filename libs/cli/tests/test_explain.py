"""What is known of a customer is told in words, and nothing in them is a protocol's."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from rich.console import Console

from cairn.activation.v1.activation_pb2 import Delivery
from cairn.decisioning.v1.decisioning_pb2 import Candidate, Decision
from cairn.identity.v1.identity_pb2 import ExplainResponse, GetProfileResponse, Link, ProfileIdentifier
from cairn.journey.v1.journey_pb2 import (
    Condition,
    ExplainInstanceResponse,
    GetCustomerResponse,
    Instance,
    ListedInstance,
    TimelineEntry,
)
from journeyctl import words
from journeyctl.console import wide_console
from journeyctl.customer import Customer
from journeyctl.customers import table_of
from journeyctl.demo.households import Call
from journeyctl.demo.latency import percentile
from journeyctl.demo.story import choose, story
from journeyctl.explain import tell


def at(day: int, hour: int = 12) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime(2017, 3, day, hour, tzinfo=UTC))
    return stamp


def fields(**values: Any) -> Struct:
    struct = Struct()
    struct.update(values)
    return struct


@pytest.fixture
def customer() -> Customer:
    user, card = (ProfileIdentifier(namespace=name, token=name * 8) for name in ("user_id", "card"))
    return Customer(
        profile_id="7a0c2a63-54d4-5d12-8a5e-3b0a5f3ad001",
        identity=ExplainResponse(links=[Link(left=user, right=card, support=3, first_event_time=at(2))]),
        profile=GetProfileResponse(merged_profile_ids=["other"]),
        state=GetCustomerResponse(
            traits=fields(locale="de", age_band="45-54"),
            instances=[
                Instance(
                    instance_id="i",
                    journey="win-back",
                    entered_time=at(1),
                    goal_time=at(25),
                    goal_value="12.34",
                    occurrence=2,
                )
            ],
        ),
        timeline=[
            TimelineEntry(
                type="basket.purchased",
                event_time=at(1),
                data=fields(amount=12.5, currency="USD", items=3, coupon_used=False, departments=["A", "B", "C", "D"]),
            ),
            TimelineEntry(
                type="journey.stage_entered",
                event_time=at(22),
                data=fields(journey="win-back", instance_id="i", stage="lapsing"),
            ),
            TimelineEntry(type="identity.merged", event_time=at(23), data=fields(**{"from": "a", "to": "b"})),
        ],
        explained={
            "win-back": ExplainInstanceResponse(
                summary="Not in win-back: reached its goal on 2017-03-25T12:00:00Z.",
                conditions=[
                    Condition(role="reentry", expression="always", holds=True, saw="left on 2017-03-25T12:00:00Z")
                ],
            )
        },
        decisions=[
            Decision(
                decided_time=at(22),
                journey="win-back",
                reason="CONTACT_POLICY_CAP",
                candidates=[Candidate(action="miss-you", stopped_by="CONTACT_POLICY_CAP")],
            )
        ],
        deliveries=[Delivery(planned_time=at(3), action="welcome", channel="email", status="sent")],
    )


def test_a_customer_is_told_in_words(customer: Customer) -> None:
    output = io.StringIO()
    tell(Console(file=output, width=200), "1029", customer)
    told = output.getvalue()
    for sentence in (
        "Customer 1029",
        "age band 45-54, locale de",
        "1 other profile turned out to be the same person:",
        "were seen together 3 times, first on 2 March 2017",
        "Not in win-back: reached its goal on 25 March 2017, 12:00.",
        "entered on 1 March 2017 (time 2); reached the goal on 25 March 2017, worth 12.34",
        "✓ reentry: always — left on 25 March 2017, 12:00",
        "Nothing was sent: the contact policy: enough messages already.",
        "✗ miss-you: stopped by the contact policy: enough messages already",
        "welcome by email was sent",
        "basket purchased, 12.5 USD, departments A, B, C …, items 3",
        "two profiles became one",
    ):
        assert sentence in told


def test_of_many_journeys_the_others_are_only_counted(customer: Customer) -> None:
    out = io.StringIO()
    tell(Console(file=out, width=200), "1234", replace(customer, untold=["a", "b"]))
    assert "2 are not shown; --journey explains one of them." in out.getvalue()


def test_what_no_provider_saw_was_not_refused_by_one() -> None:
    sent = Delivery(action="renewal", channel="email", status="rejected", reason="TEMPLATE_FAULT")
    assert words.delivery(sent).startswith("renewal by email was never sent (its template shows something")
    sent.reason = "CONTENT_REFUSED"
    assert words.delivery(sent) == "renewal by email was refused by the provider (content refused)"


def test_what_a_subject_is_told_is_in_words() -> None:
    joined = TimelineEntry(type="relation.changed", data=fields(key="acme", roles=["payer"], intervals=[["payer", 1]]))
    left = TimelineEntry(type="relation.changed", data=fields(key="acme", roles=[]))
    assert words.touchpoint(joined) == "a member is payer in acme"
    assert words.touchpoint(left) == "somebody is no member any more in acme"
    assert words.touchpoint(TimelineEntry(type="a.b", data=fields(c={"d": [1.0]}))) == "a b, c {d: 1}"


def test_tables_are_never_cut_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    held = Instance(journey="a-journey-with-a-long-name", stage="s" * 40, entered_time=at(1), waits=["offer/1"])
    wide_console().print(table_of([ListedInstance(profile_id="7a0c2a63-54d4-5d12-8a5e-3b0a5f3ad001", instance=held)]))
    told = capsys.readouterr().out
    assert all(part in told for part in ("7a0c2a63-54d4-5d12-8a5e-3b0a5f3ad001", "s" * 40, held.journey, "2017-03-01"))
    assert "…" not in told
    assert len(told.splitlines()) == 2


def test_of_a_long_life_only_the_last_is_told_unless_asked(customer: Customer) -> None:
    output = io.StringIO()
    tell(Console(file=output, width=200), "1029", customer, last=1)
    assert "(2 earlier; --all tells them)" in output.getvalue()
    assert "12.5 USD" not in output.getvalue()


def test_a_story_has_a_lane_for_each_kind_of_thing(customer: Customer) -> None:
    told = story("1029", customer)
    lanes = {lane.name: lane for lane in told.lanes}
    assert list(lanes) == ["baskets", "identity", "campaigns", "win-back", "decisions", "messages"]
    assert [mark.kind for mark in lanes["identity"].marks] == ["merge"]
    assert [mark.kind for mark in lanes["decisions"].marks] == ["suppressed"]
    [span] = lanes["win-back"].spans
    assert span.outcome == "goal"
    assert [stage for _, stage in span.stages] == ["lapsing"]


def test_a_word_without_a_sentence_is_told_as_it_is() -> None:
    assert words.reason("NEVER_HEARD_OF") == "never heard of"


def test_the_household_with_most_to_tell_is_chosen() -> None:
    def basket(user: str | None, day: int, card: str = "") -> Call:
        moment = datetime(2017, 1 + day // 28, 1 + day % 28, tzinfo=UTC)
        return Call(moment, f"{user}-{day}", "track", "Basket Purchased", user, None if user else card, {})

    dull = [basket("1", day) for day in range(0, 40, 4)]
    pausing = [basket("2", day) for day in (*range(0, 20, 2), 60)]
    known_by_card = [basket(None, 0, "290000000003"), *(basket("3", day) for day in (*range(2, 20, 2), 60))]
    assert choose([*dull, *pausing]) == "2"
    assert choose([*dull, *pausing, *known_by_card]) == "3"


@pytest.mark.parametrize(("percent", "value"), [(50, 6), (99, 10)])
def test_a_percentile_is_one_of_the_values(percent: int, value: float) -> None:
    assert percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], percent) == value
    assert percentile([], percent) == 0
