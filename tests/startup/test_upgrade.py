"""The first start after version 0.1, through the whole bot and the whole command line: nothing is forgotten."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.support.command_line_bench import CommandLineBench
from tests.support.paper_market import PaperBench, quote_line, recorded
from tests.support.v1_account import IDENTITY, KEY, expected, v1_account
from tests.support.v1_folder import LAST, RELEASE, pointers_to_all
from trading_bot.bot import TradeStatus
from trading_bot.clock import SystemClock
from trading_bot.config import Config
from trading_bot.files import LocalFiles
from trading_bot.kill.journal_process import JournalProcess
from trading_bot.kill.register import KnownOrders, read_known_orders
from trading_bot.lease import this_process
from trading_bot.operations import ListFreezes, Operations, ReleaseSymbol, Resume
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.import_v1 import V1Import
from trading_bot.order_management.journal.port import Commit
from trading_bot.order_management.journal.sqlite import SqliteJournal
from trading_bot.order_management.journal.v1.reader import V1Files
from trading_bot.paper.state import ExchangeState
from trading_bot.startup import create_bot
from trading_bot.startup.account_number import PAPER_ACCOUNT
from trading_bot.startup.kill import open_kill
from trading_bot.state_folder import StateFolder

AFTER = datetime(2026, 11, 30, 15, tzinfo=UTC)
FOLDERS = pytest.mark.parametrize("name", [RELEASE, LAST])


@pytest.fixture
def cli(tmp_path: Path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


def old_files(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (home / "logs").iterdir() if path.name.startswith("orders")}


def states(cli: CommandLineBench) -> dict[str, str]:
    return {order["client_order_id"]: order["state"] for order in cli.json("orders")["orders"]}


def known_before(name: str) -> dict[str, str]:
    orders = expected(name)["orders"]
    assert isinstance(orders, dict)
    return {client_order_id: order["state"] for client_order_id, order in orders.items()}


def known_orders(state: StateFolder, cli: CommandLineBench) -> KnownOrders:
    database = JournalProcess(database=state.database, account_key=KEY, log=cli.journal, within_s=30)
    return read_known_orders(state=state, files=LocalFiles(), database=database)


class FullAfterTwoPages(SqliteJournal):
    """A database whose disk is full soon."""

    def commit(self, commit: Commit) -> None:
        if self.head.seq >= 20:
            raise OrderLogError("the disk is full")
        super().commit(commit)


def begun_to_take_over(state: StateFolder, cli: CommandLineBench) -> None:
    importing = V1Import(
        old=V1Files(journal=cli.journal, noted_head=state.anchor, files=LocalFiles()),
        noted=cli.journal,
        identity=IDENTITY,
        pointers_for=pointers_to_all,
        files=LocalFiles(),
        clock=SystemClock(),
        session_id="upgrade",
        page_records=10,
    )
    journal = FullAfterTwoPages(state.database, identity=IDENTITY)
    with pytest.raises(OrderLogError, match="full"):
        importing.open(journal)
    journal.close()


@FOLDERS
def test_before_the_first_start_every_look_answers_from_the_old_files_and_changes_nothing(cli, name):
    state = v1_account(cli.home, name)
    before = old_files(cli.home)
    assert states(cli) == known_before(name)
    for order in known_before(name):
        assert cli.json("status", order)["client_order_id"] == order
        assert cli("audit", "explain", order).returncode == 0
    assert cli("status", "old").returncode == 0
    assert len(cli.json("orders", "--all")["orders"]) > len(known_before(name))
    held = {row["symbol"]: row["expected"] for row in cli.json("positions")["positions"] if row["expected"] != "0"}
    assert held == expected(name)["positions"]
    assert "two writers" in json.dumps(cli.json("frozen"))
    assert cli("audit", "tail", "-n", "3").returncode == 0
    assert cli.json("audit", "verify")["ok"] is True
    assert cli("audit", "verify").stdout.count("\n") == 2
    found = {check["name"]: check["finding"] for check in cli.json("doctor")["checks"]}
    assert (found["journal"], found["entries"]) == ("ok", "warning")
    assert old_files(cli.home) == before
    assert not state.database.exists()


def unresolved(name: str) -> set[str]:
    waiting = expected(name)["unresolved"]
    assert isinstance(waiting, list)
    return set(waiting)


def exchange() -> PaperBench:
    """The broker on the Monday after the last record, where none of these orders is."""
    opened = ExchangeState.opening(account_number=PAPER_ACCOUNT, cash=Decimal(100_000), now=AFTER)
    return PaperBench(quotes=recorded(quote_line(0, "99.98", "100.00", symbol="MSFT")), state=opened, start=AFTER)


def config_of(cli: CommandLineBench) -> Config:
    return Config(account_number=SecretStr(PAPER_ACCOUNT), logs_dir=cli.home / "logs", state_dir=cli.home / "state")


@FOLDERS
def test_a_kill_before_the_first_start_knows_what_is_open_and_in_doubt(cli, name):
    state = v1_account(cli.home, name)
    before = old_files(cli.home)
    known = known_orders(state, cli)
    assert known.problem is None
    assert {order.client_order_id: order.state.value for order in known.orders if not order.state.is_terminal} == (
        known_before(name)
    )
    assert {order.client_order_id for order in known.unresolved} == unresolved(name)
    bench = exchange()
    report = open_kill(config_of(cli), transport=bench.transport, clock=bench.clock).run("ann", "upgrade")
    assert not report.is_confirmed
    assert report.latch_engaged
    in_doubt = {order.client_order_id for order in report.unresolved}
    assert {order.client_order_id for order in report.orders} | in_doubt == set(known_before(name))
    assert old_files(cli.home) == before
    assert not state.database.exists()


@FOLDERS
def test_a_kill_goes_by_the_old_files_while_they_are_taken_over_in_part_only(cli, name):
    state = v1_account(cli.home, name)
    begun_to_take_over(state, cli)
    known = known_orders(state, cli)
    assert known.problem is None
    assert {order.client_order_id for order in known.unresolved} == unresolved(name)
    assert states(cli) == known_before(name)
    assert cli.json("audit", "verify")["ok"] is True


@FOLDERS
def test_a_kill_goes_by_the_old_files_while_the_database_holds_nothing_yet(cli, name):
    state = v1_account(cli.home, name)
    state.database.touch(mode=0o600)
    known = known_orders(state, cli)
    assert known.problem is None
    assert {order.client_order_id for order in known.unresolved} == unresolved(name)
    assert states(cli) == known_before(name)


@pytest.mark.subprocess  # its commands wait for a broker that knows none of the orders
@pytest.mark.parametrize("name", [RELEASE])
def test_the_first_start_takes_everything_over_and_the_next_one_goes_on(cli, name):
    v1_account(cli.home, name)
    before = {file: data for file, data in old_files(cli.home).items() if file != "orders.jsonl"}
    assert cli("buy", "MSFT", "1", "--reference-price", "100").returncode == 5
    kept = {path.name.removesuffix(".v1"): path.read_bytes() for path in (cli.home / "logs").glob("*.v1")}
    assert before.items() <= kept.items()
    known = [order["client_order_id"] for order in cli.json("orders", "--all")["orders"]]
    assert set(known) >= set(known_before(name))
    assert cli.json("audit", "verify")["ok"] is True
    assert "two writers" in json.dumps(cli.json("frozen"))
    assert cli("buy", "MSFT", "1", "--reference-price", "100").returncode == 5
    assert [order["client_order_id"] for order in cli.json("orders", "--all")["orders"]] == known


@FOLDERS
def test_the_bot_knows_every_order_after_the_upgrade_trades_on_and_restarts(cli, name):
    state = v1_account(cli.home, name)
    bench = exchange()
    bot = create_bot(config_of(cli), transport=bench.transport, clock=bench.clock, background_sync=False)
    bot.start()
    assert {order.client_order_id for order in bot.orders()} >= set(known_before(name))
    operations = Operations(bot, holder=this_process())
    assert "two writers" in json.dumps(operations.perform(ListFreezes()))
    assert bot.execute_trade("MSFT", "buy", 1, Decimal("90.00"), "a test").status is TradeStatus.BLOCKED
    operations.perform(ReleaseSymbol(symbol="MSFT", by="ann", reason="compared"))
    operations.perform(Resume(by="ann", reason="one writer"))
    assert bot.execute_trade("MSFT", "buy", 1, Decimal("90.00"), "a test").status is TradeStatus.SUBMITTED
    before = {order.client_order_id: order.state for order in bot.orders()}
    bot.stop()
    assert state.noted_journal() == state.database
    bot.start()
    assert {order.client_order_id: order.state for order in bot.orders()} == before
    assert bot.journal_problem is None
    bot.stop()
