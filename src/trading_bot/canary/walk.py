"""Walks one symbol through every kind of order, with one share each, and leaves nothing behind."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from trading_bot.bot import TradingBot
from trading_bot.canary.admission import STRATEGY
from trading_bot.canary.report import Step, StepOutcome, StepResult
from trading_bot.clock import Seconds
from trading_bot.order_management.book.exit_facts import ExitEnding
from trading_bot.order_management.exceptions import OrderCancellationError, OrderError, OrderValidationError
from trading_bot.order_management.models import EXACT, OrderEnvelope, OrderState, Pricing, Side, exact_sum
from trading_bot.order_management.portfolio import Quote
from trading_bot.order_management.results import CancelResult
from trading_bot.order_management.stop_orders import StopRequest
from trading_bot.prose import dollars_in_words, shares_in_words
from trading_bot.trades import TradeResult, TradeStatus

FILLED_WITHIN_S: Seconds = 30.0
"""How long an order that crosses the market may take to fill."""

_LOOK_EVERY_S: Seconds = 1.0
_PASSIVE_AT = Decimal("0.99")
"""Of the bid: far enough not to trade at once, near enough for the broker to take."""
_STOP_AT, _STOP_LIMIT_AT = Decimal("0.90"), Decimal("0.88")
_EXPECTED = {
    Step.BUY: "a buy that crosses the market fills",
    Step.REPEATED_ID: "the same client order id again is answered with the same order, and nothing is sent",
    Step.CANCEL_RACE: "a resting buy that is cancelled at once ends, cancelled or filled",
    Step.REPLACE: "a resting buy is replaced: it ends, and the new one fills",
    Step.SELL: "a sell that crosses the market fills",
    Step.STOP: "a stop-limit sell rests at the broker",
    Step.EXIT: "an exit takes over what rests, sells the rest, and nothing is held",
}


class _NotAsExpectedError(Exception):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    happened: str
    orders: tuple[OrderEnvelope, ...]


class SymbolWalk:
    """One symbol of one canary; ``name`` begins the client order ids of its orders and is used once.

    ``reference`` is as for `plan_canary`.
    """

    def __init__(self, bot: TradingBot, symbol: str, *, name: str, reference: Decimal | None = None) -> None:
        self._bot = bot
        self._symbol = symbol
        self._name = name
        self._reference = reference
        self._before = frozenset(order.client_order_id for order in bot.orders())

    def run(self) -> Iterator[StepResult]:
        """Yield the result of each step as soon as it is known; after one that failed, the others are skipped.

        The exit is never skipped while a share is held.
        """
        steps: dict[Step, Callable[[], _Done]] = {
            Step.BUY: self._buy,
            Step.REPEATED_ID: self._repeat,
            Step.CANCEL_RACE: self._race,
            Step.REPLACE: self._replace,
            Step.SELL: self._sell,
            Step.STOP: self._stop,
            Step.EXIT: self._exit,
        }
        failed: Step | None = None
        for step, work in steps.items():
            if failed is not None and not (step is Step.EXIT and self._held()):
                yield self._result(step, StepOutcome.SKIPPED, happened=f"left out, because {failed} failed")
                continue
            result = self._tried(step, work)
            failed = step if result.outcome is StepOutcome.FAILED else failed
            yield result

    def clean_up(self) -> tuple[str, ...]:
        """Cancel what is open of this walk, leave what it holds, take entries again; return what is left, if anything.

        Never raises for what the broker does.
        """
        for order in self._open():
            try:
                self._bot.cancel_order(order.client_order_id)
            except OrderError:
                continue  # it is named below, with what became of it
        if self._held():
            self._leave()
        left = [f"order {order.client_order_id} in {self._symbol} ({order.state})" for order in self._open()]
        if shares := self._held():
            left.append(f"{shares_in_words(shares)} {self._symbol}")
        try:
            self._bot.manager.decisions.resume(self._symbol, by=STRATEGY, reason="the canary has left it")
        except OrderValidationError:
            pass  # nothing there waits for it
        except OrderError as error:
            left.append(f"entries in {self._symbol} stay halted ({error})")
        return tuple(left)

    def _tried(self, step: Step, work: Callable[[], _Done]) -> StepResult:
        try:
            done = work()
        except (_NotAsExpectedError, OrderError) as error:
            return self._result(step, StepOutcome.FAILED, happened=str(error))
        return self._result(step, StepOutcome.OK, happened=done.happened, orders=done.orders)

    def _result(
        self, step: Step, outcome: StepOutcome, *, happened: str, orders: tuple[OrderEnvelope, ...] = ()
    ) -> StepResult:
        return StepResult(
            step=step,
            symbol=self._symbol,
            expected=_EXPECTED[step],
            happened=happened,
            outcome=outcome,
            order_ids=tuple(order.client_order_id for order in orders),
        )

    def _buy(self) -> _Done:
        return self._filled(self._trade(Side.BUY, "buy", price=self._first_ask(), pricing=Pricing.MARKETABLE))

    def _repeat(self) -> _Done:
        first, known = self._order("buy"), len(self._mine())
        again = self._trade(Side.BUY, "buy", price=first.reference_price, pricing=Pricing.MARKETABLE)
        same = again.envelope is not None and again.envelope.order_id == first.order_id
        if again.status is not TradeStatus.DUPLICATE or not same or len(self._mine()) != known:
            raise _NotAsExpectedError(f"it was answered with {again.status}: {again.message}")
        return _Done(happened=f"answered with order {first.order_id}, nothing sent", orders=(first,))

    def _race(self) -> _Done:
        self._submitted(self._passive("race"))
        result = self._cancelled("race")
        if not result.is_proven_closed:
            raise _NotAsExpectedError(f"the order has not ended: {result.state}")
        return _Done(happened=f"it ended {result.state}", orders=(self._order("race"),))

    def _replace(self) -> _Done:
        # Without the wait, the new one may equal the first buy and be taken for a repetition of it.
        self._bot.clock.sleep(self._bot.config.order_management.duplicate_window_s)
        self._submitted(self._passive("old"))
        new = self._bot.replace_order(
            f"{self._name}-old", reference_price=self._quote().ask_price, pricing=Pricing.MARKETABLE
        )
        new, old = self._ended(new), self._order("old")
        if new.state is not OrderState.FILLED or not old.state.is_terminal:
            raise _NotAsExpectedError(f"the old order is {old.state} and the new one {new.state}")
        return _Done(happened=f"the old one ended {old.state}, the new one filled", orders=(old, new))

    def _sell(self) -> _Done:
        return self._filled(self._trade(Side.SELL, "sell", price=self._quote().bid_price, pricing=Pricing.MARKETABLE))

    def _stop(self) -> _Done:
        bid = self._quote().bid_price
        order = self._bot.manager.place_stop_sell(
            StopRequest(
                symbol=self._symbol,
                quantity=1,
                stop_price=EXACT.multiply(bid, _STOP_AT),
                limit_price=EXACT.multiply(bid, _STOP_LIMIT_AT),
                reason="canary",
                strategy_name=STRATEGY,
                client_order_id=f"{self._name}-stop",
            )
        )
        self._bot.synchronize_open_orders()
        resting = self._order("stop")
        if not resting.state.is_working:
            raise _NotAsExpectedError(f"the stop is {resting.state}")
        return _Done(happened=f"it rests ({resting.state})", orders=(order,))

    def _exit(self) -> _Done:
        ending, message, orders = self._leave()
        if ending is not ExitEnding.SOLD or self._held() or self._open():
            raise _NotAsExpectedError(message)
        return _Done(happened=message, orders=orders)

    def _leave(self) -> tuple[ExitEnding, str, tuple[OrderEnvelope, ...]]:
        result = self._bot.exit_position(
            self._symbol, int(self._held()), reason="canary", strategy_name=STRATEGY, is_stop=True
        )
        self._bot.synchronize_open_orders()
        return result.ending, result.message, result.orders

    def _passive(self, what: str) -> TradeResult:
        return self._trade(
            Side.BUY, what, price=EXACT.multiply(self._quote().bid_price, _PASSIVE_AT), pricing=Pricing.PASSIVE
        )

    def _trade(self, side: Side, what: str, *, price: Decimal, pricing: Pricing) -> TradeResult:
        return self._bot.execute_trade(
            self._symbol,
            side,
            1,
            price,
            "canary",
            STRATEGY,
            client_order_id=f"{self._name}-{what}",
            pricing=pricing,
        )

    def _submitted(self, trade: TradeResult) -> OrderEnvelope:
        if trade.status is not TradeStatus.SUBMITTED or trade.envelope is None:
            raise _NotAsExpectedError(f"{trade.status}: {trade.message}")
        return trade.envelope

    def _filled(self, trade: TradeResult) -> _Done:
        order = self._ended(self._submitted(trade))
        if order.state is not OrderState.FILLED:
            raise _NotAsExpectedError(f"after {FILLED_WITHIN_S:.0f} s it is {order.state}")
        price = "an unknown price" if order.average_price is None else dollars_in_words(order.average_price)
        return _Done(happened=f"filled at {price}", orders=(order,))

    def _ended(self, order: OrderEnvelope) -> OrderEnvelope:
        """Follow an order until it has ended, or for as long as it may take."""
        until = self._bot.clock.monotonic() + FILLED_WITHIN_S
        while True:
            self._bot.synchronize_open_orders()
            order = self._by_id(order.client_order_id)
            if order.state.is_terminal or self._bot.clock.monotonic() >= until:
                return order
            self._bot.clock.sleep(_LOOK_EVERY_S)

    def _cancelled(self, what: str) -> CancelResult:
        try:
            return self._bot.cancel_order(f"{self._name}-{what}")
        except OrderCancellationError as error:
            if error.results:
                return error.results[0]
            raise

    def _first_ask(self) -> Decimal:
        quote = self._bot.quotes([self._symbol]).get(self._symbol)
        return self._reference if quote is None and self._reference is not None else self._quote().ask_price

    def _quote(self) -> Quote:
        quote = self._bot.quotes([self._symbol]).get(self._symbol)
        if quote is None:
            raise _NotAsExpectedError("the symbol has no two-sided quote any more")
        return quote

    def _order(self, what: str) -> OrderEnvelope:
        return self._by_id(f"{self._name}-{what}")

    def _by_id(self, client_order_id: str) -> OrderEnvelope:
        return next(order for order in self._bot.orders() if order.client_order_id == client_order_id)

    def _mine(self) -> tuple[OrderEnvelope, ...]:
        """Return every order in the symbol since the walk began: it had none and held nothing before."""
        mine = (order for order in self._bot.orders() if order.client_order_id not in self._before)
        return tuple(order for order in mine if order.symbol == self._symbol)

    def _open(self) -> tuple[OrderEnvelope, ...]:
        return tuple(order for order in self._mine() if not order.state.is_terminal)

    def _held(self) -> Decimal:
        bought, sold = (
            exact_sum(order.filled_quantity for order in self._mine() if order.side is side)
            for side in (Side.BUY, Side.SELL)
        )
        return EXACT.subtract(bought, sold)
