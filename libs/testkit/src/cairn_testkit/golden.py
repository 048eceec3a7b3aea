"""Golden files: a stored event of each registered version, added once and never edited."""

from pathlib import Path

from cairn_kernel.event import from_canonical_json
from cairn_kernel.stored_types import CONTROLS, StoredTypes


def check_golden(stored: StoredTypes, folder: Path) -> None:
    """Assert that `<type>[.<case>].v<version>.json` exists for all but the control events, and can still be read."""
    wanted = set(stored.versions) - set(CONTROLS.versions)
    found = set()
    for path in sorted(folder.glob("*.json")):
        event = from_canonical_json(path.read_bytes())
        found.add((event.type, event.version))
        assert path.name.startswith(event.type), path.name
        assert path.name.endswith(f".v{event.version}.json"), path.name
        assert (stored.newest(event).type, stored.newest(event).version) in stored.versions, path.name
    assert found == wanted, f"golden files are missing or superfluous in {folder.name}: {sorted(found ^ wanted)}"
