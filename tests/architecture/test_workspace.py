"""The workspace's own rules: what no single package can see."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from journeyctl.installation import CONNECTORS, SERVICES, SOURCES

ROOT = Path(__file__).resolve().parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
MEMBERS = sorted(
    path.parent
    for folder in ("libs", "services", "services/connectors", "services/sources")
    for path in ROOT.glob(f"{folder}/*/pyproject.toml")
)
IMAGES = [*SERVICES, *CONNECTORS, *SOURCES]


def packages(member: Path) -> list[str]:
    return [path.name for path in (member / "src").iterdir() if path.is_dir()]


def project(member: Path) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((member / "pyproject.toml").read_text())["project"]
    return table


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def sources() -> Iterator[Path]:
    for member in MEMBERS:
        if member.name != "contracts":
            yield from (member / "src").rglob("*.py")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_imports_point_the_way_they_should() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-logo"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_folder_below_services_is_a_member_with_a_main_of_its_own() -> None:
    groups = {ROOT / "services" / "connectors", ROOT / "services" / "sources"}
    folders = {path for parent in (ROOT / "services", *groups) for path in parent.glob("*") if path.is_dir()} - groups
    assert folders <= set(MEMBERS)
    for folder in folders:
        (package,) = packages(folder)
        assert (folder / "src" / package / "__main__.py").is_file(), folder


def test_no_member_escapes_the_import_rules() -> None:
    linted = CONFIG["tool"]["importlinter"]
    contracts = {contract["name"].partition(":")[0]: contract for contract in linted["contracts"]}
    for member in MEMBERS:
        for package in packages(member):
            assert package in linted["root_packages"] or member.name == "contracts", package
            if "services" in member.parts:
                assert package in contracts["Services, connectors and sources never import each other"]["modules"]
    for service in SERVICES:
        assert service in contracts["Inside a service dependencies point one way"]["containers"]
        if (ROOT / "services" / service / "src" / service / "domain").exists():
            assert f"{service}.domain" in contracts["The domain is pure"]["source_modules"]


def test_no_member_escapes_the_type_checker() -> None:
    checked = CONFIG["tool"]["mypy"]["mypy_path"]
    for member in MEMBERS:
        assert f"$MYPY_CONFIG_FILE_DIR/{member.relative_to(ROOT)}/src" in checked
        for package in packages(member):
            assert (member / "src" / package / "py.typed").exists(), package


def test_every_service_is_started_by_journeyctl_and_by_the_compose_file() -> None:
    found = {package for member in MEMBERS if "services" in member.parts for package in packages(member)}
    assert found == set(IMAGES)
    compose = (ROOT / "docker-compose.yml").read_text()
    for package in IMAGES:
        assert f"SERVICE: {package}\n" in compose


def test_the_compose_file_publishes_on_this_machine_only() -> None:
    compose = (ROOT / "docker-compose.yml").read_text()
    published = re.findall(r"^ +- \"?([^\s\"]*:\d+)\"?$", compose, re.MULTILINE)
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []


def test_the_lock_holds_what_every_member_asks_for() -> None:
    locked = {normal(name) for name in re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(), re.M)}
    ours = {normal(project(member)["name"]) for member in MEMBERS}
    for member in MEMBERS:
        table = project(member)
        groups = [table.get("dependencies", []), *table.get("optional-dependencies", {}).values()]
        for need in chain.from_iterable(groups):
            assert normal(re.split(r"[\s\[<>=!~;]", need)[0]) in locked | ours, f"{member.name} needs {need}: make lock"


def test_psycopg_which_is_lgpl_is_for_comparison_tests_only() -> None:
    assert [member.name for member in MEMBERS if "psycopg" in str(project(member).get("dependencies"))] == []


def test_modules_have_names_that_say_what_is_in_them() -> None:
    vague = {"utils", "common", "helpers", "base", "manager"}
    assert [
        str(path.relative_to(ROOT)) for path in sources() if vague & {path.stem, *path.relative_to(ROOT).parts}
    ] == []


def test_nothing_that_lasts_rests_on_the_hash_of_a_process() -> None:
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "hash"
    ]
    assert calls == []


def test_pages_name_only_files_that_exist() -> None:
    missing = []
    for page in (path for path in tracked_files() if path.suffix == ".md"):
        text = page.read_text()
        links = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
        missing += [f"{page.relative_to(ROOT)}: {link}" for link in links if not (page.parent / link).exists()]
        for name in re.findall(r"`((?:libs|services|tests|docs|deploy|protos|scripts)/[\w./-]+)`", text):
            if not ((ROOT / name).exists() or (page.parent / name).exists()):
                missing.append(f"{page.relative_to(ROOT)}: {name}")
    assert missing == []


def test_no_file_names_a_machine_or_a_package_registry() -> None:
    words = (
        "/wo" + "rk/",
        "/ro" + "ot/",
        "/ho" + "me/",
        "pypi" + ".org",
        "python" + "hosted",
        "npm" + "js.",
        "file:" + "///",
    )
    named = []
    for path in tracked_files():
        text = path.read_bytes().decode(errors="replace")
        named += [f"{path.relative_to(ROOT)}: {word}" for word in words if word in text]
    assert named == []


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
