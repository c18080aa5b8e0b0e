"""What the package declares about itself, against what stands in the tree."""

import configparser
import importlib
import re
import sys
import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.command_line import REPOSITORY
from tests.support.lowest_versions import floor_of, lowest, pins, requirements
from tests.support.source_tree import PACKAGE, source_files


def _project() -> dict[str, Any]:
    return dict(tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"])


@pytest.mark.parametrize("wanted", requirements(), ids=lambda wanted: wanted.name)
def test_a_dependency_is_pinned_within_its_bounds(wanted: Requirement):
    assert wanted.specifier.contains(pins()[canonicalize_name(wanted.name)])


@pytest.mark.parametrize("wanted", requirements(), ids=lambda wanted: wanted.name)
def test_a_dependency_has_a_floor(wanted: Requirement):
    assert {part.operator for part in wanted.specifier} & {">=", "=="}


@pytest.mark.parametrize("wanted", requirements(), ids=lambda wanted: wanted.name)
def test_a_dependency_has_a_ceiling(wanted: Requirement):
    assert {part.operator for part in wanted.specifier} & {"<", "=="}


@pytest.mark.parametrize("wanted", requirements(), ids=lambda wanted: wanted.name)
def test_a_dependency_is_used_in_the_lowest_version_that_it_allows(wanted: Requirement):
    assert wanted.specifier.contains(floor_of(wanted))


def test_the_file_of_lowest_versions_agrees_with_the_bounds():
    """Otherwise make it again: python -m tests.support.lowest_versions > tests/lowest.txt"""
    assert (REPOSITORY / "tests" / "lowest.txt").read_text(encoding="utf-8") == lowest()


@pytest.mark.parametrize("entry", _project()["scripts"].values())
def test_the_command_exists(entry: str):
    module, _, name = entry.partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_pytest_finds_the_fixtures_for_strategies_where_the_package_is_installed():
    ((name, module),) = _project()["entry-points"]["pytest11"].items()
    assert hasattr(importlib.import_module(module), "mock_session")
    options = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"][
        "ini_options"
    ]
    assert f"-p no:{name} " in options["addopts"], "ours loads once coverage is measured"


def test_the_fixtures_are_shipped_and_pytest_is_no_dependency_of_the_bot():
    wheel = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert wheel["targets"]["wheel"] == {"packages": [PACKAGE.relative_to(REPOSITORY).as_posix()]}
    assert [each for each in _project()["dependencies"] if "pytest" in each] == []
    assert {Requirement(each).name for each in _project()["optional-dependencies"]["testing"]} == {
        "pytest",
        "pytest-mock",
    }


@pytest.mark.parametrize("name", [_project()["readme"], *_project()["license-files"]])
def test_a_file_that_the_package_names_is_there(name: str):
    assert (REPOSITORY / name).read_text(encoding="utf-8").strip()


def test_branch_coverage_is_measured_and_judged():
    settings = configparser.ConfigParser()
    assert settings.read(REPOSITORY / ".coveragerc")
    run = settings["run"]
    assert (run.getboolean("branch"), run["source"]) == (True, "trading_bot")
    assert int(settings["report"]["fail_under"]) >= 90


def test_what_is_not_run_with_the_lowest_versions_imports_no_library():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    listed = re.search(r"^PURE := (.*) \$\(addprefix order_management/,(.*)\)$", makefile, re.MULTILINE)
    assert listed is not None
    rooms = [PACKAGE / room for room in listed[1].split()]
    rooms += [PACKAGE / "order_management" / room for room in listed[2].split()]
    assert all(room.is_dir() for room in rooms)
    imported = {name for room in rooms for source in source_files(room) for name in source.imported_modules}
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names | {"trading_bot"}
