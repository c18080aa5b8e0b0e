"""What the package declares about itself, against what stands in the tree."""

import importlib
import tomllib
from itertools import chain
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.command_line import REPOSITORY


def _project() -> dict[str, Any]:
    return dict(tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"])


def _requirements() -> list[Requirement]:
    project = _project()
    lines = chain(project["dependencies"], *project["optional-dependencies"].values())
    return [wanted for line in lines if (wanted := Requirement(line)).marker is None or wanted.marker.evaluate()]


def _pins() -> dict[str, str]:
    lines = (REPOSITORY / "tests" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


@pytest.mark.parametrize("wanted", _requirements(), ids=lambda wanted: wanted.name)
def test_a_dependency_is_pinned_within_its_bounds(wanted: Requirement):
    assert wanted.specifier.contains(_pins()[canonicalize_name(wanted.name)])


@pytest.mark.parametrize("wanted", _requirements(), ids=lambda wanted: wanted.name)
def test_a_dependency_has_a_floor(wanted: Requirement):
    assert {part.operator for part in wanted.specifier} & {">=", "=="}


@pytest.mark.parametrize("entry", _project()["scripts"].values())
def test_the_command_exists(entry: str):
    module, _, name = entry.partition(":")
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("name", [_project()["readme"], *_project()["license-files"]])
def test_a_file_that_the_package_names_is_there(name: str):
    assert (REPOSITORY / name).read_text(encoding="utf-8").strip()
