"""What the programme's contact policies say of one more message of a class, given the ledger."""

from collections.abc import Iterator, Sequence
from typing import Final

from decisioning.domain.gates import CONTACT_POLICY, Gate
from decisioning.domain.ledger import Ledger
from decisioning.domain.limits import Verdict, cap_verdict, cooldown_verdict
from decisioning.domain.programme import Cap, ContactPolicy, Cooldown

MANDATORY: Final = "service"
"""The class that is never limited: what the customer must be told."""
NEVER: Final = float("inf")

Ruling = tuple[Verdict, str]
"""A verdict and the reason it gives if it does not allow."""


def contact_policy(policies: Sequence[ContactPolicy], class_: str, ledger: Ledger, at: int) -> Gate:
    """The gate's word; if several rules stop the message, the one that holds longest speaks."""
    if class_ == MANDATORY:
        return Gate(CONTACT_POLICY, f"class {MANDATORY} is mandatory, no limits")
    rulings = list(_rulings(policies, class_, ledger, at))
    stopped = [ruling for ruling in rulings if not ruling[0].allowed]
    if not stopped:
        return Gate(CONTACT_POLICY, "; ".join(verdict.saw for verdict, _ in rulings) or "no limits")
    verdict, reason = max(stopped, key=lambda ruling: NEVER if ruling[0].next_at is None else ruling[0].next_at)
    return Gate(CONTACT_POLICY, verdict.saw, reason)


def _rulings(policies: Sequence[ContactPolicy], class_: str, ledger: Ledger, at: int) -> Iterator[Ruling]:
    for policy in policies:
        for cap in policy.caps:
            if cap.class_ in ("", class_):
                yield _cap(cap, ledger, at), "CONTACT_POLICY_CAP"
        for cooldown in policy.cooldowns:
            yield _cooldown(cooldown, ledger, at), "COOLDOWN"


def _cap(cap: Cap, ledger: Ledger, at: int) -> Verdict:
    times = [contact.at for contact in ledger.contacts if cap.class_ in ("", contact.message_class)]
    what = f"{cap.class_} messages" if cap.class_ else "messages"
    return cap_verdict(times, at, limit=cap.max, window=cap.per, what=what)


def _cooldown(rule: Cooldown, ledger: Ledger, at: int) -> Verdict:
    if rule.outcome:
        last = next((row.at for row in reversed(ledger.outcomes) if row.status == rule.outcome), None)
        return cooldown_verdict(last, at, length=rule.length, after=rule.outcome)
    named = (row for row in reversed(ledger.contacts) if rule.action in ("", row.action))
    last = next((row.at for row in named), None)
    return cooldown_verdict(last, at, length=rule.length, after=rule.action or "message")
