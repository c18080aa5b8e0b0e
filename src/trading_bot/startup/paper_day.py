"""A recorded day to trade on: quotes, a clock that stands still by itself, and a bot on the paper exchange."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

from trading_bot.bot import TradingBot
from trading_bot.clock import Seconds, VirtualClock
from trading_bot.config import Config, ConfigError, TradingConfig
from trading_bot.market_hours import Calendar
from trading_bot.order_management.models import ExecutionMode
from trading_bot.paper.quotes import ReplayQuotes
from trading_bot.startup import create_bot, default_surroundings

_AFTER_THE_END = timedelta(seconds=15)
"""How long the clock goes on behind the last quote, so that what the close did to the orders is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperDay:
    """A started bot, and the day that it trades; times are in UTC."""

    bot: TradingBot
    clock: VirtualClock
    begins_at: datetime
    """The time of the first quote."""
    ends_at: datetime
    """The time of the last quote."""

    def every(self, seconds: Seconds) -> Iterator[datetime]:
        """Walk from now to the day's end, and yield the time every ``seconds``, which are above 0; first at once.

        Before a step the clock is moved, the open orders are read, and listeners have heard of it. How large the steps
        are changes no fill: the exchange trades each quote at its own time. A step that the work before it has slept
        through is left out.
        """
        if not seconds > 0:
            raise ValueError(f"a step takes more than 0 seconds, not {seconds}")
        step, moment = timedelta(seconds=seconds), self.clock.now()
        while moment <= self.ends_at:
            self._go_to(moment)
            yield moment
            while moment <= self.clock.now():
                moment += step
        self._go_to(self.ends_at + _AFTER_THE_END)

    def _go_to(self, moment: datetime) -> None:
        self.clock.sleep_until(moment)
        self.bot.synchronize_open_orders()
        self.bot.wait_for_listeners()


@contextmanager
def paper_day(
    *, quotes: Path | str | None = None, config: Config | None = None, folder: Path | str | None = None
) -> Iterator[PaperDay]:
    """Open a recorded day with a new paper account, on a clock that moves only as the day is walked through.

    ``quotes`` is a file as ``paper.quotes_file`` has it; without one it is the bundled day, 2026-11-20 from 9:30 to
    16:00 in New York, for AAPL, AMD, BRK.B, MSFT, NVDA, SPY and TSLA. ``config`` gives the settings, without one the
    defaults in the sessions of the NYSE; where journal, state and logs are kept is no part of it. They go to
    ``folder``, which must be new or empty, else to a temporary one that is removed at the end. The bot is stopped at
    the end.

    Raises:
        ConfigError: the settings are for live trading, or the folder is in use.
        QuoteFileError: the quotes file cannot be used.
        StartError: the bot could not be started.
    """
    settings = config or Config(trading=TradingConfig(calendar=Calendar.NYSE))
    if settings.trading.mode is not ExecutionMode.PAPER:
        raise ConfigError(["trading.mode is live; a recorded day is traded on paper"])
    market = _market(quotes)
    clock = VirtualClock(market.first_at)
    with _folder(folder) as place:
        own = {"logs_dir": place / "logs", "state_dir": place / "state", "journal_url": None}
        here = settings.model_copy(update=own)
        around = default_surroundings(clock, is_durable=False)
        bot = create_bot(here, surroundings=around, quotes=market, background_sync=False)
        bot.start()
        try:
            yield PaperDay(bot=bot, clock=clock, begins_at=market.first_at, ends_at=market.last_at)
        finally:
            bot.stop()


def _market(quotes: Path | str | None) -> ReplayQuotes:
    if quotes is not None:
        return ReplayQuotes.from_file(Path(quotes))
    with as_file(files("trading_bot.demo") / "quotes.jsonl") as bundled:
        return ReplayQuotes.from_file(bundled)


@contextmanager
def _folder(wanted: Path | str | None) -> Iterator[Path]:
    if wanted is None:
        with TemporaryDirectory(prefix="trading-bot-") as made:
            yield Path(made)
        return
    folder = Path(wanted).absolute()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ConfigError([f"{folder} is in use; name a new folder: a recorded day begins with a new account"])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    yield folder
