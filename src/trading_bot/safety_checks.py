"""The rules a trade must pass before it becomes an order, and the register of pending orders."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias, TypeVar

from trading_bot.account.account_data import AccountData
from trading_bot.account.funds import funds_in_words, spendable
from trading_bot.clock import Clock
from trading_bot.config.sections import RiskManagementConfig
from trading_bot.market_hours import MarketHours
from trading_bot.order_management.calculator import parse_price, validate_quantity
from trading_bot.order_management.exceptions import AuthenticationError, OrderError, OrderValidationError
from trading_bot.order_management.models import EXACT, Side
from trading_bot.order_management.order_book import TrackedOrder
from trading_bot.order_management.portfolio import AccountSnapshot, Position
from trading_bot.prose import dollars_in_words, shares_in_words
from trading_bot.risk.order_facts import OrderFacts, pending_worth, unreflected_cost, unresolved_cost, unresolved_shares
from trading_bot.risk.watch import RiskState, RiskWatch


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyResult:
    """The verdict on one trade. ``code`` is ``allowed`` or names the rule that refused; ``reason`` is for people."""

    allowed: bool
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingOrder:
    """An order that was accepted and has not ended."""

    symbol: str
    side: Side
    order_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trade:
    symbol: str
    quantity: int
    price: Decimal
    limits: RiskManagementConfig

    @property
    def notional(self) -> Decimal:
        return EXACT.multiply(self.price, self.quantity)

    def __str__(self) -> str:
        return f"{self.quantity} {self.symbol} at {dollars_in_words(self.price)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Buy:
    trade: _Trade
    position: Position | None
    account: AccountSnapshot
    risk: RiskState
    active: tuple[TrackedOrder, ...]
    all_orders: tuple[TrackedOrder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sell:
    trade: _Trade
    position: Position | None
    active: tuple[TrackedOrder, ...]


def _risk_halt(buy: _Buy) -> str | None:
    return buy.risk.halted_because


def _max_trades_per_day(buy: _Buy) -> str | None:
    limit, trades = buy.trade.limits.max_trades_per_day, buy.risk.trades_today
    if limit is None or trades < limit:
        return None
    return (
        f"{trades} orders were placed on {buy.risk.day}, and the limit is {limit};"
        " buy on the next exchange day or raise risk_management.max_trades_per_day"
    )


def _max_open_orders(buy: _Buy) -> str | None:
    limit, count = buy.trade.limits.max_open_orders, len(buy.active)
    if limit is None or count < limit:
        return None
    return (
        f"{count} orders are open or in doubt, and the limit is {limit};"
        " cancel one, wait for one to end, or raise risk_management.max_open_orders"
    )


def _account_restricted(buy: _Buy) -> str | None:
    if buy.account.restriction is None:
        return None
    return f"the account may not buy ({buy.account.restriction}); settle that with the broker first"


def _insufficient_buying_power(buy: _Buy) -> str | None:
    cost = buy.trade.notional
    unshown = unreflected_cost(buy.all_orders, since=buy.account.as_of)
    in_doubt = EXACT.add(unresolved_cost(buy.active), unshown)
    funds = spendable(buy.account, allow_margin=buy.trade.limits.allow_margin)
    if cost <= EXACT.subtract(funds, in_doubt):
        return None
    held_back = f", {dollars_in_words(in_doubt)} of it reserved for orders in doubt and fills not shown yet"
    available = f"{funds_in_words(buy.account, funds)}{held_back if in_doubt else ''}"
    return f"{buy.trade} cost {dollars_in_words(cost)} and {available}; buy less or add cash"


def _insufficient_shares(sell: _Sell) -> str | None:
    if sell.position is None:
        return f"no {sell.trade.symbol} is held, and nothing is sold short; sell what is held"
    free = EXACT.subtract(sell.position.sellable, unresolved_shares(sell.active, sell.trade.symbol))
    if sell.trade.quantity <= free:
        return None
    return (
        f"{sell.trade} is more than the {shares_in_words(free)} shares free to sell, of "
        f"{shares_in_words(sell.position.quantity)} held;"
        " sell less, cancel a resting sell, or wait until a sell in doubt is found"
    )


def _max_order_notional(order: _Buy | _Sell) -> str | None:
    limit, notional = order.trade.limits.max_order_notional, order.trade.notional
    if limit is None or notional <= limit:
        return None
    return (
        f"{order.trade} makes {dollars_in_words(notional)}, over the limit of {dollars_in_words(limit)} for one order;"
        " trade less or raise risk_management.max_order_notional"
    )


def _max_position_notional(buy: _Buy) -> str | None:
    limit, held = buy.trade.limits.max_position_notional, buy.position.quantity if buy.position else Decimal(0)
    pending = pending_worth(buy.active, buy.trade.symbol, price=buy.trade.price)
    after = EXACT.add(EXACT.multiply(held, buy.trade.price), buy.trade.notional)
    worth = EXACT.add(after, pending)
    if limit is None or worth <= limit:
        return None
    waiting = f", {dollars_in_words(pending)} of it in buys still open" if pending else ""
    return (
        f"{buy.trade} would bring the position to {dollars_in_words(worth)}{waiting}, over the limit of "
        f"{dollars_in_words(limit)};"
        " buy less or raise risk_management.max_position_notional"
    )


_T = TypeVar("_T")
_Rules: TypeAlias = tuple[tuple[str, Callable[[_T], str | None]], ...]
"""The code of each rule, and the rule: what it objects to, or None."""

_BUY_RULES: _Rules[_Buy] = (
    ("risk_halt", _risk_halt),
    ("max_trades_per_day", _max_trades_per_day),
    ("max_open_orders", _max_open_orders),
    ("account_restricted", _account_restricted),
    ("insufficient_buying_power", _insufficient_buying_power),
    ("max_order_notional", _max_order_notional),
    ("max_position_notional", _max_position_notional),
)
_SELL_RULES: _Rules[_Sell] = (
    ("insufficient_shares", _insufficient_shares),
    ("max_order_notional", _max_order_notional),
)


class SafetyChecks:
    """Judges a trade by rules in a fixed order; the first that objects decides. Whatever cannot be judged is refused.

    A sell is judged without the account's balances and without the limits of a day, so that neither a failing read nor
    a risk halt can hold up an exit.
    Duplicates are the order manager's business: the pending register only remembers.
    """

    def __init__(
        self,
        *,
        limits: RiskManagementConfig,
        hours: MarketHours,
        account: AccountData,
        orders: OrderFacts,
        risk: RiskWatch,
        clock: Clock,
        queue_for_open: bool,
    ) -> None:
        self._limits = limits
        self._hours = hours
        self._account = account
        self._orders = orders
        self._risk = risk
        self._clock = clock
        self._queue_for_open = queue_for_open
        self._pending: list[PendingOrder] = []
        self._lock = threading.Lock()

    def validate_trade(
        self, symbol: str, side: Side, quantity: int, *, price: Decimal, extended_hours: bool = False
    ) -> SafetyResult:
        """Judge ``quantity`` shares at ``price`` dollars each, now. Never raises for what the broker does."""
        closed = self._hours.why_closed(self._clock.now(), extended_hours=extended_hours)
        if closed is not None and not self._queue_for_open:
            return _refused("market_closed", f"{closed}; wait until then or set trading.queue_for_open")
        try:
            trade = _Trade(
                symbol=symbol,
                quantity=validate_quantity(quantity, symbol=symbol),
                price=parse_price(price, symbol=symbol),
                limits=self._limits,
            )
        except OrderValidationError as error:
            return _refused(error.code, str(error))
        try:
            objections = self._objections(Side(side), trade)
        except OrderError as error:
            if error.code == AuthenticationError.code:
                return _refused(error.code, f"nothing is traded without a session: {error}")
            return _refused("no_account_data", f"the account cannot be read ({error}); nothing is traded until it can")
        return next(objections, SafetyResult(allowed=True, code="allowed", reason="every rule agrees"))

    def _objections(self, side: Side, trade: _Trade) -> Iterator[SafetyResult]:
        # Before the account: an order that ends in between then counts twice, and never not at all.
        active, all_orders = self._orders.active(), self._orders.orders()
        position = self._account.positions().get(trade.symbol)
        if side is Side.SELL:
            return _verdicts(_SELL_RULES, _Sell(trade=trade, position=position, active=active))
        account, risk = self._account.account(), self._risk.check()
        buy = _Buy(trade=trade, position=position, account=account, risk=risk, active=active, all_orders=all_orders)
        return _verdicts(_BUY_RULES, buy)

    def read_ahead(self, side: Side = Side.BUY) -> None:
        """Read what the limits of a day need from the broker, ahead of an order and outside of every lock.

        A sell waits for nothing: no price is read for it. Nothing is read outside of the regular session either: which
        day's close the broker means then is not documented, and a loss must not count on two days.
        """
        if side is Side.BUY and self._hours.why_closed(self._clock.now()) is None:
            self._risk.read_ahead()

    def state(self) -> RiskState:
        """Return today's figures and whether buys are halted; nothing is written and no broker asked."""
        return self._risk.state()

    def register_pending_order(self, symbol: str, side: Side, order_id: str) -> None:
        """Remember an accepted order; the same one again changes nothing."""
        order = PendingOrder(symbol=symbol, side=Side(side), order_id=order_id)
        with self._lock:
            if order not in self._pending:
                self._pending.append(order)

    def clear_pending_order(self, symbol: str, side: Side | None = None) -> None:
        """Forget the orders of a symbol, on one side or on both; forgetting what is not there changes nothing."""
        with self._lock:
            self._pending = [
                order for order in self._pending if order.symbol != symbol or side not in (None, order.side)
            ]

    def clear_all_pending_orders(self) -> None:
        """Forget every pending order."""
        with self._lock:
            self._pending = []

    @property
    def pending_orders(self) -> tuple[PendingOrder, ...]:
        """The remembered orders as they are now, oldest first."""
        with self._lock:
            return tuple(self._pending)


def _verdicts(rules: _Rules[_T], trade: _T) -> Iterator[SafetyResult]:
    return (_refused(code, reason) for code, rule in rules if (reason := rule(trade)) is not None)


def _refused(code: str, reason: str) -> SafetyResult:
    return SafetyResult(allowed=False, code=code, reason=reason)
