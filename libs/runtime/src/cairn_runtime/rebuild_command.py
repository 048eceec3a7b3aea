"""A rebuild as a process of the service's own code: progress and outcome are JSON lines on standard output."""

import argparse
import asyncio
import json
import os
import sys

from cairn_kernel.errors import CairnError
from cairn_runtime.database import AWAY
from cairn_runtime.logs import configure_logs
from cairn_runtime.rebuild import Progress, rebuild


def main(where: str) -> None:
    """Rebuild what `where` describes over CAIRN_DATABASE_DSN. Exit codes: 0 equal, 1 rows differed, 2 not done."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="compare and swap nothing")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    configure_logs("rebuild", "error")
    dsn = os.environ.get("CAIRN_DATABASE_DSN", "")
    try:
        outcome = asyncio.run(rebuild(dsn, where, jobs=arguments.jobs, tell=_tell, check_only=arguments.check))
    except CairnError as error:
        print(f"{error}.", file=sys.stderr)
        sys.exit(2)
    except AWAY as error:
        print(f"The database cannot do it now ({type(error).__name__}); run it again.", file=sys.stderr)
        sys.exit(2)
    print(json.dumps(outcome._asdict()), flush=True)
    sys.exit(1 if any(outcome.differing.values()) else 0)


def _tell(progress: Progress) -> None:
    print(json.dumps(progress._asdict()), flush=True)
