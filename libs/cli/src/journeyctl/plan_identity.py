"""What other rules of identity would make of profiles: part of `journeyctl plan` and `apply`."""

import sys
import time
from dataclasses import replace
from typing import Any, Final

import grpc
import typer
from rich.console import Console
from rich.table import Table

from cairn.identity.v1 import identity_pb2 as pb
from cairn_journey import Programme
from journeyctl.services import Services, ask, refusal

PREVIEW_S: Final = 3_600.0
"""All evidence is regrouped for a preview."""
LOOK_S: Final = 0.2
SAMPLES: Final = 10


def preview(
    services: Services, before: Programme | None, after: Programme, tenant: str
) -> pb.PreviewRulesResponse | None:
    """What would become of profiles; None if the rules stay the same. Raises ServiceRefused."""
    if _content(before) == _content(after):
        return None
    found = pb.PreviewRulesResponse()
    request = pb.PreviewRulesRequest(tenant=tenant, bundle=after.bundle(), samples=SAMPLES)
    try:
        for found in services.identity.PreviewRules(request, timeout=PREVIEW_S):
            _progress(f"{found.seen:,} of {found.total:,} identifiers looked at")
    except grpc.RpcError as error:
        raise refusal(error) from None
    finally:
        _progress("")
    return found


def tell(console: Console, found: pb.PreviewRulesResponse) -> None:
    """Print a preview."""
    console.print(f"\nRules of identity, from {found.in_force_version} to {found.rules_version}:")
    _tell_profiles(console, found)
    if found.records:
        console.print(
            f"  {found.records:,} records will be compared anew; whom that joins or parts is told as it happens."
        )


def _tell_profiles(console: Console, found: pb.PreviewRulesResponse) -> None:
    if not found.merges and not found.splits:
        console.print(f"  {found.profiles:,} profiles, all of them as they are.")
        return
    console.print(
        f"  {found.profiles:,} profiles would be {found.profiles_then:,}:"
        f" {found.merges:,} would become part of another, {found.splits:,} would lose identifiers."
    )
    table = Table("profile", "identifiers", "would be", "because of", box=None, pad_edge=False)
    for one in found.samples:
        becomes = ", ".join(f"{to} ({size})" for to, size in zip(one.to_profile_ids, one.sizes, strict=True))
        table.add_row(one.profile_id, str(one.identifiers), becomes, one.rule or one.refusal)
    console.print(table)


def as_json(found: pb.PreviewRulesResponse | None) -> dict[str, Any] | None:
    """A preview for programs."""
    if found is None:
        return None
    return {
        "rules_version": found.rules_version,
        "in_force_version": found.in_force_version,
        "identifiers": found.seen,
        "profiles": found.profiles,
        "profiles_then": found.profiles_then,
        "merges": found.merges,
        "splits": found.splits,
        "records": found.records,
        "samples": [
            {
                "profile_id": one.profile_id,
                "identifiers": one.identifiers,
                "becomes": dict(zip(one.to_profile_ids, one.sizes, strict=True)),
                "refusal": one.refusal,
                "rule": one.rule,
            }
            for one in found.samples
        ],
    }


def wait(services: Services, tenant: str) -> pb.GetRulesResponse:
    """Wait until all identifiers stand as the rules say."""
    while not (found := ask(services.identity.GetRules, pb.GetRulesRequest(tenant=tenant))).done:
        _progress(f"{found.share:.0%} of the identifiers stand as the rules say")
        time.sleep(LOOK_S)
    _progress("")
    return found


def sentence(found: pb.GetRulesResponse) -> str:
    """The rules in force and what came of them."""
    far = (
        "all identifiers stand as they say" if found.done else f"{found.share:.0%} of the identifiers stand as they say"
    )
    return f"Rules {found.version}: {far}, {found.merges:,} merges and {found.splits:,} splits by the change."


def _content(programme: Programme | None) -> Any:
    rules = programme.identity if programme is not None else None
    return None if rules is None else replace(rules, name="", owner="", description="")


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        typer.echo(f"\r{text:<60}\r", nl=False, err=True)
