"""Telling many customers at once: what may be told, and what a command changes."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

import structlog

from cairn_journey import Programmes
from cairn_kernel.errors import Invalid, Refused
from cairn_kernel.event import BROADCAST, CONTROL_TYPES, PAUSED, RESUMED, STOPPED, canonical
from cairn_kernel.event_names import normalised
from cairn_runtime.walks import Command
from journey_state.application.ports import Controls, Keeping
from journey_state.application.unknown import in_force, no_such_journey

log = structlog.get_logger()

PAUSE: Final = "paused"
DRAIN: Final = "drain"
NOW: Final = "now"
_LONGEST_REQUEST_ID: Final = 100
_OURS: Final = ("cairn.", "journey.", "identity.", "definition.", "delivery.", "decision.")


class Commands:
    """Each returns the number of the walk that tells the customers concerned."""

    def __init__(self, controls: Controls, programmes: Programmes) -> None:
        self._controls = controls
        self._programmes = programmes

    async def broadcast(self, tenant: str, request_id: str, type: str, data: Mapping[str, Any]) -> int:
        """Raises Invalid (FIELD_REQUIRED, EVENT_NAME), Conflict (REQUEST_ID_REUSED)."""
        _check_name(type)
        command = Command(tenant, BROADCAST, {"type": type, "data": dict(data)})
        return await self._do(request_id, command, lambda mode: mode)

    async def pause(self, tenant: str, request_id: str, journey: str) -> int:
        """Raises NotFound (NO_SUCH_JOURNEY), Refused (ALREADY_PAUSED, STOPPED)."""

        def keep(mode: str) -> str:
            if mode == PAUSE:
                raise Refused(f"{journey} is paused already", reason="ALREADY_PAUSED", journey=journey)
            if mode:
                raise Refused(f"{journey} is stopped; resume it first", reason="STOPPED", journey=journey)
            return PAUSE

        await self._check_journey(tenant, journey)
        return await self._do(request_id, Command(tenant, PAUSED, {"journey": journey}, (journey,)), keep)

    async def resume(self, tenant: str, request_id: str, journey: str) -> int:
        """Raises Refused (NOT_PAUSED)."""

        def keep(mode: str) -> str:
            if not mode:
                raise Refused(f"{journey} is neither paused nor stopped", reason="NOT_PAUSED", journey=journey)
            return ""

        _required(journey, "journey")
        return await self._do(request_id, Command(tenant, RESUMED, {"journey": journey}, (journey,)), keep)

    async def stop(self, tenant: str, request_id: str, journey: str, mode: str) -> int:
        """Mode is `drain` or `now`. Raises NotFound (NO_SUCH_JOURNEY), Refused (ALREADY_STOPPED)."""

        def keep(current: str) -> str:
            if current == mode:
                raise Refused(f"{journey} is stopped already", reason="ALREADY_STOPPED", journey=journey)
            return mode

        await self._check_journey(tenant, journey)
        command = Command(tenant, STOPPED, {"journey": journey, "mode": mode}, (journey,))
        return await self._do(request_id, command, keep)

    async def _do(self, request_id: str, command: Command, keep: Keeping) -> int:
        if len(request_id) > _LONGEST_REQUEST_ID:
            raise Invalid("request_id has at most 100 characters", reason="FIELD_LENGTH", field="request_id")
        digest = sha256(canonical([command.type, command.data])).digest()
        ordinal = await self._controls.tell(command, request_id, digest, keep)
        journey = command.data.get("journey", "")
        log.info("command.written", type=command.type, tenant=command.tenant, journey=journey, walk=ordinal)
        return ordinal

    async def _check_journey(self, tenant: str, journey: str) -> None:
        _required(journey, "journey")
        if not in_force(self._programmes, tenant, journey) and not await self._controls.occupied(tenant, journey):
            raise no_such_journey(self._programmes, tenant, journey)


def _required(value: str, field: str) -> None:
    if not value:
        raise Invalid(f"{field} is missing", reason="FIELD_REQUIRED", field=field)


def _check_name(type: str) -> None:
    _required(type, "type")
    name = normalised(type)
    if name != type:
        raise Invalid(f"write the event's name as {name}", reason="EVENT_NAME", field="type")
    if type in CONTROL_TYPES or type.startswith(_OURS):
        raise Invalid("events of this name are stated by Cairn itself", reason="EVENT_NAME", field="type")
