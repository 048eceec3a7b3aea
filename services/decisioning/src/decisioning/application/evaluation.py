"""What would be decided: the same domain as the processor's, on ledgers in memory."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import reduce
from typing import Final

from cairn_decisions import DECISION_MADE, Catalogues, DecisioningDomain, OneCatalogue, ProfileState, catalogue_of
from cairn_journey import parse_bundle
from cairn_kernel.errors import Invalid
from cairn_kernel.event import Event
from cairn_kernel.two_sided import TWO_SIDED

MOST_INPUTS: Final = 10_000

Load = Callable[[Collection[str]], Awaitable[Mapping[str, Sequence[Event]]]]
"""The stored facts of profiles, each in order."""


class Evaluation:
    """Decides without storing."""

    def __init__(self, catalogues: Catalogues, load: Load) -> None:
        self._domain = DecisioningDomain(catalogues)
        self._load = load

    async def evaluate(self, inputs: Sequence[Event], *, bundle: bytes = b"", stored: bool = False) -> list[Event]:
        """The decisions of the moments among the inputs. Raises Invalid; DefinitionFaults for a wrong bundle."""
        if not 1 <= len(inputs) <= MOST_INPUTS:
            raise Invalid("a batch has 1 to 10000 inputs", reason="BATCH_RANGE", field="inputs")
        domain = DecisioningDomain(OneCatalogue(catalogue_of(parse_bundle(bundle)))) if bundle else self._domain
        for event in inputs:
            if not event.profile_id or event.type in TWO_SIDED or not domain.handles(event.type):
                raise Invalid(
                    f"{event.type} is neither a moment nor a change of consent nor an outcome",
                    reason="NOT_AN_INPUT",
                    field="inputs",
                )
        states = await self._states(domain, inputs, stored)
        decisions: list[Event] = []
        for event in inputs:
            facts, states[event.profile_id] = domain.handle(states[event.profile_id], event)
            decisions += [fact for fact in facts if fact.type == DECISION_MADE]
        return decisions

    async def _states(
        self, domain: DecisioningDomain, inputs: Sequence[Event], stored: bool
    ) -> dict[str, ProfileState]:
        tenants = {event.profile_id: event.tenant for event in inputs}
        histories = await self._load(tenants.keys()) if stored else {}
        return {
            profile: reduce(domain.evolve, histories.get(profile, ()), domain.initial(tenant, profile))
            for profile, tenant in tenants.items()
        }
