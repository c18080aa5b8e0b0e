"""The fixtures that pytest finds once trading-bot is installed: ``bot``, ``broker``, ``clock`` and their parts.

pytest loads this module in every run, so it imports nothing that a run without these fixtures would pay for.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from trading_bot import testing

if TYPE_CHECKING:
    from trading_bot.bot import TradingBot
    from trading_bot.clock import VirtualClock
    from trading_bot.testing import BotStarter, ScriptedBroker


@pytest.fixture
def clock() -> "VirtualClock":
    """Return the clock of broker and bot: Monday at 10:00 in New York. It moves only by ``clock.advance(seconds)``."""
    return testing.VirtualClock(testing.MONDAY_MORNING)


@pytest.fixture
def broker(clock: "VirtualClock") -> "ScriptedBroker":
    """Return a broker that takes every order and fills none until it is told to; it has $100,000 and no shares."""
    return testing.ScriptedBroker(clock)


@pytest.fixture
def bot_config() -> Mapping[str, object]:
    """Return the settings of the bot, as in its configuration file; override this fixture to give your own."""
    return {}


@pytest.fixture
def start_bot(
    broker: "ScriptedBroker", clock: "VirtualClock", bot_config: Mapping[str, object], tmp_path: Path
) -> "Iterator[BotStarter]":
    """Return what starts a bot, for a test that prepares the broker first or restarts the bot."""
    starter = testing.BotStarter(broker, clock, folder=tmp_path, settings=bot_config)
    yield starter
    starter.stop()


@pytest.fixture
def bot(start_bot: "BotStarter") -> "TradingBot":
    """Return a bot that has started over ``broker``; it is stopped when the test ends."""
    return start_bot()


@pytest.fixture
def mock_session(broker: "ScriptedBroker") -> Iterator[Any]:
    """Return ``broker`` with each call that the bot makes of it as a mock, which does as before until it is told else.

    ``mock_session.submit.assert_called_once()``; ``mock_session.submit.return_value = reject("...")``.
    """
    with testing.mocked(broker) as session:
        yield session
