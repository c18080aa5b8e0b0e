"""Rules of the shipped source that no linter checks, each proven able to fail by a line that breaks it."""

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch

import pytest

from tests.support.source_tree import PACKAGE, SourceFile, parse_source, source_files

pytestmark = pytest.mark.no_cover  # it reads the source and runs none of it


def _asserts(source: SourceFile) -> Iterable[str]:
    return (ast.unparse(node) for node in source.nodes if isinstance(node, ast.Assert))


def _shell_arguments(source: SourceFile) -> Iterable[str]:
    calls = (node for node in source.nodes if isinstance(node, ast.Call))
    return (ast.unparse(call) for call in calls for keyword in call.keywords if keyword.arg == "shell")


def _calls(*names: str) -> Callable[[SourceFile], Iterable[str]]:
    return lambda source: (name for name in source.called_names if name in names)


def _mentions(*names: str) -> Callable[[SourceFile], Iterable[str]]:
    def find(source: SourceFile) -> Iterable[str]:
        return sorted({*source.read_names, *source.imported_modules} & set(names))

    return find


def _lambdas(home: str) -> Callable[[SourceFile], Iterable[str]]:
    def find(source: SourceFile) -> Iterable[str]:
        nodes = source.nodes if source.path in (home, "order_management/sample.py") else ()
        return (ast.unparse(node) for node in nodes if isinstance(node, ast.Lambda))

    return find


def _imports(*modules: str) -> Callable[[SourceFile], Iterable[str]]:
    def find(source: SourceFile) -> Iterable[str]:
        named = sorted(source.imported_modules)
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
        name="no format that can run code is read, but for one file, by an unpickler without globals",
        find=_imports("pickle", "marshal", "shelve", "dill", "yaml"),
        sample="from pickle import loads",
        homes=("auth/robin_stocks_file.py",),
    ),
    Rule(
        name="no other program is started, but by a kill that must not wait for a disk, and a bot an account",
        find=_imports("subprocess"),
        sample="import subprocess",
        homes=("kill/journal_process.py", "cli/work/every_account.py"),
    ),
    Rule(
        name="robin_stocks lives in robinhood alone",
        find=_imports("robin_stocks"),
        sample="import robin_stocks.robinhood",
        homes=("robinhood/*",),
    ),
    Rule(
        name="HTTP lives in robinhood, in the paper transport and in the request of a heartbeat alone",
        find=_imports("requests", "urllib3", "http.client", "urllib.request"),
        sample="from requests import Session",
        homes=("robinhood/*", "paper/transport.py", "notify/heartbeat_request.py"),
    ),
    Rule(
        name="apprise is spoken by one file, which is loaded where an address is set",
        find=_imports("apprise"),
        sample="import apprise",
        homes=("notify/apprise_services.py",),
    ),
    Rule(
        name="Prometheus is spoken by one file, which is loaded where a port is set",
        find=_imports("prometheus_client"),
        sample="from prometheus_client import Gauge",
        homes=("metrics/prometheus.py",),
    ),
    Rule(
        name="PostgreSQL is spoken by its engine and the lease alone",
        find=_imports("psycopg"),
        sample="import psycopg",
        homes=("order_management/journal/postgres*.py", "shared_lease.py"),
    ),
    Rule(
        name="charts are drawn by the page of the report alone",
        find=_imports("plotly"),
        sample="from plotly.io import to_json",
        homes=("report/page.py",),
    ),
    Rule(
        name="pytest is needed by the fixtures for strategies alone",
        find=_imports("pytest", "pytest_mock"),
        sample="import pytest",
        homes=("testing/plugin.py",),
    ),
    Rule(
        name="the terminal belongs to the command line",
        find=_imports("click", "rich"),
        sample="import rich.console",
        homes=("cli/*", "__main__.py"),
    ),
    Rule(
        name="the whole screen belongs to the live view",
        find=_imports("textual"),
        sample="from textual.app import App",
        homes=("cli/work/watching/*",),
    ),
    Rule(
        name="only the command line prints or asks",
        find=_calls("print", "input", "getpass.getpass"),
        sample="print('filled')",
        homes=("cli/*",),
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
        name="a durable intent is made by the store alone, after its commit",
        find=_calls("DurableIntent", "outcomes.DurableIntent"),
        sample="DurableIntent(body=b'')",
        homes=("order_management/order_store.py",),
    ),
    Rule(
        name="no service of the order layer is handed a way to call one that is built after it",
        find=_lambdas("order_management/wiring.py"),
        sample="Admission(halted_because=lambda symbol: self.halts.reason(symbol))",
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


INLINE_IMPORTS = {
    **dict.fromkeys(
        ("cli/work/arm.py: trading_bot.cli.work.agent_login", "cli/work/arm.py: trading_bot.startup.agent_login"),
        "the broker is asked only where an account is traded over the agent interface",
    ),
    "files.py: fcntl": "only some systems have it",
    "config/environment.py: dotenv.parser": "only an account with a .env file needs it",
    "logging/setup.py: trading_bot.logging.structured_events": "structlog is heavy, and most commands log nothing",
    "startup/journal_on_record.py: trading_bot.startup.risk_on_record": "only a look at the limits needs it",
    "startup/journal_on_record.py: trading_bot.startup.account_latch": "only what is frozen needs it: file locks",
    **dict.fromkeys(
        (
            "startup/journal_on_record.py: trading_bot.order_management.journal.v1.on_record",
            "startup/journal_on_record.py: trading_bot.order_management.journal.v1.reader",
        ),
        "only an account without a database looks for a journal of version 0.1",
    ),
    "market_hours.py: holidays": "it takes long to load, and only a market that is looked at needs it",
    "robinhood/interactive_login.py: robin_stocks.robinhood": "it takes long to load; only a login needs it",
    "startup/tell_somebody.py: trading_bot.notify.apprise_services": "apprise is an extra, and takes long to load",
    "startup/tell_somebody.py: trading_bot.notify.heartbeat_request": "TLS is loaded only where a heartbeat is sent",
    "startup/interfaces.py: trading_bot.startup.agent_interface": "it is slow to load, and only its accounts need it",
    "startup/metrics.py: trading_bot.metrics.prometheus": "prometheus_client is an extra, and takes long to load",
    **dict.fromkeys(
        (
            "startup/shared_account.py: trading_bot.order_management.journal.postgres",
            "kill/read_database.py: trading_bot.order_management.journal.postgres_connection",
            "kill/read_database.py: trading_bot.order_management.journal.postgres_reading",
            "startup/shared_account.py: trading_bot.order_management.journal.postgres_connection",
            "startup/shared_account.py: trading_bot.order_management.journal.postgres_reading",
            "startup/shared_account.py: trading_bot.shared_arming",
            "startup/shared_account.py: trading_bot.shared_lease",
        ),
        "they need the PostgreSQL driver, which only a shared journal has",
    ),
}
"""Every import inside a function, with the reason why it is not at the top of its file."""


def _inline_imports(source: SourceFile) -> Iterable[str]:
    for function in (node for node in source.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
        for node in ast.walk(function):
            if isinstance(node, ast.ImportFrom):
                yield f"{source.path}: {node.module}"
            elif isinstance(node, ast.Import):
                yield from (f"{source.path}: {alias.name}" for alias in node.names)


def test_an_import_is_inside_a_function_only_for_a_stated_reason(sources: list[SourceFile]):
    """What a command needs is loaded by its target (`trading_bot.cli.lazy`); the rest is imported at the top."""
    assert {found for source in sources for found in _inline_imports(source)} == set(INLINE_IMPORTS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def run():\n    from trading_bot.startup import create_bot", "sample.py: trading_bot.startup"),
        ("class Run:\n    def go(self):\n        if True:\n            import requests", "sample.py: requests"),
    ],
)
def test_an_import_inside_a_function_is_found(text: str, found: str):
    assert list(_inline_imports(parse_source(text))) == [found]


def test_an_import_for_types_alone_is_none_inside_a_function():
    assert list(_inline_imports(parse_source("if TYPE_CHECKING:\n    import requests\n\ndef run(): ..."))) == []


IMPORTS_BY_NAME = {
    "late_names.py": "public names load on first use",
    "cli/lazy.py": "a command's work is loaded when it runs",
}


def test_a_module_is_imported_by_its_name_in_stated_places_only(sources: list[SourceFile]):
    found = {source.path for source in sources if "importlib.import_module" in source.called_names}
    assert found == set(IMPORTS_BY_NAME)


LONGEST_FILE, LONGEST_FUNCTION = 350, 50


def _lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function without its docstring."""
    has_text = ast.get_docstring(function) is not None
    docstring = _span(function.body[0]) if has_text else 0
    return _span(function) - docstring


def _span(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_file_is_longer_than_a_reader_can_hold():
    lengths = {
        path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8").count("\n")
        for path in PACKAGE.rglob("*.py")
    }
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_screen(sources: list[SourceFile]):
    functions = (
        (source.path, node)
        for source in sources
        for node in source.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert [f"{path}: {node.name}" for path, node in functions if _lines_of(node) > LONGEST_FUNCTION] == []
