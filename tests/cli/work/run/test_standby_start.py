"""A standby waits for the machine that holds the account, and for the database, without end; for nothing else."""

import pytest

from tests.support.fake_bot import FakeTradingBot
from trading_bot.account_in_use import AccountInUseError, HeldElsewhereError
from trading_bot.bot import StartError
from trading_bot.cli.work.run.standby_start import StandbyStart
from trading_bot.order_management.exceptions import OrderLogError, OrderStatusError

HELD = HeldElsewhereError("one (pid 7)", free_in_s=105)
AWAY = OrderLogError("the database is away; see that it runs")


class Waited(FakeTradingBot):
    """Fails to start for these causes, one after the other."""

    def __init__(self, *causes: Exception) -> None:
        super().__init__()
        self.causes = list(causes)

    def start(self) -> None:
        if self.causes:
            raise StartError("account lease", self.causes.pop(0))
        super().start()


def standby(bot: Waited) -> tuple[StandbyStart, list[str]]:
    said: list[str] = []
    return StandbyStart(bot.as_bot(), clock=bot.clock, say=said.append), said


def test_it_looks_each_second_for_hours_and_says_once_what_it_waits_for():
    bot = Waited(*[HELD] * 10_000)
    start, said = standby(bot)
    began = bot.clock.monotonic()
    assert start(lambda: False)
    assert bot.events == ["start"]
    assert bot.clock.monotonic() - began == 10_000
    (line,) = said
    assert line.startswith("standing by: another trading-bot holds this account as one (pid 7), for 105 s more")


def test_a_database_that_is_away_is_waited_for_too():
    bot = Waited(HELD, AWAY, AWAY, HELD)
    start, said = standby(bot)
    assert start(lambda: False)
    assert [line.split(";")[0] for line in said][1] == "standing by: the database is away"
    assert len(said) == 3


@pytest.mark.parametrize("cause", [AccountInUseError(71), OrderStatusError("no positions"), OSError("no folder")])
def test_what_is_wrong_on_this_machine_is_refused_at_once(cause):
    start, said = standby(Waited(cause))
    with pytest.raises(StartError):
        start(lambda: False)
    assert said == []


def test_a_stop_ends_the_wait():
    bot = Waited(*[HELD] * 10_000)
    start, said = standby(bot)
    assert not start(lambda: bool(said))
    assert bot.events == []
