"""`run --fresh` begins the paper account anew: the one before is put aside and can be put back."""

from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from tests.support.command_line_bench import CommandLineBench
from trading_bot.account_in_use import AccountInUseError
from trading_bot.cli.errors import CommandError
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work.run.fresh import put_account_aside
from trading_bot.clock import VirtualClock
from trading_bot.config import Config
from trading_bot.lease import Lease

CLOCK = VirtualClock(datetime(2026, 11, 27, 12, tzinfo=UTC))
ASIDE = "before-20261127T120000Z"


@pytest.fixture
def bench(tmp_path: Path) -> CommandLineBench:
    made = CommandLineBench(tmp_path)
    made.buy()
    (tmp_path / "logs" / "trades.jsonl.1").touch()
    (tmp_path / "logs" / "orders-live-0001.jsonl").touch()
    (tmp_path / "logs" / "replays.jsonl").touch()
    return made


def afresh(bench: CommandLineBench, *, yes: bool = True, **settings: object) -> None:
    config = Config.from_env_and_json(bench.config, environ={}).model_copy(update=settings)
    put_account_aside(Invocation(quiet=True), config, yes=yes, clock=CLOCK)


def test_the_account_is_put_aside_whole_and_a_new_one_begins(bench):
    afresh(bench)
    aside = bench.home / "logs" / ASIDE
    assert {path.name for path in aside.iterdir()} == {"orders.jsonl", "state", "trades.jsonl", "trades.jsonl.1"}
    assert {"journal.sqlite3", "paper.sqlite3"} <= {path.name for path in (aside / "state").iterdir()}
    left = {path.name for path in (bench.home / "logs").iterdir() if not path.name.startswith(".")}
    assert left == {ASIDE, "orders-live-0001.jsonl", "replays.jsonl"}
    assert bench("orders", "--all").stdout == "no orders\n"
    assert bench.buy().returncode == 0
    assert bench.json("orders", "--all")["orders"][0]["client_order_id"] == "first"
    assert bench("audit", "verify").returncode == 0


def test_without_an_account_there_is_nothing_to_put_aside(tmp_path):
    afresh(CommandLineBench(tmp_path), yes=False)
    assert not (tmp_path / "logs").exists()


def test_nobody_who_could_agree_means_no(bench):
    with pytest.raises(CommandError, match="add --yes"):
        afresh(bench, yes=False)
    assert bench.database.exists()


def test_an_account_in_use_stays_as_it_is(bench):
    lease = Lease(path=bench.state / "lease.lock")
    lease.acquire()
    with pytest.raises(AccountInUseError):
        afresh(bench)
    lease.release()
    assert bench.database.exists()
    assert bench.journal.exists()


def test_a_disk_that_refuses_is_said_with_the_remedy(bench):
    (bench.home / "logs" / ASIDE).touch()
    with pytest.raises(CommandError, match="run it again"):
        afresh(bench)
    assert bench.database.exists()


@pytest.mark.parametrize("settings", [{"trading": Config.model_validate({"trading": {"mode": "live"}}).trading}])
def test_a_live_account_never_begins_anew(bench, settings):
    with pytest.raises(click.UsageError, match="begins a paper account"):
        afresh(bench, **settings)


def test_the_command_asks_says_where_it_went_and_runs(bench):
    (bench.home / "none.jsonl").touch()
    asked = bench("run", "--signals", str(bench.home / "none.jsonl"), "--fresh")
    assert (asked.returncode, "add --yes" in asked.stderr) == (2, True)
    done = bench("run", "--signals", str(bench.home / "none.jsonl"), "--fresh", "--yes")
    assert (done.returncode, "the one before is in" in done.stderr) == (0, True)
    assert bench("orders", "--all").stdout == "no orders\n"
