"""The commands of docs/guides/proof-and-rebuild.md, one after the other, over a log of journeys."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cairn_kernel.ids import stable_id
from cairn_runtime.database import open_pool

from .filled import filled

GUIDE = (Path(__file__).parents[4] / "docs" / "guides" / "proof-and-rebuild.md").read_text(encoding="utf-8")
EXIT_CODES = {"journeyctl rebuild journey_state": (0, 1)}  # its timers were never stored


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_the_commands_of_the_guide_run(postgres_dsn: str, tmp_path: Path) -> None:
    await filled(postgres_dsn, 8)
    for service in ("decisioning", "activation"):
        async with open_pool(postgres_dsn, service):
            pass
    environment = {
        **os.environ,
        "CAIRN_DATABASE_DSN": postgres_dsn,
        "CAIRN_HOME": str(tmp_path),
        "PROFILE": stable_id("person", 1),
    }
    commands = [line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]
    assert len(commands) == 11
    for command in commands:
        line = command.replace("journeyctl", f"{sys.executable} -m journeyctl", 1)
        call = ["sh", "-c", line]
        run = await asyncio.to_thread(
            subprocess.run, call, env=environment, cwd=tmp_path, capture_output=True, text=True
        )
        allowed = next((codes for start, codes in EXIT_CODES.items() if command.startswith(start)), (0,))
        assert run.returncode in allowed, (command, run.stdout, run.stderr)
