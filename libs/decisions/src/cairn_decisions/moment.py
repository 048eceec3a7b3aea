"""The point at which something is to be decided, as journey-state saw it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from cairn_expressions import Activation, activate
from cairn_kernel.event import Event, canonical

_MISSING: Final = object()
_LONGEST_VALUE: Final = 80


@dataclass(frozen=True)
class Moment:
    """A moment and what conditions may read of it; the values are bound once for all candidates."""

    id: str
    at: int
    journey: str
    selector: Mapping[str, Any]
    """`{"tag": …}` or `{"names": […]}`."""
    contacts: Mapping[str, Any]
    """Channel to sealed address."""
    expires_at: int | None
    values: dict[str, Any]
    """Variables by name: profile, features, stage, event, health."""

    @classmethod
    def of(cls, event: Event) -> "Moment":
        """Read a `journey.moment_reached`. Raises KeyError if it is not one."""
        data = event.data
        context = data.get("context") or {}
        return cls(
            id=data["moment_id"],
            at=event.as_of,
            journey=data["journey"],
            selector=data["actions"],
            contacts=data.get("contacts") or {},
            expires_at=data.get("expires_at"),
            values={
                "profile": context.get("traits") or {},
                "features": context.get("features") or {},
                "stage": context.get("stage") or "",
                "event": context.get("event") or {},
                "health": context.get("health"),
            },
        )

    @cached_property
    def activation(self) -> Activation:
        """The variables, bound for expressions."""
        return activate(self.values)

    def seen(self, paths: Sequence[Sequence[str]]) -> str:
        """What an expression read, in words: `profile.age_band = "35-44", event.amount is missing`."""
        return ", ".join([self._seen(path) for path in paths]) or "nothing"

    def _seen(self, path: Sequence[str]) -> str:
        value: Any = self.values
        for part in path:
            value = value.get(part, _MISSING) if isinstance(value, dict) else _MISSING
        name = ".".join(path)
        return f"{name} is missing" if value is _MISSING else f"{name} = {_text(value)}"


def _text(value: Any) -> str:
    text = canonical(value).decode()
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
