"""What a programme is made of. Durations are microseconds; conditions and values are CEL text, already checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from cairn_journey.language.steps_model import Intervention, OnError
from cairn_kernel.time import DAY

PERSON: Final = "person"
"""The kind of subject that every customer is."""
MEMBER: Final = "member"
"""The role of members of whom no other is told."""
MARKETING: Final = "marketing"
SERVICE: Final = "service"
CLASSES: Final = (MARKETING, SERVICE)

OUTCOMES: Final = (
    "planned",
    "dispatched",
    "returned",
    "suppressed",
    "expired",
    "in_doubt",
    "accepted",
    "sent",
    "delivered",
    "opened",
    "clicked",
    "bounced",
    "rejected",
)
"""What may become of a delivery; each comes back as the event `delivery.<outcome>`."""


CHOSEN: Final = "chosen"
"""In a cool-down's place of an outcome: when decisioning chose the message, whatever became of it."""


MergeRule = Literal["furthest", "oldest", "both", "restart"]
MERGE_RULES: Final[tuple[MergeRule, ...]] = ("furthest", "oldest", "both", "restart")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (ISO 4217)."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class On:
    """An event to look out for: its type and, if not empty, a condition over it."""

    on: str
    when: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What comes round: every so long (µs), or at a minute of the day (`at`) each day, weekday (0 is Monday) or day
    of the month, in a zone or the customer's.
    """

    every: int | None = None
    weekday: int | None = None
    day: int | None = None
    at: int = 0
    zone: str = "customer"


@dataclass(frozen=True, slots=True)
class Entry:
    """What leads into a journey: one of an event, an audience, a schedule, or something in another journey.

    `when` sees the event only if there is one. `stage`: in which one begins.
    """

    on: str = ""
    when: str = ""
    stage: str = ""
    fans_out: bool = False
    """An event of the business that happens to all customers at once."""
    audience: str = ""
    schedule: Schedule | None = None
    journey: str = ""
    moment: Literal["entered", "goal", "exited"] = "entered"


@dataclass(frozen=True, slots=True)
class ExitRule:
    """Why an instance ends before its goal: an event, or (without `on`) a condition over traits and features."""

    on: str = ""
    when: str = ""
    reason: str = ""
    """Empty: `exit_event` or `exit_condition`."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A value kept per customer from events of one type, over `window` (None: always).

    `rate` is the number of events in the window, per `per`; `last` is the field `of` of the latest event; `idle` is the
    number of whole days since it.
    """

    name: str
    kind: Literal["count", "sum", "min", "max", "distinct", "last", "idle", "rate"]
    event: str
    where: str = ""
    of: str = ""
    window: int | None = None
    per: int | None = None


@dataclass(frozen=True, slots=True)
class Reentry:
    """Whether a customer may enter again: never, always, or when `after` has passed since they left.

    At most `max` entries in all, if it is given.
    """

    rule: Literal["never", "always", "after"] = "never"
    after: int = 0
    max: int | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """What the journey is for: an event, within a time since entry (None: whenever), and what it is worth.

    With an `attribution` the goal counts as ours only if a moment came at most so long before it.
    `value` is CEL (a number or a decimal text) or empty; `currency` is a code or CEL, see `currency_is_code`.
    """

    on: str
    within: int | None
    when: str = ""
    value: str = ""
    currency: str = ""
    attribution: int | None = None

    @property
    def currency_is_code(self) -> bool:
        """Whether `currency` is an ISO 4217 code rather than CEL."""
        return len(self.currency) == 3 and self.currency.isalpha() and self.currency.isupper()


@dataclass(frozen=True, slots=True)
class Idle:
    """So long without an event of this type."""

    idle: str
    for_: int


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the journey, detected by an event (`on`) or by its absence (`after`); `when` narrows either."""

    name: str
    on: str = ""
    when: str = ""
    after: Idle | None = None
    usual: tuple[tuple[str, int], ...] = ()
    """How long customers usually stay, as it was measured, by quantile: p90 to 3 days."""


@dataclass(frozen=True, slots=True)
class Friction:
    """What shows that the customer met an obstacle, and how much of the stay's health (0 to 100) it takes.

    `on`: an event. `repeat`: one event `times` times `within`. `loop`: round `stages` or `events` so often. `dwell`:
    longer in `stage` than `within`. `back`: to an earlier stage. `channel_switch`: from a cheaper channel `to` one of
    these. `silence`: after `on` nothing `until` for `within`.
    """

    name: str
    kind: Literal["on", "repeat", "loop", "dwell", "back", "channel_switch", "silence"] = "on"
    on: str = ""
    when: str = ""
    weight: int = 5
    times: int = 1
    within: int = 0
    stages: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    stage: str = ""
    to: tuple[str, ...] = ()
    until: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """A way by which the customer comes, and the events that show it."""

    name: str
    on: tuple[str, ...]
    when: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """How the health of a stay moves besides what frictions take: points per stage further on, and per time without."""

    progress: int = 10
    points: int = 10
    every: int = 7 * DAY


@dataclass(frozen=True, slots=True)
class Selector:
    """Which actions a decision may choose from: by name, or by tag."""

    names: tuple[str, ...] = ()
    tag: str = ""

    def picks(self, action: "Action") -> bool:
        """Whether it selects this action."""
        return action.name in self.names or (bool(self.tag) and self.tag in action.tags)


@dataclass(frozen=True, slots=True)
class InFlight:
    """Where those go who are in the journey when this version comes into force.

    Stages and waits (`intervention/step`, by path or id) of the version they are in, to those of this one; a wait may
    be dropped, which ends its intervention. What has the same name or path need not be mapped.
    """

    stages: tuple[tuple[str, str], ...] = ()
    waits: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Journey:
    """A goal, how one comes in and out, the stages to detect, and what we do."""

    name: str
    entry: tuple[Entry, ...]
    goal: Goal
    owner: str = ""
    description: str = ""
    subject: str = "person"
    key: tuple[tuple[str, str], ...] = ()
    """CEL over `event` by event type; the empty type stands for all others. None: one instance at a time."""
    audience: str = ""
    features: tuple[Feature, ...] = ()
    reentry: Reentry = Reentry()
    priority: int = 0
    """Journeys with a higher one take an event first; moments carry it."""
    exit: tuple[ExitRule, ...] = ()
    stages: tuple[Stage, ...] = ()
    channels: tuple[Channel, ...] = ()
    """Those that cost least first."""
    friction: tuple[Friction, ...] = ()
    health: Health = Health()
    interventions: tuple[Intervention, ...] = ()
    on_error: OnError | None = None
    """What becomes of a run when a step fails that does not say so itself; None: skip."""
    merge: MergeRule = "furthest"
    """Which instances go on when two profiles turn out to be one customer."""
    lateness: int = 0
    """How late (µs) an event may be and still take effect when it happened; the longest of a programme holds."""
    in_flight: InFlight | None = None
    """None: those in the journey stay on their version."""
    retired: Literal["", "drain", "stop"] = ""
    """Nobody enters any more; those in it finish on their version, or leave when this comes into force."""


@dataclass(frozen=True, slots=True)
class SubjectKind:
    """What journeys may be about besides persons. Its members are told by a trait of theirs, or by a kind of group."""

    name: str
    trait: str = ""
    group: str = ""
    roles: tuple[str, ...] = ()
    """What members may be in it besides MEMBER; none: anything."""
    owner: str = ""
    description: str = ""
    on: tuple[str, ...] = ()
    """Events whose field `trait` is; none: those that tell traits."""
    role: str = "role"
    """Field with the role or roles."""
    since: str = ""
    """Field with the instant from which it holds, if there is one."""
    until: str = ""
    ends: tuple[str, ...] = ()
    """Events that end it."""
    events: tuple[str, ...] = ()
    """Events of members that are told to it too; none: all."""
    from_roles: tuple[str, ...] = ()
    """Members whose events are; none: all."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Customers of whom a condition over traits and the audience's own features holds."""

    name: str
    when: str
    level: Literal["generalized", "segment", "individual"] = "segment"
    """How far it goes: the same for many, for a segment, or made for the individual."""
    features: tuple[Feature, ...] = ()
    owner: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Treatment:
    """One way to carry an action out."""

    channel: str
    template: str


@dataclass(frozen=True, slots=True)
class Action:
    """Something we can do for a customer.

    `eligible`, `applicable` and `suitable` are CEL over `profile`, `event`, `features` (all maps) and `stage`;
    empty means everybody. Candidates are ranked by `priority`, then by `propensity` x `context_weight` (CEL, a number;
    empty is 1) x value x `lever`.
    """

    name: str
    class_: Literal["marketing", "service"]
    treatments: tuple[Treatment, ...]
    tags: tuple[str, ...] = ()
    owner: str = ""
    description: str = ""
    eligible: str = ""
    value: Money | None = None
    priority: int = 0
    applicable: str = ""
    suitable: str = ""
    propensity: Decimal = Decimal(1)
    context_weight: str = ""
    lever: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `max` messages `per` (µs) to one scope; an empty class or channel means any."""

    scope: Literal["person"]
    max: int
    per: int
    class_: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Cooldown:
    """After an outcome (or `chosen`) nothing for so long on its channel, or of its action if `action` is given."""

    outcome: str
    for_: int
    channel: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class QuietHours:
    """No messages between two times of day (minutes since midnight; may span midnight) in a zone or the customer's."""

    from_minute: int
    to_minute: int
    zone: str = "customer"


@dataclass(frozen=True, slots=True)
class OptIn:
    """Messages that need a grant: of them, silence is no consent."""

    channel: str = ""
    class_: str = MARKETING

    def holds(self, channel: str, class_: str) -> bool:
        """Whether it is about messages of a class on a channel."""
        return self.channel in ("", channel) and self.class_ == class_


@dataclass(frozen=True, slots=True)
class ContactPolicy:
    """Limits that hold over all journeys."""

    name: str
    owner: str = ""
    caps: tuple[Cap, ...] = ()
    cooldowns: tuple[Cooldown, ...] = ()
    quiet_hours: QuietHours | None = None
    opt_in: tuple[OptIn, ...] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """What a message says, in Liquid, by part and locale: `parts["body"]["en"]`."""

    name: str
    channel: str
    parts: Mapping[str, Mapping[str, str]]
    default_locale: str
    owner: str = ""

    def text(self, part: str, locale: str) -> str:
        """The part in the locale, or in its language, or in the default locale; empty if there is no such part."""
        texts = self.parts.get(part, {})
        for wanted in (locale, locale.replace("_", "-").partition("-")[0], self.default_locale):
            if wanted in texts:
                return texts[wanted]
        return ""


@dataclass(frozen=True, slots=True)
class Connector:
    """A way out to customers on one channel.

    `contact` names the sealed trait that holds the customer's address; empty: the channel needs none, and
    `recipient`, the same for all, is used.
    `idempotency` says how a repeat is recognised; `doubt` what to do when an outcome stays unknown.
    """

    name: str
    channel: str
    contact: str = ""
    recipient: str = ""
    per_second: Decimal = Decimal(10)
    in_flight: int = 100
    idempotency: Literal["key", "query", "none"] = "none"
    doubt: Literal["query", "key", "resend", "drop"] = "drop"
    owner: str = ""


@dataclass(frozen=True, slots=True)
class EventType:
    """What events of a type look like. `schema` is JSON Schema (2020-12) of their fields, as canonical JSON.

    strict: what does not fit is kept aside. learn: everything is taken in, and what does not fit is counted, so that a
    schema can be proposed. open: nothing is checked.
    """

    name: str
    version: int = 1
    mode: Literal["strict", "learn", "open"] = "open"
    schema: bytes = b"{}"
    personal: tuple[str, ...] = ()
    """Names of fields, however deep, that are sealed beside those that are personal anyway."""
    owner: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Who sends events: how its clock and its word are taken, and how much it may send."""

    name: str
    clock: Literal["server", "device"] = "server"
    trust: Literal["server", "public", "partner"] = "server"
    unknown: Literal["accept", "quarantine"] = "accept"
    """What becomes of events of types that the programme does not describe."""
    per_second: int | None = None
    """Events a second over a minute, on average; more are told to come back. None: no limit."""
    owner: str = ""
    description: str = ""
