"""What a canary needs before its first order, and the most that it may spend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trading_bot.bot import TradingBot
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.models import OrderRequest, Pricing, Side, exact_sum

MOST_SYMBOLS = 3
SHARES_AT_ONCE = 3
"""Of one symbol: the first buy, one that trades although it is cancelled at once, and one that replaces another."""
STRATEGY = "canary"
_NOTHING = Decimal(0)


class CanaryRefusedError(Exception):
    """Nothing was sent; the message says why and what to do."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryPlan:
    """The symbols of a canary, and what one share of each may cost now, in dollars."""

    limits: Mapping[str, Decimal]

    @property
    def most(self) -> Decimal:
        """Dollars that all of it may spend: each symbol with as many shares as it may hold at once."""
        return exact_sum(limit * SHARES_AT_ONCE for limit in self.limits.values())


def plan_canary(bot: TradingBot, symbols: Sequence[str], *, reference: Decimal | None = None) -> CanaryPlan:
    """Return what is walked, once all of it can be expected to go.

    ``reference``, in dollars a share, stands for a quote on paper, where a walked market begins with its first order.

    Raises:
        CanaryRefusedError: the market is closed, too many symbols, or one that is held, is traded or cannot be bought.
        OrderStatusError: the account cannot be read.
    """
    if len(symbols) > MOST_SYMBOLS:
        raise CanaryRefusedError(f"a canary takes {MOST_SYMBOLS} symbols at most; name fewer", code="too_many_symbols")
    closed = bot.config.trading.market_hours.why_closed(bot.clock.now())
    if closed is not None:
        raise CanaryRefusedError(
            f"nothing was sent: {closed}; run the canary in the regular session", code="market_closed"
        )
    held = {each.symbol for each in bot.positions() if each.quantity or each.expected}
    working = {order.symbol for order in bot.open_orders()}
    elsewhere = {str(order.symbol) for order in bot.manager.view.external_orders() or ()}
    quotes = bot.quotes(symbols)
    for symbol in symbols:
        _refuse_if(symbol in held, symbol, "it is held")
        _refuse_if(symbol in working | elsewhere, symbol, "an order in it is open")
        _refuse_if(
            symbol not in quotes and reference is None,
            symbol,
            "it has no two-sided quote, which on paper --reference-price stands for",
        )
    prices = {symbol: quotes[symbol].ask_price if symbol in quotes else reference or _NOTHING for symbol in symbols}
    return CanaryPlan(limits={symbol: _limit_of(bot, symbol, price) for symbol, price in prices.items()})


def _refuse_if(is_so: bool, symbol: str, why: str) -> None:
    if is_so:
        raise CanaryRefusedError(
            f"nothing was sent: {symbol} cannot be used, because {why}; name another symbol", code="symbol_not_free"
        )


def _limit_of(bot: TradingBot, symbol: str, price: Decimal) -> Decimal:
    request = OrderRequest(
        symbol=symbol,
        side=Side.BUY,
        quantity=1,
        reference_price=price,
        pricing=Pricing.MARKETABLE,
        strategy_name=STRATEGY,
    )
    try:
        preview = bot.preview_trade(request)
    except OrderError as error:
        raise CanaryRefusedError(f"nothing was sent: {error}", code=error.code) from error
    if preview.refusal is not None:
        raise CanaryRefusedError(
            f"nothing was sent: one share of {symbol} would be refused: {preview.refusal.message}",
            code=preview.refusal.code,
        )
    return preview.terms.limit_price
