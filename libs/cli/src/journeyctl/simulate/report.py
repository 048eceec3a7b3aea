"""What a simulation found, as one plain value: the JSON, and what table and page are made of."""

from typing import Any

from cairn_journey import Programme
from cairn_kernel.money import decimal_text
from cairn_kernel.time import DAY, format_instant
from journeyctl.simulate.question import Question
from journeyctl.simulate.tally import Change, Sample, Side, Stay, Tally

Report = dict[str, Any]

ASSUMED = {
    "none": "nothing comes back of messages that were not recorded",
    "observed": "of messages that were not recorded comes back what came back of recorded ones like them",
}


def report(question: Question, before: Programme, after: Programme, tally: Tally) -> Report:
    """The whole answer. Nothing in it depends on when, where or by how many workers it was found."""
    journeys = sorted({*tally.before.journeys, *tally.after.journeys, *before.journeys, *after.journeys})
    return {
        "before": before.version,
        "after": after.version,
        "since": None if question.since is None else format_instant(question.since),
        "until": None if question.until is None else format_instant(question.until),
        "recorded": {
            "events": tally.events,
            "profiles": tally.profiles,
            "people": tally.people,
            "merges": tally.merges,
        },
        "baseline": {
            "moments_recorded": tally.recorded,
            "moments_checked": tally.checked,
            "moments_reproduced": tally.reproduced,
            "moments_not_recorded": tally.extra,
            "differing": [_sample(each) for each in tally.differing],
        },
        "assumptions": {
            "customers": "did what was recorded, whatever they would have been sent",
            "new_messages": ASSUMED[question.assume],
            "outcomes_used": tally.outcomes_used,
            "outcomes_left_out": tally.outcomes_dropped,
            "outcomes_assumed": tally.outcomes_assumed,
        },
        "journeys": {
            name: {
                "before": _stay(tally.before.journeys.get(name, Stay()), tally.before.limits.get(name, {})),
                "after": _stay(tally.after.journeys.get(name, Stay()), tally.after.limits.get(name, {})),
                "change": _change(tally.changes.get(name, Change())),
            }
            for name in journeys
        },
        "decisions": {"before": _side(tally.before), "after": _side(tally.after)},
        "load": {
            connector: _days(tally.before.load.get(connector, {}), tally.after.load.get(connector, {}))
            for connector in sorted({*tally.before.load, *tally.after.load})
        },
    }


def _stay(stay: Stay, limits: dict[str, int]) -> Report:
    return {
        "entered": stay.entered,
        "goals": stay.goals,
        "goal_values": {currency: decimal_text(value) for currency, value in sorted(stay.values.items())},
        "exits": dict(sorted(stay.exits.items())),
        "in_flight": stay.in_flight,
        "stages": dict(sorted(stay.stages.items())),
        "frictions": dict(sorted(stay.frictions.items())),
        "moments": stay.moments,
        "moments_suppressed": stay.suppressed,
        "contact_policy": dict(sorted(limits.items())),
    }


def _change(change: Change) -> Report:
    return {
        "moments_same": change.same,
        "moments_moved": change.moved,
        "moments_appeared": change.appeared,
        "moments_vanished": change.vanished,
        "decided_otherwise": change.decided_otherwise,
        "moved_by_days": {str(days): count for days, count in sorted(change.shifts.items())},
        "customers_no_longer_entering": change.entered_only_before,
        "customers_entering": change.entered_only_after,
        "samples": {kind: [_sample(each) for each in kept] for kind, kept in change.samples.items()},
    }


def _side(side: Side) -> Report:
    return {
        "chosen": dict(sorted(side.actions.items())),
        "nothing_chosen": dict(sorted(side.nothing.items())),
        "not_sent": dict(sorted(side.held.items())),
    }


def _sample(sample: Sample) -> Report:
    at = format_instant(sample.at) if sample.at else None
    return {"profile_id": sample.profile_id, "at": at, "why": sample.text}


def _days(before: dict[int, int], after: dict[int, int]) -> Report:
    days = sorted({*before, *after})
    return {format_instant(day * DAY)[:10]: {"before": before.get(day, 0), "after": after.get(day, 0)} for day in days}
