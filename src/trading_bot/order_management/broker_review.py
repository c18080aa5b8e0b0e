"""The broker's own review of an order before it is sent, and the port that asks for one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self, TypeAlias, runtime_checkable

from trading_bot.clock import Seconds
from trading_bot.order_management.models import OrderTerms
from trading_bot.order_management.portfolio import Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewAlert:
    """One objection of the broker's, in its own word, with what it says of it: pairs of a name and a value."""

    kind: str
    details: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Write it in one line."""
        said = ", ".join(f"{name} {value}" for name, value in self.details)
        return f"{self.kind} ({said})" if said else self.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerReview:
    """What the broker says of an order that was not sent. Without an alert it promises nothing."""

    alerts: tuple[ReviewAlert, ...]
    quote: Quote | None = None
    """The market that the broker goes by; None where it shows none on both sides."""
    disclosure: str | None = None
    """Its own sentence about the market; it may differ from ``quote``."""


@runtime_checkable
class OrderReviewer(Protocol):
    """Asks the broker to review orders. Nothing is placed."""

    def by(self, deadline: Seconds) -> Self:
        """Return the same reviewer, whose reads are all over by ``deadline``, a point on the clock."""
        ...

    def review_order(self, terms: OrderTerms) -> BrokerReview:
        """Ask for a review of an order of these terms.

        Raises:
            OrderStatusError: it cannot be had or read, or is about another order.
        """
        ...


ReviewEntry: TypeAlias = Callable[[OrderTerms, Seconds], str | None]
"""Asks for the review of an entry, over by a point in time, and returns what it objects to, if anything.

Raises `TradeRefusedError` where an objection refuses the entry.
"""


def review_nothing(_terms: OrderTerms, _by: Seconds) -> None:
    """Ask nobody, as where the broker reviews no orders."""
