"""All that a demo runs on: servers, services, connectors, receivers, with addresses of its own."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Final

from journeyctl.demo.front_door import SOURCE, WRITE_KEY
from journeyctl.demo.sinks import Sinks
from journeyctl.demo.timelapse import Bookmark
from journeyctl.embedded import DURABLE
from journeyctl.errors import CannotRun
from journeyctl.installation import Installation
from journeyctl.processes import make_folder, owner_of
from journeyctl.services import Services
from journeyctl.supervisor import Supervisor

TENANT: Final = "default"
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Stage:
    """What runs, and how to talk to it."""

    supervisor: Supervisor
    services: Services
    sinks: Sinks

    @property
    def installation(self) -> Installation:
        """Where everything listens."""
        return self.supervisor.installation

    @property
    def bookmark(self) -> Bookmark:
        """How far the loader has come."""
        return Bookmark(self.supervisor.home / "sent")

    @property
    def front_door(self) -> str:
        """host:port of ingestion's HTTP."""
        return self.installation.http["ingestion"]


@contextmanager
def set_up(
    home: Path,
    *,
    environment: Mapping[str, str] = _NOTHING,
    postgres_settings: Mapping[str, str] = DURABLE,
) -> Iterator[Stage]:
    """Start everything in a folder; leaving stops it, and the data stay."""
    _known_token_key(home)
    with Sinks(home / "sinks") as sinks:
        told = {"CAIRN_WRITE_KEYS": f"{TENANT}/{SOURCE}:{WRITE_KEY}", **sinks.environment, **environment}
        with Supervisor(home, environment=told, postgres_settings=postgres_settings) as supervisor:
            supervisor.start_servers()
            supervisor.start_all()
            with Services(supervisor.installation) as services:
                yield Stage(supervisor, services, sinks)


def _known_token_key(home: Path) -> None:
    """Profile ids are made from tokens: with one key known to all, every run of the demo makes the same."""
    key = home / "keys" / "token"
    if not key.exists():
        make_folder(key.parent)
        key.touch(mode=0o600)
        key.write_bytes(sha256(b"cairn demo: this key protects made-up addresses only").digest())


def clear(home: Path) -> None:
    """Forget an earlier run. Raises CannotRun if it is still going on."""
    for folder in (home, home / "sinks"):
        owner = owner_of(folder)
        if owner is not None:
            raise CannotRun(f"A demo runs in {home} already (process {owner}).")
    shutil.rmtree(home, ignore_errors=True)
