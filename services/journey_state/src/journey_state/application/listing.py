"""Listing open instances: narrowed by the read model, then by a condition over what is known of each customer."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

from cairn_expressions import Expression, ExpressionFault, activate, compile_expression
from cairn_journey import CustomerState, Instance, Programmes, instance_health
from cairn_kernel.errors import Invalid
from journey_state.application.customers import Customers, Folded
from journey_state.application.ports import CustomerReader, InstanceQuery

VARIABLES: Final = {
    "journey": str,
    "stage": str,
    "key": str,
    "version": str,
    "entered": int,
    "stage_entered": object,
    "held": bool,
    "health": object,
    "profile": dict,
    "features": dict,
}
DEFAULT_PAGE: Final = 100
MAX_PAGE: Final = 1_000
LOOK_AT: Final = 2_000
"""Instances looked at for one page at most."""
CHUNK: Final = 200
FIRST: Final = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Listing:
    """What is asked for: a journey (empty: all), a stage (None: any), a condition (empty: all), a page."""

    tenant: str
    journey: str
    stage: str | None
    filter: str
    size: int
    token: str


class Page(NamedTuple):
    """Instances with their customers, in order of id; the token of the next page; how many were looked at."""

    found: list[tuple[Folded, Instance]]
    next_token: str
    looked_at: int


class ListInstances:
    """Bounded work per page: a page may be short, or empty, and still name a next one."""

    def __init__(self, reader: CustomerReader, customers: Customers, programmes: Programmes) -> None:
        self._reader = reader
        self._customers = customers
        self._programmes = programmes

    async def page(self, asked: Listing) -> Page:
        """Raises Invalid (LIMIT_RANGE, PAGE_TOKEN, FILTER)."""
        if not 0 <= asked.size <= MAX_PAGE:
            raise Invalid(f"page_size must be 1 to {MAX_PAGE}", reason="LIMIT_RANGE", field="page_size")
        size, condition, after = asked.size or DEFAULT_PAGE, _compiled(asked.filter), _after(asked)
        found: list[tuple[Folded, Instance]] = []
        looked_at = 0
        while looked_at < LOOK_AT:
            rows = await self._reader.instances(InstanceQuery(asked.tenant, asked.journey, asked.stage, after, CHUNK))
            states = await self._customers.states(asked.tenant, {row.profile_id for row in rows})
            for row in rows:
                looked_at += 1
                after = row.instance_id
                customer = states.get(row.profile_id)
                instance = _instance(customer, row.instance_id)
                if customer is not None and instance is not None and self._holds(condition, customer, instance):
                    found.append((customer, instance))
                    if len(found) == size:
                        return Page(found, _token(asked, after), looked_at)
            if len(rows) < CHUNK:
                return Page(found, "", looked_at)
        return Page(found, _token(asked, after), looked_at)

    def _holds(self, condition: Expression | None, customer: Folded, instance: Instance) -> bool:
        if condition is None:
            return True
        values: dict[str, Any] = {
            "journey": instance.journey,
            "stage": instance.stage,
            "key": instance.key,
            "version": instance.version,
            "entered": instance.entered,
            "stage_entered": instance.stage_entered,
            "held": instance.held is not None,
            "health": instance_health(self._programmes, customer.state.tenant, instance, customer.at),
            "profile": customer.state.traits,
            "features": features_of(self._programmes, customer.state, customer.at),
        }
        return condition.holds(activate(values))


def features_of(programmes: Programmes, state: CustomerState, at: int) -> dict[str, Any]:
    """The values of all features of the programme in force, by `<journey>.<feature>`."""
    active = programmes.active(state.tenant)
    journeys = active.journeys.values() if active is not None else ()
    return {f"{one.name}.{f.name}": f.value(state.features, at) for one in journeys for f in one.features}


def _instance(customer: Folded | None, instance_id: str) -> Instance | None:
    """It may have ended since the read model was asked."""
    if customer is None:
        return None
    return next((one for one in customer.state.open.values() if one.instance_id == instance_id), None)


def _compiled(text: str) -> Expression | None:
    if not text.strip():
        return None
    try:
        expression = compile_expression(text, VARIABLES)
    except ExpressionFault as fault:
        place = f"line {fault.line}, column {fault.column}"
        raise Invalid(f"the filter, {place}: {fault.message}; {fault.cure}", reason="FILTER", field="filter") from None
    if not expression.is_condition:
        raise Invalid("the filter must be true or false; compare its value", reason="FILTER", field="filter")
    return expression


def _digest(asked: Listing) -> bytes:
    """Of what a token belongs to."""
    return sha256(repr((asked.tenant, asked.journey, asked.stage, asked.filter)).encode()).digest()[:8]


def _token(asked: Listing, after: str) -> str:
    return urlsafe_b64encode(_digest(asked) + bytes.fromhex(after.replace("-", ""))).decode()


def _after(asked: Listing) -> str:
    if not asked.token:
        return FIRST
    try:
        raw = urlsafe_b64decode(asked.token)
    except ValueError:
        raw = b""
    if len(raw) != len(_digest(asked)) + 16 or raw[:8] != _digest(asked):
        cure = "ask for the first page again"
        raise Invalid(f"page_token is not one of this list; {cure}", reason="PAGE_TOKEN", field="page_token")
    return raw[8:].hex()
