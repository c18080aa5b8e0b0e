"""Rules of the shipped source that no linter checks, each proven able to fail by a line that breaks it."""

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch

import pytest

from tests.support.source_tree import SourceFile, parse_source, source_files


def _asserts(source: SourceFile) -> Iterable[str]:
    return (ast.unparse(node) for node in ast.walk(source.tree) if isinstance(node, ast.Assert))


def _shell_arguments(source: SourceFile) -> Iterable[str]:
    calls = (node for node in ast.walk(source.tree) if isinstance(node, ast.Call))
    return (ast.unparse(call) for call in calls for keyword in call.keywords if keyword.arg == "shell")


def _calls(*names: str) -> Callable[[SourceFile], Iterable[str]]:
    return lambda source: (name for name in source.called_names() if name in names)


def _mentions(*names: str) -> Callable[[SourceFile], Iterable[str]]:
    def find(source: SourceFile) -> Iterable[str]:
        return sorted({*source.read_names(), *source.imported_modules()} & set(names))

    return find


def _imports(*modules: str) -> Callable[[SourceFile], Iterable[str]]:
    def find(source: SourceFile) -> Iterable[str]:
        named = sorted(source.imported_modules())
        return [name for name in named if any(name == module or name.startswith(f"{module}.") for module in modules)]

    return find


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What must not stand in the source, except in the files of ``homes``; ``sample`` breaks it."""

    name: str
    find: Callable[[SourceFile], Iterable[str]]
    sample: str
    homes: tuple[str, ...] = ()

    def offences(self, source: SourceFile) -> list[str]:
        if any(fnmatch(source.path, home) for home in self.homes):
            return []
        return [f"{source.path}: {found}" for found in self.find(source)]


RULES = (
    Rule(name="a safety check is never an assert, which -O removes", find=_asserts, sample="assert price > 0"),
    Rule(
        name="no text is run as code",
        find=_calls("eval", "exec", "compile", "__import__", "os.system", "os.popen"),
        sample="eval('1')",
    ),
    Rule(name="no command goes through a shell", find=_shell_arguments, sample="run('ls', shell=True)"),
    Rule(
        name="no format that can run code is read",
        find=_imports("pickle", "marshal", "shelve", "dill", "yaml"),
        sample="from pickle import loads",
    ),
    Rule(name="no other program is started", find=_imports("subprocess"), sample="import subprocess"),
    Rule(
        name="robin_stocks lives in robinhood alone",
        find=_imports("robin_stocks"),
        sample="import robin_stocks.robinhood",
        homes=("robinhood/*",),
    ),
    Rule(
        name="HTTP lives in robinhood and in the paper transport alone",
        find=_imports("requests", "urllib3", "http.client", "urllib.request"),
        sample="from requests import Session",
        homes=("robinhood/*", "paper/transport.py"),
    ),
    Rule(
        name="PostgreSQL is spoken by its engine and the lease alone",
        find=_imports("psycopg"),
        sample="import psycopg",
        homes=("order_management/journal/postgres*.py", "shared_lease.py"),
    ),
    Rule(
        name="the terminal belongs to the command line",
        find=_imports("click", "rich"),
        sample="import rich.console",
        homes=("cli/*", "__main__.py"),
    ),
    Rule(
        name="only the command line prints or asks",
        find=_calls("print", "input", "getpass.getpass"),
        sample="print('filled')",
        homes=("cli/*",),
    ),
    Rule(
        name="retrying has one home", find=_imports("tenacity"), sample="import tenacity", homes=("error_handling/*",)
    ),
    Rule(
        name="logging is set up in one place, which the command line calls",
        find=_calls("structlog.configure", "logging.basicConfig", "logging.config.dictConfig"),
        sample="structlog.configure()",
        homes=("logging/setup.py",),
    ),
    Rule(
        name="the calendar has one home",
        find=_imports("holidays"),
        sample="import holidays",
        homes=("market_hours.py",),
    ),
    Rule(
        name="configuration is read by config alone",
        find=_imports("json5", "pydantic_settings", "dotenv"),
        sample="import json5",
        homes=("config/*",),
    ),
    Rule(
        name="the environment is read by config alone",
        find=_mentions("os.environ", "os.environb", "os.getenv", "os.getenvb"),
        sample="from os import getenv",
        homes=("config/*",),
    ),
    Rule(
        name="a durable intent is made by the journal alone, after its barrier",
        find=_calls("DurableIntent", "outcomes.DurableIntent"),
        sample="DurableIntent(body=b'')",
        homes=("order_management/journal/order_log.py",),
    ),
    Rule(
        name="time comes from the clock",
        find=_calls(
            *("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now"),
            *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.sleep"),
        ),
        sample="time.sleep(1)",
        homes=("clock.py",),
    ),
    Rule(
        name="chance comes through a constructor",
        find=_calls(
            *("uuid.uuid1", "uuid.uuid4", "uuid4", "os.urandom", "random.random", "random.uniform", "random.randint"),
            *("random.choice", "random.shuffle", "secrets.token_hex", "secrets.token_bytes", "secrets.token_urlsafe"),
        ),
        sample="uuid.uuid4()",
        homes=("startup/surroundings.py",),
    ),
)


@pytest.fixture(scope="module")
def sources() -> list[SourceFile]:
    return source_files()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_source_keeps_the_rule(rule: Rule, sources: list[SourceFile]):
    assert len(sources) > 10
    assert [offence for source in sources for offence in rule.offences(source)] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_line_that_breaks_the_rule_is_found(rule: Rule):
    assert rule.offences(parse_source(rule.sample, "order_management/sample.py")) != []


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.homes], ids=lambda rule: rule.name)
def test_the_rule_leaves_its_home_alone(rule: Rule):
    home = rule.homes[0].replace("*", "sample.py")
    assert rule.offences(parse_source(rule.sample, home)) == []


@pytest.mark.parametrize(
    "text",
    [
        "import os\nos.environ['HOME']",
        "from os import environ",
        "import os\nos.getenv('HOME')",
        "os.environ.get('HOME')",
    ],
)
def test_every_way_to_read_the_environment_is_found(text: str):
    rule = next(rule for rule in RULES if rule.name.startswith("the environment"))
    assert rule.offences(parse_source(text)) != []


@pytest.mark.parametrize("text", ["from trading_bot import clock", "import requests_like", "rich = 1"])
def test_a_name_that_only_resembles_a_library_is_no_offence(text: str):
    assert [offence for rule in RULES for offence in rule.offences(parse_source(text))] == []
