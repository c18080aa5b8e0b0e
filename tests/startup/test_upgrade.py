"""The first start after version 0.1, through the whole bot and the whole command line: nothing is forgotten."""

import json
from pathlib import Path

import pytest

from tests.support.command_line_bench import CommandLineBench
from tests.support.v1_account import IDENTITY, KEY, expected, v1_account
from tests.support.v1_folder import LAST, RELEASE, pointers_to_all
from trading_bot.clock import SystemClock
from trading_bot.files import LocalFiles
from trading_bot.kill.journal_process import JournalProcess
from trading_bot.kill.register import KnownOrders, read_known_orders
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.import_v1 import V1Import
from trading_bot.order_management.journal.port import Commit
from trading_bot.order_management.journal.sqlite import SqliteJournal
from trading_bot.order_management.journal.v1.reader import V1Files
from trading_bot.state_folder import StateFolder

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
    killed = cli.json("kill", "--reason", "upgrade", "--yes")
    assert killed["confirmed"] is False
    assert unresolved(name) <= set(json.dumps(killed).replace('"', " ").split())
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


@FOLDERS
def test_the_first_start_takes_everything_over_and_the_next_one_goes_on(cli, name):
    v1_account(cli.home, name)
    before = {file: data for file, data in old_files(cli.home).items() if file != "orders.jsonl"}
    cli("sync")
    kept = {path.name.removesuffix(".v1"): path.read_bytes() for path in (cli.home / "logs").glob("*.v1")}
    assert before.items() <= kept.items()
    assert {order["client_order_id"] for order in cli.json("orders", "--all")["orders"]} >= set(known_before(name))
    assert cli.json("audit", "verify")["ok"] is True
    assert "two writers" in json.dumps(cli.json("frozen"))
    assert cli("buy", "MSFT", "1", "--reference-price", "100").returncode == 5
    again = cli.json("orders", "--all")["orders"]
    cli("sync")
    assert [order["client_order_id"] for order in cli.json("orders", "--all")["orders"]] == [
        order["client_order_id"] for order in again
    ]
