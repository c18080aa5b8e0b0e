"""Writes what a running bot tells its listeners to the log as well, for whoever looks later."""

from trading_bot.bot_events import BotEvent
from trading_bot.event_json import event_json
from trading_bot.logging.setup import get_logger

_log = get_logger(__name__)


def log_event(event: BotEvent) -> None:
    """Write one event."""
    facts = {name: value for name, value in event_json(event).items() if name not in {"v", "event"}}
    _log.info(str(event_json(event)["event"]), **facts)
