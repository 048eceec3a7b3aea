"""Read a SubjectKind."""

from cairn_journey.language.documents import Node
from cairn_journey.language.journey_shapes import MEMBER_OF, ROLLS_UP, SUBJECT_KIND
from cairn_journey.language.model import MEMBER, PERSON, SubjectKind
from cairn_journey.language.reading import Fields, Reading, suggestion

_CURE = "say how a person tells it: member_of: {trait: account_id}, or member_of: {group: company}"


def read_subject_kind(reading: Reading, node: Node) -> SubjectKind:
    """The kind of subject at a node."""
    top = Fields(reading, node, SUBJECT_KIND)
    name = top.name("name", "name the kind, such as account")
    name_node = top.node_of("name")
    if name == PERSON and name_node is not None:
        reading.fault(name_node, "every customer is a person already", "declare what else journeys are about")
    top.required("member_of", _CURE)
    told = top.fields("member_of", MEMBER_OF)
    if told is None or not told.is_map:
        return SubjectKind(name)
    trait, group, on = told.text("trait"), told.text("group"), told.events("on")
    if bool(trait) == bool(group):
        reading.fault(told.node, "membership is told by a trait or by a group", _CURE)
    elif group and (on_node := told.node_of("on")) is not None:
        reading.fault(on_node, "groups are told by `group` calls", "leave `on` out, or name a trait")
    roles = top.texts("roles")
    passed = top.fields("rolls_up", ROLLS_UP)
    return SubjectKind(
        name,
        trait,
        group,
        roles,
        top.text("owner"),
        top.text("description"),
        on=on,
        role=told.text("role") or "role",
        since=told.text("since"),
        until=told.text("until"),
        ends=told.events("ends"),
        events=passed.events("events") if passed is not None else (),
        from_roles=_from_roles(passed, roles) if passed is not None else (),
    )


def check_role(reading: Reading, node: Node, role: str, roles: tuple[str, ...]) -> None:
    """A role must be one of those that the kind names, if it names any."""
    if roles and role and role not in (*roles, MEMBER):
        reading.fault(node, f"nobody can be in the role {role}", suggestion(role, (*roles, MEMBER)))


def _from_roles(passed: Fields, roles: tuple[str, ...]) -> tuple[str, ...]:
    named = passed.texts("roles")
    for role, item in zip(named, passed.items("roles"), strict=True):
        check_role(passed.reading, item, role, roles)
    return named
