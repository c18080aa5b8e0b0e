"""What a caller asks of a plan, checked: prices, a trail, and a number of shares. Pure."""

from decimal import Decimal
from typing import TypeAlias

from trading_bot.caller_values import exact_price, shown, ticker, whole_number
from trading_bot.order_management.calculator import parse_price, validate_quantity, validate_symbol
from trading_bot.order_management.exceptions import OrderValidationError, TradeRefusedError
from trading_bot.prose import dollars_in_words, typed
from trading_bot.values import Value

BAD_PLAN = "bad_protection"
_MOST_TRAIL_PCT = 50

Given: TypeAlias = Decimal | str | int | float | None
"""A price or a per cent as a caller hands it over; None for none."""


class Brackets(Value, frozen=True, kw_only=True):
    """The prices at which shares are to be sold, in dollars a share; the trail in per cent below the highest price."""

    stop: Decimal | None = None
    target: Decimal | None = None
    trail_pct: Decimal | None = None


class Protect(Value, frozen=True, kw_only=True):
    """What is asked for: ``quantity`` shares of ``symbol``, or with None all that are held now."""

    symbol: str
    brackets: Brackets
    quantity: int | None = None
    by: str = "a strategy"
    reason: str = "asked for"
    correlation_id: str | None = None


def brackets_of(symbol: str, *, stop: Given, target: Given, trail: Given) -> Brackets | None:
    """Return checked prices, None where none of them is given. A ``trail`` is 2 or "2%" for two per cent.

    Raises:
        OrderValidationError: one is no price, the stop is not below the target, or the trail is no such per cent.
    """
    if stop is None and target is None and trail is None:
        return None
    checked = Brackets(
        stop=None if stop is None else parse_price(exact_price(stop), symbol=symbol),
        target=None if target is None else parse_price(exact_price(target), symbol=symbol),
        trail_pct=None if trail is None else _per_cent(trail, symbol=symbol),
    )
    if checked.stop is not None and checked.target is not None and checked.stop >= checked.target:
        raise OrderValidationError(
            f"{symbol}: the stop {dollars_in_words(checked.stop)} is not below the target "
            f"{dollars_in_words(checked.target)}; a stop sells after a fall and a target after a rise",
            symbol=symbol,
            code=BAD_PLAN,
        )
    return checked


def symbol_of(symbol: object) -> str:
    """Return a ticker in capitals.

    Raises:
        OrderValidationError: it is none.
    """
    return validate_symbol(ticker(symbol))


def protect_of(
    symbol: object, *, stop: Given, target: Given, trail: Given, quantity: object, by: str, reason: str
) -> Protect:
    """Return what is asked for, checked; numbers may come as for `TradingBot.execute_trade`.

    Raises:
        OrderValidationError: as `brackets_of`, or there is no price at all, no ticker or no whole number of shares.
    """
    name = symbol_of(symbol)
    brackets = brackets_of(name, stop=stop, target=target, trail=trail)
    if brackets is None:
        raise OrderValidationError(
            f"{name}: a plan needs a stop, a target or a trail, such as {typed('protect', name, '--stop', '240')}",
            symbol=name,
            code=BAD_PLAN,
        )
    shares = None if quantity is None else validate_quantity(whole_number(quantity), symbol=name)
    return Protect(symbol=name, brackets=brackets, quantity=shares, by=by, reason=reason)


def refuse_reached(brackets: Brackets, price: Decimal, *, symbol: str, what: str) -> None:
    """Refuse prices that ``price``, which is ``what`` in words, has reached already: they would sell at once.

    Raises:
        TradeRefusedError: with both numbers.
    """
    stop, target, now = brackets.stop, brackets.target, dollars_in_words(price)
    if stop is not None and stop >= price:
        raise TradeRefusedError(
            f"{symbol}: a stop at {dollars_in_words(stop)} would sell at once, because {what} is {now}; "
            "name a lower one",
            symbol=symbol,
            code="stop_reached",
        )
    if target is not None and target <= price:
        raise TradeRefusedError(
            f"{symbol}: a target at {dollars_in_words(target)} would sell at once, because {what} is {now}; "
            "name a higher one",
            symbol=symbol,
            code="target_reached",
        )


def _per_cent(trail: Given, *, symbol: str) -> Decimal:
    text = trail.strip().removesuffix("%").strip() if isinstance(trail, str) else trail
    value = exact_price(text)
    try:
        number = Decimal(value) if isinstance(value, str | int) and not isinstance(value, bool) else value
    except ArithmeticError:
        number = None
    if not isinstance(number, Decimal) or not number.is_finite() or not 0 < number <= _MOST_TRAIL_PCT:
        raise OrderValidationError(
            f"{symbol}: a trail is a per cent above 0 and at most {_MOST_TRAIL_PCT}, such as 2%, not {shown(trail)}",
            symbol=symbol,
            code=BAD_PLAN,
        )
    return Decimal(f"{number:f}")
