"""Reads the trade log's lines. Pure: the files are opened elsewhere."""

import json
from collections.abc import Iterable
from datetime import datetime

from trading_bot.order_management.models import ExecutionMode
from trading_bot.report.refusals import LoggedTrade, TradeLog


def trade_log_of(lines: Iterable[str], *, mode: ExecutionMode) -> TradeLog:
    """Return the trades of one mode; a line that is no trade is counted."""
    trades, unreadable = list[LoggedTrade](), 0
    for line in filter(str.strip, lines):
        try:
            row = json.loads(line)
            trade = LoggedTrade(
                at=_moment(row["ts"]),
                symbol=str(row["symbol"]),
                status=str(row["status"]),
                code=str(row["code"]),
                client_order_id=None if row["client_order_id"] is None else str(row["client_order_id"]),
            )
            is_of_mode = row["execution_mode"] == mode.value
        except (ValueError, KeyError, TypeError):
            unreadable += 1
            continue
        if is_of_mode:
            trades.append(trade)
    return TradeLog(trades=tuple(trades), unreadable=unreadable)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return moment
