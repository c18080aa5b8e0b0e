"""From a reference price to a limit price: validation, offsets, ticks, slippage guard. Pure, and exact in decimals.

What can be bought can be sold: at the default offsets and guard, no price and no tick refuses the sell alone. Two rules
see to it. Rounding is never slippage, so the guard is never narrower than one tick. A sell whose step would be zero is
priced at the lowest step there is.

Every figure is computed in a context of our own, so that a caller who changed the ambient decimal context changes no
price.
"""

import re
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, DivisionByZero, InvalidOperation, Overflow

from trading_bot import caller_values
from trading_bot.caller_values import shown
from trading_bot.order_management.exceptions import OrderValidationError, UnsupportedOrderTypeError
from trading_bot.order_management.models import OrderRequest, OrderTerms, Pricing, Side, TimeInForce
from trading_bot.order_management.order_types import ensure_limit_order_type, with_stop
from trading_bot.order_management.price_offsets import OffsetMode, PriceOffsetConfig
from trading_bot.prose import dollars_in_words
from trading_bot.values import replace

MAX_QUANTITY = 1_000_000
"""Shares in one order; more than this is taken for a typing error."""

MAX_PRICE = Decimal(10**8)
"""The broker takes at most eight digits before the point."""

_MAX_DIGITS = 30
"""A computed average has up to 17; more than this is nonsense, and a larger number could take all memory."""

_LEADING_ZEROS = 20
_EXACT = Context(prec=60, traps=[InvalidOperation, DivisionByZero, Overflow])
_TICKER = re.compile(r"[A-Z]{1,5}(?:\.[A-Z])?", re.ASCII)
_PRICE_TEXT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,20})?", re.ASCII)
_OPTION_OR_CRYPTO = re.compile(r"[A-Z]{1,6}[0-9]{6}[CP][0-9]{8}|[A-Z]{2,5}-USD", re.ASCII)
_ONE_DOLLAR = Decimal(1)
_NO_CENTS = Decimal("0.00")
_PENNY = Decimal("0.01")
_SUB_DOLLAR_TICK = Decimal("0.0001")
_BPS = Decimal(10_000)
_PER_CENT = Decimal(100)


def tick_size(price: Decimal, instrument_tick: Decimal | None = None) -> Decimal:
    """Return the smallest price step at ``price``, in dollars.

    The instrument's own step wins where it has one; otherwise SEC Rule 612: $0.01 from $1, $0.0001 below. It has two
    decimal places or as many more as it needs, so that a price on it reads like a price.
    """
    if instrument_tick is not None:
        tick = instrument_tick.normalize(_EXACT)
        return _EXACT.add(tick, _NO_CENTS)
    return _PENNY if price >= _ONE_DOLLAR else _SUB_DOLLAR_TICK


def round_up(price: Decimal, instrument_tick: Decimal | None = None) -> Decimal:
    """Return the lowest valid price not below ``price``."""
    return _to_tick(price, tick_size(price, instrument_tick), ROUND_CEILING)


def round_down(price: Decimal, instrument_tick: Decimal | None = None) -> Decimal:
    """Return the highest valid price not above ``price``."""
    return _to_tick(price, tick_size(price, instrument_tick), ROUND_FLOOR)


def _to_tick(price: Decimal, tick: Decimal, rounding: str) -> Decimal:
    steps = _EXACT.divide(price, tick).to_integral_value(rounding=rounding)
    return _EXACT.multiply(steps, tick)


def price_order(
    request: OrderRequest, offsets: PriceOffsetConfig, *, instrument_tick: Decimal | None = None
) -> OrderTerms:
    """Return the terms to send for ``request``. ``instrument_tick`` is the instrument's own step, if it has one.

    Raises:
        OrderValidationError: a wrong symbol, quantity or price, or a limit past the slippage guard.
        UnsupportedOrderTypeError: no limit order, or the symbol names an option or a crypto pair.
    """
    return price_terms(asked_terms(request), offsets, instrument_tick=instrument_tick)


def price_terms(asked: OrderTerms, offsets: PriceOffsetConfig, *, instrument_tick: Decimal | None = None) -> OrderTerms:
    """Return what `price_order` does for the request of which `asked_terms` made ``asked``.

    Stop and limit of a stop are the caller's own: both go up to their next steps, so neither passes the other.

    Raises:
        OrderValidationError: a limit past the slippage guard.
    """
    if (stop := asked.stop_price) is not None:
        limit = round_up(asked.limit_price, instrument_tick)
        return replace(asked, limit_price=limit, stop_price=round_up(stop, instrument_tick))
    limit_price = limit_price_for(asked.side, asked.limit_price, offsets, instrument_tick=instrument_tick)
    check_slippage(
        limit_price,
        asked.limit_price,
        max_slippage_pct=offsets.max_slippage_pct,
        symbol=asked.symbol,
        instrument_tick=instrument_tick,
    )
    return replace(asked, limit_price=limit_price)


def asked_terms(request: OrderRequest) -> OrderTerms:
    """Return what ``request`` asks for, checked and not priced yet: its limit is the reference itself.

    Raises:
        OrderValidationError: a wrong symbol, side, quantity, price, time in force, session, strategy name or reason.
        UnsupportedOrderTypeError: no limit order, or the symbol names an option or a crypto pair.
    """
    ensure_limit_order_type(request)
    symbol = validate_symbol(request.symbol)
    if not isinstance(request.side, Side):
        raise OrderValidationError(
            f"{symbol}: a side is 'buy' or 'sell', not {shown(request.side)}",
            symbol=symbol,
            code="bad_action",
        )
    if request.pricing is not None and not isinstance(request.pricing, Pricing):
        raise OrderValidationError(
            f"{symbol}: pricing is 'passive' or 'marketable', not {shown(request.pricing)}",
            symbol=symbol,
            code="bad_pricing",
        )
    _refuse_no_text(request, symbol=symbol)
    asked = OrderTerms(
        symbol=symbol,
        side=request.side,
        quantity=validate_quantity(request.quantity, symbol=symbol),
        limit_price=parse_price(request.reference_price, symbol=symbol),
        time_in_force=parse_time_in_force(request.time_in_force, symbol=symbol),
        extended_hours=_switch(request.extended_hours, symbol=symbol),
    )
    stop = request.stop_price
    return asked if stop is None else with_stop(asked, parse_price(stop, symbol=symbol))


def _refuse_no_text(request: OrderRequest, *, symbol: str) -> None:
    # The journal records them as they are.
    for name, text in (("strategy name", request.strategy_name), ("reason", request.reason)):
        if text is not None and not isinstance(text, str):
            raise OrderValidationError(
                f"{symbol}: a {name} is text, not {shown(text)}", symbol=symbol, code=f"bad_{name.replace(' ', '_')}"
            )


def limit_price_for(
    side: Side, reference: Decimal, offsets: PriceOffsetConfig, *, instrument_tick: Decimal | None = None
) -> Decimal:
    """Return the rounded limit price for a reference price.

    Passive: a buy is min(ceil(x), floor(reference)), a sell ceil(x), x being the reference moved away from the market
    by the offset. Marketable is the mirror image at the reference: a buy is max(floor(x), ceil(reference)), a sell
    floor(x), or the lowest step where that is zero and x is not.

    Raises:
        OrderValidationError: the offset leaves no positive price.
    """
    offset = _offset_in_dollars(reference, offsets.offset_for(side), offsets.offset_mode)
    price = _ROUNDINGS[offsets.pricing, side](reference, offset, instrument_tick)
    if price <= 0:
        raise OrderValidationError(
            f"an offset of {dollars_in_words(offset)} leaves no positive price below the reference "
            f"{dollars_in_words(reference)}; "
            "lower the offset or check the reference price",
            code="price_not_positive",
        )
    return price


def _offset_in_dollars(reference: Decimal, offset: Decimal, mode: OffsetMode) -> Decimal:
    if mode is OffsetMode.ABSOLUTE:
        return offset
    return _EXACT.divide(_EXACT.multiply(reference, offset), _BPS)


_Rounding = Callable[[Decimal, Decimal, Decimal | None], Decimal]


def _passive_buy(reference: Decimal, offset: Decimal, tick: Decimal | None) -> Decimal:
    return min(round_up(_EXACT.subtract(reference, offset), tick), round_down(reference, tick))


def _passive_sell(reference: Decimal, offset: Decimal, tick: Decimal | None) -> Decimal:
    return round_up(_EXACT.add(reference, offset), tick)


def _marketable_buy(reference: Decimal, offset: Decimal, tick: Decimal | None) -> Decimal:
    return max(round_down(_EXACT.add(reference, offset), tick), round_up(reference, tick))


def _marketable_sell(reference: Decimal, offset: Decimal, tick: Decimal | None) -> Decimal:
    price = _EXACT.subtract(reference, offset)
    return round_down(price, tick) or (tick_size(price, tick) if price > 0 else price)


_ROUNDINGS: dict[tuple[Pricing, Side], _Rounding] = {
    (Pricing.PASSIVE, Side.BUY): _passive_buy,
    (Pricing.PASSIVE, Side.SELL): _passive_sell,
    (Pricing.MARKETABLE, Side.BUY): _marketable_buy,
    (Pricing.MARKETABLE, Side.SELL): _marketable_sell,
}


def check_slippage(
    limit_price: Decimal,
    reference: Decimal,
    *,
    max_slippage_pct: Decimal,
    symbol: str,
    instrument_tick: Decimal | None = None,
) -> None:
    """Refuse a rounded limit price further from the reference than the guard; the guard itself is still allowed.

    The guard is the larger of ``max_slippage_pct`` and one tick; the tick is counted from the reference's own step, on
    the limit's side of it.

    Raises:
        OrderValidationError: with the distance, the guard and the nearest steps.
    """
    tick = tick_size(limit_price, instrument_tick)
    distance = _EXACT.multiply(_EXACT.abs(_EXACT.subtract(limit_price, reference)), _PER_CENT)
    if distance <= _EXACT.multiply(reference, max_slippage_pct) or _is_next_step(limit_price, reference, tick):
        return
    actual = _EXACT.quantize(_EXACT.divide(distance, reference), Decimal("0.0001"))
    steps = sorted({step for step in (round_down(reference, tick), round_up(reference, tick)) if step})
    raise OrderValidationError(
        f"{symbol}: a limit of {dollars_in_words(limit_price)} is {actual:f}% away from the reference "
        f"{dollars_in_words(reference)}, past the guard of {max_slippage_pct:f}%; lower the offset or raise "
        f"max_slippage_pct (nearest to the reference, in steps of ${dollars_in_words(tick)}: "
        f"{' and '.join(map(dollars_in_words, steps))})",
        symbol=symbol,
        code="slippage_guard",
    )


def _is_next_step(limit_price: Decimal, reference: Decimal, tick: Decimal) -> bool:
    above = limit_price > reference
    own_step = _to_tick(reference, tick, ROUND_CEILING if above else ROUND_FLOOR)
    return _EXACT.abs(_EXACT.subtract(limit_price, own_step)) <= tick


def is_ticker(text: str) -> bool:
    """Whether ``text`` is one to five upper-case ASCII letters, with one share-class letter after a dot (BRK.B)."""
    return _TICKER.fullmatch(text) is not None


def validate_symbol(symbol: object) -> str:
    """Return the ticker: one to five upper-case ASCII letters, with one share-class letter after a dot (BRK.B).

    Raises:
        OrderValidationError: anything else, bytes and text subclasses included.
        UnsupportedOrderTypeError: an option or a crypto pair.
    """
    if type(symbol) is str and _TICKER.fullmatch(symbol):
        return symbol
    if type(symbol) is not str:
        raise OrderValidationError(f"a symbol is text such as AAPL, not {shown(symbol)}", code="bad_symbol")
    if _OPTION_OR_CRYPTO.fullmatch(symbol):
        raise UnsupportedOrderTypeError(
            f"{symbol} is an option or a crypto pair; only US equities are traded here, name a stock or an ETF",
            symbol=symbol,
        )
    raise OrderValidationError(
        f"{shown(symbol)} is no ticker; write one to five capital letters, a share class as in BRK.B",
        code="bad_symbol",
    )


def validate_quantity(quantity: object, *, symbol: str) -> int:
    """Return a whole number of shares, 1 to `MAX_QUANTITY`.

    Raises:
        OrderValidationError: fractions, zero, negatives, booleans, text and everything else.
    """
    if type(quantity) is not int or not 1 <= quantity <= MAX_QUANTITY:
        raise OrderValidationError(
            f"{symbol}: a quantity is a whole number of shares from 1 to {MAX_QUANTITY}, not {shown(quantity)}",
            symbol=symbol,
            code="bad_quantity",
        )
    return quantity


def parse_price(price: object, *, symbol: str) -> Decimal:
    """Return a positive price in dollars from a Decimal, an int or plain decimal text; every digit given is kept.

    `OrderRequest` has turned binary floats into the decimals they are written as before they come here.

    Raises:
        OrderValidationError: not a number, not positive, not finite, too long or too large.
    """
    value = _as_decimal(price)
    if (
        value is None
        or not value.is_finite()
        or not 0 < value < MAX_PRICE
        or len(value.as_tuple().digits) > _MAX_DIGITS
        or value.adjusted() < -_LEADING_ZEROS
    ):
        raise OrderValidationError(
            f"{symbol}: a price is a positive number of dollars below {MAX_PRICE:f} in plain digits, such as 250.30, "
            f"not {shown(price)}",
            symbol=symbol,
            code="bad_price",
        )
    return Decimal(f"{value:f}")  # 1E+2 would be shown to people as such


def parse_time_in_force(word: object, *, symbol: str) -> TimeInForce:
    """Return the time in force for ``gfd`` or ``gtc``, in any case.

    Raises:
        OrderValidationError: any other word.
    """
    found = caller_values.member(TimeInForce, word)
    if isinstance(found, TimeInForce):
        return found
    raise OrderValidationError(
        f"{symbol}: a time in force is 'gfd' or 'gtc', not {shown(word)}",
        symbol=symbol,
        code="bad_time_in_force",
    )


def _switch(value: object, *, symbol: str) -> bool:
    if value is True or value is False:
        return value
    raise OrderValidationError(
        f"{symbol}: extended_hours is True or False, not {shown(value)}",
        symbol=symbol,
        code="bad_extended_hours",
    )


def _as_decimal(price: object) -> Decimal | None:
    if type(price) is Decimal:
        return price
    if type(price) is int:
        return Decimal(price)
    if type(price) is str and _PRICE_TEXT.fullmatch(price):
        return Decimal(price)
    return None
