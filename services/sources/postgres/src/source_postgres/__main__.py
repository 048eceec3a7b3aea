import sys

from cairn_source import main
from source_postgres.feed import open_source
from source_postgres.settings import PostgresSettings

if __name__ == "__main__":
    sys.exit(main(PostgresSettings, open_source))
