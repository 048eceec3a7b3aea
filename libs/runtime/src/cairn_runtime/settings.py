"""What a service is told from outside: environment variables that begin with CAIRN_."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Common to all services; a service with settings of its own derives from this."""

    model_config = SettingsConfigDict(env_prefix="CAIRN_", extra="ignore")

    database_dsn: str
    """PostgreSQL, as the owner of the schemas: postgresql://user@host:port/database."""
    nats_url: str
    """NATS, such as nats://127.0.0.1:4222."""
    keys_dir: Path = Path(".cairn/keys")
    """Folder with the key files; all services of an installation share it."""

    archive_dir: Path = Path(".cairn/archive")
    """Folder with the archived parts of the logs."""

    grpc_address: str = "127.0.0.1:0"
    http_address: str = ""
    """Where HTTP front doors listen; empty: none."""
    metrics_address: str = ""
    """Where Prometheus may scrape; empty: nowhere."""

    ingestion_address: str = ""
    identity_address: str = ""
    journey_address: str = ""
    decisioning_address: str = ""
    activation_address: str = ""

    lease_ttl_s: float = 5.0
    """An owner that is silent this long may lose its partitions."""
    batch_max_events: int = 2_000
    """Most events of one transaction."""
    cache_profiles: int = 50_000
    """Folded states kept in memory."""
    drain_s: float = 10.0
    """Calls still running this long after SIGTERM are cancelled."""
    log_level: str = "info"
