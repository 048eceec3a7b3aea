"""What the programme's contact policies say of one more message, given the ledger."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from cairn_decisions.gates import CONTACT_POLICY, Gate
from cairn_decisions.ledger import Contact, Ledger, Outcome
from cairn_decisions.limits import Verdict, cap_verdict, cooldown_verdict
from cairn_journey.language.model import CHOSEN, SERVICE, Cap, ContactPolicy, Cooldown

NEVER: Final = float("inf")


class Message(NamedTuple):
    """What the policy looks at: two messages alike in this are treated alike."""

    message_class: str
    channel: str
    action: str
    """Empty if no rule names the action."""


Ruling = tuple[Verdict, str]
"""A verdict, and the reason it gives if it does not allow."""


def contact_policy(policies: Sequence[ContactPolicy], message: Message, ledger: Ledger, at: int) -> Gate:
    """The gate's word; if several rules stop the message, the one that holds longest speaks.

    A contact counts from its decision, and not any more once its message turned out not to have been sent.
    """
    if message.message_class == SERVICE:
        return Gate(CONTACT_POLICY, f"class {SERVICE} is mandatory, no limits")
    rulings = list(_rulings(policies, message, replace(ledger, contacts=ledger.counted()), at))
    stopped = [ruling for ruling in rulings if not ruling[0].allowed]
    if not stopped:
        return Gate(CONTACT_POLICY, "; ".join(verdict.saw for verdict, _ in rulings) or "no limits")
    verdict, reason = max(stopped, key=lambda ruling: NEVER if ruling[0].next_at is None else ruling[0].next_at)
    return Gate(CONTACT_POLICY, verdict.saw, reason)


def _rulings(policies: Sequence[ContactPolicy], message: Message, ledger: Ledger, at: int) -> Iterator[Ruling]:
    for policy in policies:
        for cap in policy.caps:
            if cap.class_ in ("", message.message_class) and cap.channel in ("", message.channel):
                yield _cap(cap, ledger, at), "CONTACT_POLICY_CAP"
        for rule in policy.cooldowns:
            if rule.action in ("", message.action) and rule.channel in ("", message.channel):
                yield _cooldown(rule, message, ledger, at), "COOLDOWN"


def _cap(cap: Cap, ledger: Ledger, at: int) -> Verdict:
    times = [
        row.at for row in ledger.contacts if cap.class_ in ("", row.message_class) and cap.channel in ("", row.channel)
    ]
    what = " ".join(word for word in (cap.class_, cap.channel, "messages") if word)
    return cap_verdict(times, at, limit=cap.max, window=cap.per, what=what)


def _cooldown(rule: Cooldown, message: Message, ledger: Ledger, at: int) -> Verdict:
    """A rule that names an action rests that action; any other rests the channel on which it happened."""
    rows: Sequence[Contact | Outcome] = ledger.contacts if rule.outcome == CHOSEN else ledger.outcomes
    last = next((row.at for row in reversed(rows) if _starts(rule, message, row)), None)
    after = f"{rule.outcome} of {rule.action}" if rule.action else f"{message.channel} {rule.outcome}"
    return cooldown_verdict(last, at, length=rule.for_, after=after)


def _starts(rule: Cooldown, message: Message, row: Contact | Outcome) -> bool:
    if isinstance(row, Outcome) and row.status != rule.outcome:
        return False
    same = row.action == rule.action if rule.action else row.channel == message.channel
    return same and rule.channel in ("", row.channel)
