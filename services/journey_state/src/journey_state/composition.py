"""Wires the service."""

from cairn.definition.v1 import definition_pb2
from cairn.definition.v1.definition_pb2_grpc import add_DefinitionServiceServicer_to_server
from cairn.journey.v1 import journey_pb2
from cairn.journey.v1.journey_pb2_grpc import (
    add_JourneyControlServiceServicer_to_server,
    add_JourneyServiceServicer_to_server,
)
from cairn_journey.engine.domain import JourneyDomain
from cairn_journey.engine.registry import Programmes
from cairn_journey.engine.stored import STORED
from cairn_runtime import Chassis, Definitions, Settings, open_chassis
from cairn_runtime.walks import Walks
from journey_state.adapters.control_api import ControlApi
from journey_state.adapters.grpc_api import JourneyApi
from journey_state.adapters.postgres_controls import PostgresControls
from journey_state.adapters.postgres_customers import PostgresCustomers
from journey_state.adapters.postgres_places import Plans, transition_of
from journey_state.adapters.postgres_population import PostgresPopulation
from journey_state.adapters.processor import JourneyProcessor
from journey_state.adapters.read_model import project
from journey_state.application.activation import check, installer
from journey_state.application.commands import Commands
from journey_state.application.customers import Customers
from journey_state.rebuild import SNAPSHOTS


async def run() -> None:
    """Run the service until it is told to stop."""
    settings = Settings()
    async with open_chassis(settings, service="journey_state", log_name="journeys") as chassis:
        await compose(chassis)
        await chassis.serve()


async def compose(chassis: Chassis) -> None:
    """Put the processor and the gRPC services on the chassis."""
    programmes = Programmes()
    definitions = Definitions(
        chassis.log_name,
        chassis.pool,
        chassis.publisher,
        check=check,
        install=installer(programmes),
        transition=transition_of(programmes),
    )
    await definitions.load()
    controls = PostgresControls(chassis.log_name, chassis.pool, chassis.publisher, programmes)

    async def reload() -> None:
        await definitions.load()
        await controls.load()

    domain = JourneyDomain(programmes)
    processor = JourneyProcessor(
        programmes,
        log_name=chassis.log_name,
        domain=domain,
        store=chassis.store,
        pool=chassis.pool,
        cache_profiles=chassis.settings.cache_profiles,
        project=project,
        walk=domain.walk,
        stored=STORED,
        snapshots=SNAPSHOTS,
    )
    walks = Walks(chassis.pool, PostgresPopulation(chassis.pool))
    chassis.add_runner("resolved", processor, reload=reload, walking=(walks, processor))
    chassis.add_servicer(
        add_DefinitionServiceServicer_to_server,
        definitions,
        definition_pb2.DESCRIPTOR.services_by_name["DefinitionService"].full_name,
    )
    chassis.add_servicer(
        add_JourneyControlServiceServicer_to_server,
        ControlApi(Commands(controls, programmes), controls, Plans(chassis.pool, programmes, definitions.load)),
        journey_pb2.DESCRIPTOR.services_by_name["JourneyControlService"].full_name,
    )
    reader = PostgresCustomers(chassis.pool, chassis.store)
    chassis.add_servicer(
        add_JourneyServiceServicer_to_server,
        JourneyApi(reader, Customers(reader, domain, kept=chassis.settings.cache_profiles), domain),
        journey_pb2.DESCRIPTOR.services_by_name["JourneyService"].full_name,
    )
