"""What importing costs and touches, seen from a fresh interpreter, and which way imports point."""

import json
import re
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.support.command_line import REPOSITORY, SOURCE, run_python
from tests.support.source_tree import PACKAGE

HEAVY = {
    *("click", "cryptography", "filelock", "holidays", "json5", "pydantic", "pydantic_settings"),
    *("requests", "rich", "robin_stocks", "structlog", "urllib3"),
}
NETWORK = {"http.client", "requests", "robin_stocks", "ssl", "urllib3"}


def _loaded_by(statement: str, home: Path) -> set[str]:
    result = run_python(f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))", home=home)
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout))


def test_importing_the_package_loads_nothing_heavy(tmp_path: Path):
    loaded = _loaded_by("import trading_bot", tmp_path)
    assert "trading_bot" in loaded
    assert loaded & HEAVY == set()
    ours = {name for name in loaded if name.startswith("trading_bot.")}
    assert ours == {"trading_bot._version", "trading_bot.late_names"}


def test_importing_the_order_layer_loads_none_of_it(tmp_path: Path):
    loaded = _loaded_by("import trading_bot.order_management", tmp_path)
    assert {name for name in loaded if name.startswith("trading_bot.order")} == {"trading_bot.order_management"}


def test_the_calculator_loads_neither_the_broker_nor_a_network(tmp_path: Path):
    loaded = _loaded_by("import trading_bot.order_management.calculator", tmp_path)
    assert "trading_bot.order_management.calculator" in loaded
    assert loaded & NETWORK == set()


WATCHED_IMPORT = """
import sys

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and not arguments[0].endswith((".py", ".pyc")):
        sys.exit(f"opened {arguments[0]}")
    if event in ("os.mkdir", "os.putenv", "os.unsetenv", "socket.__new__", "subprocess.Popen"):
        sys.exit(event)

class Unreadable(dict):
    def __getitem__(self, name):
        sys.exit(f"read {name} from the environment")
    get = __contains__ = __getitem__

import decimal, dataclasses, datetime, enum, os, typing
os.environ = Unreadable()
sys.addaudithook(watch)
"""


def test_importing_the_calculator_reads_no_file_and_no_variable(tmp_path: Path):
    result = run_python(f"{WATCHED_IMPORT}\nimport trading_bot.order_management.calculator", home=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("act", ["open('notes.txt', 'w')", "os.environ['HOME']", "os.environ.get('HOME')"])
def test_the_watch_sees_a_file_and_a_variable(act: str, tmp_path: Path):
    assert run_python(f"{WATCHED_IMPORT}\n{act}", home=tmp_path).returncode == 1


def test_every_module_has_its_layer():
    contracts = ConfigParser()
    contracts.read(REPOSITORY / ".importlinter", encoding="utf-8")
    placed = set(re.findall(r"trading_bot[\w.]*", contracts["importlinter:contract:inwards"]["layers"]))
    rooms = {path for folder in (PACKAGE, PACKAGE / "order_management") for path in folder.iterdir()}
    names = {".".join(path.with_suffix("").relative_to(SOURCE).parts) for path in rooms if _is_module(path)}
    assert names - {"trading_bot.order_management"} == placed


def _is_module(path: Path) -> bool:
    return (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()


def test_imports_point_inwards_and_in_no_circle(tmp_path: Path):
    """In a process of its own, because the linter reconfigures logging for everybody in its process."""
    config = REPOSITORY / ".importlinter"
    verdict = run_python(
        f"from importlinter.cli import lint_imports\nraise SystemExit(lint_imports({str(config)!r}, no_cache=True))",
        home=tmp_path,
    )
    assert verdict.returncode == 0, verdict.stdout
