"""connector.yaml: what a connector is, what it can do, and how a doubt about a message is settled."""

from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cairn_connector.delivery import Status


class Resolve(StrEnum):
    """How it is found out whether a message that was begun has been sent."""

    QUERY = "query"
    """Ask the channel: `lookup`."""
    KEY = "key"
    """Send again: the provider drops a second message with the same delivery id."""
    POLICY = "policy"
    """Nobody knows: do as `policy` says."""


class Policy(StrEnum):
    """What to do if nobody can tell."""

    PREFER_MISS = "prefer_miss"
    PREFER_DUPLICATE = "prefer_duplicate"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Doubt(_Part):
    """What is done about a message that was begun and never finished."""

    resolve: Resolve
    policy: Policy = Policy.PREFER_MISS
    """What to do if the channel cannot be asked after all."""
    settle_s: float = Field(default=2.0, ge=0)
    """What was begun may still be arriving for so long: only then is the channel asked."""


class Rate(_Part):
    """At most `max_count` messages in any `per_s` seconds, for each replica."""

    max_count: int = Field(gt=0)
    per_s: float = Field(gt=0)


class Setting(_Part):
    """One environment variable of the connector."""

    description: str
    default: str | None = None
    """None: it must be given."""
    secret: bool = False


class Manifest(_Part):
    """The whole of connector.yaml."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")
    version: str
    protocol: Literal[1]
    """Version of the contract between activation and connectors."""
    owner: str
    """The team to call."""
    channel: str
    parts: tuple[str, ...]
    """Parts of the message that `deliver` needs, such as subject and body."""
    receipts: frozenset[Status]
    """What it can say of a message."""
    doubt: Doubt
    rate: Rate | None = None
    settings: dict[str, Setting] = {}


class ManifestFault(Exception):
    """connector.yaml is not as it should be; the text names field and reason, line by line."""


_YAML: Final = YAML(typ="safe", pure=True)


def load_manifest(path: Path) -> Manifest:
    """Read and check connector.yaml. Raises ManifestFault."""
    try:
        content: Any = _YAML.load(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError) as error:
        raise ManifestFault(f"{path.name} cannot be read as YAML") from error
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        faults = (f"{path.name}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise ManifestFault("\n".join(faults)) from error
