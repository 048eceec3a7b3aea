"""Source workers that run with an installation: one for each file `sources/NAME.env` of its home folder."""

from pathlib import Path

from journeyctl.errors import CannotRun


def configured(home: Path) -> dict[str, dict[str, str]]:
    """Name of the process (`<package>-<name>`) to its environment. Raises CannotRun if a file names no package."""
    found = {}
    for path in sorted((home / "sources").glob("*.env")):
        told = _settings(path)
        package = told.pop("SOURCE", "")
        if not package.isidentifier():
            raise CannotRun(f"{path} does not say which worker to run; begin it with SOURCE=source_files.")
        found[f"{package}-{path.stem}"] = _defaults(home, path) | told
    return found


def _settings(path: Path) -> dict[str, str]:
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    parted = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, _, value in parted}


def _defaults(home: Path, path: Path) -> dict[str, str]:
    return {
        "CAIRN_SOURCE_NAME": path.stem,
        "CAIRN_SOURCE_DIR": str(home / "sources"),
        "CAIRN_SOURCE_MAPPINGS": str(path.with_suffix(".yaml")),
        "CAIRN_WRITE_KEY_FILE": str(home / "keys" / "write_keys"),
    }
