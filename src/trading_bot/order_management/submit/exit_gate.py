"""The check before an exit cancels anything: whether one of its orders may be sent at all."""

from decimal import Decimal

from trading_bot.clock import Seconds
from trading_bot.order_management.book.exit_facts import COUNTED_FOR, ExitOrigin
from trading_bot.order_management.context import OrderContext
from trading_bot.order_management.exceptions import TradeRefusedError, TradingHaltedError
from trading_bot.order_management.models import OrderTerms
from trading_bot.order_management.rounds import SyncService
from trading_bot.order_management.submit.admission import Admission
from trading_bot.order_management.submit.exit_run import Leave, leg_terms
from trading_bot.order_management.submit.placement import Gather

MACHINE_EXITS = 20
"""How many exits of one symbol a strategy may begin within 24 hours; stops and persons may always. Chosen."""

_READ_S: Seconds = 2.0
_CATCH_UP_S: Seconds = 5.0
"""How long the first look at the account may take, where there was none in this session."""


class ExitGate:
    """Refuses exits of which no order could go out."""

    def __init__(self, context: OrderContext, *, admission: Admission, sync: SyncService) -> None:
        self._store = context.store
        self._clock = context.clock
        self._admission = admission
        self._sync = sync

    def refuse(self, leave: Leave, gather: Gather) -> None:
        """Refuse what no order of the exit could pass.

        Raises:
            TradingHaltedError: killed, the journal cannot record an order, or it is not certain what is held.
            TradeRefusedError: the session is closed, or a strategy left this symbol too often.
        """
        terms = leg_terms(leave, quantity=leave.quantity or 1, limit=leave.limit or Decimal(1))
        self._refuse_unknown(leave.symbol)
        self._admission.refuse_if_halted(terms)
        gather(terms, self._clock.monotonic() + _READ_S, None)
        self._refuse_uncertain(terms)
        since = self._clock.now() - COUNTED_FOR
        with self._store.open_book() as book:
            counted = book.exits.counted(leave.symbol, since=since)
        if leave.origin is ExitOrigin.STRATEGY and counted >= MACHINE_EXITS:
            raise TradeRefusedError(
                f"{leave.symbol}: strategies left it {counted} times within 24 hours; a person can still run "
                f"'trading-bot exit {leave.symbol}'",
                symbol=leave.symbol,
                code="too_many_exits",
            )

    def _refuse_unknown(self, symbol: str) -> None:
        if self._admission.free(symbol) is None:
            self._sync.catch_up(within_s=_CATCH_UP_S, patience_s=0)
        if self._admission.free(symbol) is None:
            raise _uncertain(symbol, "the positions have not been read; run 'trading-bot sync'")

    def _refuse_uncertain(self, terms: OrderTerms) -> None:
        """Refuse before a resting sell is cancelled in whose place nothing could be sold."""
        free = self._admission.free(terms.symbol)
        if free is None or free.not_sure_because is None:
            return
        self._sync.catch_up(within_s=_READ_S, patience_s=0)
        self._sync.make_ready_to_sell(terms, by=self._clock.monotonic() + _READ_S)
        free = self._admission.free(terms.symbol)
        if free is not None and free.not_sure_because is not None:
            raise _uncertain(terms.symbol, f"it is not certain what is held ({free.not_sure_because}); try again")


def _uncertain(symbol: str, why: str) -> TradingHaltedError:
    return TradingHaltedError(
        f"{symbol}: nothing is sold while {why}, or name the shares that you see at the broker: 'trading-bot exit "
        f"{symbol} --held N'",
        symbol=symbol,
        code="positions_unknown",
    )
