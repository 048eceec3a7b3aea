from pydantic import Field

from cairn_source import SourceSettings


class PostgresSettings(SourceSettings):
    postgres_dsn: str = Field(repr=False)
    """The legacy database, as a role that may replicate and read the tables."""
    postgres_publication: str = "cairn"
    """The publication that names tables, columns and rows."""
    postgres_copy: bool = True
    """Bring in what was in the tables before, too."""
    postgres_changes: int = Field(default=5_000, ge=1)
    """About how many changes to ask for at once; a transaction always comes whole."""
