"""What nobody may say."""

from typing import Any, cast

import pytest

from cairn_kernel.errors import Invalid
from cairn_kernel.event import Identifier
from identity_resolution.application.make_statements import Said, StatementMaker
from identity_resolution.domain.statements import Kind

ADA = Identifier("email", "token-of-ada")
BEN = Identifier("email", "token-of-ben")


@pytest.mark.parametrize("kind", [Kind.SAME, Kind.NOT_SAME])
@pytest.mark.parametrize(("left", "right"), [([ADA], [ADA]), ([ADA], [BEN, ADA]), ([ADA], []), ([], [ADA])])
async def test_nobody_is_the_same_as_themselves_or_as_nobody(kind: Kind, left: Any, right: Any) -> None:
    nothing_is_asked = cast(Any, None)
    maker = StatementMaker(nothing_is_asked, nothing_is_asked, lambda: 0)
    with pytest.raises(Invalid) as refused:
        await maker.make("default", "r1", Said(kind, left, right, "anna", "a slip", None))
    assert refused.value.reason in ("FIELD_FORMAT", "FIELD_REQUIRED")
