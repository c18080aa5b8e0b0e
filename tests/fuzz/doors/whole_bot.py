"""A whole bot over a scripted broker: what gets through a door reaches the order layer, and the broker is looked at."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trading_bot.bot import TradingBot
from trading_bot.clock import VirtualClock
from trading_bot.testing import MONDAY_MORNING, BotStarter, ScriptedBroker


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeBot:
    """A bot that has started, with 50 AAPL, and its broker."""

    bot: TradingBot
    broker: ScriptedBroker


@contextmanager
def whole_bot(folder: Path) -> Iterator[WholeBot]:
    """Start a bot in an empty folder."""
    home = folder / "bot"
    shutil.rmtree(home, ignore_errors=True)
    clock = VirtualClock(MONDAY_MORNING)
    broker = ScriptedBroker(clock)
    broker.hold("AAPL", 50)
    broker.quote("AAPL", bid="249.98", ask="250.00")
    starter = BotStarter(broker, clock, folder=home, settings={})
    try:
        yield WholeBot(bot=starter(), broker=broker)
    finally:
        starter.stop()
