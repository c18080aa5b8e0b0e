"""The broker's own review of an entry before it is sent: shown, and where that is asked for a check.

It is read outside of every lock and within the time of the order, and never for an exit. Its alerts are advice: an
order may be accepted in spite of one, and be refused without. But a refusal names no reason, so what the review said is
put on record with the order.
"""

from trading_bot.clock import Clock, Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.broker_review import BrokerReview, OrderReviewer
from trading_bot.order_management.exceptions import OrderStatusError, TradeRefusedError
from trading_bot.order_management.models import OrderTerms

BROKER_REVIEW = "broker_review"
REVIEW_WITHIN_S: Seconds = 3.0
"""How long one review may take: an entry waits for it. Chosen."""

_MOST_CHARS = 500
_log = get_logger(__name__)


class ReviewCheck:
    """Asks the broker to review entries. With ``blocks`` an alert refuses the entry, and so does a missing review."""

    def __init__(self, *, reviewer: OrderReviewer, clock: Clock, blocks: bool) -> None:
        self._reviewer = reviewer
        self._clock = clock
        self._blocks = blocks

    def read(self, terms: OrderTerms, by: Seconds) -> BrokerReview:
        """Ask for the review of an order, over by a point in time and within `REVIEW_WITHIN_S`.

        Raises:
            OrderStatusError: it cannot be had or read.
        """
        return self._reviewer.by(min(by, self._clock.monotonic() + REVIEW_WITHIN_S)).review_order(terms)

    def check(self, terms: OrderTerms, by: Seconds) -> str | None:
        """Review an entry; see `broker_review.ReviewEntry`."""
        try:
            said = objections(self.read(terms, by))
        except OrderStatusError as error:
            said = f"it could not be had: {error}"
        if said is not None:
            _log.warning("broker_review_objected", symbol=terms.symbol, side=terms.side, said=said)
            self.refuse(terms, said)
        return said

    def refuse(self, terms: OrderTerms, said: str | None) -> None:
        """Refuse an entry that the review objects to, where it may.

        Raises:
            TradeRefusedError: with the remedy.
        """
        if self._blocks and said is not None:
            raise TradeRefusedError(
                f"{terms.symbol}: the broker's review of the order: {said}; change the order, or set agent.review to "
                "warn",
                symbol=terms.symbol,
                code=BROKER_REVIEW,
            )


def objections(review: BrokerReview) -> str | None:
    """Return the alerts of a review in one line, or None."""
    return "; ".join(str(alert) for alert in review.alerts)[:_MOST_CHARS] or None
