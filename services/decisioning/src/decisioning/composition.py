"""Wires the service."""

from cairn.decisioning.v1 import decisioning_pb2
from cairn.decisioning.v1.decisioning_pb2_grpc import add_DecisioningServiceServicer_to_server
from cairn.definition.v1 import definition_pb2
from cairn.definition.v1.definition_pb2_grpc import add_DefinitionServiceServicer_to_server
from cairn_decisions.profile import DecisioningDomain
from cairn_decisions.stored import STORED
from cairn_journey.engine.stored import STORED as FACTS_OF_JOURNEYS
from cairn_runtime import Chassis, Definitions, Settings, open_chassis
from decisioning.adapters.grpc_api import DecisioningApi
from decisioning.adapters.postgres_decisions import PostgresDecisions
from decisioning.adapters.processor import DecisioningProcessor
from decisioning.adapters.read_model import project
from decisioning.application.catalogues import Catalogues, check
from decisioning.application.evaluation import Evaluation


async def run() -> None:
    """Run the service until it is told to stop."""
    settings = Settings()
    async with open_chassis(settings, service="decisioning", log_name="decisions") as chassis:
        await compose(chassis)
        await chassis.serve()


async def compose(chassis: Chassis) -> None:
    """Put the processor and the gRPC services on the chassis."""
    catalogues = Catalogues()
    definitions = Definitions(
        chassis.log_name, chassis.pool, chassis.publisher, check=check, install=catalogues.install
    )
    await definitions.load()
    processor = DecisioningProcessor(
        log_name=chassis.log_name,
        domain=DecisioningDomain(catalogues),
        store=chassis.store,
        pool=chassis.pool,
        cache_profiles=chassis.settings.cache_profiles,
        project=project,
        stored=FACTS_OF_JOURNEYS | STORED,
    )
    chassis.add_runner("journeys", processor, reload=definitions.load)
    chassis.add_servicer(
        add_DefinitionServiceServicer_to_server,
        definitions,
        definition_pb2.DESCRIPTOR.services_by_name["DefinitionService"].full_name,
    )
    chassis.add_servicer(
        add_DecisioningServiceServicer_to_server,
        DecisioningApi(PostgresDecisions(chassis.pool), Evaluation(catalogues, chassis.store.load)),
        decisioning_pb2.DESCRIPTOR.services_by_name["DecisioningService"].full_name,
    )
