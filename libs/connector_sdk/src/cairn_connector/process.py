"""From a manifest and a connector to a running process."""

import logging
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final, TypeVar

import nats
import structlog
import uvloop
from nats.aio.client import Client
from pydantic import ValidationError

from cairn_connector import metrics
from cairn_connector.delivery import Connector
from cairn_connector.journal import Journal
from cairn_connector.manifest import Manifest, ManifestFault, load_manifest
from cairn_connector.runner import Runner, run_until_signal
from cairn_connector.settings import ConnectorSettings

log: Final = structlog.get_logger()

S = TypeVar("S", bound=ConnectorSettings)

wall_clock: Final = time.time  # noqa: TID251 - not_after is an instant of the wall; a connector has no other clock


async def connect(settings: ConnectorSettings) -> Client:
    """A connection that is never given up."""

    async def report(fault: Exception) -> None:
        log.info("nats.faulted", fault=type(fault).__name__)

    return await nats.connect(
        settings.nats_url,
        user_credentials=None if settings.nats_credentials is None else str(settings.nats_credentials),
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.25,
        ping_interval=10,
        error_cb=report,
    )


async def run_connector(
    opened: AbstractAsyncContextManager[Connector], manifest: Manifest, settings: ConnectorSettings
) -> None:
    """Open the connector, work on its queue until SIGTERM, close everything in reverse order."""
    async with Journal(settings.connector_dir / f"{manifest.name}.sqlite") as journal, opened as connector:
        client = await connect(settings)
        try:
            runner = Runner(connector, manifest, settings, client, journal, wall_clock)
            await run_until_signal(runner)
        finally:
            await client.close()


def main(
    settings_type: type[S], open_connector: Callable[[S], AbstractAsyncContextManager[Connector]], manifest_path: Path
) -> int:
    """The whole main of a connector process; returns the exit code.

    What an operator can mend ends in one plain sentence, without a traceback.
    """
    write_logs()
    try:
        manifest = load_manifest(manifest_path)
        settings = settings_type()
        if settings.metrics_address:
            metrics.serve(settings.metrics_address)
        uvloop.run(run_connector(open_connector(settings), manifest, settings))
    except ValidationError as error:
        wrong = ", ".join(f"CAIRN_{str(item['loc'][0]).upper()}" for item in error.errors())
        return _end(f"These settings are missing or wrong: {wrong}.")
    except (ManifestFault, BlockingIOError) as error:
        return _end(f"{error}.")
    except OSError as error:
        return _end(f"The journal or the metrics address cannot be opened ({type(error).__name__}).")
    return 0


def _end(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


def write_logs() -> None:
    """JSON lines on stderr; only named facts, no exception texts, since those may hold addresses."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.getLogger("nats").setLevel(logging.CRITICAL)
