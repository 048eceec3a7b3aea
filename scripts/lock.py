"""Writes requirements.lock: what members and the dev group need, versions and hashes only. Called by `make lock`."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"


def member_projects() -> list[Path]:
    """Return the pyproject.toml of every member of the workspace."""
    folders = ("libs", "services", "services/connectors", "services/sources")
    return sorted(path for folder in folders for path in ROOT.glob(f"{folder}/*/pyproject.toml"))


def distribution(requirement: str) -> str:
    """Return the normalised name of the distribution that a requirement asks for."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;@(]", requirement, maxsplit=1)[0]).lower()


def third_party() -> list[str]:
    """Return the requirements of all members and of the dev group, without the members themselves."""
    projects = [tomllib.loads(path.read_text())["project"] for path in member_projects()]
    members = {distribution(project["name"]) for project in projects}
    wanted = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["dev"])
    for project in projects:
        wanted |= set(project.get("dependencies", ()))
        for extra in project.get("optional-dependencies", {}).values():
            wanted |= set(extra)
    return sorted(need for need in wanted if distribution(need) not in members and not need.startswith("cairn-"))


def main() -> int:
    """Resolve and write the lock; versions already in it are kept unless `--upgrade` is given."""
    resolved = subprocess.run(
        [
            *(sys.executable, "-m", "uv", "pip", "compile", "-", "--output-file", str(LOCK), "--quiet"),
            *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header"),
            *("--no-emit-index-url", "--no-emit-find-links", *sys.argv[1:]),
        ],
        input="\n".join(third_party()),
        text=True,
        cwd=ROOT,
    )
    return resolved.returncode


if __name__ == "__main__":
    sys.exit(main())
