"""The rules a trade must pass before it becomes an order, and the register of pending orders."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from trading_bot import caller_values
from trading_bot.account.account_data import AccountData
from trading_bot.clock import Clock, Seconds
from trading_bot.config.risk_settings import RiskManagementConfig
from trading_bot.market_hours import MarketHours
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.calculator import asked_terms
from trading_bot.order_management.exceptions import (
    AuthenticationError,
    OrderError,
    OrderStatusError,
    OrderValidationError,
    TradeRefusedError,
    UnsupportedOrderTypeError,
)
from trading_bot.order_management.models import OrderRequest, OrderTerms, Side
from trading_bot.order_management.submit.placement import Approval
from trading_bot.order_management.sync.free_shares import Free
from trading_bot.risk.cost_basis import Holding
from trading_bot.risk.exposure import NO_EXPOSURE, Exposure
from trading_bot.risk.in_force import LimitsInForce
from trading_bot.risk.limit_uses import LimitsNow, limits_now
from trading_bot.risk.marks import ORDERS_READ_AFTER_S, Marks
from trading_bot.risk.order_facts import OrderFacts
from trading_bot.risk.trade_rules import (
    Buy,
    BuyFacts,
    SellFacts,
    Trade,
    TradeFacts,
    is_short_of_funds,
    objections,
    sell_of,
)
from trading_bot.risk.watch import AccountResults, RiskState, RiskWatch


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyResult:
    """What the rules say of a trade. ``code`` is ``allowed`` or the rule that refused; ``reason`` is for people."""

    allowed: bool
    code: str
    reason: str

    @property
    def is_safe(self) -> bool:
        """The same as ``allowed``, under the name that strategies written before this order layer use."""
        return self.allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingOrder:
    """An order that was accepted and has not ended."""

    symbol: str
    side: Side
    order_id: str


_ALLOWED = SafetyResult(allowed=True, code="allowed", reason="every rule agrees")


class SafetyChecks:
    """Judges a trade by rules in a fixed order; the first that objects decides. Whatever cannot be judged is refused.

    A sell is judged without the account's balances and without any limit, so that neither a failing read nor a risk
    halt can hold up an exit. What has to be read is read first (`read`), by everybody for himself; `check` reads
    nothing more. ``free_to_sell`` says how many shares of a symbol are provably held and free, None where that is not
    known yet: then the positions are read.
    Duplicates are the order manager's business: the pending register only remembers.
    """

    def __init__(
        self,
        *,
        limits: RiskManagementConfig | LimitsInForce,
        hours: MarketHours,
        account: AccountData,
        orders: OrderFacts,
        risk: RiskWatch,
        clock: Clock,
        queue_for_open: bool,
        free_to_sell: Callable[[str], Free | None] = lambda _symbol: None,
    ) -> None:
        in_force = limits if isinstance(limits, LimitsInForce) else LimitsInForce(limits=limits)
        self.in_force = in_force
        self._limits = in_force.limits
        self._hours = hours
        self._account = account
        self._orders = orders
        self._risk = risk
        self._clock = clock
        self._queue_for_open = queue_for_open
        self._free_to_sell = free_to_sell
        self._pending: list[PendingOrder] = []
        self._lock = threading.Lock()

    def validate_trade(
        self, symbol: str, side: Side, quantity: int, price: Decimal, *, extended_hours: bool = False
    ) -> SafetyResult:
        """Judge ``quantity`` shares at ``price`` dollars each, now. Never raises an `OrderError`.

        Values are taken as `OrderRequest` takes them, so ``"BUY"`` and ``250.30`` will do.
        """
        closed = self._closed(extended_hours=extended_hours)
        if closed is not None:
            return closed
        asked = OrderRequest(
            symbol=symbol, side=side, quantity=quantity, reference_price=price, extended_hours=extended_hours
        )
        try:
            terms = asked_terms(asked)
        except (OrderValidationError, UnsupportedOrderTypeError) as error:
            return _refused(error.code, str(error))
        try:
            facts = self.read(terms)
        except OrderError as error:
            return unread(error)
        return self.check(terms, facts)

    def gather(self, terms: OrderTerms, by: Seconds | None, instead_of: TrackedOrder | None) -> Approval:
        """Read what the rules need, as `read` does, and return the rules as the order manager asks for them.

        Raises:
            TradeRefusedError: a rule refuses what needs no reading, or the account cannot be read.
        """
        refuse(self.refusal_unread(terms), terms)
        try:
            facts = self.read(terms, by=by, instead_of=instead_of)
        except OrderStatusError as error:
            refuse(unread(error), terms)
            raise

        def approve(terms: OrderTerms) -> None:
            refuse(self.check(terms, facts), terms)

        return approve

    def refusal_unread(self, terms: OrderTerms) -> SafetyResult | None:
        """Return what can be refused without asking the broker: a market that is closed to these terms."""
        return self._closed(extended_hours=terms.extended_hours)

    def _closed(self, *, extended_hours: bool) -> SafetyResult | None:
        closed = self._hours.why_closed(self._clock.now(), extended_hours=extended_hours)
        if closed is None or self._queue_for_open:
            return None
        return _refused("market_closed", f"{closed}; {self._until_it_opens(extended_hours=extended_hours)}")

    def _until_it_opens(self, *, extended_hours: bool) -> str:
        if not extended_hours and self._hours.is_open(self._clock.now(), extended_hours=True):
            return "trade in the extended session with --extended-hours, wait, or set trading.queue_for_open"
        return "wait until then or set trading.queue_for_open"

    def read(
        self, terms: OrderTerms, *, by: Seconds | None = None, instead_of: TrackedOrder | None = None
    ) -> TradeFacts:
        """Read what `check` needs, by a point on the clock. With an order, check as if that had been cancelled.

        Raises:
            OrderStatusError: the broker could not be read.
        """
        symbol, free = terms.symbol, self._free_to_sell(terms.symbol)
        if terms.side is Side.SELL:
            position = None if free is not None else self._account.kept_positions(by=by).positions.get(symbol)
            return SellFacts(free=free, position=position, instead_of=instead_of)
        facts = BuyFacts(
            active=self._orders.active(),
            positions=None if self._is_looked_at(free) else self._account.kept_positions(by=by),
            balances=self._account.kept_account(by=by),
            instead_of=instead_of,
        )
        is_short = is_short_of_funds(self._trade(terms), facts, reserved=self._reserved(facts))
        # An order may take more of what can be borrowed than it costs: only the broker knows how much.
        borrows = self._limits.allow_margin and not facts.balances.account.is_cash_account
        if not is_short and not borrows:
            return facts
        # Newer balances may show more: a sell's proceeds, or what a cancel or a better price gave back.
        return replace(facts, balances=self._account.kept_account(by=by, may_be_outdated=False))

    def _trade(self, terms: OrderTerms) -> Trade:
        return Trade(terms=terms, limits=self._limits, held=self.in_force.held)

    def _is_looked_at(self, free: Free | None) -> bool:
        return free is not None and free.looked is not None and self._account.is_young(free.looked)

    def check(self, terms: OrderTerms, facts: TradeFacts) -> SafetyResult:
        """Apply the rules to what was read and to what is on record now; nothing is read from the broker."""
        trade = self._trade(terms)
        active = self._orders.active()
        if isinstance(facts, SellFacts):
            found = objections(sell_of(trade, facts, active))
        else:
            found = objections(self._buy(trade, facts, active))
        return next((_refused(*refusal) for refusal in found), _ALLOWED)

    def _buy(self, trade: Trade, facts: BuyFacts, active: tuple[TrackedOrder, ...]) -> Buy:
        read = facts.positions
        return Buy(
            trade=trade,
            facts=facts,
            risk=self._risk.check(),
            # One that ended since reading began then counts twice, and never not at all.
            active=_with_missing(active, facts.active),
            reserved=self._reserved(facts),
            brought=read.since.follow(self._orders.changed).shares(trade.symbol) if read is not None else Decimal(0),
            looked=self._free_to_sell(trade.symbol),
            exposure=self._exposure_beside(facts.instead_of, active),
        )

    def _exposure_beside(self, instead_of: TrackedOrder | None, active: tuple[TrackedOrder, ...]) -> Exposure:
        if self._limits.max_gross_exposure is None:
            return NO_EXPOSURE
        replaced = None if instead_of is None else instead_of.client_order_id
        return self._risk.exposure(order for order in active if order.client_order_id != replaced)

    def _reserved(self, facts: BuyFacts) -> Decimal:
        kept = facts.balances
        return kept.since.follow(self._orders.changed).reserved(kept.account)

    def read_ahead(self, side: Side = Side.BUY) -> None:
        """Read what the limits of a day need from the broker, ahead of an order and outside of every lock.

        A sell waits for nothing: no price is read for it. Nothing is read outside of the regular session either: which
        day's close the broker means then is not documented, and a loss must not count on two days.
        """
        if side is Side.BUY and self.is_session_open():
            self._risk.read_ahead(after_s=ORDERS_READ_AFTER_S)

    def renew(self) -> None:
        """Read what orders will be judged by, ahead of need, so that they wait for none of it; call it steadily."""
        self._account.renew()
        if self.is_session_open():
            self._risk.read_ahead()

    def is_session_open(self) -> bool:
        """Whether the regular session is open: only then is it known which day's close the broker means."""
        return self._hours.why_closed(self._clock.now()) is None

    def state(self) -> RiskState:
        """Return today's figures and whether buys are halted; nothing is written and no broker asked."""
        return self._risk.state()

    def limits_now(self) -> LimitsNow:
        """Return every limit and how much of it is used now; no broker is asked."""
        return limits_now(self.in_force, self._risk, self._orders.active())

    def held_symbols(self) -> tuple[str, ...]:
        """Return the symbols of which shares of known cost are held, as far as the journal tells."""
        return self._risk.held_symbols()

    def holdings(self) -> Mapping[str, Holding]:
        """Return what is held of each symbol by the journal, and what it cost; no broker is asked."""
        return self._risk.holdings()

    def account_results(self, marks: Marks) -> AccountResults:
        """Return what trading earned, by the journal and ``marks``; no broker is asked.

        The change of today is not known outside of the regular session: which day's close the broker means then is not
        documented.
        """
        results = self._risk.account_results(marks)
        if self.is_session_open():
            return results
        return replace(results, unrealised_today=None)

    def register_pending_order(self, symbol: str, side: Side, order_id: str) -> None:
        """Remember an accepted order; the same one again changes nothing. ``"tsla"`` and ``"BUY"`` will do.

        Raises:
            ValueError: a side that is none.
        """
        side = Side(caller_values.member(Side, side))
        order = PendingOrder(symbol=caller_values.ticker(symbol), side=side, order_id=order_id)
        with self._lock:
            if order not in self._pending:
                self._pending.append(order)

    def clear_pending_order(self, symbol: str, side: Side | None = None) -> None:
        """Forget the orders of a symbol, on one side or on both; forgetting what is not there changes nothing.

        Raises:
            ValueError: a side that is none.
        """
        symbol = caller_values.ticker(symbol)
        sides = tuple(Side) if side is None else (Side(caller_values.member(Side, side)),)
        with self._lock:
            self._pending = [order for order in self._pending if order.symbol != symbol or order.side not in sides]

    def clear_all_pending_orders(self) -> None:
        """Forget every pending order."""
        with self._lock:
            self._pending = []

    @property
    def pending_orders(self) -> tuple[PendingOrder, ...]:
        """The remembered orders as they are now, oldest first."""
        with self._lock:
            return tuple(self._pending)


def _with_missing(now: tuple[TrackedOrder, ...], then: tuple[TrackedOrder, ...]) -> tuple[TrackedOrder, ...]:
    names = {order.client_order_id for order in now}
    return (*now, *(order for order in then if order.client_order_id not in names))


def refuse(result: SafetyResult | None, terms: OrderTerms) -> None:
    """Raise where a rule objects.

    Raises:
        TradeRefusedError: with the rule's code and reason.
    """
    if result is not None and not result.allowed:
        raise TradeRefusedError(result.reason, symbol=terms.symbol, code=result.code)


def unread(error: OrderError) -> SafetyResult:
    """Return the refusal of an entry whose account could not be read."""
    if error.code == AuthenticationError.code:
        return _refused(error.code, f"nothing is traded without a session: {error}")
    return _refused(
        "no_account_data",
        f"the account cannot be read ({error}); an order that needs this is refused until it can",
    )


def _refused(code: str, reason: str) -> SafetyResult:
    return SafetyResult(allowed=False, code=code, reason=reason)
