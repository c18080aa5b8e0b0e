"""The prices at which an exit sells: a ladder below a fresh bid, and a floor below which it never goes. Pure.

A limit below the bid trades at the bid or better, so the distance is room for the market to move, not a discount.
"""

from decimal import Context, Decimal

from trading_bot.clock import Seconds
from trading_bot.order_management.calculator import round_down, round_up

BELOW_BID_PCT = (Decimal("0.5"), Decimal(2), Decimal(5))
"""How far below the bid each order of an exit may sell, in per cent. Chosen."""

RUNG_S: Seconds = 5.0
"""How long one order of an exit works before the next, lower one takes its place. Chosen."""

FLOOR_PCT = Decimal(5)
"""How far below the first bid an exit may sell at all, in per cent. Chosen."""

EXTENDED_FLOOR_PCT = Decimal(2)
"""The same outside the regular session, where quotes are thin. Chosen."""

_EXACT = Context(prec=60)


def exit_limit(
    bid: Decimal, rung: int, *, first_bid: Decimal, extended_hours: bool = False, tick: Decimal | None = None
) -> Decimal:
    """Return the limit of order number ``rung`` (from 0) of an exit, in dollars a share.

    ``bid`` is the one just read, ``first_bid`` the one that the exit began with. The floor wins over the ladder: where
    the bid has fallen below it, the order rests at the floor.
    """
    below = BELOW_BID_PCT[min(rung, len(BELOW_BID_PCT) - 1)]
    wanted = _less(bid, below)
    floor = _less(first_bid, EXTENDED_FLOOR_PCT if extended_hours else FLOOR_PCT)
    return max(round_down(wanted, tick), round_up(floor, tick))


def floor_of(first_bid: Decimal, *, extended_hours: bool) -> Decimal:
    """Return the lowest price of an exit, in dollars a share, before it is rounded to a tick."""
    return _less(first_bid, EXTENDED_FLOOR_PCT if extended_hours else FLOOR_PCT)


def _less(price: Decimal, per_cent: Decimal) -> Decimal:
    return _EXACT.multiply(price, _EXACT.divide(_EXACT.subtract(Decimal(100), per_cent), Decimal(100)))
