"""Any programme the loader accepts runs with any events: nothing raises, and folding the facts gives the state."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from cairn_journey import DefinitionFaults, Programme, canonical_state, format_text, load_text
from cairn_kernel.event import Event, canonical

from .scenario import CATALOGUE, Customer, event, identified

TYPES = ["begun", "paid", "viewed", "own"]
EXPRESSIONS = [
    *("event.n > 1", "event.n / event.zero > 1", "profile.tier == 'a'", "views >= 2", "idle_days > 3", "true"),
    *("wait.timed_out", "event.missing == 1", "event.text > 1", "profile.at"),
]
DECIDE = {"decide": {"actions": ["reminder-email"]}}


def waits() -> st.SearchStrategy[dict[str, Any]]:
    until = st.one_of(
        st.builds(lambda on: {"on": on}, st.sampled_from(TYPES)),
        st.builds(lambda at: {"at": at}, st.sampled_from(["00:00", "02:30", "23:59"])),
        st.builds(lambda day: {"day": day}, st.sampled_from(["monday", "sunday"])),
        st.just({"between": ["22:00", "02:00"], "zone": "Europe/Berlin"}),
        st.builds(
            lambda past: {"time": "profile.at", "offset": "-1d", "past": past}, st.sampled_from(["skip", "go_on"])
        ),
        st.builds(lambda when: {"when": when}, st.sampled_from(["views >= 2", "views == 0", "idle_days > 3"])),
    )
    return st.one_of(
        st.just({"wait": {"for": "2d"}}), st.builds(lambda until: {"wait": {"until": until, "for": "5d"}}, until)
    )


def containers(steps: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    when = st.sampled_from(EXPRESSIONS)
    return st.one_of(
        st.builds(lambda w, a, b: {"branch": [{"when": w, "steps": a}, {"else": b}]}, when, steps, steps),
        st.builds(lambda w, a: {"branch": [{"when": w, "steps": a}]}, when, steps),
        st.builds(
            lambda a, by: {
                "experiment": {
                    "name": "x",
                    "by": by,
                    "arms": [{"name": "a", "weight": 1, "steps": a}, {"name": "b", "weight": 2}],
                }
            },
            steps,
            st.sampled_from(["person", "instance"]),
        ),
        st.builds(
            lambda a, t: {"repeat": {"times": t, "steps": [*a, {"wait": {"for": "1d"}}]}}, steps, st.integers(1, 3)
        ),
        st.builds(
            lambda a, on: {"wait": {"until": {"on": on}, "for": "3d", "on_timeout": a}}, steps, st.sampled_from(TYPES)
        ),
    )


def simple() -> st.SearchStrategy[dict[str, Any]]:
    rules = st.sampled_from(["skip", "stop_run", "exit"])
    return st.one_of(
        st.just(DECIDE),
        waits(),
        st.builds(lambda v, r: {"set": {"tier": v}, "on_error": r}, st.sampled_from(EXPRESSIONS), rules),
        st.builds(lambda v: {"emit": {"event": "own", "data": {"n": v}}}, st.sampled_from(["1", "event.n + 1"])),
        st.just({"exit": "enough"}),
    )


STEPS = st.recursive(
    st.lists(simple(), min_size=1, max_size=3),
    lambda steps: st.lists(st.one_of(simple(), containers(steps)), min_size=1, max_size=3),
    max_leaves=6,
)


@st.composite
def programmes(draw: st.DrawFn) -> Programme:
    journey = {
        "kind": "Journey",
        "name": "j",
        "features": {"views": {"count": "viewed", "window": "6d"}, "idle_days": {"idle": "viewed"}},
        "entry": [{"on": "begun"}],
        "reentry": "always",
        "goal": {"on": "paid", "when": "event.n > 5", "within": "40d"},
        "stages": [{"name": "s", "on": "viewed"}, {"name": "t", "after": {"idle": "viewed", "for": "4d"}}],
        "on_error": draw(st.sampled_from(["skip", "stop_run", "exit"])),
        "interventions": [
            {"name": "one", "trigger": {"on": draw(st.sampled_from(["begun", "viewed"]))}, "steps": draw(STEPS)},
            {"name": "two", "priority": 3, "trigger": {"stage": draw(st.sampled_from("st"))}, "steps": draw(STEPS)},
        ],
    }
    try:
        return load_text(canonical(journey).decode() + CATALOGUE)
    except DefinitionFaults:
        assume(False)
        raise


@st.composite
def lives(draw: st.DrawFn) -> list[Event]:
    made: list[Event] = []
    for hours in sorted(draw(st.lists(st.integers(0, 1_200), max_size=10, unique=True))):
        day, type = 19_800 + hours / 24, draw(st.sampled_from([*TYPES, "tell"]))
        if type == "tell":
            at = draw(st.sampled_from([None, "soon", "2024-04-20T09:00:00", "2024-03-31T02:30:00"]))
            made.append(identified(day, tier=draw(st.sampled_from("ab")), at=at, timezone="Europe/Berlin"))
        else:
            made.append(event(type, day, n=draw(st.integers(0, 9)), zero=0, text="t"))
    return made


SETTINGS = settings(
    max_examples=25,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # such programmes are small enough to be read as they are
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


@pytest.mark.timeout(600)
@SETTINGS
@given(programmes(), lives())
def test_any_programme_runs_with_any_events(programme: Programme, life: list[Event]) -> None:
    customer = Customer("kind: Journey\nname: j\nentry: [{on: x}]\ngoal: {on: y}\n")
    customer.domain.programmes.activate("default", programme)
    for one in life:
        customer.when(one)  # compares the fold of its facts with the state, after each event
    customer.until(19_950)
    ids = [fact.id for fact in customer.stream]
    assert len(ids) == len(set(ids))
    again = customer.domain.fold(customer.domain.initial("default", "p1"), customer.stream)
    assert canonical_state(again) == canonical_state(customer.state)
    assert not [run for instance in customer.state.open.values() for run in instance.runs], "nothing waits for ever"


@pytest.mark.timeout(600)
@SETTINGS
@given(programmes())
def test_any_programme_has_a_form_that_means_the_same(programme: Programme) -> None:
    text = "\n---\n".join(canonical(document).decode() for document in programme.documents)
    after = format_text(text)
    assert load_text(after).version == programme.version
    assert format_text(after) == after
