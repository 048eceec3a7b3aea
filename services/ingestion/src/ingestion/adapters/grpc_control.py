"""KeyService and ClockService: translate in, call, translate out."""

from typing import Any, Final

from cairn.ingestion.v1 import ingestion_pb2 as pb
from cairn.ingestion.v1.ingestion_pb2_grpc import ClockServiceServicer, KeyServiceServicer
from cairn_kernel.errors import Denied, Invalid
from cairn_kernel.time import to_datetime
from ingestion.adapters.http_requests import write_key
from ingestion.adapters.postgres_tables import PostgresTables
from ingestion.application.move_clock import MoveClock
from ingestion.application.subject_keys import SubjectKeys
from ingestion.domain.clock import Mode

MAX_KEYS: Final = 1_000
UUID_CHARS: Final = 36


class AccessToken:
    """With a token, callers say `authorization: Bearer <token>`; without one, who reaches us may ask."""

    def __init__(self, token: str) -> None:
        self._token = token

    def check(self, context: Any) -> None:
        """Raises Denied (KEY_ACCESS)."""
        if self._token:
            given = dict(context.invocation_metadata()).get("authorization", "")
            if write_key(given.encode() if isinstance(given, str) else given) != self._token:
                raise Denied(
                    "this caller may not open personal fields; send what ingestion's CAIRN_KEY_ACCESS_TOKEN says",
                    reason="KEY_ACCESS",
                )


class KeyApi(KeyServiceServicer):
    def __init__(self, keys: SubjectKeys, tables: PostgresTables, access: AccessToken) -> None:
        self._keys = keys
        self._tables = tables
        self._access = access

    async def Unwrap(self, request: pb.UnwrapRequest, context: Any) -> pb.UnwrapResponse:
        self._access.check(context)
        if len(request.key_ids) > MAX_KEYS:
            raise Invalid("at most 1000 keys are unwrapped at once", reason="BATCH_SIZE", field="key_ids")
        wanted = sorted({key_id for key_id in request.key_ids if is_uuid(key_id)})
        return pb.UnwrapResponse(keys=await self._keys.unwrap(wanted, self._tables))


class ClockApi(ClockServiceServicer):
    def __init__(self, move: MoveClock) -> None:
        self._move = move

    async def Step(self, request: pb.StepRequest, context: Any) -> pb.StepResponse:
        if request.step < 0 or not request.HasField("end_time"):
            raise Invalid("a step has a number and an end", reason="FIELD_REQUIRED", field="end_time")
        end = request.end_time.seconds * 1_000_000 + request.end_time.nanos // 1_000
        opened = await self._move(request.step, end, last=request.last)
        return pb.StepResponse(open_step=opened.step, feedback_events=opened.outcomes)

    async def GetClock(self, request: pb.GetClockRequest, context: Any) -> pb.GetClockResponse:
        clock = await self._move.read()
        if clock.mode is Mode.LIVE:
            return pb.GetClockResponse(mode=pb.GetClockResponse.MODE_LIVE)
        answer = pb.GetClockResponse(mode=pb.GetClockResponse.MODE_TIME_LAPSE, open_step=clock.step)
        answer.step_start_time.FromDatetime(to_datetime(clock.start))
        return answer


def is_uuid(text: str) -> bool:
    """Whether it is written as ids are."""
    return len(text) == UUID_CHARS and set(text) <= _UUID_CHARS


_UUID_CHARS: Final = frozenset("0123456789abcdef-")
