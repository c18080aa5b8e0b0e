"""The start-up sequence: its order, the step that failed, and that nothing is left held behind it."""

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.bot_bench import ACCOUNT, LIST, LOGIN, POSITIONS, BotBench, answers, never_leaves
from tests.support.damaged_database import alter, bodies
from trading_bot.account_in_use import AccountInUseError
from trading_bot.bot import StartError, TradeStatus
from trading_bot.config import Config, OrderManagementConfig
from trading_bot.files import LocalFiles
from trading_bot.latch import LatchError
from trading_bot.order_management.exceptions import (
    AuthenticationError,
    OrderLogError,
    OrderStatusError,
)
from trading_bot.order_management.poller import Poller
from trading_bot.order_management.results import CancelVerdict
from trading_bot.startup import create_bot, open_command_client


class NoMarker(LocalFiles):
    """Cannot note that a paper account was initialised."""

    def write_new(self, path: Path, data: bytes) -> None:
        if path.name == "armed.initialised":
            raise OSError(28, "No space left on device")
        super().write_new(path, data)


def failing_start(bench: BotBench) -> StartError:
    with pytest.raises(StartError) as caught:
        bench.bot.start()
    return caught.value


def stopped_with_an_order(bench: BotBench) -> BotBench:
    bench.started().trade()
    bench.bot.stop()
    bench.bot = bench.new_bot()
    return bench


def test_building_a_bot_opens_and_sends_nothing(tmp_path):
    bench = BotBench(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert bench.broker.seen == []
    assert not bench.bot.is_running


@pytest.mark.parametrize("size", [65_536, OrderManagementConfig().journal_max_bytes])
@pytest.mark.parametrize("way", ["create_bot", "open_command_client"])
def test_a_setting_that_has_no_effect_any_more_is_told_once(tmp_path, caplog, way, size):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"state_dir": str(tmp_path / "state"), "order_management": {"journal_max_bytes": size}}))
    config = Config.from_env_and_json(path, environ={})
    if way == "create_bot":
        create_bot(config)
    else:
        with open_command_client(config):
            pass
    (told,) = [record for record in caplog.records if "setting_without_effect" in record.getMessage()]
    assert "order_management.journal_max_bytes" in told.getMessage()


def test_a_poller_that_died_halts_entries(tmp_path):
    bench = BotBench(tmp_path)
    bot = create_bot(bench.config, transport=bench.broker, clock=bench.clock)
    poller = bot._lifecycle.opening["poller"].__self__  # type: ignore[attr-defined]  # the method of a poller
    assert isinstance(poller, Poller)
    bot.start()
    assert bot.manager.halted_because is None
    assert poller.stop(timeout_s=10)
    poller._stop.clear()  # nobody asked it to end, as far as it knows
    assert "restart the bot" in str(bot.manager.halted_because)
    bot.stop()


def test_the_steps_run_in_the_order_that_safety_asks_for(tmp_path):
    """Nobody logs in without the lease and the journal, and no order is taken before all have been compared."""
    bench = BotBench(tmp_path)
    sequence = ["account lease", "journal", "latch", "login", "account", "reconciliation"]
    assert [step for step in bench.bot._lifecycle.opening if step in sequence] == sequence
    assert next(iter(bench.bot._lifecycle.opening)) == "account lease"
    bench.bot.start()
    assert bench.broker.seen[:4] == [LOGIN, LIST, ACCOUNT, POSITIONS]
    assert bench.bot.is_running


def test_background_synchronisation_and_what_goes_beside_it_come_last(tmp_path):
    bench = BotBench(tmp_path)
    bot = create_bot(bench.config, transport=bench.broker, clock=bench.clock)
    assert list(bot._lifecycle.opening)[-2:] == ["poller", "companions"]


@pytest.mark.parametrize(("timeout_s", "is_there"), [(None, False), (60, True)])
def test_time_outs_have_a_thread_of_their_own_where_there_are_any(tmp_path, timeout_s, is_there):
    """A cancel that is followed keeps no fill waiting."""
    bench = BotBench(tmp_path)
    settings = bench.config.order_management.model_copy(update={"unfilled_timeout_s": timeout_s})
    config = bench.config.model_copy(update={"order_management": settings})
    bot = create_bot(config, transport=bench.broker, clock=bench.clock)
    begins = cast("Any", bot._lifecycle.opening["companions"])
    made = begins.__self__._make()
    assert ("unfilled" in made) is is_there
    if is_there:
        made["unfilled"]._task()


def test_a_session_is_on_record_from_start_to_stop(tmp_path):
    bench = BotBench(tmp_path).started()
    bench.bot.stop()
    events = [record.fact.event for record in bench.records()]
    assert events == ["journal_opened", "position_accepted", "position_accepted", "session_started", "session_stopped"]


def test_starting_twice_changes_nothing(tmp_path):
    bench = BotBench(tmp_path).started()
    seen, journal = list(bench.broker.seen), bench.records()
    bench.bot.start()
    assert (bench.broker.seen, bench.records()) == (seen, journal)


class TestFailingSteps:
    def test_a_second_holder_of_the_account_is_refused(self, tmp_path):
        bench = BotBench(tmp_path).started()
        seen = len(bench.broker.seen)
        second = bench.new_bot()
        with pytest.raises(StartError) as caught:
            second.start()
        assert caught.value.step == "account lease"
        assert isinstance(caught.value.cause, AccountInUseError)
        assert caught.value.cause.pid == os.getpid()
        assert len(bench.broker.seen) == seen
        assert bench.trade().status is TradeStatus.SUBMITTED, "the first one is not disturbed"

    def test_a_journal_that_is_gone_is_refused(self, tmp_path):
        bench = stopped_with_an_order(BotBench(tmp_path))
        bench.database.unlink()
        seen = len(bench.broker.seen)
        error = failing_start(bench)
        assert (error.step, type(error.cause)) == ("journal", OrderLogError)
        assert "is gone" in str(error)
        assert len(bench.broker.seen) == seen
        assert not bench.database.exists()

    def test_a_journal_that_is_elsewhere_now_is_refused(self, tmp_path):
        bench = stopped_with_an_order(BotBench(tmp_path))
        old = tmp_path / "logs" / "orders.jsonl"
        (bench.state / "journal.json").write_text(json.dumps({"v": 1, "journal": str(old)}), encoding="utf-8")
        old.write_bytes(b"one of version 0.1")
        error = failing_start(bench)
        assert error.step == "journal"
        assert str(old) in str(error)

    def test_with_a_damaged_journal_the_bot_starts_for_cancels_only_and_leaves_it_as_it_is(self, tmp_path):
        bench = stopped_with_an_order(BotBench(tmp_path))
        alter(bench.database, '"quantity":"10"', '"quantity":"99"')
        damaged = bodies(bench.database)
        bench.bot = bench.new_bot()
        bench.bot.start()
        refused = bench.trade(client_order_id="c2")
        assert (refused.status, refused.code) == (TradeStatus.BLOCKED, "journal_damaged")
        assert "audit verify" in refused.message
        (result,) = bench.bot.manager.cancel_all_open_orders(include_external=True)
        assert result.verdict is CancelVerdict.CANCELLED
        bench.bot.stop()
        assert bodies(bench.database) == damaged

    def test_a_journal_of_another_account_is_refused(self, tmp_path):
        bench = stopped_with_an_order(BotBench(tmp_path))
        database = bench.database
        bench.settings["account_number"] = "5QR12345"
        bench.bot = bench.new_bot()
        with contextlib.suppress(StartError):
            bench.bot.start()
        other = next(path for path in (tmp_path / "state").iterdir() if path != database.parent)
        shutil.copy(database, other / database.name)
        error = failing_start(bench)
        assert error.step == "journal"
        assert "belongs to another account" in str(error)
        assert "5QR12345" not in str(error)

    def test_an_account_that_cannot_be_armed_is_refused(self, tmp_path):
        bench = BotBench(tmp_path, files=NoMarker())
        error = failing_start(bench)
        assert (error.step, type(error.cause)) == ("latch", LatchError)
        assert bench.broker.seen == []

    @pytest.mark.parametrize("answer", [answers(400, {"detail": "wrong password"}), answers(401), never_leaves])
    def test_a_login_that_fails_is_named(self, tmp_path, answer):
        bench = BotBench(tmp_path)
        bench.broker.standing[LOGIN] = answer
        error = failing_start(bench)
        assert error.step == "login"
        assert isinstance(error.cause, AuthenticationError)
        assert set(bench.broker.seen) == {LOGIN}

    def test_an_account_that_cannot_be_read_is_named(self, tmp_path):
        bench = BotBench(tmp_path)
        bench.broker.standing[ACCOUNT] = answers(403)
        error = failing_start(bench)
        assert error.step == "account"
        assert isinstance(error.cause, OrderStatusError)
        assert POSITIONS not in bench.broker.seen

    def test_a_broker_that_is_down_is_named_after_the_account(self, tmp_path):
        """One whose orders and positions answer is not down: the bot starts, and buys nothing."""
        bench = BotBench(tmp_path)
        bench.broker.standing[ACCOUNT] = bench.broker.standing[LIST] = answers(500)
        error = failing_start(bench)
        assert error.step == "reconciliation"
        assert "reading accounts" in str(error)

    def test_orders_that_cannot_be_compared_leave_only_cancels(self, tmp_path):
        """A bot that did not start could not cancel what is open; entries wait for a comparison that is complete."""
        bench = BotBench(tmp_path).started()
        bench.trade()
        bench.bot.stop()
        bench.bot = bench.new_bot()
        bench.broker.standing[LIST] = answers(500)
        bench.bot.start()
        assert bench.bot.is_running
        result = bench.trade(shares=11, client_order_id="c2")
        assert (result.status, result.code, bench.submits) == (TradeStatus.BLOCKED, "trading_halted", 1)
        assert bench.bot.cancel_order("c1").is_proven_closed
        bench.broker.standing.clear()
        bench.bot.synchronize_open_orders()
        assert bench.trade(client_order_id="c3").status is TradeStatus.SUBMITTED

    @pytest.mark.parametrize("route", [LOGIN, ACCOUNT])
    def test_what_was_opened_is_closed_again(self, tmp_path, route):
        bench = BotBench(tmp_path)
        bench.broker.standing[route] = answers(403)
        failing_start(bench)
        assert not bench.bot.is_running
        assert bench.trade().status is TradeStatus.BLOCKED
        bench.broker.standing.clear()
        bench.bot = bench.new_bot()
        bench.bot.start()
        assert bench.trade(client_order_id="c2").status is TradeStatus.SUBMITTED

    def test_stopping_after_a_failed_start_is_harmless(self, tmp_path):
        bench = BotBench(tmp_path)
        bench.broker.standing[LOGIN] = answers(500)
        failing_start(bench)
        assert bench.bot.stop() == ()


class TestLatch:
    def test_a_paper_account_is_armed_at_its_first_start(self, tmp_path):
        bench = BotBench(tmp_path).started()
        assert (bench.state / "armed").is_file()

    def test_a_killed_account_stays_killed_over_every_restart(self, tmp_path):
        bench = BotBench(tmp_path).started()
        (bench.state / "armed").unlink()
        for number in range(2):
            bench.restart()
            result = bench.trade(client_order_id=f"c{number}")
            assert (result.status, result.code) == (TradeStatus.BLOCKED, "trading_halted")
        assert not (bench.state / "armed").exists()
        assert bench.submits == 0

    def test_a_killed_account_can_still_cancel(self, tmp_path):
        bench = BotBench(tmp_path).started()
        bench.trade()
        (bench.state / "armed").unlink()
        bench.restart()
        assert [result.is_proven_closed for result in bench.bot.cancel_all_open_orders()] == [True]


def test_files_are_private(tmp_path):
    bench = BotBench(tmp_path).started()
    bench.trade()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 5
    assert {path.stat().st_mode & 0o077 for path in files} == {0}


def test_a_relative_logs_folder_means_the_same_journal_as_its_absolute_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bench = BotBench(tmp_path)
    relative = bench.config.model_copy(update={"logs_dir": Path("logs")})
    create_bot(relative, transport=bench.broker, clock=bench.clock, background_sync=False).stop()
    for config in (relative, relative.model_copy(update={"logs_dir": tmp_path / "logs"})):
        bot = create_bot(config, transport=bench.broker, clock=bench.clock, background_sync=False)
        bot.start()
        bot.stop()
        assert bot.audit_log == tmp_path / "logs" / "orders.jsonl"
        assert bot.journal_name == str(bench.state / "journal.sqlite3")


def test_a_bot_whose_lease_file_was_deleted_sends_nothing(tmp_path: Path):
    bench = BotBench(tmp_path).started()
    (bench.state / "lease.lock").unlink()
    result = bench.trade()
    assert (result.status, bench.orders_at_broker()) == (TradeStatus.NOT_SENT, 0)
    assert "deleted or replaced" in result.message


def test_a_setting_of_version_01_is_taken_with_a_warning(tmp_path, caplog):
    """Its journal was in files that were finished at this size."""
    BotBench(tmp_path, journal_max_bytes=65_536).started()
    assert "journal_max_bytes" in caplog.text
