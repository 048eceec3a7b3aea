"""Which rule refused a link, in the words in which rules are written."""

from collections import Counter
from collections.abc import Iterable

from cairn_kernel.event import Identifier
from cairn_kernel.time import duration_text
from identity_resolution.domain.elements import Link, Refusal
from identity_resolution.domain.rules import Rules


def rule_of(link: Link, refusal: Refusal, rules: Rules, limit: str = "") -> str:
    """Such as `email max 5`; empty if no rule refused it. `limit` is the namespace of a broken limit."""
    left, right = (end.namespace for end in link.pair)
    match refusal:
        case Refusal.CARDINALITY:
            return f"{limit} max {most(limit, rules)}" if limit else ""
        case Refusal.FAN_OUT:
            crowded = left if link.left_ranked else right
            return f"{crowded} fan_out {rules.of(crowded).fan_out}"
        case Refusal.GENERIC:
            return ", ".join(f"{name} fan_out {rules.of(name).fan_out}" for name in sorted(rules.person_namespaces))
        case Refusal.SHARED:
            return f"devices shared {rules.devices.policy}, idle {duration_text(rules.devices.idle_us)}"
        case Refusal.BLOCKED:
            return "blocked" if rules.blocked.intersection(link.pair) else ""
        case Refusal.LAPSED:
            valid = {name: rules.of(name).valid_us for name in (left, right)}
            return ", ".join(f"{name} valid_for {duration_text(long)}" for name, long in valid.items() if long)
        case Refusal.CROWDED:
            return f"largest {rules.component_cap}"
        case _:
            return ""


def most(namespace: str, rules: Rules) -> str:
    """How many of a namespace one person may have, as it is written."""
    rule = rules.of(namespace)
    return str(rule.at_most) if rule.window_us is None else f"{rule.at_most} per {duration_text(rule.window_us)}"


def broken_limit(left: Iterable[Identifier], right: Iterable[Identifier], rules: Rules) -> str:
    """The namespace of which two persons united would have too many; empty if there is none."""
    ours, theirs = (Counter(one.namespace for one in side) for side in (left, right))
    over = (name for name in ours.keys() & theirs.keys() if ours[name] + theirs[name] > rules.of(name).at_most)
    return min(over, default="")
