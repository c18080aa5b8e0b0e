"""The rules of one trade: what each objects to. Pure; what they need was read before.

A sell of free shares can only reduce, so no limit of an order, a position or a day binds it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias, TypeVar

from trading_bot.account.account_data import KeptAccount, KeptPositions
from trading_bot.account.funds import funds_in_words, spendable
from trading_bot.config.risk_settings import RiskManagementConfig
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.models import EXACT, OrderTerms, Side
from trading_bot.order_management.portfolio import AccountSnapshot, Position
from trading_bot.order_management.sync.free_shares import Free
from trading_bot.prose import dollars_in_words, shares_in_words
from trading_bot.risk.exposure import NO_EXPOSURE, Exposure
from trading_bot.risk.order_facts import pending_worth, unresolved_shares
from trading_bot.risk.watch import RiskState


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyFacts:
    """What the broker said before a buy is judged: nothing more is read while it is."""

    balances: KeptAccount
    positions: KeptPositions | None
    """None where the last look at the positions is young: then that counts, carried on by our fills."""
    active: tuple[TrackedOrder, ...]
    """The orders that had not ended when reading began: one that ended meanwhile may be in no answer."""
    instead_of: TrackedOrder | None = None
    """An order that would be cancelled first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SellFacts:
    """What is known before a sell is judged. An exit needs no read: what is held and free is known already."""

    free: Free | None
    position: Position | None
    instead_of: TrackedOrder | None = None


TradeFacts: TypeAlias = BuyFacts | SellFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """What is asked for: the terms of an order, and the limits in force."""

    terms: OrderTerms
    limits: RiskManagementConfig
    held: frozenset[str] = frozenset()
    """The limits that are held at small ones because no canary has passed."""

    @property
    def symbol(self) -> str:
        """FIX tag 55."""
        return self.terms.symbol

    @property
    def quantity(self) -> int:
        """Whole shares."""
        return self.terms.quantity

    @property
    def price(self) -> Decimal:
        """Dollars a share: the limit."""
        return self.terms.limit_price

    @property
    def notional(self) -> Decimal:
        """Dollars at the price."""
        return self.terms.notional

    def __str__(self) -> str:
        return f"{self.quantity} {self.symbol} at {dollars_in_words(self.price)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Buy:
    """A buy with all it is judged by."""

    trade: Trade
    facts: "BuyFacts"
    risk: RiskState
    active: tuple[TrackedOrder, ...]
    reserved: Decimal
    """Dollars that orders of ours may take beyond what the balances show."""
    brought: Decimal
    """Shares of the symbol that buys of ours brought since the positions were read, where those count."""
    looked: Free | None = None
    """What is known of the shares held now, by the last look at the positions."""
    exposure: Exposure = NO_EXPOSURE
    """What the account may hold before this buy, where that is limited."""

    @property
    def account(self) -> AccountSnapshot:
        """The balances as they were read."""
        return self.facts.balances.account


@dataclass(frozen=True, slots=True, kw_only=True)
class Sell:
    """A sell with all it is judged by."""

    trade: Trade
    free: Decimal
    """Shares held that no sell of ours may take."""
    why: str
    """What explains that number, and what to do where it is too small."""


def _symbol_denied(buy: Buy) -> str | None:
    symbol = buy.trade.symbol
    if symbol not in buy.trade.limits.deny_symbols:
        return None
    return f"{symbol} is not to be bought; take it from risk_management.deny_symbols to buy it"


def _symbol_not_allowed(buy: Buy) -> str | None:
    symbol, allowed = buy.trade.symbol, buy.trade.limits.allow_symbols
    if allowed is None or symbol in allowed:
        return None
    return f"{symbol} is not among the symbols that may be bought; add it to risk_management.allow_symbols"


def _risk_halt(buy: Buy) -> str | None:
    return buy.risk.halted_because


def _max_trades_per_day(buy: Buy) -> str | None:
    limit, trades = buy.trade.limits.max_trades_per_day, buy.risk.trades_today
    if limit is None or trades < limit:
        return None
    return (
        f"{trades} orders were placed on {buy.risk.day}, and the limit is {limit};"
        " buy on the next exchange day or raise risk_management.max_trades_per_day"
    )


def _max_entries_per_minute(buy: Buy) -> str | None:
    limit, entries = buy.trade.limits.max_entries_per_minute, buy.risk.entries_last_minute
    if limit is None or entries < limit:
        return None
    return (
        f"{entries} buys were decided within the last minute, and the limit is {limit};"
        " wait a minute or raise risk_management.max_entries_per_minute"
    )


def _max_open_orders(buy: Buy) -> str | None:
    others = [order for order in buy.active if not _is_same(order, buy.facts.instead_of)]
    limit, count = buy.trade.limits.max_open_orders, len(others)
    if limit is None or count < limit:
        return None
    return (
        f"{count} orders are open or in doubt, and the limit is {limit};"
        " cancel one, wait for one to end, or raise risk_management.max_open_orders"
    )


def _account_restricted(buy: Buy) -> str | None:
    if buy.account.restriction is None:
        return None
    return f"the account may not buy ({buy.account.restriction}); settle that with the broker first"


def _insufficient_buying_power(buy: Buy) -> str | None:
    taken = buy.reserved
    if not is_short_of_funds(buy.trade, buy.facts, reserved=taken):
        return None
    funds = spendable(buy.account, allow_margin=buy.trade.limits.allow_margin)
    held_back = f", {dollars_in_words(taken)} of it reserved for orders in doubt, and orders and fills not shown yet"
    available = f"{funds_in_words(buy.account, funds)}{held_back if taken else ''}"
    remedy = "buy less, add cash, or wait a minute" if taken else "buy less or add cash"
    return f"{buy.trade} cost {dollars_in_words(buy.trade.notional)} and {available}; {remedy}"


def is_short_of_funds(trade: Trade, facts: BuyFacts, *, reserved: Decimal) -> bool:
    """Whether a buy costs more than balances show, less the ``reserved`` dollars of our own orders."""
    account = facts.balances.account
    funds = EXACT.add(spendable(account, allow_margin=trade.limits.allow_margin), _given_back(facts))
    return trade.notional > EXACT.subtract(funds, reserved)


def _given_back(facts: BuyFacts) -> Decimal:
    order = facts.instead_of
    if order is None or order.envelope.side is not Side.BUY:
        return Decimal(0)
    return EXACT.multiply(order.envelope.limit_price, order.remaining_quantity)


def _insufficient_shares(sell: Sell) -> str | None:
    if sell.trade.quantity <= sell.free:
        return None
    return f"{sell.trade} is more than the {shares_in_words(sell.free)} shares free to sell{sell.why}"


def _to_raise(trade: Trade, name: str) -> str:
    return "pass 'trading-bot canary SYMBOL' first" if name in trade.held else f"raise risk_management.{name}"


def _max_order_notional(buy: Buy) -> str | None:
    limit, notional = buy.trade.limits.max_order_notional, buy.trade.notional
    if limit is None or notional <= limit:
        return None
    return (
        f"{buy.trade} makes {dollars_in_words(notional)}, over the limit of {dollars_in_words(limit)} for one order;"
        f" trade less or {_to_raise(buy.trade, 'max_order_notional')}"
    )


def _max_position_notional(buy: Buy) -> str | None:
    limit, facts, held = buy.trade.limits.max_position_notional, buy.facts, _held(buy)
    if limit is None:
        return None
    if held is None:
        return f"the position in {buy.trade.symbol} is not known any more; run 'trading-bot sync' and try again"
    others = [order for order in buy.active if not _is_same(order, facts.instead_of)]
    pending = pending_worth(others, buy.trade.symbol, price=buy.trade.price)
    after = EXACT.add(EXACT.multiply(held, buy.trade.price), buy.trade.notional)
    worth = EXACT.add(after, pending)
    if worth <= limit:
        return None
    waiting = f", {dollars_in_words(pending)} of it in buys still open" if pending else ""
    return (
        f"{buy.trade} would bring the position to {dollars_in_words(worth)}{waiting}, over the limit of "
        f"{dollars_in_words(limit)};"
        f" buy less or {_to_raise(buy.trade, 'max_position_notional')}"
    )


def _max_gross_exposure(buy: Buy) -> str | None:
    limit = buy.trade.limits.max_gross_exposure
    if limit is None:
        return None
    after = EXACT.add(buy.exposure.total, buy.trade.notional)
    if after <= limit:
        return None
    return (
        f"{buy.trade} would bring all positions and open buys to {dollars_in_words(after)}, over the limit of "
        f"{dollars_in_words(limit)};"
        " buy less, sell first, or raise risk_management.max_gross_exposure"
    )


def _held(buy: Buy) -> Decimal | None:
    # A fill may be in our records before the broker shows it, and at the broker before we hear of it.
    looked, read, symbol = buy.looked, buy.facts.positions, buy.trade.symbol
    shown = [] if looked is None or looked.held is None else [looked.held, looked.expected]
    if read is not None:
        position = read.positions.get(symbol)
        shown.append(EXACT.add(position.quantity if position else Decimal(0), buy.brought))
    return max(shown, default=None)


def _is_same(order: TrackedOrder, other: TrackedOrder | None) -> bool:
    return other is not None and order.client_order_id == other.client_order_id


_T = TypeVar("_T")
_Rules: TypeAlias = tuple[tuple[str, Callable[[_T], str | None]], ...]
"""The code of each rule, and the rule: what it objects to, or None."""

_BUY_RULES: _Rules[Buy] = (
    ("symbol_denied", _symbol_denied),
    ("symbol_not_allowed", _symbol_not_allowed),
    ("risk_halt", _risk_halt),
    ("max_trades_per_day", _max_trades_per_day),
    ("max_entries_per_minute", _max_entries_per_minute),
    ("max_open_orders", _max_open_orders),
    ("account_restricted", _account_restricted),
    ("insufficient_buying_power", _insufficient_buying_power),
    ("max_order_notional", _max_order_notional),
    ("max_position_notional", _max_position_notional),
    ("max_gross_exposure", _max_gross_exposure),
)
_SELL_RULES: _Rules[Sell] = (("insufficient_shares", _insufficient_shares),)
"""A sell of free shares can only reduce: no limit of an order, a position or a day binds it."""


def sell_of(trade: Trade, facts: SellFacts, active: tuple[TrackedOrder, ...]) -> Sell:
    """Return a sell with what is free for it, the shares of an order to be cancelled first given back."""
    old = facts.instead_of
    back = old.remaining_quantity if old is not None and old.envelope.side is Side.SELL else Decimal(0)
    if facts.free is not None:
        return Sell(trade=trade, free=EXACT.add(facts.free.quantity, back), why=f": {facts.free.in_words()}")
    held, sellable = (facts.position.quantity, facts.position.sellable) if facts.position else (Decimal(0), Decimal(0))
    free = EXACT.subtract(sellable, unresolved_shares(active, trade.symbol))
    why = (
        f", of {shares_in_words(held)} held; sell less, cancel a resting sell, or wait until a sell in doubt is found"
        if held
        else f": no {trade.symbol} is held, and nothing is sold short; sell what is held"
    )
    return Sell(trade=trade, free=EXACT.add(free, back), why=why)


def objections(trade: Buy | Sell) -> Iterator[tuple[str, str]]:
    """Yield the code and the reason of each rule that objects, in a fixed order."""
    return _objections(_BUY_RULES, trade) if isinstance(trade, Buy) else _objections(_SELL_RULES, trade)


def _objections(rules: _Rules[_T], trade: _T) -> Iterator[tuple[str, str]]:
    return ((code, reason) for code, rule in rules if (reason := rule(trade)) is not None)
