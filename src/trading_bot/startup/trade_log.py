"""Builds the log of trades of an account."""

from trading_bot.config import Config
from trading_bot.logging.last_refusals import TRADES_FILE
from trading_bot.logging.setup import get_logger
from trading_bot.logging.structured_logger import StructuredTradeLogger
from trading_bot.startup.surroundings import Surroundings

_log = get_logger(__name__)


def trade_log(config: Config, around: Surroundings, *, session_id: str) -> StructuredTradeLogger:
    """Return what writes one line for each trade that was asked for, in the folder of the logs."""
    return StructuredTradeLogger(
        path=config.logs_dir / TRADES_FILE,
        clock=around.clock,
        session_id=session_id,
        on_problem=lambda problem: _log.error("trade_record_failed", problem=problem),
        max_bytes=config.order_management.trades_max_bytes,
        files=around.files,
    )
