"""Builds the check by the broker's own review of orders, where the way to the broker has one."""

from trading_bot.clock import Clock
from trading_bot.config import Config, Review
from trading_bot.order_management.broker_review import OrderReviewer, ReviewEntry, review_nothing
from trading_bot.order_management.ports import Gateway
from trading_bot.order_management.submit.review_check import ReviewCheck


def review_check(config: Config, gateway: Gateway, clock: Clock) -> ReviewCheck | None:
    """Return what asks for reviews; None where this gateway has none."""
    if not isinstance(gateway, OrderReviewer):
        return None
    return ReviewCheck(reviewer=gateway, clock=clock, blocks=config.agent.review is Review.BLOCK)


def review_of_entries(config: Config, check: ReviewCheck | None) -> ReviewEntry:
    """Return what reviews each entry before it is sent, as the setting ``agent.review`` says."""
    return review_nothing if check is None or config.agent.review is Review.OFF else check.check
