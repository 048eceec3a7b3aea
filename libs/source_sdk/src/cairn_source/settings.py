"""How a source worker is set up: environment variables with the prefix CAIRN_."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SourceSettings(BaseSettings):
    """What every source worker needs; a worker adds its own by subclassing."""

    model_config = SettingsConfigDict(env_prefix="CAIRN_", extra="ignore", frozen=True)

    source_name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")
    """Name of the worker: its cursors are kept under it."""
    source_mappings: Path
    """Mapping file, or a folder of them."""
    source_dir: Path = Path(".cairn/sources")
    """Folder of the cursors; it must outlive the process."""
    ingestion_address: str = "127.0.0.1:50051"
    """host:port of the front door's gRPC."""
    write_key: str = Field(default="", repr=False)
    """Write key of the source."""
    write_key_file: Path | None = None
    """File that holds it instead: the key alone, or a line `tenant/source:KEY`."""
    poll_s: float = Field(default=5.0, gt=0)
    """How long to wait when everything is read."""
    batch_events: int = Field(default=500, ge=1, le=500)
    """Events in one request."""
    metrics_address: str = ""
    """host:port of Prometheus metrics; empty: none."""

    def key(self) -> str:
        """The write key. Raises OSError if its file cannot be read."""
        if self.write_key_file is None:
            return self.write_key
        lines = [line for line in self.write_key_file.read_text().splitlines() if line.strip()]
        return lines[0].rpartition(":")[2].strip() if lines else ""
