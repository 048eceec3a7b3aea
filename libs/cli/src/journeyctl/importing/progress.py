"""How far an import has come, kept in a file, so that it goes on after a kill."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from journeyctl.processes import make_folder

_CHUNK: Final = 1 << 20


@dataclass
class Done:
    """Rows taken in or refused, without a gap from the first."""

    row: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    listed_bytes: int = 0
    """Length of the list of refused rows."""


class Bookmark:
    """One for each file and mapping, by their contents: a changed file begins anew."""

    def __init__(self, home: Path, file: Path, mapping: Path) -> None:
        digest = sha256()
        for path in (file, mapping):
            with path.open("rb") as opened:
                while chunk := opened.read(_CHUNK):
                    digest.update(chunk)
        make_folder(home / "imports")
        self._path = home / "imports" / f"{digest.hexdigest()[:24]}.json"

    @property
    def rejects(self) -> Path:
        """Where rows that were refused are listed."""
        return self._path.with_suffix(".refused.csv")

    def load(self) -> Done:
        """Where an earlier run stopped; what it listed after that is taken off the list again."""
        try:
            done = Done(**json.loads(self._path.read_text()))
        except (OSError, ValueError, TypeError):
            done = Done()
        with self.rejects.open("ab") as file:
            file.truncate(done.listed_bytes)
        return done

    def save(self, done: Done) -> None:
        """Replace it in one go."""
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps(done.__dict__))
        draft.replace(self._path)

    def forget(self) -> None:
        """Begin anew next time."""
        self._path.unlink(missing_ok=True)
        self.rejects.unlink(missing_ok=True)
