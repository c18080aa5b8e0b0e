"""The names the package promises: one list, one table and one set of types that agree, each of which loads."""

import ast
import re
from collections.abc import Iterator

import pytest

import trading_bot
from tests.support.command_line import REPOSITORY
from tests.support.source_tree import PACKAGE, parse_source

OWN = {"__version__"}


def _typed_imports() -> Iterator[tuple[str, str]]:
    tree = parse_source((PACKAGE / "__init__.py").read_text(encoding="utf-8")).tree
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    assert ast.unparse(guarded.test) == "TYPE_CHECKING"
    for node in guarded.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            yield alias.asname or alias.name, str(node.module)


def test_the_list_the_table_and_the_types_name_the_same_things():
    homes = dict(_typed_imports())
    assert homes == trading_bot._HOME_OF
    assert set(trading_bot.__all__) == set(homes) | OWN
    assert len(trading_bot.__all__) == len(set(trading_bot.__all__))


@pytest.mark.parametrize("name", trading_bot.__all__)
def test_a_public_name_loads(name: str):
    assert getattr(trading_bot, name) is not None


def test_a_name_that_is_not_public_is_refused_with_a_remedy():
    with pytest.raises(AttributeError, match=r"'OrderManger'; see trading_bot\.__all__"):
        _ = trading_bot.OrderManger


def test_dir_lists_the_public_names():
    assert dir(trading_bot) == sorted(trading_bot.__all__)


def test_the_changelog_begins_with_the_version_of_the_package():
    headings = re.findall(r"^## \[(.+?)\]", (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == trading_bot.__version__


def test_the_version_is_a_release_number():
    assert re.fullmatch(r"\d+\.\d+\.\d+", trading_bot.__version__)
