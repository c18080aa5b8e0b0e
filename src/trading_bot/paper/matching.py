"""Who trades with a quote: limit orders in price-time priority, at the price shown and never beyond the size shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading_bot.order_management.models import Side
from trading_bot.paper.quotes import MarketQuote
from trading_bot.paper.state import PaperOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """Shares of one order that trade, in dollars a share."""

    order_id: str
    quantity: int
    price: Decimal


def shown_price(quote: MarketQuote, side: Side) -> Decimal:
    """Return what an order of ``side`` trades at: a buy at the ask, a sell at the bid."""
    return quote.ask if side is Side.BUY else quote.bid


def shown_size(quote: MarketQuote, side: Side) -> int:
    """Return the shares on offer to an order of ``side``."""
    return quote.ask_size if side is Side.BUY else quote.bid_size


def is_marketable(order: PaperOrder, quote: MarketQuote) -> bool:
    """Return whether the quote is on or through the order's limit; never while trading is halted or a stop rests."""
    if quote.halted or order.waits_for_stop:
        return False
    if order.side is Side.BUY:
        return quote.ask <= order.price
    return quote.bid >= order.price


def reaches_stop(order: PaperOrder, quote: MarketQuote) -> bool:
    """Return whether the quote makes a limit order of a resting stop: its bid is at or below the stop price.

    The broker looks at the last trade; the paper market shows none, so the bid stands for it, where a sell would trade.
    """
    return order.stop_price is not None and order.waits_for_stop and not quote.halted and quote.bid <= order.stop_price


def allocate(orders: Sequence[PaperOrder], *, size: int, price: Decimal) -> list[Fill]:
    """Share ``size`` among marketable orders of one side: the better limit first, then the older order."""
    fills = []
    for order in sorted(orders, key=_priority):
        quantity = min(order.remaining, size)
        if quantity <= 0:
            break
        fills.append(Fill(order_id=order.id, quantity=quantity, price=price))
        size -= quantity
    return fills


def _priority(order: PaperOrder) -> tuple[Decimal, int]:
    return (-order.price if order.side is Side.BUY else order.price), order.number
