"""A run waits for a command that holds the account, and for nothing else."""

from pathlib import Path

import pytest

from tests.support.fake_bot import FakeTradingBot
from trading_bot.account_in_use import AccountInUseError
from trading_bot.bot import StartError
from trading_bot.cli.work.run.patient_start import PATIENCE_S, PatientStart, answers_at
from trading_bot.clock import SystemClock
from trading_bot.order_management.exceptions import OrderStatusError


class HeldBot(FakeTradingBot):
    """Cannot start so many times."""

    def __init__(self, times: int, cause: Exception) -> None:
        super().__init__()
        self.times, self.cause = times, cause

    def start(self) -> None:
        if self.times > 0:
            self.times -= 1
            raise StartError("account lease", self.cause)
        super().start()


class HeldBench:
    def __init__(self, bot: HeldBot, *, is_served: bool = False) -> None:
        self.bot, self.clock = bot, bot.clock
        self.said: list[str] = []
        self.start = PatientStart(bot.as_bot(), is_served=lambda: is_served, clock=self.clock, say=self.said.append)


@pytest.mark.parametrize(
    ("pid", "named"), [(71, "the trading-bot command with pid 71"), (None, "another trading-bot command")]
)
def test_a_command_that_holds_the_account_is_waited_for_with_one_line(pid, named):
    cli = HeldBench(HeldBot(5, AccountInUseError(pid)))
    began = cli.clock.monotonic()
    assert cli.start(lambda: False)
    assert cli.bot.events == ["start"]
    assert cli.clock.monotonic() - began == 5 * 0.25
    assert cli.said == [f"waiting for {named} to finish with this account, 60 seconds at most"]


def test_the_wait_is_bounded():
    cli = HeldBench(HeldBot(10_000, AccountInUseError(71)))
    began = cli.clock.monotonic()
    with pytest.raises(StartError):
        cli.start(lambda: False)
    assert cli.clock.monotonic() - began == PATIENCE_S


@pytest.mark.parametrize(
    ("cause", "is_served"),
    [(AccountInUseError(71), True), (OrderStatusError("down"), False)],
    ids=["another run", "another failure"],
)
def test_what_will_last_is_refused_at_once(cause, is_served):
    cli = HeldBench(HeldBot(1, cause), is_served=is_served)
    with pytest.raises(StartError):
        cli.start(lambda: False)
    assert cli.said == []


def test_a_stop_ends_the_wait():
    cli = HeldBench(HeldBot(10_000, AccountInUseError(71)))
    assert not cli.start(lambda: len(cli.said) > 0)
    assert cli.bot.events == []


def test_where_nobody_listens_no_run_answers(tmp_path: Path):
    assert not answers_at(tmp_path / "control.sock", SystemClock())
