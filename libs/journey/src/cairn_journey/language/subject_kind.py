"""Read a SubjectKind."""

from cairn_journey.language.documents import Node
from cairn_journey.language.journey_shapes import MEMBER_OF, SUBJECT_KIND
from cairn_journey.language.model import PERSON, SubjectKind
from cairn_journey.language.reading import Fields, Reading

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
    trait, group = (told.text("trait"), told.text("group")) if told is not None else ("", "")
    if told is not None and told.is_map and bool(trait) == bool(group):
        reading.fault(told.node, "membership is told by a trait or by a group", _CURE)
    return SubjectKind(name, trait, group, top.texts("roles"), top.text("owner"), top.text("description"))
