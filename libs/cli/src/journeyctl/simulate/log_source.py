"""The recording as a running Cairn has it: journey-state's log and programmes, over gRPC."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache
from typing import Any, Final

import grpc

from cairn.definition.v1 import definition_pb2
from cairn.definition.v1.definition_pb2_grpc import DefinitionServiceStub
from cairn.event.v1.event_pb2 import Batch
from cairn.log.v1 import log_pb2
from cairn.log.v1.log_pb2_grpc import LogServiceStub
from cairn_kernel.time import micros
from journeyctl.services import ServiceRefused, ask

_READ_TIMEOUT_S: Final = 60.0
_OPTIONS: Final = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", 256 * 1024 * 1024)]


@dataclass(frozen=True, slots=True)
class LogSource:
    """journey-state at `host:port`."""

    address: str

    def read(self, partition: int) -> Callable[[int, int], Batch | None]:
        """See Source."""
        log = LogServiceStub(_channel(self.address))

        def page(after: int, limit: int) -> Batch | None:
            request = log_pb2.ReadRequest(partition=partition, after=after, limit=limit)
            answer = ask(log.Read, request, timeout_s=_READ_TIMEOUT_S)
            return answer.batch if answer.HasField("batch") else None

        return page

    def bundle(self, tenant: str, version: str) -> bytes | None:
        """See Source."""
        definitions = DefinitionServiceStub(_channel(self.address))
        request = definition_pb2.GetVersionRequest(tenant=tenant, version=version)
        try:
            return bytes(ask(definitions.GetVersion, request).bundle)
        except ServiceRefused as refused:
            if refused.reason == "NO_SUCH_PROGRAMME":
                return None
            raise

    def heads(self) -> tuple[dict[int, int], dict[int, int]]:
        """By partition: the last position, and how far time has passed there (µs) if a time-lapse does not say."""
        log = LogServiceStub(_channel(self.address))
        heads = ask(log.Heads, log_pb2.HeadsRequest(with_complete_to=True)).heads
        positions = {head.partition: head.position for head in ask(log.Heads, log_pb2.HeadsRequest()).heads}
        positions |= {head.partition: head.position for head in heads}
        upto = {
            head.partition: micros(head.complete_to_time.ToDatetime(tzinfo=UTC))
            for head in heads
            if head.HasField("complete_to_time")
        }
        return positions, upto


@lru_cache(maxsize=4)
def _channel(address: str) -> Any:
    return grpc.insecure_channel(address, options=_OPTIONS)
