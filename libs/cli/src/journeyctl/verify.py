"""`journeyctl verify`: whether the logs are what was once committed. Exit codes: 0 sound, 1 found, 2 could not look."""

import asyncio
import json
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import typer
from rich.console import Console

from cairn_eventstore.signing import Signer, check_signature
from cairn_eventstore.verification import End, Finding, verify_stream
from cairn_kernel.errors import CairnError
from journeyctl.errors import CannotRun
from journeyctl.installation import LOGS, home_folder
from journeyctl.stored_logs import Dsn, archive_folder, dsn_of, keys_folder, log_reader
from journeyctl.up import Home
from journeyctl.verify_run import VerifyRun

STREAMS_OF_CUSTOMERS: Final = ("journeys", "decisions")
"""Logs that keep a stream per customer."""
COULD_NOT_LOOK: Final = 2

Log = Annotated[list[str] | None, typer.Option(help="Only this log; may be given more than once.", show_default=False)]
Customer = Annotated[str, typer.Option(help="Only the streams of this profile id.", show_default=False)]
HeadFile = Annotated[
    Path | None, typer.Option(help="Write a signed head here, to be kept elsewhere.", show_default=False)
]
Against = Annotated[
    Path | None, typer.Option(help="A signed head of earlier: it must still be in the chain.", show_default=False)
]
Jobs = Annotated[int | None, typer.Option(help="Processes that look; by default one per core.", min=1)]


def verify(
    home: Home = None,
    dsn: Dsn = "",
    log: Log = None,
    customer: Customer = "",
    head: HeadFile = None,
    against: Against = None,
    jobs: Jobs = None,
) -> None:
    """Check that no stored event was changed, added or removed; say where one was."""
    console = Console(soft_wrap=True, highlight=False)
    folder = home or home_folder()
    logs = _chosen(log)
    os.environ["CAIRN_ARCHIVE_DIR"] = str(archive_folder(folder))  # the processes that look are told by it
    try:
        where = dsn_of(folder, dsn)
        if customer:
            found = asyncio.run(_verify_customer(console, where, logs, _profile(customer)))
        else:
            found = _verify_logs(console, folder, where, logs, jobs or os.cpu_count() or 1, head, against)
    except (CannotRun, CairnError, OSError, ValueError, TimeoutError, asyncpg.PostgresError) as error:
        raise CannotRun(_cannot(error), exit_code=COULD_NOT_LOOK) from None
    if found:
        raise typer.Exit(1)


def _verify_logs(
    console: Console, home: Path, dsn: str, logs: Collection[str], jobs: int, head: Path | None, against: Path | None
) -> bool:
    kept = json.loads(against.read_text()) if against is not None else None
    if kept is not None:
        check_signature(kept, public_key=Signer(keys_folder(home)).public_key)
    run = VerifyRun(dsn, logs, checkpoint=home / "verify.json", jobs=jobs)
    with run.progress(console) as tell:
        for name, finding in run.look(tell):
            console.print(_sentence(name, finding))
    differing = asyncio.run(_compare(dsn, kept)) if kept is not None else []
    for name, finding in differing:
        console.print(_sentence(name, finding))
    found = run.found + len(differing)
    verdict = "sound" if not found else f"[red]{found} {'finding' if found == 1 else 'findings'}[/]"
    console.print(f"{run.events:,} events of {len(run.ends)} logs looked at: {verdict}.")
    if head is not None and not found:
        signed = Signer(keys_folder(home)).sign(_statement(run.ends))
        head.write_text(json.dumps(signed, indent=1) + "\n")
        console.print(f"Signed head written to {head}.")
    return bool(found)


def _statement(ends: Mapping[str, Mapping[int, End]]) -> dict[str, Any]:
    return {
        "logs": {
            name: {str(part): [end.position, end.link.hex()] for part, end in sorted(of.items()) if end.position}
            for name, of in ends.items()
        }
    }


async def _compare(dsn: str, kept: Mapping[str, Any]) -> list[tuple[str, Finding]]:
    """Where the chain no longer has the links of a signed head."""
    differing = []
    for name, partitions in kept["logs"].items():
        async with log_reader(dsn, name) as log:
            for partition, (position, link) in partitions.items():
                now = await log.link_at(int(partition), position) if log is not None else None
                if now is None or now.hex() != link:
                    what = "the chain up to here is not that of the signed head"
                    differing.append((name, Finding(int(partition), 1, position, "", what)))
    return differing


async def _verify_customer(console: Console, dsn: str, logs: Collection[str], profile: str) -> bool:
    found: list[tuple[str, Finding]] = []
    events = 0
    for name in (name for name in STREAMS_OF_CUSTOMERS if name in logs):
        async with log_reader(dsn, name) as log:
            if log is not None:
                count, findings = await verify_stream(log, profile)
                events += count
                found += [(name, finding) for finding in findings]
    for name, finding in found:
        console.print(_sentence(name, finding))
    console.print(f"{events:,} events of {profile} looked at: {'sound' if not found else f'{len(found)} found'}.")
    return bool(found)


def _sentence(log: str, finding: Finding) -> str:
    places = f"{finding.first}" if finding.first == finding.last else f"{finding.first} to {finding.last}"
    whose = f", stream {finding.stream}" if finding.stream else ""
    return f"{log}: partition {finding.partition}, position {places}{whose}: {finding.what}"


def _chosen(names: list[str] | None) -> tuple[str, ...]:
    for name in names or ():
        if name not in LOGS:
            raise CannotRun(f"There is no log {name}; choose of: {', '.join(LOGS)}.", exit_code=COULD_NOT_LOOK)
    return tuple(names or LOGS)


def _profile(customer: str) -> str:
    try:
        return str(UUID(customer))
    except ValueError:
        raise CannotRun("Give the customer's profile id; journeyctl explain tells it.") from None


def _cannot(error: Exception) -> str:
    if isinstance(error, CannotRun | CairnError):
        return f"Could not look: {str(error).rstrip('.')}."
    return f"Could not look: the database or a file cannot be read ({type(error).__name__})."
