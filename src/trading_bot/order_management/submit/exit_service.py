"""The service for leaving positions: exits, flattening, and what stops entries meanwhile."""

from trading_bot.order_management.book.freezes import Cause, Freeze, halted
from trading_bot.order_management.cancel.canceller import CancelService
from trading_bot.order_management.context import OrderContext
from trading_bot.order_management.models import Side
from trading_bot.order_management.results import CancelResult
from trading_bot.order_management.submit.exit import Exits
from trading_bot.order_management.submit.exit_run import ExitResult, Leave
from trading_bot.order_management.submit.halts import TradingHalts
from trading_bot.order_management.submit.placement import Gather, already, approve_all
from trading_bot.order_management.sync.free_shares import Free
from trading_bot.order_management.sync.positions import Holdings

_FOLLOWED_S = 5.0
"""How long the cancels of a flatten are followed before the positions are left: each exit cancels its own again."""


class ExitService:
    """Leaves positions. Safe to use from several threads."""

    def __init__(
        self,
        context: OrderContext,
        *,
        exits: Exits,
        cancel: CancelService,
        halts: TradingHalts,
        holdings: Holdings | None,
    ) -> None:
        self._store = context.store
        self._request = context.request
        self.latch_look = context.latch.look
        self._exits = exits
        self._holdings = holdings
        self._cancels = cancel
        self._halts = halts

    def leave(self, leave: Leave, *, gather: Gather | None = None) -> ExitResult:
        """Leave a position; see `Exits.leave`."""
        return self._exits.leave(leave, gather=already(approve_all) if gather is None else gather)

    def is_leaving(self, symbol: str) -> bool:
        """Whether an exit of the symbol is under way in this process."""
        return self._exits.is_leaving(symbol)

    def free(self, symbol: str) -> Free | None:
        """Return the shares that are provably held and free; None while the positions are not known."""
        return self._exits.free(symbol)

    def freezes(self, symbol: str | None = None) -> tuple[Freeze, ...]:
        """Return what stops entries now, in one symbol and the account, or everywhere."""
        return self._halts.freezes(symbol)

    def cancel_entries(self, *, everything: bool, by: str, reason: str) -> tuple[CancelResult, ...]:
        """Cancel every open buy of ours; with ``everything`` take no entry anywhere until somebody resumes."""
        with self._request():
            with self._store.open_book() as book:
                if everything:
                    self._store.record_fact(halted(Cause.EXIT, f"everything was left: {reason}", by=by))
                buys = [order for order in book.active() if order.envelope.side is Side.BUY]
            return self._cancels.cancel(buys, within_s=_FOLLOWED_S)

    def held_symbols(self, *, everything: bool) -> tuple[str, ...]:
        """Return the symbols held of those traded here, or ``everything``: by our records, and by the last look.

        What only the look shows is not sold, and its exit says why.
        """
        with self._store.open_book() as book:
            ours = {order.envelope.symbol for order in book.orders()}
            held = {symbol for symbol, shares in book.expected_positions().items() if shares > 0}
        if self._holdings is not None:
            held |= self._holdings.shown()
        return tuple(sorted(symbol for symbol in held if everything or symbol in ours))
