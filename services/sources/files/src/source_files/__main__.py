import sys

from cairn_source import main
from source_files.files import open_source
from source_files.settings import FilesSettings

if __name__ == "__main__":
    sys.exit(main(FilesSettings, open_source))
