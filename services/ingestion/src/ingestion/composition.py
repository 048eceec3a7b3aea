"""Wires ingestion by hand."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import structlog

from cairn.definition.v1 import definition_pb2
from cairn.definition.v1.definition_pb2_grpc import add_DefinitionServiceServicer_to_server
from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn.ingestion.v1.ingestion_pb2_grpc import (
    add_ClockServiceServicer_to_server,
    add_IngestionServiceServicer_to_server,
    add_KeyServiceServicer_to_server,
    add_QualityServiceServicer_to_server,
    add_QuarantineServiceServicer_to_server,
)
from cairn_eventstore import FileKeyProvider
from cairn_kernel.errors import Unavailable
from cairn_kernel.time import DAY, SECOND
from cairn_runtime import Chassis, Definitions, open_chassis
from cairn_runtime.clock import now_us
from cairn_runtime.database import AWAY
from cairn_runtime.pausing import pause
from ingestion.adapters.grpc_api import IngestionApi
from ingestion.adapters.grpc_control import AccessToken, ClockApi, KeyApi
from ingestion.adapters.grpc_quality import QualityApi
from ingestion.adapters.grpc_quarantine import QuarantineApi
from ingestion.adapters.http_api import HttpApi
from ingestion.adapters.http_server import listen, serve
from ingestion.adapters.nats_door import NatsDoor
from ingestion.adapters.postgres_ledger import PostgresLedger
from ingestion.adapters.postgres_observations import PostgresObservations
from ingestion.adapters.postgres_tables import PostgresTables
from ingestion.adapters.secrets import QuickSecrets
from ingestion.application.admit import Admit
from ingestion.application.entrance import Entrance
from ingestion.application.event_types import EventTypes, check, evolve
from ingestion.application.move_clock import LOG, MoveClock
from ingestion.application.observe import Observe
from ingestion.application.receive import Receive
from ingestion.application.redrive import Redrive
from ingestion.application.sources import REFRESH_S, Sources, declared
from ingestion.application.subject_keys import SubjectKeys
from ingestion.application.take_back import UPSTREAM, TakeBack
from ingestion.settings import IngestionSettings, written_keys

log = structlog.get_logger()

SERVICE = "ingestion"
EXPIRE_EVERY_S = 3_600.0


class App(NamedTuple):
    """The wired service; `http` is the socket it listens on, if it does."""

    chassis: Chassis
    receive: Receive
    move_clock: MoveClock
    http: socket.socket | None


@asynccontextmanager
async def compose(settings: IngestionSettings) -> AsyncIterator[App]:
    """Everything open and wired; `app.chassis.serve()` runs it."""
    async with open_chassis(settings, SERVICE, LOG) as chassis:
        provider = FileKeyProvider(settings.keys_dir)
        secrets = QuickSecrets(provider)
        tables = PostgresTables(chassis.pool)

        def hashed(key: str) -> str:
            return provider.token("", "write_key", key)

        await tables.declare(declared(written_keys(settings), hashed))
        sources = Sources(tables, hashed)
        await sources.refresh()
        types = EventTypes()
        entrance = Entrance(types)
        definitions = Definitions(
            LOG, chassis.pool, chassis.publisher, check=check, install=types.install, transition=evolve, announce=False
        )
        await definitions.load()
        keys = SubjectKeys(provider)
        admit = Admit(
            chassis.store,
            chassis.publisher,
            PostgresLedger,
            keys,
            secrets,
            now_us,
            step_max_us=settings.step_max_s * SECOND,
        )
        observations = PostgresObservations(chassis.pool)
        observe = Observe(admit, observations, now_us)
        receive = Receive(
            observe, queue_max_events=settings.queue_max_events, batch_max_events=settings.batch_max_events
        )
        move_clock = MoveClock(chassis.store, chassis.publisher, PostgresLedger)
        chassis.complete_to = lambda: move_clock.complete_to(now_us)
        bound = listen(settings.http_address) if settings.http_address else None
        _add_servicers(chassis, settings, receive, sources, types, entrance, tables, keys, secrets, move_clock)
        chassis.add_servicer(
            add_DefinitionServiceServicer_to_server,
            definitions,
            definition_pb2.DESCRIPTOR.services_by_name["DefinitionService"].full_name,
        )
        chassis.add_servicer(
            add_QualityServiceServicer_to_server,
            QualityApi(observations, types, now_us),
            pb.DESCRIPTOR.services_by_name["QualityService"].full_name,
        )
        door = NatsDoor(chassis.bus.client, receive, sources, entrance, secrets, now_us)
        chassis.add_job(door.stay_open)
        chassis.add_job(observe.keep_writing)
        chassis.add_job(_looking_again(definitions))
        chassis.add_job(_front_door(receive, bound, HttpApi(receive, sources, entrance, secrets, now_us)))
        chassis.add_job(sources.keep_fresh)
        chassis.add_job(_expiring(tables, settings.quarantine_days))
        if settings.activation_address:
            take_back = TakeBack(PostgresLedger, now_us, move_clock.look_again)
            chassis.add_runner(UPSTREAM, take_back, tells_completeness=False)
        yield App(chassis, receive, move_clock, bound)


async def run() -> None:
    """Serve until told to stop."""
    gc.collect()
    gc.freeze()  # what is loaded by now stays
    gc.set_threshold(10_000, 100, 100)  # what is young is looked through in 10 ms, while requests wait
    settings = IngestionSettings()
    async with compose(settings) as app:
        await app.chassis.serve()


def _add_servicers(
    chassis: Chassis,
    settings: IngestionSettings,
    receive: Receive,
    sources: Sources,
    types: EventTypes,
    entrance: Entrance,
    tables: PostgresTables,
    keys: SubjectKeys,
    secrets: QuickSecrets,
    move_clock: MoveClock,
) -> None:
    access = AccessToken(settings.key_access_token.get_secret_value())
    names = {name: service.full_name for name, service in pb.DESCRIPTOR.services_by_name.items()}
    chassis.add_servicer(
        add_IngestionServiceServicer_to_server,
        IngestionApi(receive, sources, entrance, tables, secrets, now_us),
        names["IngestionService"],
    )
    chassis.add_servicer(
        add_KeyServiceServicer_to_server,
        KeyApi(keys, tables, access),
        names["KeyService"],
    )
    chassis.add_servicer(
        add_QuarantineServiceServicer_to_server,
        QuarantineApi(tables, Redrive(tables, keys, receive, types, secrets, now_us), access),
        names["QuarantineService"],
    )
    chassis.add_servicer(add_ClockServiceServicer_to_server, ClockApi(move_clock), names["ClockService"])


def _looking_again(definitions: Definitions) -> Callable[[], Coroutine[Any, Any, None]]:
    """What another replica was told."""

    async def look() -> None:
        while True:
            await pause(REFRESH_S)
            with suppress(*AWAY):  # the next look will do
                await definitions.load()

    return look


def _expiring(tables: PostgresTables, days: int) -> Callable[[], Coroutine[Any, Any, None]]:
    """Forget what was kept aside for long."""

    async def expire() -> None:
        while True:
            try:
                while forgotten := await tables.expire(now_us() - days * DAY):
                    log.info("quarantine.expired", events=forgotten)
            except Unavailable:
                log.warning("quarantine.unavailable")
            await pause(EXPIRE_EVERY_S)

    return expire


def _front_door(
    receive: Receive, bound: socket.socket | None, application: HttpApi
) -> Callable[[], Coroutine[Any, Any, None]]:
    """The door closes before the committing task ends, so that who is inside is still answered."""

    async def stay_open() -> None:
        async with asyncio.TaskGroup() as group:
            committing = group.create_task(receive.run())
            try:
                if bound is None:
                    await asyncio.Event().wait()
                else:
                    log.info("http.opened", port=bound.getsockname()[1])
                    await serve(application, bound)
            finally:
                committing.cancel()

    return stay_open
