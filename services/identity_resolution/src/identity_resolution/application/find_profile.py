"""Answers who is who, and why."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from cairn_kernel.errors import NotFound
from cairn_kernel.event import Identifier
from cairn_kernel.ids import stable_id
from identity_resolution.application.ports import IdentityStore, StoredClusters
from identity_resolution.application.record_ports import RecordStore
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.domain.elements import Link, Node, Refusal
from identity_resolution.domain.matching import Told
from identity_resolution.domain.partition import canonical_order
from identity_resolution.domain.refusing import broken_limit, rule_of
from identity_resolution.domain.rules import Rules


class Profile(NamedTuple):
    """A profile and the names it goes by, strongest first."""

    profile_id: str
    identifiers: list[Identifier]
    merged_profile_ids: list[str]


class Explained(NamedTuple):
    """A link with the rule that refused it, if one did."""

    link: Link
    rule: str


class Explanation(NamedTuple):
    """Why some identifiers are one person, and which others were not taken."""

    links: list[Link]
    """In the order in which they were taken."""
    refused: list[Explained]
    rules_version: str
    told: Mapping[str, tuple[Told, ...]]
    """What suggested links add up from, by the id that stands for their first event."""


class ProfileFinder:
    """Reads the identity tables; any replica may."""

    def __init__(self, store: IdentityStore, records: RecordStore, rulebook: Rulebook) -> None:
        self._store = store
        self._records = records
        self._rulebook = rulebook

    async def resolve(self, tenant: str, identifier: Identifier) -> str:
        """The profile that an identifier belongs to. Raises NotFound (NO_SUCH_IDENTIFIER)."""
        node, _ = await self._cluster(tenant, stable_id("profile", tenant, *identifier))
        if node is None:
            raise NotFound("no event has shown this identifier", reason="NO_SUCH_IDENTIFIER")
        return node.profile_id

    async def get(self, tenant: str, profile_id: str) -> Profile:
        """The profile that goes under this id now. Raises NotFound (NO_SUCH_PROFILE)."""
        survivor, nodes, _ = await self._members(tenant, profile_id)
        return Profile(
            survivor,
            sorted((node.identifier for node in nodes), key=self._rulebook.latest(tenant).strength),
            sorted(node.own_id for node in nodes if node.had_profile and node.own_id != survivor),
        )

    async def explain(self, tenant: str, profile_id: str) -> Explanation:
        """The links of a profile's identifiers. Raises NotFound (NO_SUCH_PROFILE)."""
        _, nodes, stored = await self._members(tenant, profile_id)
        own = {node.identifier for node in nodes}
        links = [item for item in stored.links if own.intersection(item.link.pair)]
        rules = self._rulebook.latest(tenant)
        links.sort(key=lambda item: canonical_order(item.link, rules))
        person = {node.identifier: node.profile_id for node in everybody(stored)}
        taken = [item.link for item in links if item.link.refusal == Refusal.NONE]
        refused = [item.link for item in links if item.link.refusal != Refusal.NONE]
        explained = [Explained(link, _rule(link, person, rules)) for link in refused]
        told = await self._records.told([item.link.first[1] for item in links if item.link.suggested])
        return Explanation(taken, explained, rules.version, told)

    async def _members(self, tenant: str, profile_id: str) -> tuple[str, list[Node], StoredClusters]:
        node, stored = await self._cluster(tenant, profile_id)
        if node is None or not node.had_profile:
            raise NotFound("there is no such profile", reason="NO_SUCH_PROFILE")
        return node.profile_id, [other for other in everybody(stored) if other.profile_id == node.profile_id], stored

    async def _cluster(self, tenant: str, own_id: str) -> tuple[Node | None, StoredClusters]:
        if not is_uuid(own_id):
            return None, StoredClusters({}, [])
        stored = await self._store.load([own_id])
        for (owner, _), nodes in stored.clusters.items():
            for node in nodes:
                if owner == tenant and node.own_id == own_id:
                    return node, stored
        return None, stored


def everybody(stored: StoredClusters) -> list[Node]:
    """All nodes."""
    return [node for cluster in stored.clusters.values() for node in cluster]


def _rule(link: Link, person: Mapping[Identifier, str], rules: Rules) -> str:
    left, right = ([one for one, profile in person.items() if profile == person.get(end)] for end in link.pair)
    return rule_of(link, link.refusal, rules, broken_limit(left, right, rules))


def is_uuid(text: str) -> bool:
    """Whether it is written as ids are."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
