"""Which processes make up Cairn, and how the commands of journeyctl find them."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from journeyctl.errors import CannotRun
from journeyctl.processes import cannot, owner_of

SERVICES: Final[Mapping[str, str]] = {
    "ingestion": "CAIRN_INGESTION_ADDRESS",
    "identity_resolution": "CAIRN_IDENTITY_ADDRESS",
    "journey_state": "CAIRN_JOURNEY_ADDRESS",
    "decisioning": "CAIRN_DECISIONING_ADDRESS",
    "activation": "CAIRN_ACTIVATION_ADDRESS",
}
"""Services in the order of their logs: package name, and the variable in which others are told its gRPC address."""

CONNECTORS: Final = ("connector_email", "connector_webhook")
"""Package names of the reference connectors."""

SOURCES: Final = ("source_files", "source_postgres")
"""Package names of the source workers; one process of them runs for each file in the folder `sources` of a home."""

LOGS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "events": ("ingestion", ("deliveries",)),
    "resolved": ("identity_resolution", ("events",)),
    "journeys": ("journey_state", ("resolved",)),
    "decisions": ("decisioning", ("journeys",)),
    "deliveries": ("activation", ("decisions",)),
}
"""Each log with its owner and the logs that its owner reads."""


def home_folder() -> Path:
    """Return where an embedded run keeps everything: CAIRN_HOME, else `.cairn` in the current folder."""
    return Path(os.environ.get("CAIRN_HOME", ".cairn")).absolute()


@dataclass(frozen=True)
class Installation:
    """The addresses of a running Cairn, as `host:port`."""

    grpc: Mapping[str, str]
    """By service."""
    http: Mapping[str, str]
    """By service; only those with an HTTP front door."""
    metrics: Mapping[str, str]
    """By process, connectors included."""
    database_dsn: str
    nats_url: str
    key_access: str = ""
    """What ingestion asks of who may see what is sealed."""

    def environment(self) -> dict[str, str]:
        """Return what every service is told about all others."""
        told = {SERVICES[name]: address for name, address in self.grpc.items()}
        return told | {"CAIRN_DATABASE_DSN": self.database_dsn, "CAIRN_NATS_URL": self.nats_url}

    def save(self, home: Path) -> None:
        """Write it where `load` finds it; readable by the owner only, since it holds passwords."""
        path = home / "installation.json"
        draft = path.with_suffix(".new")
        try:
            draft.touch(mode=0o600)
            draft.write_text(json.dumps({name: getattr(self, name) for name in self.__dataclass_fields__}, indent=2))
            draft.replace(path)
        except OSError as error:
            raise cannot(f"write {path}", error) from error

    @classmethod
    def load(cls, home: Path) -> "Installation":
        """Return the addresses of what runs in a home folder. Raises CannotRun if nothing does."""
        if owner_of(home) is None:
            raise CannotRun(f"Cairn does not run in {home}; start it with: make up")
        try:
            return cls(**json.loads((home / "installation.json").read_text()))
        except (OSError, ValueError, TypeError):
            raise CannotRun(f"Cairn is still starting in {home}; try again in a moment.") from None
