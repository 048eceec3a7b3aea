"""The work queues of connectors, on JetStream."""

import structlog
from nats.aio.client import Client

from cairn_connector import Dispatch, streams, wire

log = structlog.get_logger()


class JetStreamQueue:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._ensured: set[str] = set()

    async def put(self, connector: str, dispatch: Dispatch, *, repeat: int) -> bool:
        message_id = wire.dispatch_message_id(dispatch.delivery_id, dispatch.attempt, repeat)
        headers = {wire.REPEAT_HEADER: str(repeat)} if repeat else None
        try:
            if connector not in self._ensured:
                await streams.ensure_dispatch_queue(self._client, connector)
                self._ensured.add(connector)
            await streams.store(
                self._client,
                wire.dispatch_subject(connector),
                wire.encode_dispatch(dispatch),
                message_id=message_id,
                headers=headers,
            )
        except streams.FAULTS as fault:
            self._ensured.discard(connector)  # the stream may have been wiped
            log.info("dispatch.delayed", connector=connector, fault=type(fault).__name__)
            return False
        return True
