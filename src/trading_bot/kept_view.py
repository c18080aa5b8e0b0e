"""The account as this process knows it already, in one value: for a view that somebody asks for every second.

What it guarantees: nobody who looks, however often or however many they are, makes the broker be asked oftener than it
is. Orders are those of the book, foreign ones those of the last whole comparison, positions those of the last look and
balances those that were read last; each has its age. Only the prices of what is held are read for the view, at most
once in `MARKS_LAST_S`, in one request, and only while somebody looks.

What it does not: it judges nothing, and what is shown may be as old as it says. A figure that is not known is None.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from trading_bot.account.account_data import AccountData
from trading_bot.account.market_data import MarketData
from trading_bot.clock import Clock, Moment, Seconds
from trading_bot.order_management.book.freezes import Freeze
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.models import EXACT, OrderEnvelope
from trading_bot.order_management.portfolio import AccountSnapshot, Quote, UnreadPosition
from trading_bot.order_management.sync.account_view import ShownPosition
from trading_bot.order_management.sync.external_orders import ExternalOrder
from trading_bot.risk.cost_basis import Holding
from trading_bot.risk.marks import MarkReader
from trading_bot.risk.position_cost import cost_of_position
from trading_bot.risk.unrealised import unrealised
from trading_bot.safety_checks import SafetyChecks

MARKS_LAST_S: Seconds = 15.0
"""How long after one reading of the prices the next one begins. Chosen: the default poll interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPosition:
    """One position, in dollars; None is what is not known."""

    shown: ShownPosition
    quantity: Decimal
    price: Decimal | None
    """What a share is worth by its latest mark."""
    value: Decimal | None
    cost: Decimal | None
    """What all of the shares cost: by the journal, else by the broker's average."""
    result: Decimal | None
    """What they are worth beyond that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResult:
    """What today brought, in dollars and without fees; None is what is not known."""

    realised: Decimal | None
    unrealised: Decimal | None
    """Of the shares bought through this journal; None outside of the regular session, and where the broker says no last
    close of shares from before today."""
    unknown_sales: int
    """Sales that ``realised`` leaves out, because the cost of the shares is not known."""
    left_out: tuple[str, ...]
    """Held symbols that ``unrealised`` leaves out: no fresh price, or shares that are in doubt or of unknown cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptView:
    """One account at ``at``; ages are in seconds, and None where there is nothing to be old."""

    at: datetime
    account: AccountSnapshot | None
    account_age_s: Seconds | None
    today: DayResult
    halted: str | None
    """The first reason that stops entries everywhere."""
    freezes: tuple[Freeze, ...]
    orders: tuple[OrderEnvelope, ...]
    """Every order of ours that has not provably ended."""
    external: tuple[ExternalOrder, ...] | None
    """The open orders placed elsewhere; None before the first whole comparison."""
    orders_age_s: Seconds | None
    """How long ago the orders were compared with the broker; None also after a sleep of the machine."""
    problem: str | None
    """Why there may be orders that are not shown, if so."""
    positions: tuple[KeptPosition, ...] | None
    """None where the positions were not read in this session."""
    unread: tuple[UnreadPosition, ...]
    positions_age_s: Seconds | None


class KeptViews:
    """Puts a view together whenever it is asked for. Safe to use from several threads."""

    def __init__(
        self, *, manager: OrderManager, safety: SafetyChecks, account: AccountData, market: MarketData, clock: Clock
    ) -> None:
        self._manager = manager
        self._safety = safety
        self._account = account
        self._clock = clock
        self._marks = MarkReader(gateway=_Quotes(market=market), clock=clock)

    def view(self) -> KeptView:
        """Return the account as it is known now. It may take the few seconds of one reading of prices."""
        positions, unread, looked = self._positions()
        account = self._account.last_account()
        return KeptView(
            at=self._clock.now(),
            account=None if account is None else account[0],
            account_age_s=None if account is None else account[1].age_s(self._clock),
            today=self._today(positions or ()),
            halted=self._manager.halted_because or self._safety.state().halted_because,
            freezes=self._manager.ways_out.freezes(),
            orders=self._manager.open_orders(),
            external=self._manager.view.external_orders(),
            orders_age_s=self._manager.view.orders_age_s(),
            problem=self._problem(),
            positions=positions,
            unread=unread,
            positions_age_s=None if looked is None else looked.age_s(self._clock),
        )

    def _problem(self) -> str | None:
        broker = self._manager.broker_problem
        return self._manager.journal_problem or (broker and f"the broker could not be read: {broker}")

    def _positions(self) -> tuple[tuple[KeptPosition, ...] | None, tuple[UnreadPosition, ...], Moment | None]:
        last = self._manager.view.last_positions()
        if last is None:
            return None, (), None
        shown, looked = last
        held = [each for each in shown.positions if each.free.held or each.differs]
        self._marks.refresh([each.symbol for each in held if each.free.held], after_s=MARKS_LAST_S)
        costs = self._safety.holdings()
        return tuple(self._position(each, costs.get(each.symbol)) for each in held), shown.unread, looked

    def _position(self, shown: ShownPosition, holding: Holding | None) -> KeptPosition:
        quantity = shown.free.held or Decimal(0)
        mark = self._marks.of(shown.symbol)
        value = None if mark is None else EXACT.multiply(quantity, mark.price)
        known = cost_of_position(quantity, holding, shown.average_buy_price)
        cost = None if known is None else known.dollars
        return KeptPosition(
            shown=shown,
            quantity=quantity,
            price=None if mark is None else mark.price,
            value=value,
            cost=cost,
            result=None if value is None or cost is None else EXACT.subtract(value, cost),
        )

    def _today(self, positions: Sequence[KeptPosition]) -> DayResult:
        state, holdings = self._safety.state(), self._safety.holdings()
        doubtful = {each.shown.symbol for each in positions if each.shown.differs}
        change = unrealised(holdings, self._marks, leaving_out={*doubtful, *self._manager.unsettled_symbols})
        of_unknown_cost = {each.shown.symbol for each in positions if _is_partly_unknown(each, holdings)}
        left_out = {*change.unmarked, *of_unknown_cost}
        is_any_known = bool(change.marked) or not left_out
        is_known = self._safety.is_session_open() and is_any_known and not change.without_close
        return DayResult(
            realised=None if state.unknown_sales_today and not state.realised_today else state.realised_today,
            unrealised=change.dollars if is_known else None,
            unknown_sales=state.unknown_sales_today,
            left_out=tuple(sorted(left_out)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quotes:
    """The market at a strategy's pace, as a reader of marks asks for it."""

    market: MarketData
    until: Seconds = 0

    def by(self, deadline: Seconds) -> "_Quotes":
        return replace(self, until=deadline)

    def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        return self.market.quotes(symbols, by=self.until)


def _is_partly_unknown(position: KeptPosition, holdings: Mapping[str, Holding]) -> bool:
    holding = holdings.get(position.shown.symbol)
    return position.quantity > (Decimal(0) if holding is None else holding.quantity)
