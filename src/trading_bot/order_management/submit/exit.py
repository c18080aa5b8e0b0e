"""Leaving a position: one journaled exit a symbol, which strategy, stop and person join.

It stops entries in the symbol, cancels our open buys, takes over our resting sells and sells what is free, down a
ladder of limits below a fresh bid. Each order has an id of its own, is written ahead and passes the same gates as any
other, so two exits at once, or an exit and a sell, can never sell more than is held: that is decided where shares are
reserved.

An exit never waits for what it can do without: an unknown buy, a listing, balances. It ends within
``cancel_deadline_s + 3 * submit_deadline_s``; its last order stays at the broker.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from trading_bot.clock import Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.exit_facts import ExitEnding, counted_by_hand, exit_begun, exit_ended, exit_leg
from trading_bot.order_management.book.freezes import Cause, frozen
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.cancel.canceller import CancelService
from trading_bot.order_management.context import OrderContext
from trading_bot.order_management.exceptions import OrderError, OrderStatusError
from trading_bot.order_management.models import ClientOrderId, OrderRequest, OrderTerms, Side, exact_sum
from trading_bot.order_management.portfolio import Quote
from trading_bot.order_management.ports import BrokerGateway
from trading_bot.order_management.rounds import SyncService
from trading_bot.order_management.submit.exit_gate import ExitGate
from trading_bot.order_management.submit.exit_prices import BELOW_BID_PCT, RUNG_S, exit_limit, floor_of
from trading_bot.order_management.submit.exit_run import (
    ExitResult,
    ExitRun,
    Leave,
    checked,
    exit_message,
    is_hopeless,
    leg_terms,
)
from trading_bot.order_management.submit.placement import Gather, SubmitService
from trading_bot.order_management.submit.replace import Replacement
from trading_bot.order_management.sync.free_shares import Free

NO_QUOTE = "no_quote"
"""The code of an exit that found no market and was given no price."""

_QUOTE_S: Seconds = 2.0
_UNCROSSED_S: Seconds = 1.0
"""How long the cancel of a buy is followed that the exit would not trade with."""

_LOOK_EVERY_S: Seconds = 1.0

_TAKE_OVER_S: Seconds = 5.0
"""How long the cancel of a resting sell, or of a buy in the way, is followed before the exit goes on without it."""

_log = get_logger(__name__)


class Exits:
    """Runs one exit a symbol at a time."""

    def __init__(
        self,
        context: OrderContext,
        *,
        submit: SubmitService,
        replacing: Replacement,
        cancel: CancelService,
        sync: SyncService,
    ) -> None:
        self._store = context.store
        self._account = context.account
        self._clock = context.clock
        self._new_id = context.new_id
        self._request = context.request
        self._submits = submit
        self._admission = submit.admission
        self._replacing = replacing
        self._cancels = cancel
        self._sync = sync
        self._order_s = context.settings.submit_deadline_s
        self._gate = ExitGate(context, admission=submit.admission, sync=sync)
        self._longest_s = context.settings.cancel_deadline_s + 3 * context.settings.submit_deadline_s
        self._lock = threading.Lock()
        self._under_way: dict[str, ExitRun] = {}

    def leave(self, leave: Leave, *, gather: Gather) -> ExitResult:
        """Leave a position, or join the exit of it that is under way, and say what came of it.

        Raises:
            TradingHaltedError: killed, the journal cannot record an order, or it is not certain what is held.
            TradeRefusedError: the session is closed, or a strategy left this symbol too often.
        """
        leave, deadline = checked(leave), self._clock.monotonic() + self._longest_s
        with self._request(leave.correlation_id), self._admission.counted_by_hand(leave.symbol, leave.held):
            self._gate.refuse(leave, gather)
            with self._lock:
                run = self._under_way.get(leave.symbol)
                is_mine = run is None
                if run is None:
                    run = self._begun(leave, gather, deadline)
            if is_mine:
                return self._run(run)
        return self._joined(run)

    def _run(self, run: ExitRun) -> ExitResult:
        with self._concluding(run):
            self._stop_entries(run)
            ending = self._descend(run)
            run.result = self._result(run, ending)
        return run.result

    def is_leaving(self, symbol: str) -> bool:
        """Whether an exit of the symbol is under way in this process."""
        with self._lock:
            return symbol in self._under_way

    def free(self, symbol: str) -> Free | None:
        """Return the shares that are provably held and free; None while the positions are not known."""
        return self._admission.free(symbol)

    def _begun(self, leave: Leave, gather: Gather, deadline: Seconds) -> ExitRun:
        run = ExitRun(exit_id=leave.exit_id or self._new_id(), leave=leave, gather=gather, deadline=deadline)
        with self._store.open_book() as book:
            for old in book.exits.under_way(leave.symbol):
                why = "the program ended before it did"
                with self._store.at_work.on_behalf_of(old.correlation_id):
                    self._store.record_fact(exit_ended(old.exit_id, old.symbol, ExitEnding.UNFINISHED, reason=why))
            begun = exit_begun(run.exit_id, leave.symbol, origin=leave.origin, by=leave.by, reason=leave.reason)
            stopped = frozen(leave.symbol, Cause.EXIT, f"it was left: {leave.reason}", by=leave.by)
            self._store.record_facts((counted_by_hand(begun, leave.held), stopped))
        self._under_way[leave.symbol] = run
        return run

    def _joined(self, run: ExitRun) -> ExitResult:
        run.is_over.wait(max(run.deadline - self._clock.monotonic(), 0))
        return run.result or self._result(run, ExitEnding.UNFINISHED)

    @contextmanager
    def _concluding(self, run: ExitRun) -> Iterator[None]:
        try:
            yield
        finally:
            result = run.result or self._result(run, self._left_open(run) or ExitEnding.NOT_SOLD)
            resting = next((leg for leg in reversed(result.orders) if not leg.state.is_terminal), None)
            ended = exit_ended(run.exit_id, run.symbol, result.ending, reason=result.message, left_open=resting)
            self._store.record_fact(ended)
            with self._lock:
                del self._under_way[run.symbol]
            run.is_over.set()

    def _stop_entries(self, run: ExitRun) -> None:
        quote = self._read(run)
        run.first_bid = quote.bid_price if quote is not None else None
        buys, sells = self._open_orders(run, Side.BUY), self._open_orders(run, Side.SELL)
        self._replacing.stop(tuple(order.client_order_id for order in (*buys, *sells)))
        in_the_way = [order for order in buys if self._is_in_the_way(run, order)]
        others = [order for order in buys if order not in in_the_way]
        self._cancel(run, tuple(in_the_way), within_s=_TAKE_OVER_S)
        self._cancel(run, tuple(others), within_s=_UNCROSSED_S)

    def _is_in_the_way(self, run: ExitRun, buy: TrackedOrder) -> bool:
        lowest = run.leave.limit
        if lowest is None and run.first_bid is not None:
            lowest = floor_of(run.first_bid, extended_hours=run.leave.extended_hours)
        return not buy.state.is_unresolved and (lowest is None or buy.envelope.limit_price >= lowest)

    def _descend(self, run: ExitRun) -> ExitEnding:
        """Place order after order until nothing is left to sell, or the last one rests."""
        last = len(BELOW_BID_PCT) - 1
        for rung in range(last + 1):
            quote = self._read(run)
            if (quote is None and run.leave.limit is None) or not self._has_time_for_another(run, rung):
                break  # without a market, or time, the order placed last stays, and so do resting sells
            if rung and self._is_uncertain(run):
                break  # nothing could take their place
            self._take_back(run)
            quantity = self._sellable(run)
            if quantity >= 1:
                self._place(run, rung, quote, quantity)
            elif not self._open_orders(run, Side.SELL):
                break
            if run.problem is not None and is_hopeless(run.problem):
                break
            self._work(run)
            if run.leave.limit is not None or (quote is not None and quote.trading_halted):
                break
            if self._awaits_approval(run):
                break  # another order would be asked about anew, and nothing sells meanwhile
        return self._ending(run)

    def _is_uncertain(self, run: ExitRun) -> bool:
        self._look_anew(run)
        free = self._admission.free(run.symbol)
        return free is None or free.not_sure_because is not None

    def _has_time_for_another(self, run: ExitRun, rung: int) -> bool:
        needed_s = _TAKE_OVER_S + self._order_s + 2 * _QUOTE_S if rung else 0
        return self._clock.monotonic() + needed_s < run.deadline

    def _place(self, run: ExitRun, rung: int, quote: Quote | None, quantity: int) -> None:
        leave, bid = run.leave, quote.bid_price if quote is not None else None
        name = run.next_id()
        reference = leave.limit or bid or Decimal(1)

        def price(gateway: BrokerGateway) -> OrderTerms:
            tick = gateway.tick_of(leave.symbol, Side.SELL)
            limit = leave.limit
            if limit is None and bid is not None:
                first = run.first_bid or bid
                limit = exit_limit(bid, rung, first_bid=first, extended_hours=leave.extended_hours, tick=tick)
            return leg_terms(leave, quantity=quantity, limit=limit or reference)

        request = OrderRequest(
            symbol=leave.symbol,
            side=Side.SELL,
            quantity=quantity,
            reference_price=reference,
            extended_hours=leave.extended_hours,
            client_order_id=name,
        )
        run.first_bid = run.first_bid or bid
        self._store.record_fact(exit_leg(run.exit_id, leave.symbol, name))
        run.legs.append(name)
        run.problem = None
        try:
            self._submits.place(request, gather=run.gather, pricer=price)
        except OrderError as error:
            _log.warning("exit_order_failed", symbol=leave.symbol, client_order_id=name, problem=str(error))
            run.problem = error

    def _work(self, run: ExitRun) -> None:
        """Let the latest order work for a while, and read what becomes of it."""
        until = min(self._clock.monotonic() + RUNG_S, run.deadline)
        while self._clock.monotonic() < until:
            leg = self._order(run.legs[-1]) if run.legs else None
            if leg is not None and leg.state.is_terminal:
                return
            self._clock.sleep(min(_LOOK_EVERY_S, until - self._clock.monotonic()))
            if leg is not None and leg.state.is_working:
                self._refreshed(run, leg)

    def _awaits_approval(self, run: ExitRun) -> bool:
        leg = self._order(run.legs[-1]) if run.legs else None
        return leg is not None and leg.envelope.awaits_approval

    def _take_back(self, run: ExitRun) -> None:
        """Cancel what still rests on the sell side: the order before, and sells of ours that had not ended yet."""
        self._cancel(run, self._open_orders(run, Side.SELL), within_s=_TAKE_OVER_S)

    def _refreshed(self, run: ExitRun, leg: TrackedOrder) -> None:
        try:
            if leg.envelope.order_id is not None:
                self._sync.synchronizer.refresh(leg, leg.envelope.order_id, by=run.deadline)
        except OrderStatusError as error:
            _log.warning("exit_order_not_read", client_order_id=leg.client_order_id, problem=str(error))

    def _sellable(self, run: ExitRun) -> int:
        self._look_anew(run)
        free = self._admission.free_to_sell(run.symbol) or Decimal(0)
        wanted = run.leave.quantity
        if wanted is None:
            return int(free)
        # An order in doubt may sell all of its shares: nobody asked for more than that.
        sells = (*self._legs(run), *self._counted(run))
        placed = exact_sum(leg.envelope.filled_quantity + leg.remaining_quantity for leg in sells)
        return int(min(free, Decimal(wanted) - placed))

    def _look_anew(self, run: ExitRun) -> None:
        """Read the position again where what is wanted cannot rest on the last look."""
        with self._store.open_book() as book:
            held = int(book.expected_positions().get(run.symbol, Decimal(0)))
        wanted = held if run.leave.quantity is None else min(held, run.leave.quantity)
        if wanted >= 1:
            by = min(self._clock.monotonic() + _QUOTE_S, run.deadline)
            self._sync.make_ready_to_sell(leg_terms(run.leave, quantity=wanted, limit=Decimal(1)), by=by)

    def _ending(self, run: ExitRun) -> ExitEnding:
        left_open = self._left_open(run)
        if left_open is not None:
            return left_open
        legs, wanted = self._legs(run), run.leave.quantity
        if run.problem is not None or (legs and not self._sold(run)):
            return ExitEnding.NOT_SOLD
        before = exact_sum(leg.envelope.filled_quantity for leg in self._counted(run))
        is_done = self._sold(run) + before >= wanted if wanted is not None else self._sellable(run) < 1
        if self._sold(run) and is_done:
            return ExitEnding.SOLD
        return ExitEnding.NOTHING_FREE if self._sellable(run) < 1 else ExitEnding.NOT_SOLD

    def _left_open(self, run: ExitRun) -> ExitEnding | None:
        states = [leg.state for leg in self._legs(run)]
        if any(state.is_unresolved for state in states):
            return ExitEnding.IN_DOUBT
        if not any(state.is_working for state in states):
            return None
        _log.warning("exit_rests", symbol=run.symbol, exit_id=run.exit_id)
        return ExitEnding.RESTING

    def _result(self, run: ExitRun, ending: ExitEnding) -> ExitResult:
        sold = self._sold(run)
        legs = tuple(leg.envelope for leg in self._legs(run))
        code = ending.value
        if ending is ExitEnding.NOT_SOLD and (run.problem is not None or not run.legs):
            code = NO_QUOTE if run.problem is None else run.problem.code
        message = exit_message(run, ending, sold, orders=legs, free=self._admission.free(run.symbol))
        return ExitResult(
            exit_id=run.exit_id, symbol=run.symbol, ending=ending, code=code, message=message, sold=sold, orders=legs
        )

    def _cancel(self, run: ExitRun, orders: tuple[TrackedOrder, ...], *, within_s: Seconds) -> None:
        if orders:
            left_s = max(run.deadline - self._clock.monotonic(), 0)
            self._cancels.cancel(orders, within_s=min(within_s, left_s))

    def _read(self, run: ExitRun) -> Quote | None:
        """Return the quote of the symbol; None where there is no two-sided market or no answer in time."""
        if self._account is None:
            return None
        by = min(self._clock.monotonic() + _QUOTE_S, run.deadline)
        try:
            quote = self._account.by(by).fetch_quotes((run.symbol,)).get(run.symbol)
        except OrderStatusError as error:
            run.quote_problem = error
            return None
        run.quote_problem = None
        return quote

    def _open_orders(self, run: ExitRun, side: Side) -> tuple[TrackedOrder, ...]:
        with self._store.open_book() as book:
            return book.pending_on(run.symbol, side)

    def _legs(self, run: ExitRun) -> tuple[TrackedOrder, ...]:
        return tuple(leg for leg in map(self._order, run.legs) if leg is not None)

    def _counted(self, run: ExitRun) -> tuple[TrackedOrder, ...]:
        return tuple(order for order in map(self._order, run.leave.counts) if order is not None)

    def _order(self, name: ClientOrderId) -> TrackedOrder | None:
        with self._store.open_book() as book:
            return book.get(name)

    def _sold(self, run: ExitRun) -> Decimal:
        return exact_sum(leg.envelope.filled_quantity for leg in self._legs(run))
