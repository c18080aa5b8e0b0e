"""What the trade log says of one trade: what was asked for, as the caller said it, and what became of it."""

from trading_bot import caller_values
from trading_bot.logging.structured_logger import TradeRecord
from trading_bot.order_management.models import ExecutionMode, Side
from trading_bot.trades import TradeRequest, TradeResult


def trade_record(result: TradeResult, trade: TradeRequest, *, mode: ExecutionMode) -> TradeRecord:
    """Return the line of a trade."""
    envelope = result.envelope
    return TradeRecord(
        symbol=caller_values.ticker(trade.symbol),
        side=caller_values.member(Side, trade.action),
        quantity=caller_values.whole_number(trade.shares),
        reference_price=caller_values.exact_price(trade.price),
        limit_price=envelope.limit_price if envelope else None,
        order_id=envelope.order_id if envelope else None,
        client_order_id=envelope.client_order_id if envelope else None,
        status=result.status,
        code=result.code,
        reason=trade.reason,
        message=result.message,
        strategy_name=trade.strategy_name,
        execution_mode=mode,
        duplicate_of=envelope.duplicate_of if envelope else None,
        correlation_id=result.correlation_id,
    )
