import re
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_code_in_the_readme_runs() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102  # it is our own page


def test_the_files_the_readme_names_exist() -> None:
    root = Path(__file__).parents[1]
    for name in re.findall(r"`((?:\w+/)?\w+\.py)`", README):
        places = (root / name, root / "src" / "cairn_journey" / name)
        assert any(place.exists() for place in places), name
