"""By which rules identifiers stand: amid a change, the former ones still hold for those that were not looked at yet."""

from collections.abc import Sequence
from typing import NamedTuple

import structlog

from cairn_kernel.event import Identifier
from cairn_kernel.ids import stable_id
from identity_resolution.application import metrics
from identity_resolution.application.ports import IdentityStore, RulesChange
from identity_resolution.application.rulebook import Rulebook
from identity_resolution.domain.matching import Round, same_round
from identity_resolution.domain.reassess import FIRST, Former
from identity_resolution.domain.rules import Rules

log = structlog.get_logger()


class Standing(NamedTuple):
    """What holds in one tenant."""

    rules: Rules
    former: Former | None
    """The rules before, and how far they do not hold any more; None if no change is under way."""

    def blocked(self, tenant: str) -> frozenset[Identifier]:
        """What rules block; while they are changed, also what those before blocked and was not looked at yet."""
        if self.former is None:
            return self.rules.blocked
        not_yet = {one for one in self.former.rules.blocked if stable_id("profile", tenant, *one) > self.former.upto}
        return self.rules.blocked | not_yet


class RulesInForce:
    """Changes of rules, worked off one version after the other, and how far each has come."""

    def __init__(self, store: IdentityStore, rulebook: Rulebook) -> None:
        self._store = store
        self._rulebook = rulebook
        self._changes: dict[str, RulesChange] = {}
        self._noted: RulesChange | None = None
        self._waiting: list[str] = []

    async def load(self) -> None:
        """Read how far changes have come."""
        self._changes = await self._store.rules_changes()
        self._noted = None
        self._waiting = [tenant for tenant in self._rulebook.tenants() if not self.change(tenant).done]
        self._tell()

    @property
    def under_way(self) -> str | None:
        """The tenant whose change is to be gone on with, if there is any."""
        return self._waiting[0] if self._waiting else None

    def change(self, tenant: str) -> RulesChange:
        """The change that is under way, or the last one."""
        versions = self._rulebook.versions(tenant)
        change = self._changes.get(tenant) or RulesChange(tenant, 0, versions[0].version, "", True, 0, 0)
        if change.done and change.ordinal + 1 < len(versions):
            return RulesChange(tenant, change.ordinal + 1, versions[change.ordinal + 1].version, FIRST, False, 0, 0)
        return change

    def of(self, tenant: str) -> Standing:
        """What holds now."""
        return self.after(self.change(tenant))

    def after(self, change: RulesChange) -> Standing:
        """What holds once a change has come as far as it says."""
        versions = self._rulebook.versions(change.tenant)
        former = None if change.done else Former(versions[change.ordinal - 1], change.upto)
        return Standing(versions[change.ordinal], former)

    def matching(self, tenant: str) -> Round | None:
        """How records are compared now."""
        return self.rounds(tenant)[0]

    def rounds(self, tenant: str) -> tuple[Round | None, Round | None]:
        """How records are compared now, and how they were before the change."""
        versions, ordinal = self._rulebook.versions(tenant), self.change(tenant).ordinal
        return _round(versions, ordinal), _round(versions, ordinal - 1)

    def rematches(self, change: RulesChange) -> bool:
        """Whether a change makes records compare otherwise."""
        before, now = self._rulebook.versions(change.tenant)[change.ordinal - 1 : change.ordinal + 1]
        return not same_round(before.matching, now.matching)

    def note(self, change: RulesChange) -> None:
        """A change has come so far, if the unit of work happens."""
        self._noted = change

    def committed(self) -> str | None:
        """The unit of work has happened. The tenant whose graph is to be made anew, since another change follows."""
        change, self._noted = self._noted, None
        if change is None:
            return None
        self._changes[change.tenant] = change
        if not change.done:
            return None
        log.info(
            "rules.changed",
            tenant=change.tenant,
            rules_version=change.version,
            merges=change.merges,
            splits=change.splits,
        )
        further = not self.change(change.tenant).done
        if not further:
            self._waiting.remove(change.tenant)
        self._tell()
        return change.tenant if further else None

    def _tell(self) -> None:
        metrics.RULES_VERSION.clear()
        for tenant in self._rulebook.tenants():
            metrics.RULES_VERSION.labels(tenant, self.of(tenant).rules.version).set(1)
        metrics.RULES_LEFT.set(len(self._waiting))


def _round(versions: Sequence[Rules], ordinal: int) -> Round | None:
    matching = versions[ordinal].matching if ordinal >= 0 else None
    if matching is None:
        return None
    changes = (n for n in range(ordinal, 0, -1) if not same_round(versions[n - 1].matching, versions[n].matching))
    return Round(matching, next(changes, 0))
