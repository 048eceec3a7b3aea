"""What a changed programme would have done, over recordings that the engine itself made."""

from pathlib import Path
from typing import Any

import pytest
from libs.cli.tests.recorded import WIN_BACK, Recording, basket, event, known, merge, programme, record, split

from cairn_decisions import decision_id
from cairn_journey import Programme
from cairn_kernel.event import Event
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import PARTITIONS
from cairn_kernel.time import DAY
from journeyctl.errors import CannotRun
from journeyctl.simulate.page import page
from journeyctl.simulate.question import Assumption, Plan, Question, plan_of
from journeyctl.simulate.report import report
from journeyctl.simulate.run import simulate

SOONER = WIN_BACK.replace("for: 30d", "for: 21d")
P = [stable_id("profile", number) for number in range(40)]


def answer(recording: Recording, after: Programme, folder: Path, **how: Any) -> dict[str, Any]:
    """What is found by replaying everything twice, once it is certain that the short way finds the same."""
    found = one_answer(recording, after, folder / "verified", **how, verify=True)
    short = one_answer(recording, after, folder / "short", **how)
    baseline = short.pop("baseline")
    assert short == {name: value for name, value in found.items() if name != "baseline"}
    assert baseline["moments_recorded"] == found["baseline"]["moments_recorded"]
    return found


def one_answer(
    recording: Recording,
    after: Programme,
    folder: Path,
    *,
    before: Programme | None = None,
    upto: float = 100,
    workers: int = 1,
    since: float | None = None,
    until: float | None = None,
    assume: Assumption = "none",
    verify: bool = False,
) -> dict[str, Any]:
    before = before or programme()
    question = Question(
        tenant="default",
        before=before.bundle(),
        after=after.bundle(),
        since=None if since is None else round(since * DAY),
        until=None if until is None else round(until * DAY),
        assume=assume,
        verify=verify,
    )
    upto_all = {part: round(upto * DAY) for part in range(PARTITIONS)}
    plan, _ = plan_of(folder, question, lambda: (recording.heads(), upto_all))
    return report(question, before, after, simulate(plan, recording, folder, workers))


def opened(profile_id: str, moment: Event, day: float) -> Event:
    """What comes back of the message decided at a recorded moment."""
    data = {"decision_id": decision_id(moment.data["moment_id"]), "action": "come-back", "channel": "email"}
    return event("delivery.opened", profile_id, day, **data)


def first_moment(recording: Recording) -> Event:
    return next(fact for facts in recording.entries.values() for fact in facts if fact.type == "journey.moment_reached")


def test_the_unchanged_programme_states_every_recorded_moment_again_and_changes_nothing(tmp_path: Path) -> None:
    events = [each for number, id in enumerate(P) for each in (known(id, number / 10), basket(id, number))]
    found = answer(record(events, (0, programme()), upto=100), programme(), tmp_path)
    assert found["baseline"]["moments_recorded"] == found["baseline"]["moments_reproduced"] == len(P)
    assert found["baseline"]["moments_not_recorded"] == 0
    journey = found["journeys"]["win-back"]
    assert journey["before"] == journey["after"]
    assert journey["before"]["entered"] == len(P)
    assert journey["change"]["moments_same"] == len(P)
    assert found["decisions"]["before"]["chosen"] == {"come-back": len(P)}


def test_a_tampered_recording_is_not_reproduced(tmp_path: Path) -> None:
    recording = record([known(P[0], 0), basket(P[0], 1), known(P[1], 0), basket(P[1], 1)], (0, programme()), upto=100)
    lost = first_moment(recording)
    for facts in recording.entries.values():
        facts[:] = [fact for fact in facts if fact.id != lost.id]
    found = one_answer(recording, programme(), tmp_path, verify=True)
    assert found["baseline"]["moments_recorded"] == found["baseline"]["moments_reproduced"] == 1
    assert found["baseline"]["moments_not_recorded"] == 1
    assert found["baseline"]["differing"][0]["profile_id"] == lost.profile_id


def test_a_shorter_absence_moves_moments_and_makes_new_ones(tmp_path: Path) -> None:
    events = [known(P[0], 0), basket(P[0], 1), known(P[1], 0), basket(P[1], 1), basket(P[1], 25)]
    found = answer(record(events, (0, programme()), upto=40), programme(SOONER), tmp_path, upto=40)
    journey = found["journeys"]["win-back"]
    assert journey["before"]["moments"] == 1
    assert journey["after"]["moments"] == 2
    change = journey["change"]
    assert (change["moments_moved"], change["moments_appeared"], change["moments_vanished"]) == (1, 1, 0)
    assert change["moved_by_days"] == {"-9": 1}
    assert [each["profile_id"] for each in change["samples"]["appeared"]] == [P[1]]
    assert found["load"]["smtp"] == {
        "1970-01-23": {"before": 0, "after": 2},
        "1970-02-01": {"before": 1, "after": 0},
    }


def test_a_tighter_cap_shows_as_hits_of_the_contact_policy(tmp_path: Path) -> None:
    again = WIN_BACK.replace("- wait: {until: {on: delivery.opened}, for: 5d}", "- decide: {actions: [come-back]}")
    again = again[: again.index("      - branch")]
    recording = record([known(P[0], 0), basket(P[0], 1)], (0, programme()), upto=40)
    found = answer(recording, programme(again), tmp_path, upto=40)
    assert found["journeys"]["win-back"]["before"]["contact_policy"] == {}
    assert found["journeys"]["win-back"]["after"]["contact_policy"] == {"CONTACT_POLICY_CAP": 1}


def test_recorded_outcomes_serve_unchanged_messages_and_no_others(tmp_path: Path) -> None:
    events = [known(P[0], 0), basket(P[0], 1)]
    moment = first_moment(record(events, (0, programme()), upto=40))
    recording = record([*events, opened(P[0], moment, 32)], (0, programme()), upto=40)
    same = answer(recording, programme(), tmp_path / "same", upto=40)
    assert same["assumptions"]["outcomes_used"] == 1
    assert same["decisions"]["after"]["chosen"] == {"come-back": 1, "thanks": 1}
    moved = answer(recording, programme(SOONER), tmp_path / "moved", upto=40)
    assert moved["assumptions"]["outcomes_left_out"] == 1
    assert moved["decisions"]["after"]["chosen"] == {"come-back": 1}


def test_new_messages_may_be_assumed_to_do_as_recorded_ones_did(tmp_path: Path) -> None:
    events = [known(P[0], 0), basket(P[0], 1)]
    moment = first_moment(record(events, (0, programme()), upto=40))
    recording = record([*events, opened(P[0], moment, 32)], (0, programme()), upto=40)
    found = answer(recording, programme(SOONER), tmp_path, upto=40, assume="observed")
    assert found["assumptions"]["outcomes_assumed"] == 1
    assert found["decisions"]["after"]["chosen"] == {"come-back": 1, "thanks": 1}


def test_merged_profiles_are_replayed_as_one_person_wherever_they_were_recorded(tmp_path: Path) -> None:
    pairs = list(zip(P[:20], P[20:], strict=True))
    events = [
        each
        for loser, survivor in pairs
        for each in (known(loser, 0), basket(loser, 1), basket(survivor, 2), *merge(loser, survivor, 10))
    ]
    found = answer(record(events, (0, programme()), upto=100), programme(SOONER), tmp_path)
    assert found["recorded"] == {"events": 5 * 20, "profiles": 40, "people": 20, "merges": 20}
    assert found["baseline"]["moments_reproduced"] == found["baseline"]["moments_recorded"] == 20
    assert found["journeys"]["win-back"]["change"]["moved_by_days"] == {"-9": 20}


def test_a_split_gives_both_their_own_past_again(tmp_path: Path) -> None:
    one, other = P[0], P[1]
    lost = [known(other, 0), basket(other, 2)]
    events = [known(one, 0), basket(one, 1), *lost, *merge(other, one, 10), *split(one, other, 20, *lost)]
    found = answer(record(events, (0, programme()), upto=100), programme(SOONER), tmp_path)
    assert found["recorded"]["people"] == 1
    assert found["baseline"]["moments_reproduced"] == found["baseline"]["moments_recorded"] == 2
    assert found["journeys"]["win-back"]["change"]["moved_by_days"] == {"-9": 2}


def test_pauses_and_business_events_are_in_the_replay_too(tmp_path: Path) -> None:
    warned = WIN_BACK + "---\nkind: Journey\nname: storm\nentry: [{broadcast: storm.came}]\ngoal: {on: order.placed}\n"
    warned += "interventions: [{name: tell, trigger: {on: storm.came}, steps: [{decide: {actions: [thanks]}}]}]\n"
    events = [known(P[0], 0), basket(P[0], 1), known(P[1], 0), basket(P[1], 2)]
    events += [
        event("journey.paused", "", 20, journey="win-back"),
        known(P[2], 24),
        basket(P[2], 25),
        event("journey.resumed", "", 30, journey="win-back"),
        event("journey.broadcast", "", 50, type="storm.came", data={}),
    ]
    plain = record(events, (0, programme()), upto=100)
    found = answer(plain, programme(warned), tmp_path / "new")
    assert found["baseline"]["moments_recorded"] == found["baseline"]["moments_reproduced"] == 2
    assert found["baseline"]["moments_not_recorded"] == 0
    assert found["journeys"]["win-back"]["before"]["entered"] == 2, "nobody enters a journey that is paused"
    assert found["journeys"]["storm"]["change"]["moments_appeared"] == 3
    told = record(events, (0, programme(warned)), upto=100)
    found = answer(told, programme(warned), tmp_path / "told", before=programme(warned))
    assert found["baseline"]["moments_recorded"] == found["baseline"]["moments_reproduced"] == 5
    assert found["baseline"]["moments_not_recorded"] == 0


def test_late_events_take_effect_in_the_replay_as_they_did(tmp_path: Path) -> None:
    lately = WIN_BACK + "lateness: 5d\n"
    late = basket(P[0], 20)
    late = Event(**{name: getattr(late, name) for name in late.__struct_fields__} | {"as_of": 33 * DAY})
    events = [known(P[0], 0), basket(P[0], 1), late, event("page.viewed", P[0], 40)]
    recording = record(events, (0, programme(lately)), upto=100)
    found = answer(recording, programme(lately), tmp_path, before=programme(lately))
    assert found["baseline"]["moments_recorded"] == found["baseline"]["moments_reproduced"] > 0
    assert found["baseline"]["moments_not_recorded"] == 0
    assert found["journeys"]["win-back"]["before"] == found["journeys"]["win-back"]["after"]


def test_moments_recorded_under_earlier_versions_are_reproduced_under_these(tmp_path: Path) -> None:
    events = [known(P[0], 0), basket(P[0], 1), known(P[1], 0), basket(P[1], 60)]
    recording = record(events, (0, programme(SOONER)), (50, programme()), upto=100)
    found = answer(recording, programme(), tmp_path)
    assert found["baseline"]["moments_recorded"] == found["baseline"]["moments_reproduced"] == 2
    assert found["baseline"]["moments_not_recorded"] == 0


def test_only_what_lies_between_since_and_until_counts(tmp_path: Path) -> None:
    events = [each for number, id in enumerate(P) for each in (known(id, number / 10), basket(id, number))]
    recording = record(events, (0, programme()), upto=100)
    found = answer(recording, programme(), tmp_path, since=40, until=49.5)
    assert found["journeys"]["win-back"]["before"]["moments"] == 10
    assert found["journeys"]["win-back"]["change"]["moments_same"] == 10


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_workers_and_interruptions_do_not_show(tmp_path: Path) -> None:
    events = [each for number, id in enumerate(P) for each in (known(id, number / 10), basket(id, number))]
    recording = record(events, (0, programme()), upto=100)
    alone = one_answer(recording, programme(SOONER), tmp_path / "alone")
    assert one_answer(recording, programme(SOONER), tmp_path / "two", workers=2) == alone

    class Broken(Recording):
        left = 7

        def read(self, partition: int) -> Any:
            Broken.left -= 1
            if Broken.left < 0:
                raise CannotRun("the service went away")
            return super().read(partition)

    with pytest.raises(CannotRun):
        one_answer(Broken(recording.entries, recording.bundles), programme(SOONER), tmp_path / "broken")
    spooled = len(list((tmp_path / "broken").glob("*.index")))
    assert spooled == 7
    more = Recording({part: [*facts, *facts] for part, facts in recording.entries.items()}, recording.bundles)
    assert one_answer(more, programme(SOONER), tmp_path / "broken") == alone, (
        "a rerun reads as far as the first run would"
    )


def test_a_folder_that_holds_another_simulation_is_refused(tmp_path: Path) -> None:
    recording = record([basket(P[0], 1)], (0, programme()), upto=5)
    one_answer(recording, programme(), tmp_path)
    with pytest.raises(CannotRun, match="another simulation"):
        one_answer(recording, programme(SOONER), tmp_path)


def test_the_page_needs_nothing_but_itself(tmp_path: Path) -> None:
    events = [each for number, id in enumerate(P) for each in (known(id, number / 10), basket(id, number))]
    found = answer(record(events, (0, programme()), upto=100), programme(SOONER), tmp_path)
    html = page(found)
    assert "src=" not in html
    assert "href=" not in html
    assert "http" not in html
    assert "40 of 40" in html
    assert "<svg" in html


def test_a_plan_is_kept(tmp_path: Path) -> None:
    question = Question(tenant="default", before=b"", after=b"", since=None, until=None, assume="none")
    first, resumed = plan_of(tmp_path, question, lambda: ({1: 5}, {1: 9}))
    again, gone_on = plan_of(tmp_path, question, lambda: ({1: 6}, {1: 10}))
    assert (resumed, gone_on) == (False, True)
    assert first == again == Plan(question, {1: 5}, {1: 9})
