"""Wires the service."""

import asyncio
from typing import Final

from activation.adapters.dispatch_queue import JetStreamQueue
from activation.adapters.grpc_api import ActivationApi
from activation.adapters.postgres_deliveries import PostgresDeliveries
from activation.adapters.postgres_tables import PostgresTables
from activation.adapters.receipt_queue import ReceiptQueue
from activation.application.addresses import Addresses
from activation.application.claiming import Claiming
from activation.application.clocks import Clocks
from activation.application.deliveries import Deliveries
from activation.application.desk import Desk
from activation.application.dispatcher import Dispatcher
from activation.application.latency import Latency
from activation.application.mail import Mail
from activation.application.planning import Planning
from activation.application.processor import DeliveryProcessor
from activation.application.programmes import Programmes, check
from activation.application.remaking import Remaking
from activation.application.turn import LOG, UPSTREAM
from activation.application.watch import EVERY_S
from activation.settings import ActivationSettings
from cairn.activation.v1 import activation_pb2
from cairn.activation.v1.activation_pb2_grpc import add_ActivationServiceServicer_to_server
from cairn.definition.v1 import definition_pb2
from cairn.definition.v1.definition_pb2_grpc import add_DefinitionServiceServicer_to_server
from cairn_runtime import Chassis, Definitions, open_chassis
from cairn_runtime.clock import now_us
from cairn_runtime.key_service import KeyServiceKeys
from cairn_runtime.parking import Parking

SERVICE: Final = "activation"


async def run() -> None:
    """Run the service until it is told to stop."""
    settings = ActivationSettings()
    async with open_chassis(settings, service=SERVICE, log_name=LOG) as chassis:
        await compose(chassis, settings)
        await chassis.serve()


async def compose(chassis: Chassis, settings: ActivationSettings) -> DeliveryProcessor:
    """Put the processor, what works beside it and the gRPC services on the chassis."""
    client = chassis.bus.client
    programmes = Programmes()
    definitions = Definitions(LOG, chassis.pool, chassis.publisher, check=check, install=programmes.install)
    await definitions.load()
    tables = PostgresTables(chassis.pool)
    desk, clocks, mail = Desk(), Clocks(), Mail()
    deliveries = Deliveries(chassis.store)
    keys = KeyServiceKeys(chassis.channel(settings.ingestion_address), settings.key_access_token.get_secret_value())
    addresses = Addresses(keys)
    claiming = Claiming(
        desk,
        deliveries,
        clocks,
        programmes,
        addresses,
        tables,
        now_us,
        lifetime_s=settings.dispatch_lifetime_s,
        grace_s=settings.dispatch_grace_s,
    )
    dispatcher = Dispatcher(
        JetStreamQueue(client),
        flying=desk.all_flying,
        remake=Remaking(chassis.store, deliveries, programmes, addresses, now_us),
        on_published=Latency(deliveries, clocks, now_us),
    )
    processor = DeliveryProcessor(
        chassis.store,
        tables,
        Planning(deliveries, programmes, Parking(chassis.pool)),
        desk,
        deliveries,
        clocks,
        claiming,
        mail,
        dispatcher,
    )
    runner = chassis.add_runner(UPSTREAM, processor, reload=definitions.load)
    processor.wake = addresses.on_found = runner.wake
    receipts = ReceiptQueue(client, mail, runner.wake)

    async def look_after() -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            if len(desk):
                runner.wake()

    for job in (addresses.run, dispatcher.run, receipts.run, look_after):
        chassis.add_job(job)
    _serve(chassis, definitions)
    return processor


def _serve(chassis: Chassis, definitions: Definitions) -> None:
    chassis.add_servicer(
        add_DefinitionServiceServicer_to_server,
        definitions,
        definition_pb2.DESCRIPTOR.services_by_name["DefinitionService"].full_name,
    )
    chassis.add_servicer(
        add_ActivationServiceServicer_to_server,
        ActivationApi(PostgresDeliveries(chassis.pool, chassis.store)),
        activation_pb2.DESCRIPTOR.services_by_name["ActivationService"].full_name,
    )
