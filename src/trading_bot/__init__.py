"""A Robinhood trading bot whose orders are sent once, never forgotten, and accounted for.

The public names load on first use, so that importing the package costs nothing and touches nothing.
"""

from typing import TYPE_CHECKING

from trading_bot._version import __version__
from trading_bot.late_names import late_names

if TYPE_CHECKING:
    from trading_bot.account_summary import AccountSummary, EquitySource
    from trading_bot.bot import TradeRequest, TradeResult, TradeStatus, TradingBot
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
    from trading_bot.config import Config, OrderManagementConfig
    from trading_bot.order_management.exceptions import (
        AuthenticationError,
        DuplicateOrderError,
        OrderCancellationError,
        OrderError,
        OrderLogError,
        OrderNotSentError,
        OrderOutcomeUnknownError,
        OrderRejectedError,
        OrderStatusError,
        OrderSubmissionError,
        OrderValidationError,
        TradingHaltedError,
        UnsupportedOrderTypeError,
    )
    from trading_bot.order_management.manager import OrderManager
    from trading_bot.order_management.models import (
        Execution,
        ExecutionMode,
        OrderEnvelope,
        OrderRequest,
        OrderState,
        OrderStatus,
        Pricing,
        Side,
        TimeInForce,
    )
    from trading_bot.order_management.portfolio import Bar, Quote
    from trading_bot.order_management.price_offsets import OffsetMode
    from trading_bot.order_management.results import CancelResult, CancelVerdict, SyncSummary
    from trading_bot.order_management.sync.account_view import ShownPosition
    from trading_bot.startup import create_bot
    from trading_bot.startup.paper_day import PaperDay, paper_day

__all__ = [
    "AccountSummary",
    "Alert",
    "AlertCode",
    "AuthenticationError",
    "Bar",
    "BotEvent",
    "CancelResult",
    "CancelVerdict",
    "Config",
    "DuplicateOrderError",
    "EquitySource",
    "Execution",
    "ExecutionMode",
    "OffsetMode",
    "OrderCancellationError",
    "OrderEnded",
    "OrderEnvelope",
    "OrderError",
    "OrderFilled",
    "OrderLogError",
    "OrderManagementConfig",
    "OrderManager",
    "OrderNotSentError",
    "OrderOutcomeUnknownError",
    "OrderRejectedError",
    "OrderRequest",
    "OrderState",
    "OrderStatus",
    "OrderStatusError",
    "OrderSubmissionError",
    "OrderSubmitted",
    "OrderValidationError",
    "PaperDay",
    "Pricing",
    "Quote",
    "ShownPosition",
    "Side",
    "SyncSummary",
    "TimeInForce",
    "TradeRequest",
    "TradeResult",
    "TradeStatus",
    "TradingBot",
    "TradingHalted",
    "TradingHaltedError",
    "TradingResumed",
    "UnsupportedOrderTypeError",
    "__version__",
    "create_bot",
    "paper_day",
]

_HOMES = {
    "trading_bot.account_summary": ("AccountSummary", "EquitySource"),
    "trading_bot.bot": ("TradeRequest", "TradeResult", "TradeStatus", "TradingBot"),
    "trading_bot.bot_events": (
        "Alert",
        "AlertCode",
        "BotEvent",
        "OrderEnded",
        "OrderFilled",
        "OrderSubmitted",
        "TradingHalted",
        "TradingResumed",
    ),
    "trading_bot.config": ("Config", "OrderManagementConfig"),
    "trading_bot.order_management.exceptions": (
        "AuthenticationError",
        "DuplicateOrderError",
        "OrderCancellationError",
        "OrderError",
        "OrderLogError",
        "OrderNotSentError",
        "OrderOutcomeUnknownError",
        "OrderRejectedError",
        "OrderStatusError",
        "OrderSubmissionError",
        "OrderValidationError",
        "TradingHaltedError",
        "UnsupportedOrderTypeError",
    ),
    "trading_bot.order_management.manager": ("OrderManager",),
    "trading_bot.order_management.models": (
        "Execution",
        "ExecutionMode",
        "OrderEnvelope",
        "OrderRequest",
        "OrderState",
        "OrderStatus",
        "Pricing",
        "Side",
        "TimeInForce",
    ),
    "trading_bot.order_management.portfolio": ("Bar", "Quote"),
    "trading_bot.order_management.price_offsets": ("OffsetMode",),
    "trading_bot.order_management.results": ("CancelResult", "CancelVerdict", "SyncSummary"),
    "trading_bot.order_management.sync.account_view": ("ShownPosition",),
    "trading_bot.startup": ("create_bot",),
    "trading_bot.startup.paper_day": ("PaperDay", "paper_day"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__getattr__, __dir__ = late_names(__name__, _HOME_OF, __all__)
