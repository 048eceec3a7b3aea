"""Read an Audience."""

from typing import Literal, cast

from cairn_journey.language.documents import Node
from cairn_journey.language.features_kind import read_features
from cairn_journey.language.journey_shapes import AUDIENCE, LEVELS
from cairn_journey.language.model import Audience
from cairn_journey.language.reading import Fields, Reading
from cairn_journey.language.scopes import standing_variables


def read_audience(reading: Reading, node: Node) -> Audience:
    """The audience at a node."""
    top = Fields(reading, node, AUDIENCE)
    features = read_features(top)
    top.required("when", 'say who is in it: when: profile.tier == "gold"')
    variables = {name: kind for name, kind in standing_variables(features).items() if name != "audience"}
    level = top.choice("level", LEVELS, default="segment")
    return Audience(
        name=top.name("name", "name the audience, such as high-value"),
        when=top.condition("when", variables),
        level=cast(Literal["generalized", "segment", "individual"], level),
        features=features,
        owner=top.text("owner"),
        description=top.text("description"),
    )
