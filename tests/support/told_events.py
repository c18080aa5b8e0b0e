"""One event of each kind, as a bot tells them."""

from decimal import Decimal
from typing import Any

from tests.support.paper_market import MONDAY
from trading_bot.bot_events import (
    Alert,
    AlertCode,
    BotEvent,
    OrderEnded,
    OrderFilled,
    OrderSubmitted,
    TradingHalted,
    TradingResumed,
)
from trading_bot.order_management.models import ClientOrderId, ExecutionId, OrderId, OrderState, Side

NAMES: dict[str, Any] = {
    "at": MONDAY,
    "client_order_id": ClientOrderId("c1"),
    "order_id": OrderId("b1"),
    "symbol": "AAPL",
    "correlation_id": "r1",
}
SUBMITTED = OrderSubmitted(**NAMES, side=Side.BUY, quantity=10, limit_price=Decimal("99.85"), strategy_name="manual")
FILLED = OrderFilled(
    **NAMES,
    side=Side.BUY,
    quantity=Decimal(4),
    price=Decimal("99.80"),
    execution_id=ExecutionId("x1"),
    executed_at=MONDAY,
    new_quantity=Decimal(4),
    cumulative_quantity=Decimal(4),
    remaining_quantity=Decimal(6),
)
ENDED = OrderEnded(
    **NAMES,
    side=Side.BUY,
    ending=OrderState.CANCELLED,
    reason="asked for",
    filled_quantity=Decimal(4),
    average_price=Decimal("99.80"),
)
EVENTS: tuple[BotEvent, ...] = (
    SUBMITTED,
    FILLED,
    ENDED,
    Alert(**NAMES, code=AlertCode.TERMS_DIFFER, message="9 is not 10"),
    Alert(at=MONDAY, code=AlertCode.EXIT_NOT_SOLD, message="no\x1b[2J quote", symbol="AAPL"),
    TradingHalted(
        at=MONDAY, symbol="AAPL", cause="exit", reason="it was left", by="alice", until=None, remedy="run 'resume AAPL'"
    ),
    TradingResumed(at=MONDAY, symbol=None, cause=None, reason="all is well", by="alice"),
)
