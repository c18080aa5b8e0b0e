"""Starts bots over a scripted broker, on a clock that only the test moves."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from pydantic import ValidationError

from trading_bot.bot import TradingBot
from trading_bot.clock import VirtualClock
from trading_bot.config import Config, ConfigError
from trading_bot.config.problems import problems_in
from trading_bot.error_handling.retry import no_jitter
from trading_bot.files import LocalFiles
from trading_bot.startup import Surroundings, create_bot
from trading_bot.testing.broker import ScriptedBroker

MONDAY_MORNING = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
"""10:00 in New York on a trading day: when a test begins."""


class BotStarter:
    """Starts a bot at each call, over the same broker, journal and ids, as if the one before had been stopped.

    ``settings`` are those of the configuration file, each optional; journal and logs are in ``folder``.
    """

    def __init__(
        self, broker: ScriptedBroker, clock: VirtualClock, *, folder: Path, settings: Mapping[str, object]
    ) -> None:
        self._broker = broker
        self._settings = settings
        self._folder = folder
        self._running: TradingBot | None = None
        ids = count(1)
        self._surroundings = Surroundings(
            clock=clock,
            files=LocalFiles(),
            new_id=lambda: f"id-{next(ids)}",
            jitter=no_jitter,
            process_id=os.getpid,
        )

    def __call__(self, **settings: object) -> TradingBot:
        """Stop the bot that runs, if one does, and start the next; ``settings`` take the place of those given before.

        Raises:
            ConfigError: a setting that is not allowed.
            StartError: the bot cannot start.
        """
        self.stop()
        places = {"logs_dir": str(self._folder / "logs"), "state_dir": str(self._folder / "state")}
        config = _config({**places, **self._settings, **settings})
        bot = create_bot(config, gateway=self._broker, surroundings=self._surroundings, background_sync=False)
        bot.start()
        self._running = bot
        return bot

    def stop(self) -> None:
        """Stop the bot that runs, if one does."""
        if self._running is not None:
            self._running.stop()
            self._running = None


def _config(settings: Mapping[str, object]) -> Config:
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(problems_in(error, model=Config)) from error
