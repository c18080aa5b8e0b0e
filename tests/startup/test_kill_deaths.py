"""A kill over the agent interface dies at an effect of it; a bot lives beside it, and somebody kills again."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.agent_account import AgentAccount
from tests.support.mortal import DiedError, Disk, Life, MortalFiles, MortalLine, effects_apart
from tests.support.tidy_files import TidyFiles
from trading_bot.bot import TradeStatus, TradingBot
from trading_bot.order_management.models import OrderState
from trading_bot.startup import create_bot
from trading_bot.startup.account_latch import account_latch
from trading_bot.startup.kill import open_kill

pytestmark = pytest.mark.no_cover  # a sweep: each line that it runs has a quick test of its own

APART = effects_apart(100)


class KilledAccount(AgentAccount):
    """Three bids rest, made by a bot that lives on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.around = replace(self.around, files=TidyFiles(), is_durable=False)
        for symbol in ("AAPL", "MSFT", "KO", "TSLA", "T"):
            self.server.book.quote(symbol, bid="99.98", ask="100.00")
        self.log_in()
        account_latch(self.config, self.around, self.state).arm(by="ann")
        self.bot = self.started()
        for symbol in ("AAPL", "MSFT", "KO"):
            assert self.buy(symbol) is TradeStatus.SUBMITTED

    def started(self) -> TradingBot:
        bot = create_bot(self.config, transport=self.transport, surroundings=self.around, background_sync=False)
        bot.start()
        return bot

    def buy(self, symbol: str) -> TradeStatus:
        return self.bot.execute_trade(symbol, "buy", 4, Decimal(90), "a test", client_order_id=symbol).status

    def kill(self, life: Life, disk: Disk) -> bool:
        """Kill, and die as the life has it; whether the kill could say that no order is open."""
        around = replace(self.around, files=MortalFiles(life, disk))
        line = MortalLine(life, self.transport)
        with suppress(DiedError):
            return open_kill(self.config, transport=line, surroundings=around).run("ann", "a test").is_confirmed
        return False


@pytest.fixture(scope="module")
def names(tmp_path_factory) -> list[str]:
    """The effects of a kill that nothing befalls."""
    account, life = KilledAccount(tmp_path_factory.mktemp("kill")), Life()
    assert account.kill(life, Disk())
    account.bot.stop()
    return life.names


def deaths(names: list[str], *, loses_power: bool) -> Iterator[int]:
    """Yield the effects to die at: each; or that before the first request, and after the last reply at a power loss."""
    told = len(names) - names[::-1].index("receive") if loses_power else names.index("send") + 1
    return (effect for effect in range(1, len(names) + 1) if APART == 1 or effect == told)


@pytest.mark.parametrize("loses_power", [False, True], ids=["kill -9", "power loss"])
def test_a_kill_that_died_is_made_good_by_the_next_one(loses_power, names, tmp_path_factory):
    for effect in deaths(names, loses_power=loses_power):
        account, disk, life = KilledAccount(tmp_path_factory.mktemp("kill")), Disk(), Life(die_at=effect)
        account.kill(life, disk)
        assert life.is_over
        if loses_power:
            disk.lose_power()
        blocked = account.buy("TSLA") is TradeStatus.BLOCKED
        assert blocked or "send" not in life.names, "nothing is asked of the broker before the kill stands"
        assert blocked is False or effect > 1
        assert account.kill(Life(), Disk())
        assert account.server.book.open() == []
        assert account.buy("T") is TradeStatus.BLOCKED
        account.bot.stop()
        account.bot = account.started()
        assert all(order.state is OrderState.CANCELLED for order in account.bot.orders()), life.names
        account.bot.stop()
        assert account.server.complaints == []
        assert len(account.server.places()) == (3 if blocked else 4)
