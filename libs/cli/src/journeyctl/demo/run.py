"""The demo from start to end."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cairn.activation.v1 import activation_pb2
from cairn.decisioning.v1 import decisioning_pb2
from cairn.identity.v1 import identity_pb2
from cairn.journey.v1 import journey_pb2
from cairn_journey import Programme
from journeyctl.apply import apply_everywhere
from journeyctl.customer import find, gather
from journeyctl.demo import reading, tables
from journeyctl.demo.front_door import FrontDoor
from journeyctl.demo.households import PERIODS, Call, Period, by_day
from journeyctl.demo.households import calls as calls_of
from journeyctl.demo.latency import measure
from journeyctl.demo.report import page
from journeyctl.demo.results import JourneyCount, Latency, Results, summary
from journeyctl.demo.stage import TENANT, Stage, clear, set_up
from journeyctl.demo.story import choose, story
from journeyctl.demo.timelapse import Day, Played, play
from journeyctl.services import Services, ask
from journeyctl.validate import load_or_tell

_HASH_TIMEOUT_S: Final = 120.0
_ASK_EVERY_S: Final = 2.0


def run(console: Console, size: str, folder: Path, programme: Path, out: Path, *, resume: bool, live: bool) -> None:
    """Play a period through an installation in `folder`, tell what became of it, and write it into `out`."""
    began = time.perf_counter()
    loaded = load_or_tell(programme)
    period = PERIODS[size]
    if not resume:
        clear(folder)
    with ThreadPoolExecutor(1) as beside, ready(console, folder, beside.submit(calls_of, period)) as (stage, calls):
        apply_everywhere(stage.services, loaded)
        played = _played(console, stage, calls, period)
        with console.status("Reading back what became of it …"):
            found = collect(stage, calls, period, played, loaded)
    results = Results(**found, latency=None, wall_s=time.perf_counter() - began)
    tables.tell(console, results)
    write(out, results)
    if live:
        with console.status("Measuring from ingest to dispatch, live …"):
            latency = _measured(folder / "live", loaded, calls)
        results = replace(results, latency=latency, wall_s=time.perf_counter() - began)
        write(out, results)
    tables.tell_speed(console, results)
    console.print(f"\nLook at {out / 'report.html'}; the numbers are in {out / 'summary.json'}.")
    if results.story is not None:
        console.print(
            f"Ask about a customer: CAIRN_HOME={folder} journeyctl up, and in another terminal "
            f"CAIRN_HOME={folder} journeyctl explain {results.story.user_id}"
        )


@contextmanager
def ready(console: Console, folder: Path, reading_data: Future[list[Call]]) -> Iterator[tuple[Stage, list[Call]]]:
    """Everything started and all data read; the terminal says so meanwhile."""
    with console.status("Starting PostgreSQL, NATS, services and connectors …") as status, set_up(folder) as stage:
        status.update("Reading The Complete Journey …")
        calls = reading_data.result()
        status.stop()
        yield stage, calls


def collect(
    stage: Stage, calls: Sequence[Call], period: Period, played: Played, programme: Programme
) -> dict[str, Any]:
    """All results but those of the live phase."""
    with ThreadPoolExecutor(1) as beside:
        hashed = beside.submit(state_hash, stage.services)  # it takes as long as all the reading
        return {**_collected(stage, calls, period, played, programme), "state_hash": hashed.result()}


def _collected(
    stage: Stage, calls: Sequence[Call], period: Period, played: Played, programme: Programme
) -> dict[str, Any]:
    services = stage.services
    fate = reading.fate(services, calls, played.sent)
    identities = ask(services.identity.GetCounts, identity_pb2.GetCountsRequest(tenant=TENANT))
    decided = ask(services.decisions.GetCounts, decisioning_pb2.GetCountsRequest(tenant=TENANT))
    delivered = ask(services.deliveries.GetCounts, activation_pb2.GetCountsRequest(tenant=TENANT))
    left = reading.sent_by_channel(services)
    mails, hooks = stage.sinks.mails(), stage.sinks.calls()
    household = choose(calls)
    return {
        **fate._asdict(),
        "period": period.name,
        "start": period.start,
        "end": period.end,
        "programme_version": programme.version,
        "profiles": identities.profiles,
        "merges": identities.merges,
        "journeys": journeys(services, programme),
        "moments": decided.moments,
        "made": decided.made,
        "suppressed": dict(decided.suppressed),
        "actions": dict(decided.actions),
        "deliveries": {status: count for status, count in delivered.statuses.items() if count},
        "mails_expected": len(left.get("email", ())),
        "mails_found": len(left.get("email", set()) & set(mails)),
        "mails_missing": len(left.get("email", set()) - set(mails)),
        "mails_twice": sum(times > 1 for times in mails.values()),
        "calls_expected": len(left.get("webhook", ())),
        "calls_found": len(left.get("webhook", set()) & set(hooks)),
        "throughput_eps": played.sent_here / played.sending_s if played.sent_here else 0.0,
        "slices": reading.slices(services, calls, period),
        "slice_days": reading.slice_days(period),
        "story": story(household, gather(services, find(services, household))),
    }


def journeys(services: Services, programme: Programme) -> list[JourneyCount]:
    """The counts of all journeys; stages in the order in which the programme names them."""
    answer = ask(services.journeys.GetCounts, journey_pb2.GetCountsRequest(tenant=TENANT))
    found = {counts.journey: counts for counts in answer.journeys}
    return [
        JourneyCount(
            name=name,
            entered=found[name].entered,
            in_flight=found[name].in_flight,
            goal=found[name].goal,
            goal_value=found[name].goal_value,
            currency=found[name].currency,
            exited=found[name].exited,
            stages=dict(found[name].stages),
            stage_entries={stage.name: found[name].stage_entries[stage.name] for stage in definition.stages},
            stage_transitions=dict(found[name].stage_transitions),
        )
        for name, definition in programme.journeys.items()
        if name in found
    ]


def state_hash(services: Services) -> str:
    """One hash over every customer's journey state, every decision and every delivery."""
    questions: list[tuple[Callable[..., Any], Any]] = [
        (services.journeys.GetStateHash, journey_pb2.GetStateHashRequest(tenant=TENANT)),
        (services.decisions.GetStateHash, decisioning_pb2.GetStateHashRequest(tenant=TENANT)),
        (services.deliveries.GetStateHash, activation_pb2.GetStateHashRequest(tenant=TENANT)),
    ]
    parts = [ask(method, request, timeout_s=_HASH_TIMEOUT_S).state_hash for method, request in questions]
    return sha256("\n".join(parts).encode()).hexdigest()


def write(out: Path, results: Results) -> None:
    """report.html and summary.json."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "summary.json").write_text(json.dumps(summary(results), indent=2) + "\n")
    (out / "report.html").write_text(page(results), encoding="utf-8")


def _measured(folder: Path, programme: Programme, calls: Sequence[Call]) -> Latency:
    clear(folder)
    latency = measure(folder, programme, calls)
    shutil.rmtree(folder, ignore_errors=True)
    return latency


def _played(console: Console, stage: Stage, calls: Sequence[Call], period: Period) -> Played:
    days = by_day(calls, period)
    progress = Progress(
        TextColumn("{task.fields[day]:>12}"),
        BarColumn(),
        TextColumn("{task.fields[events]:>9} events  {task.fields[pace]:>7}/s  {task.fields[messages]:>8} messages"),
        TimeElapsedColumn(),
        console=console,
    )
    with progress, FrontDoor(stage.front_door) as door:
        task = progress.add_task("", total=len(days), day="", events="0", pace="0", messages="0")
        on_day = _shown(progress, task, stage.services, period)
        return play(stage.services, door, days, period, on_day, stage.bookmark)


def _shown(progress: Progress, task: Any, services: Services, period: Period) -> Callable[[Day], None]:
    """What the terminal shows after each day; messages are counted now and then."""
    began = asked = time.perf_counter()

    def show(day: Day) -> None:
        nonlocal asked
        now = time.perf_counter()
        fields: dict[str, Any] = {}
        if now - asked > _ASK_EVERY_S or day.number == period.days:
            counts = ask(services.deliveries.GetCounts, activation_pb2.GetCountsRequest(tenant=TENANT))
            fields["messages"] = f"{sum(counts.statuses.values()):,}"
            asked = now
        until = period.start.toordinal() + day.number - 1
        progress.update(
            task,
            completed=day.number,
            day=f"{period.start.fromordinal(until):%d %b %Y}",
            events=f"{day.sent:,}",
            pace=f"{day.sent / (now - began):,.0f}",
            **fields,
        )

    return show
