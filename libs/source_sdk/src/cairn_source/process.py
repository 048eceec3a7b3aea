"""From a source to a running process."""

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import structlog
import uvloop
from pydantic import ValidationError

from cairn_journey import DefinitionFaults
from cairn_source import metrics
from cairn_source.cursors import Cursors
from cairn_source.mapping import Mapping, load_mappings
from cairn_source.runner import Runner, run_until_signal
from cairn_source.sending import FrontDoor
from cairn_source.settings import SourceSettings
from cairn_source.source import Source

S = TypeVar("S", bound=SourceSettings)
Open = Callable[[S, Sequence[Mapping]], AbstractAsyncContextManager[Source]]


async def run_source(
    opened: AbstractAsyncContextManager[Source], mappings: Sequence[Mapping], settings: SourceSettings
) -> None:
    """Open the source, read it until SIGTERM, close everything in reverse order."""
    door = FrontDoor(settings.ingestion_address, settings.key())
    with Cursors(settings.source_dir / f"{settings.source_name}.sqlite") as cursors:
        async with opened as source:
            await run_until_signal(Runner(source, mappings, settings, door, cursors))


def main(settings_type: type[S], open_source: Open[S]) -> int:
    """The whole main of a source worker; returns the exit code.

    What an operator can mend ends in one plain sentence, without a traceback.
    """
    write_logs()
    try:
        settings = settings_type()
        mappings = load_mappings(settings.source_mappings)
        if settings.metrics_address:
            metrics.serve(settings.metrics_address)
        uvloop.run(run_source(open_source(settings, mappings), mappings, settings))
    except ValidationError as error:
        wrong = ", ".join(f"CAIRN_{str(item['loc'][0]).upper()}" for item in error.errors())
        return _end(f"These settings are missing or wrong: {wrong}.")
    except DefinitionFaults as error:
        return _end("\n".join(map(str, error.faults)))
    except BlockingIOError as error:
        return _end(f"{error}.")
    except OSError as error:
        return _end(f"The cursors, the write key or the metrics address cannot be opened ({type(error).__name__}).")
    return 0


def write_logs() -> None:
    """JSON lines on stderr; only named facts, no exception texts, since those may hold values."""
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


def _end(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1
