"""The identity graph of one tenant, as far as it is in memory.

`resolve` takes one event in, `state` and `withdraw` what people say. What they need must have been
admitted before: `missing` and `beside` tell what that is. Changes pile up until `take_changes`.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

from cairn_kernel.event import Event, Identifier
from cairn_kernel.identifiers import CAIRN_PROFILE, strength
from cairn_kernel.ids import stable_id
from cairn_kernel.time import MINUTE
from identity_resolution.domain.candidates import Ends
from identity_resolution.domain.devices import DeviceRules, Point, SharedBy, Stretch, Timeline, changes
from identity_resolution.domain.elements import WEEK, Cluster, Link, Node, Pair, Refusal
from identity_resolution.domain.matching import Suggested, suggestion_id
from identity_resolution.domain.moves import Move, Split
from identity_resolution.domain.ranking import rank_anew, rank_link
from identity_resolution.domain.reassess import Anew, Former
from identity_resolution.domain.regroup import regroup
from identity_resolution.domain.resolution import Bar, Changes, Evidence, Login, Membership, Missing, Resolution
from identity_resolution.domain.rules import Rules
from identity_resolution.domain.statements import BY_SERVICE, Kind, Stated, Statement

NEVER_SEEN = 0
"""Stands for the time of the first event of a link that no event showed."""
FOR_EVER = 2**40
"""A week that never comes."""
NOBODY = ("", "")
"""Written in place of the owner of a log-out."""
COMPONENT_CAP = "COMPONENT_CAP"
"""Reason of a block that the service made since something held more together than the rules' component_cap."""


class _ShortCut:
    """What an event with known identifiers touches, unless it happened before `settled`."""

    __slots__ = ("links", "logins", "minute", "node", "settled", "until")

    def __init__(self, node: Node, links: tuple[Link, ...], settled: int, until: int, logins: "_Logins") -> None:
        self.node = node
        self.links = links
        self.settled = settled
        self.until = until
        """From this instant (µs) on its links are known to have been shown too long ago."""
        self.logins = logins
        self.minute = -1
        """The minute for which a log-in was noted last."""


_Logins = tuple[tuple[Node, Identifier | None], ...]
"""Devices with who logs in on them."""


class IdentityGraph:
    """Nodes, links and clusters by identifier, with a short cut per set of identifiers seen."""

    def __init__(self, tenant: str, rules: Rules, stated: Stated | None = None, former: Former | None = None) -> None:
        self.tenant = tenant
        self.rules = rules
        self.former = former
        """While rules are changed: what holds for devices that were not looked at yet."""
        self.stated = stated or Stated()
        self._closing = rules.devices.closed_by
        self.nodes: dict[Identifier, Node] = {}
        self.links: dict[Pair, Link] = {}
        self._by_own_id: dict[str, Node] = {}
        self._short_cuts: dict[tuple[Identifier, ...], _ShortCut] = {}
        self._timelines: dict[Identifier, Timeline] = {}
        self._history: dict[Identifier, list[Point]] = {}
        self._forget_changes()

    # Reading

    def __contains__(self, own_id: str) -> bool:
        """Whether the identifier with this own id is in memory."""
        return own_id in self._by_own_id

    def strangers(self, events: Iterable[Event]) -> list[Event]:
        """Those of the events for which there is no short cut; only they need anything but memory."""
        short_cuts = self._short_cuts
        return [event for event in events if event.identifiers not in short_cuts]

    def missing(self, strangers: Iterable[Event]) -> Missing:
        """The identifiers and profile ids of the events that are not in memory; they may be new."""
        nodes, same = self.nodes, self.stated.same
        identifiers: set[Identifier] = set()
        profile_ids: set[str] = set()
        for event in strangers:
            for identifier in event.identifiers:
                if identifier.namespace == CAIRN_PROFILE:
                    if identifier.token not in self._by_own_id:
                        profile_ids.add(identifier.token)
                elif identifier in self._timelines:
                    identifiers.update(one for one in self._timelines[identifier].owners() if one not in nodes)
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
                if node is None or identifier in self._timelines:
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
            timeline = self._timelines[device] = Timeline(rules, points)
            timeline.last_touch = last_touch
        else:
            self._history[device] = points

    def beside(self, identifiers: Iterable[Identifier]) -> set[Identifier]:
        """What is linked to identifiers in memory and is not in memory: a change of their bars concerns it."""
        known = [self.nodes[one] for one in identifiers if one in self.nodes]
        return {other for node in known for other in node.links if other not in self.nodes}

    def admit(self, clusters: Iterable[tuple[str, list[Node]]], links: Iterable[Link]) -> None:
        """Take in clusters as they were written, each with its root, and the links that rank at their nodes."""
        for root, nodes in clusters:
            Cluster(root, nodes)
            for node in nodes:
                self._index(node)
        for link in links:
            self._attach(self.links.setdefault(link.pair, link))

    def survivor(self, profile_id: str) -> str:
        """The profile that goes under this id now; the id itself if it is unknown."""
        node = self._by_own_id.get(profile_id)
        return node.profile_id if node else profile_id

    def knows(self, own_id: str) -> bool:
        """Whether the identifier with this own id is in memory."""
        return own_id in self._by_own_id

    def own_ids(self, profile_id: str) -> list[str]:
        """Own ids of the identifiers of a profile in memory; its id alone if it has none."""
        node = self._by_own_id.get(profile_id)
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
        named = [identifier for identifier in event.identifiers if identifier.namespace != CAIRN_PROFILE]
        if not named:
            return self._by_reference(event)
        owner = next((one for one in named if one not in self.stated.barred), named[0])
        if owner in self._timelines:
            owner = self._timelines[owner].owner(event.event_time) or owner
        node = self.nodes.get(owner)
        return Resolution(node.profile_id if node else stable_id("profile", self.tenant, *owner))

    # Taking in events

    def resolve(self, event: Event, batch: int = 0) -> Resolution:
        """Whose event it is. Known identifiers cost a look-up; only news recomputes the clusters it touches."""
        short_cut = self._short_cuts.get(event.identifiers)
        if (
            short_cut is not None
            and short_cut.settled < event.event_time < short_cut.until
            and event.type not in self._closing
        ):
            for link in short_cut.links:
                if link.count():
                    self._changed_links[link.pair] = link
            if short_cut.logins and event.event_time // MINUTE != short_cut.minute:
                short_cut.minute = event.event_time // MINUTE
                self._note_logins(short_cut.logins, event)
            node = short_cut.node
            node.cluster.last_used = batch
            return Resolution(node.profile_id)
        identifiers = tuple(
            sorted(
                {identifier for identifier in event.identifiers if identifier.namespace != CAIRN_PROFILE},
                key=strength,
            )
        )
        if not identifiers:
            return self._by_reference(event)
        return self._learn(event, identifiers, batch)

    def _by_reference(self, event: Event) -> Resolution:
        for identifier in event.identifiers:
            return Resolution(self.survivor(identifier.token))
        return Resolution(stable_id("profile", self.tenant, "event", event.id))

    def _learn(self, event: Event, identifiers: tuple[Identifier, ...], batch: int) -> Resolution:
        nodes = [self._see(identifier, event) for identifier in identifiers]
        links: list[Link] = []
        touched_links: list[Link] = []
        bars: list[Bar] = []
        for left, right in _shown(nodes):
            link, touched, crowded = self._show(left, right, event)
            links.append(link)
            touched_links += touched
            if touched:
                bars += self._bars(left, right, crowded)
        logins = self._logins_of(nodes, event)
        self._note_logins(logins, event)
        news = bool(touched_links or bars) or any(node.identifier in self._changed_nodes for node in nodes)
        resolution = self._regroup(nodes, touched_links, event) if news else Resolution("")
        moves = [*resolution.moves, *self._hand_over(bars, logins, event)]
        owner = next((node for node in nodes if node.identifier not in self.stated.barred), nodes[0])
        for node in nodes:
            node.cluster.last_used = batch
        if not any(node.identifier in self._timelines for node in nodes):
            if event.type not in self._closing:  # what it says of devices is not what other events say
                self._remember(event.identifiers, owner, nodes, links, logins)
        elif owner.identifier in self._timelines:
            self._touch(owner.identifier, event.event_time)
            owner = self._holder(owner, self._timelines[owner.identifier].owner(event.event_time))
        return resolution._replace(profile_id=owner.profile_id, moves=tuple(moves), barred=tuple(bars))

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
            self._short_cuts.clear()
        for bar in news:
            known = self._changed_bars.get(bar.identifier)
            if known is None or known.why != Refusal.GENERIC:
                self._changed_bars[bar.identifier] = bar
        return news

    def _people_at(self, device: Node) -> int:
        people = Counter(
            end.namespace for end, link in device.links.items() if self.rules.is_person(end) and not link.suggested
        )
        return max(people.values(), default=0)

    # Shared devices

    def _logins_of(self, nodes: Sequence[Node], event: Event) -> _Logins:
        person = next((node.identifier for node in nodes if self.rules.is_person(node.identifier)), None)
        closes = event.type in self._closing
        if person is None and not closes:
            return ()
        owner = None if closes else person
        return tuple((node, owner) for node in nodes if self.rules.is_device(node.identifier))

    def _note_logins(self, logins: _Logins, event: Event) -> None:
        at = event.event_time
        for device, owner in logins:
            self._new_logins.append((device.own_id, at // MINUTE, at, event.id, *(owner or NOBODY)))

    def _hand_over(self, bars: Sequence[Bar], logins: _Logins, event: Event) -> list[Move]:
        """What moves since a device turned out to be shared, or since a log-in on a shared one came to be known."""
        told: list[Move] = []
        shared = {bar.identifier for bar in bars if bar.why == Refusal.SHARED}
        for device in sorted(shared):
            if self.stated.barred.get(device) == Refusal.SHARED:
                told += self._begin_timeline(self.nodes[device], event)
        for node, owner in logins:
            if node.identifier in self._timelines and node.identifier not in shared:
                point = Point(event.event_time, event.id, owner)
                told += self._moved(node, self._timelines[node.identifier].add(point))
        for bar in bars:
            if bar.why == Refusal.GENERIC:
                self._timelines.pop(bar.identifier, None)
        return told

    def _begin_timeline(self, device: Node, event: Event) -> list[Move]:
        """All that nobody else is named in has just come to the device's own profile; log-ins give it to people."""
        fresh = [
            Point(at, event_id, Identifier(namespace, token) if namespace else None)
            for own_id, _, at, event_id, namespace, token in self._new_logins
            if own_id == device.own_id
        ]
        points = [*self._history.pop(device.identifier, ()), *fresh]
        timeline = self._timelines[device.identifier] = Timeline(self.device_rules(device.own_id), points)
        self._touch(device.identifier, max(event.as_of, event.event_time))
        return self._moved(device, timeline.stretches())

    def _moved(self, device: Node, stretches: Iterable[Stretch]) -> list[Move]:
        told: list[Move] = []
        only = (device.identifier,)
        for stretch in stretches:
            source = self._holder(device, stretch.before).profile_id
            target = self._holder(device, stretch.after).profile_id
            if source != target:
                told.append(Split(source, target, only, (), only, stretch.since, stretch.until))
        return told

    def _holder(self, device: Node, owner: Identifier | None) -> Node:
        return device if owner is None else self.nodes.get(owner, device)

    def _touch(self, device: Identifier, at: int) -> None:
        """Remember, to the minute, up to when something was seen on a shared device."""
        timeline = self._timelines[device]
        upto = (at // MINUTE + 1) * MINUTE
        if upto > timeline.last_touch:
            timeline.last_touch = upto
            self._changed_bars[device] = Bar(device, Refusal.SHARED, upto)

    def _see(self, identifier: Identifier, event: Event) -> Node:
        node = self.nodes.get(identifier)
        if node is None:
            own_id = stable_id("profile", self.tenant, identifier.namespace, identifier.token)
            node = Node(identifier, own_id, event.event_time)
            Cluster(own_id, [node])
            self._index(node)
        elif event.event_time >= node.first_time:
            return node
        node.first_time = event.event_time
        self._changed_nodes[identifier] = node
        self._evidence.append(Evidence(node.own_id, node.own_id, event.event_time, event.id, event.as_of))
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
            self._changed_links[pair] = link
        if not news:
            return link, [link] if again and link.refusal == Refusal.LAPSED else [], []
        self._evidence.append(Evidence(left.own_id, right.own_id, event.event_time, event.id, event.as_of))
        displaced, generic = rank_link(link, left, right, self.rules)
        touched = [link, *displaced]
        self._changed_links.update((link.pair, link) for link in touched)
        return link, touched, generic

    def gave_out(self, profile_id: str) -> None:
        """It is known that the id of a profile was given out, whatever order led to it."""
        node = self._by_own_id.get(profile_id)
        if node is not None and not node.had_profile:
            node.had_profile = True
            self._changed_nodes[node.identifier] = node

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
            self._changed_links[link.pair] = link
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
        self._short_cuts.clear()
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
        self._changed_links.update((link.pair, link) for link in touched)
        if node.identifier not in self.rules.blocked:
            self.stated.unrule(node.identifier)
        if self.stated.bar_anew(node.identifier, anew.standing.bars):
            self._short_cuts.clear()
            self._write_bar_anew(node.identifier, anew)
        hands_before, hands_after = (Timeline(rules, anew.points) if rules else None for rules in anew.hands)
        passed_on = changes(hands_before, hands_after, anew.last_touch)
        around = [node, *(self.nodes[other] for other in sorted(anew.around))]
        if hands_after is None:
            if hands_before is not None:
                self._timelines.pop(node.identifier, None)
            undone = self._moved(node, passed_on)
            resolution = self._regroup(around, touched, cause)
            return resolution._replace(moves=(*undone, *resolution.moves))
        self._timelines[node.identifier] = hands_after
        hands_after.last_touch = anew.last_touch
        resolution = self._regroup(around, touched, cause)
        return resolution._replace(moves=(*resolution.moves, *self._moved(node, passed_on)))

    def _write_bar_anew(self, identifier: Identifier, anew: Anew) -> None:
        self._lifted.append(identifier)
        self._changed_bars.pop(identifier, None)
        if anew.standing.bars:
            why = Refusal.GENERIC if Refusal.GENERIC in anew.standing.bars else Refusal.SHARED
            self._changed_bars[identifier] = Bar(identifier, why, anew.last_touch)

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
            self._changed_nodes[node.identifier] = node
            if node.profile_id != before[node]:
                self._memberships.append(Membership(node.own_id, node.profile_id, cause.as_of))
        for link in found.changed_links:
            self._changed_links[link.pair] = link
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
        self._statements.append(statement)
        self._short_cuts.clear()
        return statement

    # Memory

    def take_changes(self) -> Changes:
        """What changed since the last call; support counts start anew."""
        changes = Changes(
            list(self._changed_nodes.values()),
            list(self._changed_links.values()),
            self._evidence,
            self._memberships,
            self._statements,
            list(self._changed_bars.values()),
            self._new_logins,
            self._lifted,
        )
        self._history.clear()
        self._forget_changes()
        return changes

    def _forget_changes(self) -> None:
        self._changed_nodes: dict[Identifier, Node] = {}
        self._changed_links: dict[Pair, Link] = {}
        self._evidence: list[Evidence] = []
        self._memberships: list[Membership] = []
        self._statements: list[Statement] = []
        self._changed_bars: dict[Identifier, Bar] = {}
        self._new_logins: list[Login] = []
        self._lifted: list[Identifier] = []

    def evict(self, keep_nodes: int) -> list[str]:
        """Forget the clusters used longest ago until at most this many nodes stay, and return the nodes' own ids.

        Changes must have been taken.
        """
        forgotten: list[str] = []
        if len(self.nodes) <= keep_nodes:
            return forgotten
        clusters = {node.cluster.root: node.cluster for node in self.nodes.values()}
        for cluster in sorted(clusters.values(), key=lambda cluster: cluster.last_used):
            if len(self.nodes) <= keep_nodes * 9 // 10:
                break
            forgotten += [node.own_id for node in cluster.nodes]
            self._forget(cluster)
        return forgotten

    def _forget(self, cluster: Cluster) -> None:
        links = {link.pair: link for node in cluster.nodes for link in node.links.values()}
        for key in cluster.known:
            short_cut = self._short_cuts.pop(key, None)
            if short_cut is not None:
                links.update((link.pair, link) for link in short_cut.links)
        for node in cluster.nodes:
            del self.nodes[node.identifier]
            self._timelines.pop(node.identifier, None)
            del self._by_own_id[node.own_id]
        for link in links.values():
            if not self._ranks_in_memory(link):
                self.links.pop(link.pair, None)

    def _ranks_in_memory(self, link: Link) -> bool:
        left, right = link.pair
        return (link.left_ranked and left in self.nodes) or (link.right_ranked and right in self.nodes)

    def _index(self, node: Node) -> None:
        self.nodes[node.identifier] = node
        self._by_own_id[node.own_id] = node

    def _attach(self, link: Link) -> None:
        left, right = link.pair
        for ranked, end, other in ((link.left_ranked, left, right), (link.right_ranked, right, left)):
            node = self.nodes.get(end)
            if ranked and node is not None:
                node.links[other] = link

    def _remember(
        self, key: tuple[Identifier, ...], owner: Node, nodes: list[Node], links: list[Link], logins: _Logins
    ) -> None:
        settled = max([node.first_time for node in nodes] + [link.first[0] for link in links])
        until = (min((link.last for link in links), default=FOR_EVER) + 1) * WEEK
        self._short_cuts[key] = _ShortCut(owner, tuple(links), settled, until, logins)
        for node in nodes:
            node.cluster.known.add(key)


def _shown(nodes: Sequence[Node]) -> Iterable[tuple[Node, Node]]:
    """Which of an event's identifiers it links: the strongest to each other one, and each to the next.

    So two of them stay linked when the strongest turns out to name nobody in particular.
    """
    yield from ((nodes[0], other) for other in nodes[1:])
    yield from pairwise(nodes[1:])
