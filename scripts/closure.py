"""Prints what a service's image is built from: `closure.py SERVICE` its members of the workspace, as folders;
`closure.py --requirements SERVICE` the third-party packages that these ask for."""

import sys
import tomllib
from pathlib import Path
from typing import Any

from lock import ROOT, distribution, member_projects


def closure(package: str) -> dict[Path, dict[str, Any]]:
    """Return the member that holds a package and all members it stands on: folder and project table."""
    projects = {path.parent: tomllib.loads(path.read_text())["project"] for path in member_projects()}
    folder_of = {distribution(project["name"]): folder for folder, project in projects.items()}
    found: dict[Path, dict[str, Any]] = {}
    waiting = [folder for folder in projects if (folder / "src" / package).is_dir()]
    if not waiting:
        raise SystemExit(f"No member of the workspace holds a package {package}.")
    while waiting:
        folder = waiting.pop()
        if folder not in found:
            found[folder] = projects[folder]
            needed = (distribution(need) for need in projects[folder].get("dependencies", ()))
            waiting += [folder_of[name] for name in needed if name in folder_of]
    return found


def main() -> None:
    """Print one line per folder or requirement."""
    members = closure(sys.argv[-1])
    if "--requirements" not in sys.argv:
        print("\n".join(f"./{folder.relative_to(ROOT)}" for folder in sorted(members)))
        return
    ours = {distribution(project["name"]) for project in members.values()}
    needs = {need for project in members.values() for need in project.get("dependencies", ())}
    print("\n".join(sorted(need for need in needs if distribution(need) not in ours)))


if __name__ == "__main__":
    main()
