"""The error tree, sorted by what the caller may do next. Every message ends with that."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trading_bot.order_management.models import OrderEnvelope
    from trading_bot.order_management.results import CancelResult


class OrderError(Exception):
    """Anything that went wrong with an order; the facts are attributes."""

    code = "order_error"

    def __init__(
        self,
        message: str,
        *,
        client_order_id: str | None = None,
        order_id: str | None = None,
        symbol: str | None = None,
        code: str | None = None,
        envelope: "OrderEnvelope | None" = None,
    ) -> None:
        super().__init__(message)
        self.client_order_id = client_order_id
        self.order_id = order_id
        self.symbol = symbol
        self.code = code or type(self).code
        self.envelope = envelope


class OrderValidationError(OrderError, ValueError):
    """The request itself is wrong: fix it and ask again. Nothing was sent."""

    code = "invalid_order"


class UnsupportedOrderTypeError(OrderError):
    """Only limit orders exist here. Nothing was sent; a ``marketable`` limit leaves a position."""

    code = "unsupported_order_type"


class TradingHaltedError(OrderError):
    """Trading is not armed, killed, halted, quarantined or not yet reconciled. Nothing was sent."""

    code = "trading_halted"


class TradeRefusedError(OrderError):
    """A pre-trade rule refused, and ``code`` names it. Nothing was sent; change the trade or the rule."""

    code = "refused_by_rule"


class DuplicateOrderError(OrderError):
    """Too many orders are pending on this symbol and side: wait for them or cancel one. Nothing was sent."""

    code = "too_many_pending"


class OrderSubmissionError(OrderError):
    """The order was submitted and did not end in acceptance."""

    code = "submission_failed"


class OrderRejectedError(OrderSubmissionError):
    """The broker said no and holds no order: read its reason, do not retry as it is."""

    code = "rejected"

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        status_code: int,
        client_order_id: str | None = None,
        symbol: str | None = None,
        envelope: "OrderEnvelope | None" = None,
    ) -> None:
        super().__init__(message, client_order_id=client_order_id, symbol=symbol, envelope=envelope)
        self.reason = reason
        self.status_code = status_code


class OrderNotSentError(OrderSubmissionError):
    """Provably no order exists at the broker: safe to try again with the same id and terms."""

    code = "not_sent"


class AuthenticationError(OrderNotSentError):
    """The broker does not accept our session and a refresh did not help: log in again. Nothing was sent."""

    code = "login_needed"


STORAGE_FAILED = "storage_failed"
"""The code of an error that is none of the broker's or the order's: a file of this machine cannot be used."""


class OrderOutcomeUnknownError(OrderSubmissionError):
    """No proof either way: do not resend. The order is reserved for and being reconciled."""

    code = "unknown_outcome"


class OrderCancellationError(OrderError):
    """At least one order is not proven terminal. ``results`` has every order, the cancelled ones included."""

    code = "not_all_cancelled"

    def __init__(self, message: str, *, results: "Sequence[CancelResult]", order_id: str | None = None) -> None:
        super().__init__(message, order_id=order_id)
        self.results = tuple(results)


class OrderStatusError(OrderError):
    """The order is not known here, or its report could not be read."""

    code = "status_unavailable"


class OrderNotFoundError(OrderStatusError):
    """No order of that id is known to the journal or to the broker: check the id."""

    code = "order_not_found"


class OrderLogError(OrderError):
    """The journal cannot be written or does not verify: no order is sent until it can and does."""

    code = "journal_failed"


class OrderLogDamagedError(OrderLogError):
    """The journal holds damage before its last line: cancels only, until a person has looked."""

    code = "journal_damaged"
