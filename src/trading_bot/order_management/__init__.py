"""The order layer: it never sends an order twice, never forgets one, and can show what it did.

Where to look:

- The face: `manager` (what a caller may do), `wiring` (which services it has), `poller` (the thread that synchronises),
  `rounds` (what each synchronisation calls for), `context` (what every service stands on).
- The rooms: `submit` (an order is sent once), `cancel` (until an order has ended), `sync` (what the broker says),
  `decisions` (what a person decides), `book` (the state, folded from the journal), `journal` (on disk first).
- `order_store` joins journal and book, and is the only writer of both.
- The broker: `ports` (the protocols) and `gateways` (Robinhood).
- Pure decisions: `calculator` (prices), `lifecycle` (legal changes of state), `reconciliation` (what a report means),
  `send_horizon` (how late bytes can arrive), `client_ids` (names of orders).
- Words: `models`, `order_types`, `stop_orders`, `price_offsets`, `outcomes`, `results`, `portfolio`, `events`,
  `event_details`, `exceptions`.

The public names load on first use, as those of `trading_bot` do.
"""

from typing import TYPE_CHECKING

from trading_bot.late_names import late_names

if TYPE_CHECKING:
    from trading_bot.order_management.calculator import price_order
    from trading_bot.order_management.exceptions import (
        AuthenticationError,
        DuplicateOrderError,
        OrderCancellationError,
        OrderError,
        OrderLogDamagedError,
        OrderLogError,
        OrderNotFoundError,
        OrderNotSentError,
        OrderOutcomeUnknownError,
        OrderRejectedError,
        OrderStatusError,
        OrderSubmissionError,
        OrderValidationError,
        TradeRefusedError,
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
        OrderTerms,
        Pricing,
        Side,
        TimeInForce,
    )
    from trading_bot.order_management.order_types import ensure_limit_order_type
    from trading_bot.order_management.price_offsets import OffsetMode, PriceOffsetConfig
    from trading_bot.order_management.results import CancelResult, CancelVerdict, SyncSummary
    from trading_bot.order_management.stop_orders import StopRequest

__all__ = [
    "AuthenticationError",
    "CancelResult",
    "CancelVerdict",
    "DuplicateOrderError",
    "Execution",
    "ExecutionMode",
    "OffsetMode",
    "OrderCancellationError",
    "OrderEnvelope",
    "OrderError",
    "OrderLogDamagedError",
    "OrderLogError",
    "OrderManager",
    "OrderNotFoundError",
    "OrderNotSentError",
    "OrderOutcomeUnknownError",
    "OrderRejectedError",
    "OrderRequest",
    "OrderState",
    "OrderStatus",
    "OrderStatusError",
    "OrderSubmissionError",
    "OrderTerms",
    "OrderValidationError",
    "PriceOffsetConfig",
    "Pricing",
    "Side",
    "StopRequest",
    "SyncSummary",
    "TimeInForce",
    "TradeRefusedError",
    "TradingHaltedError",
    "UnsupportedOrderTypeError",
    "ensure_limit_order_type",
    "price_order",
]

_HOMES = {
    "trading_bot.order_management.calculator": ("price_order",),
    "trading_bot.order_management.exceptions": (
        "AuthenticationError",
        "DuplicateOrderError",
        "OrderCancellationError",
        "OrderError",
        "OrderLogDamagedError",
        "OrderLogError",
        "OrderNotFoundError",
        "OrderNotSentError",
        "OrderOutcomeUnknownError",
        "OrderRejectedError",
        "OrderStatusError",
        "OrderSubmissionError",
        "OrderValidationError",
        "TradeRefusedError",
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
        "OrderTerms",
        "Pricing",
        "Side",
        "TimeInForce",
    ),
    "trading_bot.order_management.order_types": ("ensure_limit_order_type",),
    "trading_bot.order_management.price_offsets": ("OffsetMode", "PriceOffsetConfig"),
    "trading_bot.order_management.results": ("CancelResult", "CancelVerdict", "SyncSummary"),
    "trading_bot.order_management.stop_orders": ("StopRequest",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__getattr__, __dir__ = late_names(__name__, _HOME_OF, __all__)
