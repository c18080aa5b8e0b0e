"""Which symbols the broker takes buys of, asked for once a day. A sell is never held up by it.

Only a documented word that forbids a buy refuses one. Where the broker cannot be asked in time, or does not say, the
order goes to the broker, whose own refusal costs nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TypeAlias
from zoneinfo import ZoneInfo

from trading_bot.clock import Clock, Seconds
from trading_bot.market_hours import NYSE_ZONE
from trading_bot.order_management.exceptions import OrderStatusError, OrderValidationError
from trading_bot.order_management.models import Side
from trading_bot.order_management.portfolio import Tradability

ASKED_WITHIN_S: Seconds = 2.0
"""How long a buy waits for the answer. Chosen."""

Ask: TypeAlias = Callable[[Sequence[str], Seconds], Mapping[str, Tradability]]
"""Reads what may be done with symbols, over by a point in time."""


class TradableToday:
    """Remembers until the exchange date ends which symbols may be bought. Safe to share between threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._zone = ZoneInfo(NYSE_ZONE)
        self._seen_on: dict[str, date] = {}

    def refuse_untradable(self, symbol: str, side: Side, ask: Ask) -> None:
        """Refuse a buy that the broker would not take.

        Raises:
            OrderValidationError: with the broker's own word.
        """
        today = self._clock.now().astimezone(self._zone).date()
        if side is Side.SELL or self._seen_on.get(symbol) == today:
            return
        try:
            told = ask((symbol,), self._clock.monotonic() + ASKED_WITHIN_S).get(symbol)
        except OrderStatusError:
            return
        objection = None if told is None else told.objection(side)
        if objection is not None:
            raise OrderValidationError(
                f"{symbol} cannot be bought at the broker: {objection}; choose another symbol", symbol=symbol
            )
        self._seen_on[symbol] = today
