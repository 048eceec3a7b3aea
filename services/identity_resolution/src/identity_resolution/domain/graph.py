"""The identity graph of one tenant, as far as it is in memory.

`resolve` takes one event in, `state` and `withdraw` what people say. What they need must have been
admitted before: `missing` and `beside` tell what that is. Changes pile up until `take_changes`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from cairn_kernel.event import Event, Identifier
from cairn_kernel.identifiers import CAIRN_PROFILE, strength
from cairn_kernel.ids import stable_id
from cairn_kernel.partitions import partition_of
from cairn_kernel.time import MINUTE
from identity_resolution.domain.candidates import Ends
from identity_resolution.domain.devices import DeviceRules, Point, SharedBy
from identity_resolution.domain.elements import WEEK, Cluster, Link, Node, Pair, Refusal
from identity_resolution.domain.matching import Suggested, suggestion_id
from identity_resolution.domain.memory import Known, Memory, Seats, named, shown
from identity_resolution.domain.moves import Move
from identity_resolution.domain.ranking import rank_anew, rank_link
from identity_resolution.domain.reassess import Anew, Former
from identity_resolution.domain.regroup import regroup
from identity_resolution.domain.resolution import Bar, Changes, Membership, Missing, Resolution
from identity_resolution.domain.rules import Rules
from identity_resolution.domain.shared_devices import SharedDevices
from identity_resolution.domain.statements import BY_SERVICE, Kind, Stated, Statement
from identity_resolution.domain.unwritten import Unwritten

NEVER_SEEN = 0
"""Stands for the time of the first event of a link that no event showed."""
COMPONENT_CAP = "COMPONENT_CAP"
"""Reason of a block that the service made since something held more together than the rules' component_cap."""


class IdentityGraph(Memory):
    """Takes in evidence, statements and suggestions, and says whose each event is."""

    def __init__(self, tenant: str, rules: Rules, stated: Stated | None = None, former: Former | None = None) -> None:
        super().__init__()
        self.tenant = tenant
        self.rules = rules
        self.former = former
        """While rules are changed: what holds for devices that were not looked at yet."""
        self.stated = stated or Stated()
        self._closing = rules.devices.closed_by
        self._unwritten = Unwritten()
        self._shared = SharedDevices(self.nodes, self._unwritten)

    # What must be in memory

    def strangers(self, events: Iterable[Event]) -> list[Event]:
        """Those of the events that may need anything but memory."""
        known = self.known
        return [event for event in events if event.identifiers not in known]

    def missing(self, strangers: Iterable[Event]) -> Missing:
        """The identifiers and profile ids of the events that are not in memory; they may be new."""
        nodes, same = self.nodes, self.stated.same
        identifiers: set[Identifier] = set()
        profile_ids: set[str] = set()
        for event in strangers:
            for identifier in event.identifiers:
                if identifier.namespace == CAIRN_PROFILE:
                    if identifier.token not in self:
                        profile_ids.add(identifier.token)
                elif identifier in self._shared:
                    identifiers.update(one for one in self._shared.owners(identifier) if one not in nodes)
                elif identifier not in nodes:
                    identifiers.add(identifier)
                    for statement in same.get(identifier, {}).values():
                        identifiers.update(one for one in statement.concerned if one not in nodes)
        return Missing(identifiers, profile_ids)

    def devices(self, strangers: Iterable[Event]) -> dict[str, Identifier]:
        """Devices by own id whose log-ins must be read: they are shared, or these events may show that they are."""
        found: dict[str, Identifier] = {}
        for event in strangers:
            for identifier in event.identifiers:
                node = self.nodes.get(identifier) if self.rules.is_device(identifier) else None
                if node is None or identifier in self._shared:
                    continue
                people = [one for one in event.identifiers if self.rules.is_person(one)]
                others = [end for end in node.links if self.rules.is_person(end) and end not in people]
                if self.stated.barred.get(identifier) == Refusal.SHARED or (people and others):
                    found[node.own_id] = identifier
        return found

    def admit_logins(self, device: Identifier, points: list[Point], last_touch: int) -> None:
        """Take in the log-ins on a device that `devices` named."""
        if self.stated.barred.get(device) == Refusal.SHARED:
            rules = self.device_rules(stable_id("profile", self.tenant, *device))
            self._shared.admit(device, rules, points, last_touch)
        else:
            self._shared.admit_history(device, points)

    def evict(self, keep_nodes: int) -> list[str]:
        """Forget what was used longest ago, and the log-ins on devices among it."""
        forgotten = super().evict(keep_nodes)
        if forgotten:
            self._shared.keep(self.nodes)
        return forgotten

    def take_changes(self) -> Changes:
        """What changed since the last call; support counts start anew."""
        self._shared.forget_history()
        return self._unwritten.take()

    # Whose something is

    def survivor(self, profile_id: str) -> str:
        """The profile that goes under this id now; the id itself if it is unknown."""
        node = self.node(profile_id)
        return node.profile_id if node else profile_id

    def own_ids(self, profile_id: str) -> list[str]:
        """Own ids of the identifiers of a profile in memory; its id alone if it has none."""
        node = self.node(profile_id)
        if node is None:
            return [profile_id]
        return [one.own_id for one in node.cluster.nodes if one.profile_id == profile_id]

    def holder(self, event: Event, profile_id: str) -> str:
        """Own id of the strongest identifier for which an event is this profile's; the profile's id if it has none."""
        for identifier in event.identifiers:
            node = self.nodes.get(identifier)
            if node is not None and node.profile_id == profile_id and identifier not in self.stated.barred:
                return node.own_id
        return profile_id

    def look_up(self, event: Event) -> Resolution:
        """Whose event it is as far as we know, without learning from it."""
        evidence = [identifier for identifier in event.identifiers if identifier.namespace != CAIRN_PROFILE]
        if not evidence:
            return self._by_reference(event)
        owner = next((one for one in evidence if one not in self.stated.barred), evidence[0])
        if owner in self._shared:
            owner = self._shared.owner(owner, event.event_time)
        node = self.nodes.get(owner)
        return Resolution(node.profile_id if node else stable_id("profile", self.tenant, *owner))

    def _by_reference(self, event: Event) -> Resolution:
        for identifier in event.identifiers:
            return Resolution(self.survivor(identifier.token))
        return Resolution(stable_id("profile", self.tenant, "event", event.id))

    # Taking in events

    def resolve(self, event: Event, batch: int = 0) -> Resolution:
        """Whose event it is. Known identifiers cost a look-up; only news recomputes the clusters it touches."""
        known = self.known.get(event.identifiers)
        if known is None or not known.settled < event.event_time < known.until or event.type in self._closing:
            identifiers = named(event.identifiers)
            return self._learn(event, identifiers, batch) if identifiers else self._by_reference(event)
        known.last_used = batch
        if known.links:
            self._unwritten.links.update(known.count())
        if known.seats and event.event_time // MINUTE != known.minute:
            known.minute = event.event_time // MINUTE
            self._shared.log_in(known.seats, event.event_time, event.id)
        return known.resolution

    def _learn(self, event: Event, identifiers: Sequence[Identifier], batch: int) -> Resolution:
        nodes = [self._see(identifier, event) for identifier in identifiers]
        news = any(node.identifier in self._unwritten.nodes for node in nodes)
        links: list[Link] = []
        touched_links: list[Link] = []
        bars: list[Bar] = []
        for left, right in shown(identifiers):
            link, touched, crowded = self._show(self.nodes[left], self.nodes[right], event)
            links.append(link)
            touched_links += touched
            if touched:
                bars += self._bars(self.nodes[left], self.nodes[right], crowded)
        seats = self._seats(nodes, event)
        self._shared.log_in(seats, event.event_time, event.id)
        resolution = self._regroup(nodes, touched_links, event) if news or touched_links or bars else Resolution("")
        moves = (*resolution.moves, *self._hand_over(bars, seats, event))
        owner = next((node for node in nodes if node.identifier not in self.stated.barred), nodes[0])
        for node in nodes:
            node.cluster.last_used = batch
        if not any(node.identifier in self._shared for node in nodes):
            if event.type not in self._closing:  # what it says of devices is not what other events say
                whose = Resolution(owner.profile_id, partition=partition_of(self.tenant, owner.profile_id))
                self.remember(event, Known(whose, nodes, links, seats), nodes)
        elif owner.identifier in self._shared:
            self._shared.touch(owner.identifier, event.event_time)
            owner = self.nodes.get(self._shared.owner(owner.identifier, event.event_time), owner)
        return resolution._replace(profile_id=owner.profile_id, moves=moves, barred=tuple(bars))

    def _see(self, identifier: Identifier, event: Event) -> Node:
        node = self.nodes.get(identifier)
        if node is None:
            own_id = stable_id("profile", self.tenant, identifier.namespace, identifier.token)
            node = Node(identifier, own_id, event.event_time)
            Cluster(own_id, [node])
            self.put(node)
        elif event.event_time >= node.first_time:
            return node
        node.first_time = event.event_time
        self._unwritten.nodes[identifier] = node
        self._unwritten.shows(node, node, event)
        return node

    def _show(self, left: Node, right: Node, event: Event) -> tuple[Link, list[Link], list[Node]]:
        pair = (left.identifier, right.identifier)
        at = (event.event_time, event.id)
        link = self.links.get(pair)
        news = link is None or link.suggested or at < link.first
        again = link is not None and at[0] // WEEK > link.last
        if link is None:
            link = self.links[pair] = Link(pair, (left.own_id, right.own_id), at)
        link.show(at)
        if link.count() or again:
            self._unwritten.links[pair] = link
        if not news:
            return link, [link] if again and link.refusal == Refusal.LAPSED else [], []
        self._unwritten.shows(left, right, event)
        displaced, generic = rank_link(link, left, right, self.rules)
        touched = [link, *displaced]
        self._unwritten.links.update((link.pair, link) for link in touched)
        return link, touched, generic

    def _bars(self, left: Node, right: Node, crowded: Sequence[Node]) -> list[Bar]:
        """What a new link shows to be shared."""
        found = [Bar(node.identifier, Refusal.GENERIC) for node in crowded]
        found += [
            Bar(node.identifier, Refusal.SHARED)
            for node in (left, right)
            if self.rules.is_device(node.identifier)
            and self._people_at(node) > 1
            and self.device_rules(node.own_id).policy is not SharedBy.FIRST
        ]
        news = [bar for bar in found if self.stated.bar(bar.identifier, bar.why)]
        if news:
            self.known.clear()
        for bar in news:
            self._unwritten.bar(bar)
        return news

    def _people_at(self, device: Node) -> int:
        people = Counter(
            end.namespace for end, link in device.links.items() if self.rules.is_person(end) and not link.suggested
        )
        return max(people.values(), default=0)

    def _seats(self, nodes: Sequence[Node], event: Event) -> Seats:
        """Who logs in or out where."""
        person = next((node.identifier for node in nodes if self.rules.is_person(node.identifier)), None)
        closes = event.type in self._closing
        if person is None and not closes:
            return ()
        owner = None if closes else person
        return tuple((node.own_id, owner) for node in nodes if self.rules.is_device(node.identifier))

    def _hand_over(self, bars: Sequence[Bar], seats: Seats, event: Event) -> list[Move]:
        """What moves since a device turned out to be shared, or since a log-in on a shared one came to be known."""
        told: list[Move] = []
        shared = {bar.identifier for bar in bars if bar.why == Refusal.SHARED}
        for identifier in sorted(shared):
            if self.stated.barred.get(identifier) == Refusal.SHARED:
                device = self.nodes[identifier]
                at = max(event.as_of, event.event_time)
                told += self._shared.begin(device, self.device_rules(device.own_id), at)
        for own_id, owner in seats:
            device = self._by_own_id[own_id]
            if device.identifier in self._shared and device.identifier not in shared:
                told += self._shared.add(device, Point(event.event_time, event.id, owner))
        for bar in bars:
            if bar.why == Refusal.GENERIC:
                self._shared.end(bar.identifier)
        return told

    def gave_out(self, profile_id: str) -> None:
        """It is known that the id of a profile was given out, whatever order led to it."""
        node = self.node(profile_id)
        if node is not None and not node.had_profile:
            node.had_profile = True
            self._unwritten.nodes[node.identifier] = node

    # Taking in what matching suggests

    def suggest(self, suggested: Iterable[Suggested], seen: Collection[Ends], cause: Event) -> Resolution:
        """Matching suggests that identifiers are of one person, or does not any more.

        The identifiers that are in memory only are meant. `seen` are pairs that events showed: those links stand on
        evidence of their own, even where they count no more for fan-out.
        """
        touched = [link for one in suggested if one.ends not in seen and (link := self._suggested(one)) is not None]
        if not touched:
            return Resolution("")
        nodes = {self.nodes[end].own_id: self.nodes[end] for link in touched for end in link.pair}
        resolution = self._regroup(list(nodes.values()), touched, cause)
        for link in touched:
            self._unwritten.links[link.pair] = link
            if not link.left_ranked:
                del self.links[link.pair]
        return resolution._replace(profile_id=self.look_up(cause).profile_id)

    def _suggested(self, one: Suggested) -> Link | None:
        """The link, if anything about it changes."""
        ends = [self._by_own_id[own_id] for own_id in one.ends if own_id in self._by_own_id]
        if len(ends) < 2:
            return None
        left, right = sorted(ends, key=lambda node: strength(node.identifier))
        pair = (left.identifier, right.identifier)
        link = self.links.get(pair)
        if link is None and one.weight is not None:
            first = (NEVER_SEEN, suggestion_id(self.tenant, one.ends))
            link = self.links[pair] = Link(pair, (left.own_id, right.own_id), first, weight=one.weight)
        elif link is None or not link.suggested or link.weight == one.weight:
            return None
        counts = one.weight is not None
        link.left_ranked = link.right_ranked = counts
        link.weight = link.weight if one.weight is None else one.weight
        for node, other in ((left, right), (right, left)):
            if counts:
                node.links[other.identifier] = link
            else:
                node.links.pop(other.identifier, None)
        return link

    # Taking in statements

    def state(self, statement: Statement, as_of: int) -> Resolution:
        """A statement holds from now on. What it concerns, and what is linked to that, must be in memory."""
        self.stated.put(statement)
        return self._restate(statement, as_of)

    def withdraw(self, statement_id: str, as_of: int) -> Resolution:
        """A statement does not hold any more."""
        statement = self.stated.in_force[statement_id]
        self.stated.drop(statement_id)
        return self._restate(statement, as_of)

    def _restate(self, statement: Statement, as_of: int) -> Resolution:
        self.known.clear()
        known = [self.nodes[one] for one in statement.concerned if one in self.nodes]
        if not known:
            return Resolution("")
        around = [self.nodes[other] for node in known for other in node.links if other in self.nodes]
        cause = Event(id=statement.id, tenant=self.tenant, type="", event_time=as_of, as_of=as_of)
        resolution = self._regroup([*known, *around], (), cause)
        return resolution._replace(profile_id=known[0].profile_id)

    # Under changed rules

    def device_rules(self, own_id: str) -> DeviceRules:
        """What holds for a device."""
        former = self.former
        return self.rules.devices if former is None or own_id <= former.upto else former.rules.devices

    def last_shown(self, lasts: Mapping[Pair, int], cause: Event) -> None:
        """Links were shown up to these weeks, at least."""
        for pair in lasts.keys() & self.links.keys():
            self.links[pair].last = max(self.links[pair].last, lasts[pair])
        self._regroup(list(self.nodes.values()), (), cause)

    def reassess(self, node: Node, anew: Anew, cause: Event) -> Resolution:
        """Judge a node in memory by the rules; its cluster, and what `anew` names of others, must be in memory too."""
        touched = rank_anew(node, anew.standing.ranked, self.links)
        self._unwritten.links.update((link.pair, link) for link in touched)
        if node.identifier not in self.rules.blocked:
            self.stated.unrule(node.identifier)
        if self.stated.bar_anew(node.identifier, anew.standing.bars):
            self.known.clear()
            self._unwritten.bar_anew(node.identifier, anew.bar(node.identifier))
        stretches = self._shared.hand_over(node, anew)
        undone = self._shared.moved(node, stretches) if anew.hands[1] is None else []
        around = [node, *(self.nodes[other] for other in sorted(anew.around))]
        resolution = self._regroup(around, touched, cause)
        done = self._shared.moved(node, stretches) if anew.hands[1] is not None else []
        return resolution._replace(moves=(*undone, *resolution.moves, *done))

    # Recomputing

    def _regroup(self, nodes: Sequence[Node], touched_links: Iterable[Link], cause: Event) -> Resolution:
        partners = [
            self.nodes[one]
            for statement in self.stated.asserted(node.identifier for node in nodes)
            for one in statement.concerned
            if one in self.nodes
        ]
        clusters = {node.cluster.root: node.cluster for node in (*nodes, *partners)}
        before = {node: node.profile_id for cluster in clusters.values() for node in cluster.nodes}
        found = regroup(clusters.values(), touched_links, self.rules, self.stated)
        for node in found.changed_nodes:
            self._unwritten.nodes[node.identifier] = node
            if node.profile_id != before[node]:
                self.drop_known(node)
                self._unwritten.memberships.append(Membership(node.own_id, node.profile_id, cause.as_of))
        for link in found.changed_links:
            self._unwritten.links[link.pair] = link
        return Resolution("", found.moves, tuple(self._set_aside(one, cause) for one in found.crowded))

    def _set_aside(self, identifier: Identifier, cause: Event) -> Statement:
        statement = Statement(
            id=stable_id("statement", self.tenant, COMPONENT_CAP, *identifier, cause.id),
            kind=Kind.BLOCK,
            left=(identifier,),
            author=BY_SERVICE,
            reason=COMPONENT_CAP,
            at=cause.as_of,
        )
        self.stated.put(statement)
        self._unwritten.statements.append(statement)
        self.known.clear()
        return statement
