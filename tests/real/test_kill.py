"""A kill as a process of its own: nothing small stops it. Each rule with the real command line."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import child_environment
from tests.support.command_line_bench import CommandLineBench
from tests.support.live_account import NUMBER, LiveAccount, live_account
from tests.support.loopback_broker.acts import Act, reply
from tests.support.loopback_broker.bench import authority
from tests.support.loopback_broker.server import Heard
from tests.support.paper_market import BASE
from tests.support.stored_broker import StoredBroker
from trading_bot.bot import TradeStatus
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.clock import SystemClock
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.models import ExecutionMode
from trading_bot.startup.account_number import PAPER_ACCOUNT
from trading_bot.state_folder import account_key

pytestmark = pytest.mark.subprocess

BOUND_S = 60
MANY = 120
"""More than a page of the list, and more than all that is asked for at once."""

SIGNALS = [signal.SIGINT, signal.SIGHUP, signal.SIGTERM]
VERDICT_ON = {
    "2>/dev/full": (True, False),
    ">/dev/full": (False, True),
    ">/dev/full 2>/dev/full": (False, False),
    "2>&-": (True, False),
    ">&-": (False, True),
    "<&- >&- 2>&-": (False, False),
}
"""Whether stdout and stderr show the verdict when the shell redirects them so."""


def armed_desk(home: Path) -> CommandLineBench:
    """A paper account that is armed, with one order of ours at rest."""
    home.mkdir(exist_ok=True)
    desk = CommandLineBench(home)
    assert desk.buy("first").returncode == 0
    return desk


@pytest.fixture
def desk(tmp_path: Path) -> CommandLineBench:
    return armed_desk(tmp_path)


@contextmanager
def running(
    arguments: Sequence[str], home: Path, program: str = sys.executable, **streams: Any
) -> Iterator["subprocess.Popen[str]"]:
    """A process that is gone in any case when this is left."""
    plain = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(
        [program, *arguments], cwd=home, env=child_environment(home), text=True, **(plain | streams)
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.communicate(timeout=BOUND_S)


def kill_of(desk: CommandLineBench, *options: str) -> list[str]:
    return ["-m", "trading_bot", "-c", str(desk.config), *options, "kill"]


def killed(desk: CommandLineBench, **streams: Any) -> tuple[int, str, str]:
    with running(kill_of(desk), desk.home, **streams) as process:
        out, err = process.communicate(timeout=BOUND_S)
        return process.returncode, out or "", err or ""


def wait_until(happened: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Wait while the process lives, a bounded time."""
    for _ in range(BOUND_S * 10):
        if happened():
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            break
    assert happened(), "it never happened"


def is_armed(desk: CommandLineBench) -> bool:
    return (desk.state / "armed").exists()


def kill_records(desk: CommandLineBench) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted((desk.state / "side").glob("*.jsonl")))


def has_ended(desk: CommandLineBench) -> bool:
    return (desk.state / "side").exists() and "kill_ended" in kill_records(desk)


def interrupt(process: "subprocess.Popen[str]") -> None:
    """Until it ends: a signal before the verdict asks for the verdict, and one after it for the end."""
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(3)
            return


def full_pipe() -> tuple[int, int]:
    """A pipe that takes no byte more until somebody reads."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while os.write(writer, b"x" * 4096):
            continue
    os.set_blocking(writer, True)
    return reader, writer


class TestTerminal:
    def test_no_stream_that_is_full_or_closed_changes_anything(self, tmp_path):
        """All at the same time, because a kill mostly waits."""
        desks = {redirection: armed_desk(tmp_path / str(number)) for number, redirection in enumerate(VERDICT_ON)}
        with ExitStack() as stack:
            kills = {
                redirection: stack.enter_context(
                    running(["-c", f'exec "$@" {redirection}', "sh", sys.executable, *kill_of(desk)], desk.home, "sh")
                )
                for redirection, desk in desks.items()
            }
            told = {redirection: process.communicate(timeout=BOUND_S) for redirection, process in kills.items()}
        assert {redirection: process.returncode for redirection, process in kills.items()} == dict.fromkeys(desks, 0)
        assert not any(map(is_armed, desks.values()))
        assert all('confirmed\\":true' in kill_records(desk) for desk in desks.values())
        verdicts = {
            redirection: tuple("NO OPEN ORDERS" in text for text in texts) for redirection, texts in told.items()
        }
        assert verdicts == VERDICT_ON

    def test_a_reader_that_has_stopped_holds_nothing_up(self, tmp_path):
        """One reader goes on at last; the other kill is interrupted, which does not change what it came to."""
        desks = [armed_desk(tmp_path / name) for name in ("read", "interrupted")]
        with ExitStack() as stack:
            full = [full_pipe() for _ in desks]
            kills = [
                stack.enter_context(running(kill_of(desk), desk.home, stderr=writer))
                for desk, (_, writer) in zip(desks, full, strict=True)
            ]
            for desk, process, (_, writer) in zip(desks, kills, full, strict=True):
                os.close(writer)
                wait_until(partial(has_ended, desk), process)
                assert process.poll() is None, "its output waits for the reader"
            interrupt(kills[1])
            with os.fdopen(full[0][0], "rb") as rest:
                rest.read()
            codes = [process.wait(BOUND_S) for process in kills]
            os.close(full[1][0])
        assert codes == [ExitCode.DONE, ExitCode.DONE]
        assert not any(map(is_armed, desks))


class TestSignals:
    def test_a_signal_after_the_latch_waits_for_the_cancels_on_record_and_a_verdict(self, tmp_path):
        desks = {number: armed_desk(tmp_path / number.name) for number in SIGNALS}
        with ExitStack() as stack:
            kills = {number: stack.enter_context(running(kill_of(desk), desk.home)) for number, desk in desks.items()}
            for number, process in kills.items():
                self.interrupt(process, number)
            told = {number: process.communicate(timeout=BOUND_S) for number, process in kills.items()}
        for number, (out, err) in told.items():
            assert kills[number].returncode == ExitCode.OUTCOME_UNKNOWN
            assert out.startswith("NOT CONFIRMED: trading is off")
            assert "it was interrupted before the proof" in out
            assert f"{number.name}: trading is off" in err
            assert "Traceback" not in err
            assert not is_armed(desks[number])
            assert "CancelTaken" in kill_records(desks[number])
            assert '"kill_ended"' in kill_records(desks[number])

    def interrupt(self, process: "subprocess.Popen[str]", number: signal.Signals) -> None:
        assert process.stderr is not None
        assert "trading is off" in process.stderr.readline()
        for _ in range(3):
            process.send_signal(number)


class TestSettings:
    @pytest.mark.parametrize("settings", ['{"papr": {}}', "{", None], ids=["misspelt", "no JSON", "moved"])
    def test_settings_that_cannot_be_read_leave_no_account_of_the_state_folder_armed(self, desk, settings):
        if settings is None:
            desk.config.rename(desk.home / "moved.json")
        else:
            desk.config.write_text(settings, encoding="utf-8")
        code, out, _ = killed(desk)
        assert code == ExitCode.OUTCOME_UNKNOWN
        assert out.startswith("NOT CONFIRMED: trading is off for the armed accounts of")
        assert str(desk.config) in out
        assert f"switched off: {desk.state / 'armed'}" in out
        assert not is_armed(desk)

    def test_a_configuration_that_never_answers_does_not_hold_the_latch_up(self, desk):
        desk.config.unlink()
        os.mkfifo(desk.config)
        code, out, _ = killed(desk)
        assert code == ExitCode.OUTCOME_UNKNOWN
        assert f"switched off: {desk.state / 'armed'}" in out
        assert not is_armed(desk)

    def test_without_a_config_file_a_live_account_is_named_and_paper_is_not_taken_for_it(self, tmp_path):
        default = Path(child_environment(tmp_path)["XDG_STATE_HOME"]) / "trading-bot"
        live = default / f"live-{account_key(ExecutionMode.LIVE, NUMBER)}"
        live.mkdir(parents=True)
        (live / "armed").touch()
        journal = {"v": 1, "journal": str(tmp_path / "logs" / "orders-live-0001.jsonl")}
        (live / "journal.json").write_text(json.dumps(journal), encoding="utf-8")
        with running(["-m", "trading_bot", "kill"], tmp_path) as process:
            out, _ = process.communicate(timeout=BOUND_S)
        assert process.returncode == ExitCode.OUTCOME_UNKNOWN
        assert "the live account ...0001" in out
        assert not (live / "armed").exists()
        assert [path.name for path in default.iterdir()] == [live.name]


def test_a_journal_that_hangs_holds_neither_the_cancels_nor_the_verdict_up(desk):
    desk.database.unlink()
    os.mkfifo(desk.database)
    code, out, _ = killed(desk)
    assert code == ExitCode.OUTCOME_UNKNOWN
    assert f"the journal's database {desk.database} could not be read (it was not read within 1.8 s)" in out
    assert "CancelTaken" in kill_records(desk)


def test_an_order_that_another_copy_of_the_bot_sent_is_cancelled_and_nothing_confirmed(desk):
    exchange, now = desk.state / "paper.sqlite3", SystemClock().now()
    broker = StoredBroker(exchange, start=now, account_number=PAPER_ACCOUNT).login()
    account, ref_id = f"{BASE}/accounts/{PAPER_ACCOUNT}/", f"{OUR_MARK}-0000-4000-8000-000000000001"
    order_id = broker.place(1, ref_id=ref_id, price="1.00", account=account)
    code, out, _ = killed(desk)
    assert code == ExitCode.OUTCOME_UNKNOWN
    assert "on another machine may trade it still" in out
    assert "with our mark and in no record of ours: buy 10 " in out
    assert f" limit 1.00, broker's order id {order_id}" in out
    assert broker.get(f"/orders/{order_id}/")["state"] == "cancelled"


def test_many_orders_are_cancelled_within_the_time_that_is_stated_and_progress_is_shown(desk):
    exchange, now = desk.state / "paper.sqlite3", SystemClock().now()
    broker = StoredBroker(exchange, start=now, account_number=PAPER_ACCOUNT).login()
    account = f"{BASE}/accounts/{PAPER_ACCOUNT}/"
    for number in range(MANY):
        ref_id = f"{OUR_MARK}-0000-4000-8000-{number:012d}"
        broker.place(number, ref_id=ref_id, price="1.00", quantity="1", account=account)
    with running(kill_of(desk), desk.home) as process:
        began = SystemClock().monotonic()
        out, err = process.communicate(timeout=110)
        took_s = SystemClock().monotonic() - began
    stated_s = max(int(found) for found in re.findall(r"a verdict comes within (\d+) s", err))
    assert stated_s > 0.25 * MANY
    assert took_s < stated_s + 10  # the interpreter starts, too
    assert f"25 of {MANY} cancels answered" in err
    assert f"{MANY} of {MANY} cancels answered" in err
    assert f"{MANY} orders with this bot's mark are in no record" in out
    assert broker.get("/orders/", account_numbers=PAPER_ACCOUNT, is_closed="false")["results"] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to another user")
def test_an_armed_file_of_another_user_arms_nothing(desk):
    os.chown(desk.state / "armed", 65534, 65534)
    refused = desk("buy", "MSFT", "1", "--reference-price", "100")
    assert refused.returncode == ExitCode.REFUSED_BY_RULE
    assert "belongs to another user" in refused.stderr


class TestLive:
    @pytest.fixture
    def live(self, tmp_path: Path) -> Iterator[LiveAccount]:
        """Armed and logged in, with one order of ours at rest."""
        with live_account(tmp_path) as account:
            account.arm()
            account.log_in()
            bot = account.bot()
            bot.start()
            assert bot.execute_trade("AAPL", "buy", 10, Decimal("90.00"), "a test").status is TradeStatus.SUBMITTED
            bot.stop()
            (tmp_path / "config.json").write_text(json.dumps(account.settings), encoding="utf-8")
            yield account

    @contextmanager
    def kill(self, live: LiveAccount) -> Iterator["subprocess.Popen[str]"]:
        arguments = ["-m", "tests.support.live_kill", str(live.folder / "config.json"), str(live.server.port)]
        with running([*arguments, str(authority().ca_file)], live.folder) as process:
            yield process

    def interrupted(self, process: "subprocess.Popen[str]") -> tuple[str, str]:
        process.send_signal(signal.SIGINT)
        return process.communicate(timeout=BOUND_S)

    def test_a_saved_session_that_others_may_open_is_used_and_told(self, live):
        live.state().session.chmod(0o644)
        with self.kill(live) as process:
            wait_until(lambda: _are_cancelled(live), process)
            out, _ = self.interrupted(process)
        assert "note: the saved session" in out
        assert "is open to other users: run chmod 600" in out

    def test_no_link_that_is_no_address_ends_anything(self, live):
        """Each list has another one."""
        odd = ["http://[", "https://api.robinhood.com/orders/?cursor=[", 5, {"a": 1}]
        asked: list[Heard] = []

        def listing(heard: Heard) -> Act:
            link = odd[len(asked) % len(odd)]
            asked.append(heard)
            rows = [row for row in live.book.rows.values() if row["state"] == "confirmed"]
            return reply(200, {"next": link, "results": [*rows, {"id": link, "account": link, "instrument": link}]})

        live.server.on_every("GET", "/orders/", listing)
        with self.kill(live) as process:
            wait_until(lambda: len(asked) > len(odd), process)
            out, err = self.interrupted(process)
        assert process.returncode == ExitCode.OUTCOME_UNKNOWN
        assert out.startswith("NOT CONFIRMED: trading is off")
        assert "Traceback" not in err
        assert "the kill itself failed" not in out
        assert _are_cancelled(live)

    def test_a_broker_that_hangs_delays_the_verdict_after_a_signal_by_its_time_outs_alone(self, live):
        live.server.on_every("GET", "/orders/", lambda heard: lambda connection, stop: stop.wait() and False)
        with self.kill(live) as process:
            assert process.stderr is not None
            while "1 of 1 cancels answered" not in process.stderr.readline():
                continue
            out, _ = self.interrupted(process)
        assert out.startswith("NOT CONFIRMED: trading is off")
        assert _are_cancelled(live)
        assert not live.state().latch.exists()


def _are_cancelled(live: LiveAccount) -> bool:
    return {row["state"] for row in live.book.rows.values()} == {"cancelled"}
