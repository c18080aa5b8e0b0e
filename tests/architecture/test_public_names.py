"""The names the package promises: one list, one table and one set of types that agree, each of which loads."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import trading_bot
from tests.support.command_line import REPOSITORY
from tests.support.source_tree import parse_source
from trading_bot import operations, order_management, startup

OWN = {
    trading_bot: {"__version__"},
    order_management: set[str](),
    operations: set[str](),
    startup: set[str](),
}
PACKAGES = pytest.mark.parametrize("package", OWN, ids=lambda package: package.__name__)


def _typed_imports(package: ModuleType) -> Iterator[tuple[str, str]]:
    tree = parse_source(Path(str(package.__file__)).read_text(encoding="utf-8")).tree
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(guarded.test) == "TYPE_CHECKING"
    for node in guarded.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            yield alias.asname or alias.name, str(node.module)


@PACKAGES
def test_the_list_the_table_and_the_types_name_the_same_things(package: ModuleType):
    homes = dict(_typed_imports(package))
    assert homes == package._HOME_OF
    assert set(package.__all__) == set(homes) | OWN[package]
    assert len(package.__all__) == len(set(package.__all__))


@pytest.mark.parametrize(("package", "name"), [(package, name) for package in OWN for name in package.__all__], ids=str)
def test_a_public_name_loads(package: ModuleType, name: str):
    assert getattr(package, name) is not None


def test_both_packages_mean_the_same_thing_by_a_name():
    for name in set(trading_bot.__all__) & set(order_management.__all__):
        assert getattr(trading_bot, name) is getattr(order_management, name)


@PACKAGES
def test_a_name_that_is_not_public_is_refused_with_a_remedy(package: ModuleType):
    with pytest.raises(AttributeError, match=r"'OrderManger'; see .*__all__"):
        _ = package.OrderManger


@PACKAGES
def test_dir_lists_the_public_names(package: ModuleType):
    assert dir(package) == sorted(package.__all__)


def test_the_changelog_begins_with_the_version_of_the_package():
    headings = re.findall(r"^## \[(.+?)\]", (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == trading_bot.__version__


def test_the_version_is_a_release_number():
    assert re.fullmatch(r"\d+\.\d+\.\d+", trading_bot.__version__)
