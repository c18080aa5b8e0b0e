"""Leaving positions by the bot: one of them, or all, with the trade record that every trade gets."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from trading_bot.logging.structured_logger import StructuredTradeLogger, TradeRecord
from trading_bot.order_management.book.exit_facts import ExitEnding
from trading_bot.order_management.correlation import usable_correlation_id
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.models import ExecutionMode, Side
from trading_bot.order_management.submit.exit_run import ExitResult, Leave, checked
from trading_bot.order_management.submit.placement import Gather
from trading_bot.trades import TradeResult, TradeStatus

ExitListener = Callable[[ExitResult], object]

_AT_ONCE = 4
"""How many symbols are left side by side. Chosen: the broker's request budget is shared with their cancels."""

_STATUS_OF = {
    ExitEnding.SOLD: TradeStatus.SUBMITTED,
    ExitEnding.RESTING: TradeStatus.SUBMITTED,
    ExitEnding.IN_DOUBT: TradeStatus.UNKNOWN,
    ExitEnding.UNFINISHED: TradeStatus.UNKNOWN,
    ExitEnding.NOTHING_FREE: TradeStatus.BLOCKED,
    ExitEnding.NOT_SOLD: TradeStatus.BLOCKED,
}


def ignore_exit(_result: ExitResult) -> None:
    """Wait for the whole."""


def exited_trade(result: ExitResult) -> TradeResult:
    """Return an exit as the answer to one trade; its order is the latest of the exit."""
    last = result.orders[-1] if result.orders else None
    return TradeResult(
        status=_STATUS_OF[result.ending],
        code=result.code,
        message=result.message,
        envelope=last,
        correlation_id=result.correlation_id,
    )


class Leaving:
    """Leaves positions with the bot's own rules, and records each exit."""

    def __init__(
        self, *, manager: OrderManager, gather: Gather, trades: StructuredTradeLogger, mode: ExecutionMode
    ) -> None:
        self._manager = manager
        self._gather = gather
        self._trades = trades
        self._mode = mode

    def leave(self, leave: Leave) -> ExitResult:
        """Leave one position; see `ExitService.leave`. Never raises an `OrderError`; wrong values are refused."""
        with self._manager.request(usable_correlation_id(leave.correlation_id)) as correlation_id:
            leave = replace(leave, correlation_id=correlation_id)
            try:
                leave = checked(leave)
                result = self._manager.ways_out.leave(leave, gather=self._gather)
            except OrderError as error:
                result = ExitResult(
                    exit_id="", symbol=leave.symbol, ending=ExitEnding.NOT_SOLD, code=error.code, message=str(error)
                )
            # One that joined the exit of another request is told with its own id all the same.
            result = replace(result, correlation_id=correlation_id)
            self._trades.record(self._record(leave, result))
        return result

    def flatten(
        self, leave: Leave, *, everything: bool, on_result: ExitListener = ignore_exit
    ) -> tuple[ExitResult, ...]:
        """Cancel every entry of ours, then leave each position: those we traded, or ``everything`` that is held.

        ``leave`` says who wants it and how; its symbol is not used. All of it is one request.
        """
        with self._manager.request(usable_correlation_id(leave.correlation_id)) as correlation_id:
            self._manager.ways_out.cancel_entries(everything=everything, by=leave.by, reason=leave.reason)
        symbols = self._manager.ways_out.held_symbols(everything=everything)

        def one(symbol: str) -> ExitResult:
            result = self.leave(replace(leave, symbol=symbol, correlation_id=correlation_id))
            on_result(result)
            return result

        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            return tuple(pool.map(one, symbols))

    def _record(self, leave: Leave, result: ExitResult) -> TradeRecord:
        trade = exited_trade(result)
        order = trade.envelope
        return TradeRecord(
            symbol=leave.symbol,
            side=Side.SELL,
            quantity=leave.quantity if leave.quantity is not None else result.sold,
            reference_price=order.reference_price if order else leave.limit,
            limit_price=order.limit_price if order else None,
            order_id=order.order_id if order else None,
            client_order_id=order.client_order_id if order else None,
            status=trade.status,
            code=trade.code,
            reason=leave.reason,
            message=trade.message,
            strategy_name=leave.by,
            execution_mode=self._mode,
            correlation_id=result.correlation_id,
        )
