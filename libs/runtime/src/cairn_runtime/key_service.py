"""Keys of customers over ingestion's KeyService."""

from collections.abc import Collection, Mapping
from typing import Final

import grpc

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn.ingestion.v1.ingestion_pb2_grpc import KeyServiceStub
from cairn_runtime.rpc import translated

TIMEOUT_S: Final = 5.0


class KeyServiceKeys:
    """For services that are allowed to open personal fields."""

    def __init__(self, channel: grpc.aio.Channel, access_token: str) -> None:
        self._stub = KeyServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {access_token}"),) if access_token else ()

    async def unwrap(self, key_ids: Collection[str]) -> Mapping[str, bytes]:
        """The keys of at most 1000 ids; those unknown or erased are left out. Raises Unavailable, Refused."""
        request = pb.UnwrapRequest(key_ids=list(key_ids))
        try:
            answer = await self._stub.Unwrap(request, timeout=TIMEOUT_S, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise translated(error) from error
        return dict(answer.keys)
