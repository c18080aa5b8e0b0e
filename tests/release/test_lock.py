"""The locked versions are those of the build, all that an application needs, and nothing a registry could change."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release.bill_of_materials import needs_of
from release.locked import BUILD_LOCK, EXTRAS, LOCK, locked, pins_of
from tests.support.command_line import REPOSITORY
from tests.support.lowest_versions import pins

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
LOCKED = {pin.name: pin for pin in locked()}
BUILD = {pin.name: pin for pin in locked(BUILD_LOCK)}


def _wanted() -> list[Requirement]:
    extras = PROJECT["project"]["optional-dependencies"]
    lines = [*PROJECT["project"]["dependencies"], *(line for extra in EXTRAS for line in extras[extra])]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("wanted", _wanted(), ids=lambda wanted: wanted.name)
def test_each_dependency_of_an_application_is_locked_within_its_bounds(wanted: Requirement):
    assert wanted.specifier.contains(LOCKED[canonicalize_name(wanted.name)].version)


def test_all_that_the_dependencies_need_is_locked_and_nothing_else():
    """Otherwise make it again: make lock"""
    needed = set(needs_of(_wanted()))
    assert needed == {name for name, pin in LOCKED.items() if not pin.marker or name in needed}


@pytest.mark.parametrize("name", sorted({**LOCKED, **BUILD}))
def test_what_is_locked_is_what_the_build_was_tested_with(name: str):
    assert ({**BUILD, **LOCKED}[name]).version == pins()[name]


@pytest.mark.parametrize("pin", [*LOCKED.values(), *BUILD.values()], ids=lambda pin: pin.name)
def test_each_locked_library_has_the_hash_of_its_files(pin):
    assert pin.hashes
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in pin.hashes)


def test_the_lock_is_made_with_the_extras_of_an_application():
    made = re.search(r"addprefix --extra=,([a-z ]+)\)", (REPOSITORY / "Makefile").read_text(encoding="utf-8"))
    assert made is not None
    assert tuple(made[1].split()) == EXTRAS


@pytest.mark.parametrize("path", [LOCK, BUILD_LOCK], ids=lambda path: path.name)
def test_the_lock_names_no_registry(path):
    assert "://" not in path.read_text(encoding="utf-8")


def test_what_the_package_is_built_with_is_locked():
    for wanted in map(Requirement, PROJECT["build-system"]["requires"]):
        assert wanted.specifier.contains(BUILD[wanted.name].version)
        assert {part.operator for part in wanted.specifier} >= {"<"}


@pytest.mark.parametrize("line", ["--index-url https://mirror.example/simple", "requests>=2", "git+ssh://example/x"])
def test_a_line_that_is_no_exact_version_is_refused(line: str):
    with pytest.raises(ValueError, match="no exact version and no hash"):
        pins_of(f"# made by make lock\n{line}\n")


def test_a_version_for_some_platforms_keeps_its_marker():
    hashes = [f"    --hash=sha256:{letter * 64}" for letter in "ab"]
    text = " \\\n".join(["cffi==2.1.1 ; platform_python_implementation != 'PyPy'", *hashes])
    (pin,) = pins_of(text)
    assert (pin.name, pin.version, len(pin.hashes)) == ("cffi", "2.1.1", 2)
    assert pin.marker == "platform_python_implementation != 'PyPy'"


@pytest.mark.parametrize("name", ["examples/docker/Dockerfile", "docs/running-it.md", "release/package.py"])
def test_an_application_is_installed_from_the_lock_with_its_hashes(name: str):
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    assert "--require-hashes" in text
    assert "requirements.lock" in text


def test_the_image_takes_nothing_that_has_no_hash():
    text = (REPOSITORY / "examples" / "docker" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    calls = re.findall(r"pip (?:install|wheel) [^&\n]*", text)
    assert len(calls) == 4
    assert [each for each in calls if "--require-hashes" not in each and "--no-deps" not in each] == []
