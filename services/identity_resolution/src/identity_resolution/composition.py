"""Wires the service by hand."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from pydantic import SecretStr

from cairn.definition.v1 import definition_pb2
from cairn.definition.v1.definition_pb2_grpc import add_DefinitionServiceServicer_to_server
from cairn.identity.v1 import identity_pb2, relations_pb2
from cairn.identity.v1.identity_pb2_grpc import add_IdentityServiceServicer_to_server
from cairn.identity.v1.relations_pb2_grpc import add_RelationServiceServicer_to_server
from cairn_eventstore import FileKeyProvider
from cairn_runtime import Chassis, Definitions, Settings, open_chassis
from cairn_runtime.clock import now_us
from cairn_runtime.database import AWAY
from cairn_runtime.key_service import KeyServiceKeys
from identity_resolution.adapters.grpc_api import IdentityApi
from identity_resolution.adapters.grpc_relations import RelationApi
from identity_resolution.adapters.postgres_identities import PostgresIdentityStore
from identity_resolution.adapters.postgres_records import PostgresRecordStore
from identity_resolution.adapters.postgres_told import PostgresTold
from identity_resolution.application.decide_reviews import ReviewDesk
from identity_resolution.application.find_profile import ProfileFinder
from identity_resolution.application.find_relations import RelationFinder
from identity_resolution.application.kinds import KindsInForce
from identity_resolution.application.ledgers import Ledgers
from identity_resolution.application.look_back import LookBack
from identity_resolution.application.make_statements import StatementMaker
from identity_resolution.application.matchers import Matchers
from identity_resolution.application.open_records import Opener
from identity_resolution.application.preview_rules import RulesPreview
from identity_resolution.application.processor import LOG, ResolveProcessor
from identity_resolution.application.resolve_events import EventResolver
from identity_resolution.application.rulebook import Rulebook, check
from identity_resolution.application.watch_commands import CommandWatch

REFRESH_S: Final = 2.0


class IdentitySettings(Settings):
    """Settings of this service, next to those of all."""

    cache_identifiers: int = 500_000
    """Identifiers kept in memory, about 1 KB each."""
    key_access_token: SecretStr = SecretStr("")
    """What ingestion's KeyService asks of callers, if it asks for anything. Keys are asked for where records of
    people are compared only."""
    rules_page: int = 200
    """Identifiers judged anew between two batches of events while the rules change."""


async def run() -> None:
    """Run the service until it is told to stop."""
    settings = IdentitySettings()
    async with open_chassis(settings, service="identity_resolution", log_name=LOG) as chassis:
        await compose(chassis, settings)
        await chassis.serve()


async def compose(chassis: Chassis, settings: IdentitySettings) -> None:
    """Add the processor and the questions it answers."""
    keys = FileKeyProvider(settings.keys_dir)
    rulebook, kinds = Rulebook(keys), KindsInForce()

    def install(tenant: str, version: str, bundle: bytes) -> None:
        rulebook.install(tenant, version, bundle)
        kinds.install(tenant, version, bundle)

    definitions = Definitions(LOG, chassis.pool, chassis.publisher, check=check, install=install, announce=False)
    await definitions.load()
    identities = PostgresIdentityStore(chassis.pool)
    told = PostgresTold(chassis.pool)
    records = PostgresRecordStore(chassis.pool)
    ingestion = chassis.channel(settings.ingestion_address)
    own_keys = KeyServiceKeys(ingestion, settings.key_access_token.get_secret_value())
    matchers = Matchers(
        records, Opener(own_keys), lambda tenant, purpose: keys.token(tenant, "matching", purpose).encode()
    )
    resolver = EventResolver(
        identities, rulebook, settings.cache_identifiers, matchers, kinds, told, rules_page=settings.rules_page
    )
    processor = ResolveProcessor(chassis.store, identities, resolver, settings.batch_max_events)
    runner = chassis.add_runner("events", processor, exclusive=True, reload=definitions.load)
    processor.wake = runner.wake
    chassis.add_job(_looking_again(definitions))
    chassis.add_job(CommandWatch(identities, processor, runner.wake).run)

    async def complete_to() -> dict[int, tuple[int, int]]:
        complete = await runner.complete_to()
        return {} if await identities.step_events(limit=1) else complete

    chassis.complete_to = complete_to
    finder = ProfileFinder(identities, records, rulebook)
    maker = StatementMaker(identities, finder, now_us)
    past = LookBack(identities, records, rulebook)
    chassis.add_servicer(
        add_DefinitionServiceServicer_to_server,
        definitions,
        definition_pb2.DESCRIPTOR.services_by_name["DefinitionService"].full_name,
    )
    chassis.add_servicer(
        add_IdentityServiceServicer_to_server,
        IdentityApi(
            finder,
            past,
            identities,
            rulebook,
            maker,
            RulesPreview(identities, rulebook, records),
            Ledgers(told, past, rulebook, lambda token: Opener(KeyServiceKeys(ingestion, token))),
            ReviewDesk(records, identities, finder, maker),
        ),
        identity_pb2.DESCRIPTOR.services_by_name["IdentityService"].full_name,
    )
    chassis.add_servicer(
        add_RelationServiceServicer_to_server,
        RelationApi(RelationFinder(identities, kinds), maker, rulebook, now_us),
        relations_pb2.DESCRIPTOR.services_by_name["RelationService"].full_name,
    )


def _looking_again(definitions: Definitions) -> Callable[[], Coroutine[Any, Any, None]]:
    """What another replica was told: this one explains by the same rules."""

    async def look() -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            with suppress(*AWAY):  # the next one will do
                await definitions.load()

    return look
