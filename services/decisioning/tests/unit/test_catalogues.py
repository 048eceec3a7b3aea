"""Programmes come into force, and every version stays at hand."""

import pytest

from cairn_journey import DefinitionFaults, load_text
from cairn_kernel.errors import NotFound
from decisioning.application.catalogues import Catalogues, check

PROGRAMME = """
{kind: Action, name: hello, class: service, value: %d.00 EUR, treatments: [{channel: email, template: hello}]}
---
{kind: Template, name: hello, channel: email, subject: Hello, body: Hello}
---
{kind: Connector, name: smtp, channel: email}
"""
FIRST, SECOND = (load_text(PROGRAMME % value) for value in (1, 2))


def test_a_moment_finds_the_version_it_names_and_otherwise_the_active_one() -> None:
    catalogues = Catalogues()
    for programme in (FIRST, SECOND):
        catalogues.install("default", check(programme.bundle()), programme.bundle())
    assert catalogues.in_force("default", FIRST.version).version == FIRST.version
    assert catalogues.in_force("default", "").version == SECOND.version


def test_an_earlier_version_comes_back_into_force_without_being_compiled_again() -> None:
    catalogues = Catalogues()
    for programme in (FIRST, SECOND, FIRST):
        catalogues.install("default", programme.version, programme.bundle())
    assert catalogues.in_force("default", "") is catalogues.in_force("default", FIRST.version)


def test_tenants_do_not_see_each_others_programmes() -> None:
    catalogues = Catalogues()
    catalogues.install("one", FIRST.version, FIRST.bundle())
    for version in ("", FIRST.version):
        with pytest.raises(NotFound):
            catalogues.in_force("two", version)


def test_a_bundle_with_faults_is_refused() -> None:
    with pytest.raises(DefinitionFaults):
        check(FIRST.bundle().replace(b"1.00 EUR", b"one euro"))
