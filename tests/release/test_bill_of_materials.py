"""The list of parts is that of the lock, and no licence is in it that nobody has read."""

import json

import pytest

from release.bill_of_materials import ACCEPTED, LICENCES, SBOM, Part, document, licence_of, main, page, parts_of
from release.locked import Pin, locked


@pytest.fixture(scope="module")
def parts() -> tuple[Part, ...]:
    return parts_of(locked())


def test_the_page_of_licences_is_that_of_the_lock(parts):
    """Otherwise make it again: make sbom"""
    assert LICENCES.read_text(encoding="utf-8") == page(parts)


def test_every_locked_library_is_in_the_document_under_a_licence(parts):
    listed = {(each["name"], each["version"]) for each in document(parts)["components"]}
    assert listed == {(pin.name, pin.version) for pin in locked()}
    assert {each["licenses"][0]["expression"] for each in document(parts)["components"]} <= ACCEPTED


def test_the_document_says_what_needs_what(parts):
    needs = {each["ref"].split("@")[0]: each["dependsOn"] for each in document(parts)["dependencies"]}
    assert any(each.startswith("pkg:pypi/robin-stocks@") for each in needs["pkg:pypi/trading-bot"])
    assert any(each.startswith("pkg:pypi/psycopg@") for each in needs["pkg:pypi/trading-bot"])
    assert any(each.startswith("pkg:pypi/urllib3@") for each in needs["pkg:pypi/requests"])
    assert not any(each.startswith("pkg:pypi/pytest@") for each in needs["pkg:pypi/trading-bot"])
    reachable, left = set[str](), {"pkg:pypi/trading-bot"}
    while left:
        here = left.pop()
        reachable.add(here)
        left |= {each.split("@")[0] for each in needs[here]} - reachable
    assert reachable == set(needs), "what nothing needs is not installed"


def test_the_same_lock_gives_the_same_document(parts):
    assert document(parts) == document(parts_of(locked()))
    other = (*parts[:-1], Part(name="urllib3", version="99", licence="MIT", needs=()))
    assert document(other)["serialNumber"] != document(parts)["serialNumber"]


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ({"License-Expression": ["Apache-2.0 OR BSD-3-Clause"]}, "Apache-2.0 OR BSD-3-Clause"),
        ({"License": ["ISC"], "Classifier": ["License :: OSI Approved :: BSD License"]}, "ISC"),
        ({"Classifier": ["License :: OSI Approved :: MIT License"]}, "MIT"),
    ],
)
def test_a_licence_is_what_the_library_says_most_exactly(fields, licence):
    assert licence_of("thing", fields) == licence


@pytest.mark.parametrize("fields", [{}, {"License-Expression": ["AGPL-3.0-only"]}, {"License": ["see the website"]}])
def test_a_licence_that_nobody_has_read_stops_the_list(fields):
    with pytest.raises(ValueError, match="thing names no licence that was looked at"):
        licence_of("thing", fields)


def test_a_library_in_another_version_than_the_locked_one_stops_the_list():
    with pytest.raises(ValueError, match=r"click .* is installed and 1\.0 is locked; run make lock"):
        parts_of([Pin(name="click", version="1.0", marker="", hashes=())])


def test_both_are_written(parts, tmp_path, capsys):
    assert main(tmp_path / "dist" / "sbom.json", tmp_path / "licences.md") == 0
    assert json.loads((tmp_path / "dist" / "sbom.json").read_text())["bomFormat"] == "CycloneDX"
    assert (tmp_path / "licences.md").read_text() == page(parts)
    assert f"{len(parts)} libraries" in capsys.readouterr().out
    assert SBOM.parent.name == "dist", "a folder that git does not keep"
