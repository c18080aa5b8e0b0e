"""The tree is the architecture, and the tests mirror it."""

import re

import pytest

from tests.support.command_line import REPOSITORY, SOURCE
from tests.support.source_tree import PACKAGE, parse_source

TESTS = REPOSITORY / "tests"
CROSS_CUTTING = {
    "architecture",
    "benchmarks",
    "contract",
    "faults",
    "fuzz",
    "mutation",
    "real",
    "release",
    "simulation",
    "support",
}
TOP_LEVEL = "trading_bot"  # the folder for tests of the modules that stand directly in the package
DATA_ONLY = {"demo"}  # its data is tested beside the runner that reads it


def _folders(root) -> set[str]:
    return {path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}


def test_every_folder_of_modules_is_a_package():
    bare = {path.parent for path in PACKAGE.rglob("*.py") if not (path.parent / "__init__.py").exists()}
    assert bare == set()


def test_every_folder_of_tests_is_a_package():
    bare = {path.parent for path in TESTS.rglob("*.py") if not (path.parent / "__init__.py").exists()}
    assert bare == set()


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").exists()


def test_the_folders_of_the_tests_mirror_the_package():
    assert _folders(TESTS) == _folders(PACKAGE) - DATA_ONLY | CROSS_CUTTING | {TOP_LEVEL}


@pytest.mark.parametrize("folder", sorted(_folders(PACKAGE) - DATA_ONLY))
def test_every_package_has_tests_in_its_mirror(folder: str):
    assert list((TESTS / folder).glob("test_*.py")) != []


def test_no_file_is_named_for_a_heap():
    heaps = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [path for path in PACKAGE.rglob("*") if path.stem in heaps] == []


def test_no_test_imports_the_package_through_its_folder():
    texts = {path: path.read_text(encoding="utf-8") for root in (PACKAGE, TESTS) for path in root.rglob("*.py")}
    suspects = {path: parse_source(text) for path, text in texts.items() if re.search(r"\bsrc\b", text)}
    offenders = [
        path
        for path, source in suspects.items()
        if any(re.match(r"src(\.|$)", name) for name in source.imported_modules)
    ]
    assert offenders == []


def test_an_import_through_the_folder_would_be_seen():
    assert parse_source("from src.trading_bot import clock").imported_modules >= {"src.trading_bot"}


def test_the_source_holds_the_package_and_the_stubs_only():
    assert _folders(SOURCE) - {"trading_bot.egg-info"} == {"trading_bot", "typings"}
