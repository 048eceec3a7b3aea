"""`journeyctl demo`, run as a user would run it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class Demo:
    """A `journeyctl demo` in a folder of its own."""

    def __init__(self, folder: Path, size: str, *options: str) -> None:
        self.home = folder / "home" / "demo"
        self.out = folder / "out"
        journeyctl = str(Path(sys.executable).with_name("journeyctl"))
        self.command = [journeyctl, "demo", "--size", size, "--out", str(self.out), *options]
        self.environment = {**os.environ, "CAIRN_HOME": str(folder / "home"), "COLUMNS": "120"}

    def run(self, *options: str) -> "Demo":
        """Run it to its end."""
        command = [*self.command, *options]
        ended = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        self.told = ended.stdout
        self.summary: dict[str, Any] = json.loads((self.out / "summary.json").read_text())
        self.report = (self.out / "report.html").read_text()
        return self

    def run_until_killed(self, day: int) -> None:
        """Run it, and kill it with -9 when a day was sent."""
        with subprocess.Popen(self.command, cwd=ROOT, env=self.environment, stdout=subprocess.DEVNULL) as running:
            while running.poll() is None and self.days_sent() < day:
                time.sleep(0.05)
            assert running.poll() is None, "it ended before it could be killed"
            running.kill()

    def days_sent(self) -> int:
        """How far its loader has come."""
        try:
            return int((self.home / "sent").read_text())
        except (OSError, ValueError):
            return 0
