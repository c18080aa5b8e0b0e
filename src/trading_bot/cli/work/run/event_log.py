"""Writes what a running bot tells its listeners to the log as well, for whoever looks later."""

from contextlib import AbstractContextManager

from trading_bot.bot_events import BotEvent
from trading_bot.cli.log_output import masker_of
from trading_bot.clock import Clock
from trading_bot.config import Config
from trading_bot.event_json import event_json
from trading_bot.logging.log_file import LogFile
from trading_bot.logging.setup import get_logger, logging_to

_log = get_logger(__name__)


def log_event(event: BotEvent) -> None:
    """Write one event."""
    facts = {name: value for name, value in event_json(event).items() if name not in {"v", "event"}}
    _log.info(str(event_json(event)["event"]), **facts)


def logs_to_file(config: Config, clock: Clock) -> AbstractContextManager[None]:
    """Write the events to the log file too while inside."""
    name = f"trading-bot-live-{config.account_suffix}.log" if config.trading.mode == "live" else "trading-bot.log"
    file = LogFile(config.logs_dir / name, max_bytes=config.log.max_bytes)
    return logging_to(file, level=config.log.level.upper(), masker=masker_of(config), clock=clock)
