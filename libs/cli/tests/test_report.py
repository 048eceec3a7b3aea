"""The report stands alone, says what was counted, and the summary has the agreed keys."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from journeyctl.demo.pictures import flow, timeline
from journeyctl.demo.report import page
from journeyctl.demo.results import (
    JourneyCount,
    Lane,
    Latency,
    Mark,
    Results,
    Slice,
    Span,
    Standing,
    Story,
    Told,
    summary,
)

START = datetime(2017, 1, 1, tzinfo=UTC)
END = datetime(2018, 1, 2, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


WIN_BACK = JourneyCount(
    name="win-back",
    entered=6697,
    in_flight=591,
    goal=4860,
    goal_value="120345.67",
    currency="USD",
    exited=1246,
    stages={"lapsing": 420, "lapsed": 171},
    stage_entries={"active": 9000, "lapsing": 6697, "lapsed": 3682},
    stage_transitions={"active>lapsing": 6697, "lapsing>lapsed": 3682, "lapsed>active": 2000, "lapsing>active": 900},
)
STORY = Story(
    user_id="1029",
    profile_id="7a0c2a63-54d4-5d12-8a5e-3b0a5f3ad001",
    traits={"age_band": "45-54", "income": "50-74K"},
    links=["card and user_id were seen together in 12 events, first on 4 January 2017"],
    lanes=[
        Lane(
            "baskets",
            [Mark(day(3 * n + (40 if n > 20 else 0)), "basket", "Basket of 12.00 USD", (n % 7) / 7) for n in range(60)],
        ),
        Lane(
            "campaigns", [Mark(day(60), "campaign", "Campaign 27 received"), Mark(day(71), "coupon", "Coupon redeemed")]
        ),
        Lane("onboarding", spans=[Span(day(0), day(3), "goal", [], "reached the goal")]),
        Lane(
            "win-back",
            spans=[
                Span(day(80), day(104), "goal", [(day(90), "lapsed")], "came back"),
                Span(day(200), None, "", [], "on"),
            ],
        ),
        Lane("decisions", [Mark(day(0), "chosen", "welcome"), Mark(day(80), "suppressed", "contact policy")]),
        Lane("e-mails", [Mark(day(0), "mail", "welcome: sent")]),
    ],
    decisions=[
        Told(
            day(80),
            "win-back",
            "Nothing was sent: two messages in seven days",
            False,
            [("miss-you", False, "contact policy")],
        )
    ],
    standings=[
        Standing("win-back", "In it since 1 July.", [("goal", "event.amount > 0 && true", False, "no such event")])
    ],
)
RESULTS = Results(
    period="full",
    start=START,
    end=END,
    programme_version="9f" * 32,
    sent=167008,
    accepted=167008,
    duplicates=0,
    quarantined=0,
    lost=0,
    profiles=2469,
    merges=813,
    journeys=[WIN_BACK],
    moments=19000,
    made=15000,
    suppressed={"CONTACT_POLICY_CAP": 3200, "NO_CONTACT": 800},
    actions={"welcome-email": 2400, "coupon-10": 3000},
    deliveries={"sent": 14990, "expired": 10},
    mails_expected=14990,
    mails_found=14990,
    mails_missing=0,
    mails_twice=0,
    calls_expected=12,
    calls_found=12,
    throughput_eps=4321.987,
    latency=Latency(21.234, 80.5, 900, 50),
    state_hash="ab" * 32,
    wall_s=200.123,
    slices=[Slice(day(7 * n), 2500 + 40 * (n % 9), 200 + 30 * (n % 5)) for n in range(53)],
    slice_days=7,
    story=STORY,
)


class Nesting(HTMLParser):
    """Fails on a tag that is closed but not open, or left open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.references += [
            value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "xlink:href")
        ]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_well_nested_and_asks_for_nothing_else() -> None:
    nesting = Nesting()
    nesting.feed(html := page(RESULTS))
    assert nesting.open == []
    assert nesting.references == []
    assert "url(" not in html
    assert "@import" not in html


def test_the_page_tells_the_numbers_and_claims_no_effect() -> None:
    html = page(RESULTS)
    for said in (
        "167,008",
        "2,469",
        "813 merges",
        "120,345.67 USD",
        "contact policy",
        "counts, not effects",
        "calls the data simulated",
    ):
        assert said.replace("'", "&#x27;") in html or said in html


def test_what_comes_from_outside_is_escaped() -> None:
    hostile = replace(RESULTS, story=replace(STORY, user_id="<script>alert(1)</script>"), actions={"<b>x": 1})
    assert "<script" not in page(hostile)
    assert "<b>x" not in page(hostile)


def test_a_demo_without_a_story_still_has_a_page() -> None:
    assert "One customer" not in page(replace(RESULTS, story=None, slices=[], suppressed={}))


@pytest.mark.parametrize(
    "journey",
    [
        WIN_BACK,
        replace(WIN_BACK, stages={}, stage_entries={}, stage_transitions={}),
        replace(
            WIN_BACK,
            entered=0,
            goal=0,
            exited=0,
            in_flight=0,
            stages={},
            stage_entries={"active": 0},
            stage_transitions={},
        ),
    ],
)
def test_a_flow_is_a_picture_whatever_the_counts(journey: JourneyCount) -> None:
    picture = ElementTree.fromstring(flow(journey))  # noqa: S314  (our own text)
    assert picture.attrib["viewBox"]


def test_a_timeline_keeps_to_its_period() -> None:
    early = Lane("campaigns", [Mark(START - timedelta(days=40), "campaign", "before it all")])
    late = Lane("win-back", spans=[Span(day(300), END + timedelta(days=9), "exited", [], "after")])
    picture = ElementTree.fromstring(timeline([early, late], START, END))  # noqa: S314  (our own text)
    width = float(picture.attrib["viewBox"].split()[2])
    for rect in picture.iter("rect"):
        assert 0 <= float(rect.attrib["x"]) <= width


def test_a_latency_that_was_not_measured_is_not_claimed() -> None:
    unmeasured = replace(RESULTS, latency=None)
    assert summary(unmeasured)["latency_ms"] == {"p50": None, "p99": None}
    assert "ingest to dispatch" not in page(unmeasured)


def test_the_summary_has_exactly_the_agreed_keys() -> None:
    assert summary(RESULTS) == {
        "events": {"sent": 167008, "accepted": 167008, "duplicates": 0, "quarantined": 0, "lost": 0},
        "profiles": 2469,
        "merges": 813,
        "journeys": {
            "win-back": {"entered": 6697, "in_flight": 591, "goal": 4860, "goal_value": 120345.67, "exited": 1246}
        },
        "decisions": {"made": 15000, "suppressed": {"CONTACT_POLICY_CAP": 3200, "NO_CONTACT": 800}},
        "deliveries": {"expired": 10, "sent": 14990},
        "throughput_eps": 4322.0,
        "latency_ms": {"p50": 21.23, "p99": 80.5},
        "state_hash": "ab" * 32,
        "wall_s": 200.12,
    }
