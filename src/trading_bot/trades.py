"""A trade as its caller asks for it, the order it becomes, and what may become of it."""

import enum
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from trading_bot.clock import Seconds
from trading_bot.order_management.broker_review import BrokerReview
from trading_bot.order_management.exceptions import OrderError, OrderStatusError, UnsupportedOrderTypeError
from trading_bot.order_management.models import LIMIT, OrderEnvelope, OrderRequest, OrderTerms
from trading_bot.order_management.submit.endings import ENDINGS
from trading_bot.order_management.submit.placement import Placed
from trading_bot.order_management.submit.pricing import PricePreview
from trading_bot.order_management.submit.review_check import ReviewCheck, objections
from trading_bot.protection.asked import Brackets, Given, brackets_of

if TYPE_CHECKING:
    from trading_bot.order_management.models import Pricing, Side, TimeInForce


class TradeStatus(enum.StrEnum):
    """What became of a trade somebody asked for."""

    SUBMITTED = "submitted"  # the broker has the order; whether it fills is another matter
    DUPLICATE = "duplicate"  # an earlier order stands for it; nothing was sent
    BLOCKED = "blocked"  # refused here, before anything was sent
    REJECTED = "rejected"  # refused by the broker
    NOT_SENT = "not_sent"  # provably nothing reached the broker
    UNKNOWN = "unknown"  # it may be live; it is being reconciled
    NOT_IMPLEMENTED = "not_implemented"  # not a limit order; nothing was sent


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeResult:
    """The answer to one trade: ``code`` for programs, ``message`` for people, an envelope once there is an intent."""

    status: TradeStatus
    code: str
    message: str
    envelope: OrderEnvelope | None = None
    correlation_id: str | None = None
    """Of this request; the envelope has that of the request which made the order. None where a wrong one was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReview:
    """What the broker's own review says of a trade, or why it could not be had."""

    said: BrokerReview | None
    problem: str | None = None

    @property
    def objection(self) -> str | None:
        """What it objects to, in one line; None where it has no objection."""
        return self.problem if self.said is None else objections(self.said)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePreview:
    """The terms a trade would be sent with, and the answer it would get instead of being sent, if any."""

    terms: OrderTerms
    refusal: TradeResult | None
    step: PricePreview | None = None
    """The price step that the limit was rounded to, where the order layer priced the trade."""
    review: ShownReview | None = None
    """The broker's own review; None where it reviews no orders."""


_STATUS_OF: tuple[tuple[type[OrderError], TradeStatus], ...] = (
    (UnsupportedOrderTypeError, TradeStatus.NOT_IMPLEMENTED),
    *((rule.error, TradeStatus(ending.value)) for ending, rule in ENDINGS.items() if rule.error is not None),
)


def _status_of(error: OrderError) -> TradeStatus:
    return next((status for kind, status in _STATUS_OF if isinstance(error, kind)), TradeStatus.BLOCKED)


def failed_trade(error: OrderError) -> TradeResult:
    """Return the result for an error of the order layer."""
    return TradeResult(status=_status_of(error), code=error.code, message=str(error), envelope=error.envelope)


def submitted_trade(placed: Placed) -> TradeResult:
    """Return the result for a trade whose order the broker has."""
    envelope = placed.envelope
    review = "" if placed.review is None else f"; the broker's review objected: {placed.review}"
    return TradeResult(
        status=TradeStatus.SUBMITTED,
        code="submitted",
        message=f"{envelope.side} {envelope.quantity} {envelope.symbol} at {envelope.limit_price:f} submitted{review}",
        envelope=envelope,
    )


def reviewed(check: ReviewCheck | None, terms: OrderTerms, *, by: Seconds) -> ShownReview | None:
    """Ask for the broker's own review of a trade that is not sent; None where the broker reviews no orders."""
    if check is None:
        return None
    try:
        return ShownReview(said=check.read(terms, by))
    except OrderStatusError as error:
        return ShownReview(said=None, problem=f"it could not be had: {error}")


def duplicate_trade(envelope: OrderEnvelope) -> TradeResult:
    """Return the result for a trade that an earlier order stands for."""
    return TradeResult(
        status=TradeStatus.DUPLICATE,
        code="duplicate",
        message=f"order {envelope.client_order_id} ({envelope.state}) already stands for this; nothing was sent",
        envelope=envelope,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRequest:
    """One trade as its caller asks for it; nothing is checked yet, so any value may still be wrong.

    ``shares`` is a whole number, ``price`` the reference price in dollars a share, from which the limit is computed.
    """

    symbol: str
    action: str
    shares: int
    price: Decimal
    reason: str
    strategy_name: str = "manual"
    order_type: str = LIMIT
    time_in_force: str = "gfd"
    extended_hours: bool = False
    client_order_id: str | None = None
    pricing: str | None = None
    correlation_id: str | None = None
    stop: Given = None
    """With ``target`` and ``trail``, the prices at which the shares that a buy buys are sold; see `Protection`."""
    target: Given = None
    trail: Given = None

    def brackets(self) -> Brackets | None:
        """Return the prices at which what it buys is to be sold.

        Raises:
            OrderValidationError: one of them cannot be used.
        """
        return brackets_of(str(self.symbol), stop=self.stop, target=self.target, trail=self.trail)

    def order(self) -> OrderRequest:
        """Return the order that is asked for. The order manager checks it, the order type before anything else."""
        return OrderRequest(
            symbol=self.symbol,
            side=cast("Side", self.action),
            quantity=self.shares,
            reference_price=self.price,
            order_type=self.order_type,
            time_in_force=cast("TimeInForce", self.time_in_force),
            extended_hours=self.extended_hours,
            client_order_id=self.client_order_id,
            pricing=cast("Pricing | None", self.pricing),
            strategy_name=self.strategy_name,
            correlation_id=self.correlation_id,
        )
