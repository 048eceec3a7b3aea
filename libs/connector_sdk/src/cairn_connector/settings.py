"""How a connector process is set up: environment variables with the prefix CAIRN_."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ConnectorSettings(BaseSettings):
    """What every connector needs; a connector adds its own by subclassing."""

    model_config = SettingsConfigDict(env_prefix="CAIRN_", extra="ignore", frozen=True)

    nats_url: str = "nats://127.0.0.1:4222"
    nats_credentials: Path | None = None
    """File with the connector's NATS user (JWT and seed); none for a server without accounts."""
    create_queue: bool = True
    """Make the work queue if it is missing; False where the connector's NATS account may not."""
    connector_dir: Path = Path(".cairn/connectors")
    """Folder of the journal; it must outlive the process."""
    concurrency: int = Field(default=64, ge=1, le=10_000)
    """Messages in hand at the same time."""
    deliver_timeout_s: float = Field(default=20.0, gt=0)
    """A channel that takes longer leaves the message in doubt."""
    drain_s: float = Field(default=20.0, gt=0)
    """Time to finish what is in hand when told to stop; keep it under the pod's grace period."""
    journal_days: float = Field(default=30.0, gt=0)
    """How long it is remembered what became of a delivery."""
    metrics_address: str = ""
    """host:port of Prometheus metrics; empty: none."""
