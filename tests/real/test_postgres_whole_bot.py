"""Whole bots on one account in PostgreSQL, each on a machine of its own: what one did, the other one knows."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.command_line import CommandResult
from tests.support.command_line_bench import CommandLineBench
from tests.support.machines import KEY, Machines, carry_exchange, ordered_at
from tests.support.postgres_bench import PostgresBench
from tests.support.postgres_server import PostgresServer
from tests.support.running_bot import in_background
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.kill.journal_process import JournalProcess

pytestmark = pytest.mark.subprocess

RESTS = {"symbol": "AAPL", "action": "buy", "shares": 10, "price": "100", "reason": "rests below the market"}


@pytest.fixture
def machines(postgres: PostgresServer, tmp_path: Path) -> Iterator[Machines]:
    made = Machines(tmp_path, PostgresBench(postgres))
    yield made
    made.bench.close()


def signal_line(name: str, symbol: str = "AAPL") -> str:
    return json.dumps(RESTS | {"client_order_id": name, "symbol": symbol})


def buy_another(desk: CommandLineBench) -> CommandResult:
    return desk("buy", "MSFT", "1", "--reference-price", "100", "--client-order-id", "second")


def ids_of(desk: CommandLineBench) -> list[str]:
    return [order["client_order_id"] for order in desk.json("orders")["orders"]]


def test_a_bot_knows_its_orders_after_a_restart_and_proves_its_journal(machines):
    desk = machines.machine("one")
    bought = desk.buy("first")
    assert bought.returncode == 0, bought.stderr
    assert ids_of(desk) == ["first"]
    assert desk.json("status", "first")["client_order_id"] == "first"
    assert "nothing was sent" in desk.buy("first").stderr
    assert len(ordered_at(desk)) == 1
    verdict = desk.json("audit", "verify")
    assert (verdict["ok"], verdict["records"]) == (True, verdict["audit_log"]["last"])
    assert desk("audit", "explain", "first").returncode == 0
    assert desk("doctor").returncode == 0
    assert not desk.database.exists()


def test_the_other_machine_knows_the_orders_and_sends_none_of_them_again(machines):
    one, two = machines.machine("one"), machines.machine("two")
    assert one.buy("first").returncode == 0
    assert ids_of(two) == ["first"]
    carry_exchange(one, two)
    assert "nothing was sent" in two.buy("first").stderr
    assert buy_another(two).returncode == 0
    assert ids_of(one) == ids_of(two) == ["first", "second"]
    assert len(ordered_at(two)) == 2
    assert [desk.json("audit", "verify")["ok"] for desk in (one, two)] == [True, True]


def test_questions_are_answered_while_the_other_machine_trades_and_orders_are_refused(machines):
    one, two = machines.machine("one"), machines.machine("two")
    with in_background(one.config, "run", "--signals", "-") as bot:
        bot.write_line(signal_line("first"))
        bot.read_line()
        assert ids_of(two) == ["first"]
        refused = two.buy("second")
        assert refused.returncode != 0
        assert "holds this account as" in refused.stderr
        assert bot.end()[0] == 0
    assert len(ordered_at(one)) == 1


def test_a_standby_takes_over_from_a_killed_holder_and_sends_nothing_twice(machines):
    one, two = machines.machine("one"), machines.machine("two")
    with ExitStack() as stack:
        bot = stack.enter_context(in_background(one.config, "run", "--signals", "-"))
        bot.write_line(signal_line("first"))
        bot.read_line()  # only now is it surely the holder
        standby = stack.enter_context(in_background(two.config, "run", "--signals", "-", "--standby"))
        standby.write_line(signal_line("first"))
        standby.write_line(signal_line("second", "MSFT"))
        assert "standing by" in standby.read_error_line()
        bot.destroy()
        carry_exchange(one, two)
        machines.bench.let_time_pass(60)  # the rest of its lease, and its send horizon
        lines = [standby.read_line(), standby.read_line()]
        assert "duplicate" in lines[0], lines
        assert "MSFT" in lines[1], lines
        assert standby.end()[0] == 0
    assert len(ordered_at(two)) == 2
    assert ids_of(one) == ["first", "second"]


def test_a_holder_that_was_stopped_and_followed_sends_nothing_more(machines):
    one, two = machines.machine("one"), machines.machine("two")
    with ExitStack() as stack:
        bot = stack.enter_context(in_background(one.config, "run", "--signals", "-"))
        bot.write_line(signal_line("first"))
        bot.read_line()  # only now is it surely the holder
        standby = stack.enter_context(in_background(two.config, "run", "--signals", "-", "--standby"))
        assert "standing by" in standby.read_error_line()
        bot.hang()
        carry_exchange(one, two)
        machines.bench.let_time_pass(60)
        standby.write_line(signal_line("second", "MSFT"))
        standby.read_line()
        bot.write_line(signal_line("third", "MSFT"))
        bot.go_on()
        bot.read_line()
        assert standby.end()[0] == 0
    assert (len(ordered_at(one)), len(ordered_at(two))) == (1, 2)


def test_a_kill_on_the_other_machine_cancels_what_the_journal_knows(machines):
    one, two = machines.machine("one"), machines.machine("two")
    assert one.buy("first").returncode == 0
    carry_exchange(one, two)
    assert "1 of 1 cancels answered" in two("kill").stderr
    refused = buy_another(one)
    assert "not armed in the shared journal" in refused.stderr + refused.stdout


def test_a_kill_reads_the_shared_journal_in_a_process_of_its_own(machines, tmp_path):
    one = machines.machine("one")
    assert one.buy("first").returncode == 0
    process = JournalProcess(
        database=one.database, account_key=KEY, log=tmp_path / "none", url=machines.bench.url, within_s=60
    )
    found = process.read()
    assert (found.problem, {record.fact.client_order_id for record in found.records} >= {"first"}) == (None, True)
    (ref_id,) = ordered_at(one)
    assert process.known([ref_id, "another"]) == {ref_id}


def test_a_kill_finds_that_nobody_began_the_shared_journal(machines, tmp_path):
    process = JournalProcess(
        database=tmp_path / "none", account_key=KEY, log=tmp_path / "none", url=machines.bench.url, within_s=60
    )
    assert process.read().is_unfinished
    assert process.known(["a name"]) == frozenset()


def test_a_kill_goes_on_without_the_database_and_is_not_confirmed(machines, tmp_path):
    desk = machines.machine("one")
    assert desk.buy("first").returncode == 0
    settings = json.loads(desk.config.read_text(encoding="utf-8"))
    settings["journal_url"] = f"postgresql://owner@/postgres?host={tmp_path}"
    desk.config.write_text(json.dumps(settings), encoding="utf-8")
    done = desk("kill")
    assert done.returncode != ExitCode.DONE
    assert "the shared journal could not be read" in done.stdout + done.stderr


def test_neither_kind_of_journal_is_begun_beside_the_other(machines):
    desk = machines.machine("one")
    shared = desk.config.read_text(encoding="utf-8")
    alone = json.dumps({name: value for name, value in json.loads(shared).items() if name != "journal_url"})
    assert desk.buy("first").returncode == 0
    desk.config.write_text(alone, encoding="utf-8")
    refused = desk.buy("second")
    assert (refused.returncode, "set journal_url again" in refused.stderr) == (ExitCode.JOURNAL, True)
    other = machines.machine("two")
    shared_config = other.config.read_text(encoding="utf-8")
    other.config.write_text(alone, encoding="utf-8")
    assert other.buy("third").returncode == 0
    other.config.write_text(shared_config, encoding="utf-8")
    refused = other.buy("fourth")
    assert (refused.returncode, "on this machine alone" in refused.stderr) == (ExitCode.JOURNAL, True)
