"""Everything the services know of one customer, asked in one place."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from cairn.activation.v1 import activation_pb2
from cairn.decisioning.v1 import decisioning_pb2
from cairn.definition.v1 import definition_pb2
from cairn.identity.v1 import identity_pb2
from cairn.journey.v1 import journey_pb2
from cairn_journey import parse_bundle
from cairn_journey.language.model import PERSON
from cairn_journey.language.reading import suggestion
from cairn_journey.subjects.told import subject_id
from journeyctl.errors import CannotRun
from journeyctl.services import ServiceRefused, Services, ask

NAMESPACES: Final = ("user_id", "card", "email", "phone", "anonymous_id")
"""Where a customer's name is looked for, in this order."""
NAMED: Final = "User id, card number, e-mail address, telephone number, anonymous id or profile id."
"""How one may name a customer."""
MANY: Final = 10
"""So many journeys are explained at once; of more only such in which the customer is or was."""
_UNKNOWN: Final = ("NO_SUCH_IDENTIFIER", "NO_SUCH_PROFILE", "NOT_FOUND")


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One customer as the services tell it."""

    profile_id: str
    identity: identity_pb2.ExplainResponse
    profile: identity_pb2.GetProfileResponse
    state: journey_pb2.GetCustomerResponse
    timeline: Sequence[journey_pb2.TimelineEntry]
    explained: dict[str, journey_pb2.ExplainInstanceResponse]
    """By journey."""
    decisions: Sequence[decisioning_pb2.Decision]
    deliveries: Sequence[activation_pb2.Delivery]
    untold: Sequence[str] = ()
    """Journeys that are not explained, because there are many."""


def find(services: Services, name: str, tenant: str = "default") -> str:
    """The profile of a customer named by user id, card number, e-mail address, anonymous id or profile id.

    An account or household goes by kind and key: `account:acme`.
    """
    doors: list[tuple[Callable[..., Any], Any]] = [
        (services.identity.Resolve, identity_pb2.ResolveRequest(tenant=tenant, namespace=namespace, value=name))
        for namespace in NAMESPACES
    ]
    doors.append((services.identity.GetProfile, identity_pb2.GetProfileRequest(tenant=tenant, profile_id=name)))
    kind, colon, key = name.partition(":")
    if colon:
        subject = journey_pb2.GetCustomerRequest(tenant=tenant, profile_id=subject_id(tenant, kind, key))
        doors.append((services.journeys.GetCustomer, subject))
    for method, request in doors:
        with suppress_unknown():
            return str(ask(method, request).profile_id)
    raise CannotRun(f"Nobody is known by that name; looked for it as {', '.join(NAMESPACES)} and profile id.")


@contextmanager
def suppress_unknown() -> Iterator[None]:
    """Go on if a service does not know whom it is asked about."""
    try:
        yield
    except ServiceRefused as refused:
        if refused.reason not in _UNKNOWN:
            raise


def gather(services: Services, profile_id: str, tenant: str = "default", journey: str = "") -> Customer:
    """Ask every service for what it knows of a profile, and of one journey or all that may concern it.

    Of accounts and households identity resolution knows none. Raises CannotRun if there is no such journey.
    """
    explain = identity_pb2.ExplainRequest(tenant=tenant, profile_id=profile_id)
    profile = None
    with suppress_unknown():
        request = identity_pb2.GetProfileRequest(tenant=tenant, profile_id=profile_id)
        profile = ask(services.identity.GetProfile, request)
    state = ask(services.journeys.GetCustomer, journey_pb2.GetCustomerRequest(tenant=tenant, profile_id=profile_id))
    candidates = _candidates(services, tenant, journey, person=profile is not None)
    told = candidates
    if len(candidates) > MANY:
        been = {one.journey for one in state.instances}
        told = [name for name in candidates if name in been][:MANY]
    return Customer(
        profile_id=profile_id,
        identity=identity_pb2.ExplainResponse() if profile is None else ask(services.identity.Explain, explain),
        profile=profile or identity_pb2.GetProfileResponse(profile_id=profile_id),
        state=state,
        timeline=ask(
            services.journeys.GetTimeline, journey_pb2.GetTimelineRequest(tenant=tenant, profile_id=profile_id)
        ).entries,
        explained={
            name: ask(
                services.journeys.ExplainInstance,
                journey_pb2.ExplainInstanceRequest(tenant=tenant, profile_id=profile_id, journey=name),
            )
            for name in told
        },
        untold=[name for name in candidates if name not in told],
        decisions=ask(
            services.decisions.ListDecisions,
            decisioning_pb2.ListDecisionsRequest(tenant=tenant, profile_id=profile_id),
        ).decisions,
        deliveries=ask(
            services.deliveries.ListDeliveries,
            activation_pb2.ListDeliveriesRequest(tenant=tenant, profile_id=profile_id),
        ).deliveries,
    )


def _candidates(services: Services, tenant: str, wanted: str, *, person: bool) -> list[str]:
    """The journeys in force that are about such customers; or the one that is wanted."""
    answer = ask(services.definitions("journey_state").GetActive, definition_pb2.GetActiveRequest(tenant=tenant))
    journeys = parse_bundle(answer.bundle).journeys
    if not wanted:
        return [name for name, journey in journeys.items() if (journey.subject == PERSON) is person]
    if wanted not in journeys:
        raise CannotRun(f"There is no journey {wanted}; {suggestion(wanted, journeys)}")
    return [wanted]
