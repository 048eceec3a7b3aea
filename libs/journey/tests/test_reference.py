from pathlib import Path

from cairn_journey.language.reference import reference
from cairn_journey.language.schema import KINDS, json_schema

PAGE = Path(__file__).parents[3] / "docs" / "guides" / "journey-language.md"


def test_the_page_says_what_the_loader_reads() -> None:
    cure = "python -m cairn_journey.language.reference > docs/guides/journey-language.md"
    assert PAGE.read_text(encoding="utf-8") == reference(), cure


def test_each_shape_has_a_section() -> None:
    headings = {line.strip("# ") for line in reference().splitlines() if line.startswith("##")}
    assert headings - {"Conditions and values"} == set(json_schema()["$defs"])
    assert set(KINDS) <= headings
