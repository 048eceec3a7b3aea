"""Answers who belongs to what."""

from collections.abc import Collection
from typing import Final, NamedTuple

from cairn_journey.subjects.intervals import Interval
from cairn_journey.subjects.told import Kinds, subject_id
from cairn_kernel.errors import Invalid, NotFound
from identity_resolution.application.kinds import KindsInForce
from identity_resolution.application.ports import IdentityStore
from identity_resolution.domain.relations import Evidence, Relations

MOST_AT_ONCE: Final = 10_000
DEFAULT_AT_ONCE: Final = 1_000


class Related(NamedTuple):
    """Somebody belongs to something."""

    profile_id: str
    kind: str
    interval: Interval


class RelationFinder:
    """Reads the tables; any replica may."""

    def __init__(self, store: IdentityStore, kinds: KindsInForce) -> None:
        self._store = store
        self._kinds = kinds

    async def of_profile(self, tenant: str, profile_id: str) -> tuple[list[Related], list[Evidence]]:
        """All that a person ever belonged or will belong to, and what people said of it by hand.

        Raises NotFound (NO_SUCH_PROFILE).
        """
        profiles = await self._profiles([profile_id])
        evidence = await self._evidence(tenant, profiles)
        if profile_id not in profiles and not evidence:
            raise NotFound("there is no such profile", reason="NO_SUCH_PROFILE")
        survivor = profiles.get(profile_id, profile_id)
        said = sorted((one for one in evidence if one.told.author), key=lambda one: one.last, reverse=True)
        return self._related(tenant, evidence, {survivor: list(profiles)}), said

    async def of_subject(
        self, tenant: str, kind: str, key: str, after: str = "", limit: int = DEFAULT_AT_ONCE
    ) -> tuple[list[Related], str]:
        """All who ever belonged or will belong to a subject, and from where to go on; empty if that is all.

        Raises Invalid (NO_SUCH_KIND).
        """
        self.kind(tenant, kind)
        found = await self._store.members(subject_id(tenant, kind, key), after, limit)
        profiles = await self._profiles(found)
        groups: dict[str, list[str]] = {}
        for own_id in {*profiles, *found}:
            groups.setdefault(profiles.get(own_id, own_id), []).append(own_id)
        evidence = await self._evidence(tenant, {*profiles, *found})
        named = {one.own_id for one in evidence if one.told.kind == kind and key in one.told.keys}
        here = {  # a person found by several identifiers is told with the least of them, on one page only
            profile: own for profile, own in groups.items() if min(named.intersection(own), default="") in found
        }
        related = [one for one in self._related(tenant, evidence, here) if (one.kind, one.interval.key) == (kind, key)]
        return related, found[-1] if len(found) == limit else ""

    def kind(self, tenant: str, kind: str) -> Kinds:
        """The kinds in force. Raises Invalid (NO_SUCH_KIND) if this is none of them."""
        kinds = self._kinds.of(tenant)
        if kind not in kinds.by_name:
            known = ", ".join(sorted(kinds.by_name)) or "none"
            raise Invalid(
                f"the programme in force has no SubjectKind {kind}; there are: {known}", reason="NO_SUCH_KIND"
            )
        return kinds

    def _related(self, tenant: str, evidence: Collection[Evidence], groups: dict[str, list[str]]) -> list[Related]:
        relations = Relations(self._kinds.of(tenant))
        relations.admit(evidence)
        return [
            Related(profile_id, kind, interval)
            for profile_id, own_ids in sorted(groups.items())
            for kind, found in sorted(relations.of(own_ids).items())
            for interval in found
        ]

    async def _profiles(self, own_ids: Collection[str]) -> dict[str, str]:
        """Profile by own id, of all identifiers of the persons whom any of these belong to."""
        stored = await self._store.load(own_ids)
        nodes = [node for nodes in stored.clusters.values() for node in nodes]
        wanted = {node.profile_id for node in nodes if node.own_id in set(own_ids)}
        return {node.own_id: node.profile_id for node in nodes if node.profile_id in wanted}

    async def _evidence(self, tenant: str, own_ids: Collection[str]) -> list[Evidence]:
        return [told for owner, told in await self._store.relations(own_ids) if owner == tenant]
