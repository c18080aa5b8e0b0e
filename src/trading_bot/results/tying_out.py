"""Ties shares and cash out with the broker's: once a day after the close, and whenever a person asks.

1. Cash that is missing halts entries only if two looks, `SETTLED_AFTER_S` apart and each after a synchronisation, show
   the same difference: a fill may be on its way. Exits go on.
2. Where something is in doubt, or moved while it was being read, nothing is concluded, and it is asked again later.
3. Every tie-out that concludes is on record, and the next one goes on from there. One that halts is not: cash that
   comes back heals it, and a person who accepts the difference ends it.

Shares are compared all the time by `order_management.sync`, which freezes a symbol that differs; here they are told.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from trading_bot.clock import Clock, Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.freezes import Cause, Freeze, ended, halted
from trading_bot.order_management.event_details import TieOutDetails
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderError, OrderStatusError
from trading_bot.order_management.models import EXACT, exact_sum
from trading_bot.order_management.portfolio import AccountSnapshot
from trading_bot.results.history import AccountHistory
from trading_bot.results.positions import PositionValue, ValuedPositions
from trading_bot.results.tie_out import Reading, ShareDifference, TieOut, Tolerance, Verdict, movement_of, tie_out
from trading_bot.results.valuing import Sessions

SETTLED_AFTER_S: Seconds = 10.0
"""How far two looks are apart that may halt entries: longer than a fill takes to reach the balances."""

LOOK_EVERY_S: Seconds = 60.0
"""How often it is asked whether a tie-out is due, which reads nothing. Chosen."""

AGAIN_AFTER_S: Seconds = 300.0
"""How long after one that concluded nothing it is tried again. Chosen: it reads the whole journal."""

_DOUBT = "an order's outcome is unknown, and with it what it moved; resolve it first"
_MOVED = "an order changed while the account was being read; try again"
_NOT_SYNCHRONISED = "the orders could not be read in full; synchronise first"
_NO_JOURNAL = "the journal cannot be read beside the one that is open"
_log = get_logger(__name__)


class Account(Protocol):
    """What a tie-out reads."""

    def synchronise(self) -> bool:
        """Book what the broker says of open orders; whether all of it could be read."""
        ...

    def balances(self) -> AccountSnapshot:
        """Read the balances afresh."""
        ...

    def positions(self) -> ValuedPositions:
        """Read the positions and their prices afresh."""
        ...

    def history(self) -> AccountHistory:
        """Return what the journal says; without a last record where it cannot be read whole."""
        ...

    def doubts(self) -> int:
        """Return how many orders are in doubt."""
        ...

    def mark(self) -> object:
        """Return what is another value once an order has changed."""
        ...


class TieOutLog(Protocol):
    """The journal, as far as tie-outs go."""

    def latest(self) -> OrderEvent | None:
        """Return the latest one on record."""
        ...

    def halt(self) -> Freeze | None:
        """Return the halt for missing cash, if there is one."""
        ...

    def record(self, events: Iterable[OrderEvent]) -> None:
        """Put facts on record in one step."""
        ...

    @property
    def is_well(self) -> bool:
        """Whether the journal takes records."""
        ...


class TieOuts:
    """Ties one account out. Each method reads the broker and the whole journal."""

    def __init__(self, *, account: Account, log: TieOutLog, tolerance: Tolerance, clock: Clock) -> None:
        self._account = account
        self._tie_outs = log
        self._tolerance = tolerance
        self._clock = clock

    def check(self) -> TieOut:
        """Compare, put the conclusion on record, and return it; it takes `SETTLED_AFTER_S` longer if cash is missing.

        Raises:
            OrderStatusError: the account could not be read.
            OrderLogError: the journal could not be read.
        """
        found = self._look()
        if found.verdict is Verdict.LESS:
            self._clock.sleep(SETTLED_AFTER_S)
            found, before = self._look(), found.difference
            if found.verdict is Verdict.LESS and found.difference != before:
                raise OrderStatusError("the account's cash is moving; tie it out again in a minute")
        self._conclude(found)
        return found

    def accept(self, *, by: str, reason: str) -> TieOut:
        """Take the broker's cash as right, whatever the fills explain, and end the halt for it.

        Raises:
            OrderStatusError: the account could not be read, or nothing can be concluded now.
            OrderLogError: the journal could not be read.
        """
        found = self._look()
        if found.verdict is Verdict.NOT_TOLD:
            raise OrderStatusError(f"nothing was accepted: {found.reason}")
        halt = self._tie_outs.halt()
        over = () if halt is None else (ended(halt, by=by, reason=reason),)
        self._tie_outs.record((_event(found, by=by, reason=reason), *over))
        return found

    def _look(self) -> TieOut:
        latest = self._tie_outs.latest()
        before = TieOutDetails.of(latest)
        at = None if latest is None or before is None else latest.occurred_at
        reading = self._read(since=at)
        return tie_out(reading, before, at=at, tolerance=self._tolerance)

    def _read(self, *, since: datetime | None) -> Reading:
        is_synchronised = self._account.synchronise()
        mark = self._account.mark()
        balances, positions = self._account.balances(), self._account.positions()
        # Whatever was filled before the balances were read is booked by now, and changes the mark.
        is_synchronised &= self._account.synchronise()
        problem = _NOT_SYNCHRONISED if not is_synchronised else _DOUBT if self._account.doubts() else None
        # The whole journal is read only where that can conclude something: it is tried again every few minutes.
        can_conclude = problem is None and balances.portfolio_cash is not None
        history = self._account.history() if can_conclude else AccountHistory()
        if can_conclude and history.last_record_at is None:
            problem = _NO_JOURNAL
        elif can_conclude and self._account.mark() != mark:
            problem = _MOVED
        return Reading(
            at=balances.as_of,
            cash=balances.portfolio_cash,
            movement=movement_of(history.fills),
            shares=tuple(_differences(positions)),
            bought_elsewhere=_bought_elsewhere(positions, history, since=since),
            problem=problem,
        )

    def _conclude(self, found: TieOut) -> None:
        halt = self._tie_outs.halt()
        if found.verdict is Verdict.NOT_TOLD:
            return
        if found.verdict is Verdict.LESS:
            _log.error("cash_missing", reason=found.reason)
            if halt is None or halt.reason != found.reason:
                self._tie_outs.record((halted(Cause.CASH_MISSING, found.reason),))
            return
        _log.info("cash_tied_out", verdict=found.verdict.value, difference=str(found.difference or 0))
        over = () if halt is None else (ended(halt, by="trading-bot", reason="cash agrees again"),)
        self._tie_outs.record((_event(found), *over))


class DailyTieOut:
    """Ties out once after each close, and at once where none is on record; call `look` every minute from one thread."""

    def __init__(
        self, tie_outs: TieOuts, *, log: TieOutLog, sessions: Sessions, after_close_s: Seconds, clock: Clock
    ) -> None:
        self._tie_outs = tie_outs
        self._records = log
        self._sessions = sessions
        self._after_close = timedelta(seconds=after_close_s)
        self._clock = clock
        self._last: datetime | None = None
        self._not_before: datetime | None = None

    def look(self) -> None:
        """Tie out if it is due."""
        now = self._clock.now()
        if not self._records.is_well or not self._is_due(now):
            return
        try:
            verdict = self._tie_outs.check().verdict
        except OrderError as error:
            _log.warning("cash_not_tied_out", problem=str(error))
            verdict = Verdict.NOT_TOLD
        if verdict is Verdict.NOT_TOLD:
            self._not_before = now + timedelta(seconds=AGAIN_AFTER_S)
        else:
            self._last = now

    def _is_due(self, now: datetime) -> bool:
        if self._not_before is not None and now < self._not_before:
            return False
        latest = self._records.latest()
        moments = [at for at in (self._last, None if latest is None else latest.occurred_at) if at is not None]
        return not moments or now >= self._sessions.close_after(max(moments)) + self._after_close


def _differences(positions: ValuedPositions) -> Iterable[ShareDifference]:
    for each in positions.values:
        if each.shown.differs:
            yield ShareDifference(symbol=each.shown.symbol, broker=each.shown.quantity, expected=each.shown.expected)


def _bought_elsewhere(positions: ValuedPositions, history: AccountHistory, *, since: datetime | None) -> Decimal:
    """Return what shares that came from elsewhere since then are worth; those without a price explain nothing."""
    # What was sold again is no position that has a price: its fills tell one.
    prices = {fill.symbol: fill.price for fill in history.fills}
    prices |= {each.shown.symbol: price for each in positions.values if (price := _price(each))}
    gained = [(one.symbol, EXACT.subtract(one.broker, one.expected)) for one in _differences(positions)]
    gained += [
        (one.symbol, EXACT.subtract(one.held, one.before))
        for one in history.restated
        if one.by is not None and one.ratio is None and since is not None and one.at > since
    ]
    worth = (EXACT.multiply(shares, prices.get(symbol, Decimal(0))) for symbol, shares in gained if shares > 0)
    return exact_sum(worth)


def _price(value: PositionValue) -> Decimal | None:
    return value.price or value.shown.average_buy_price


def _event(found: TieOut, *, by: str | None = None, reason: str | None = None) -> OrderEvent:
    reading = found.reading
    details = TieOutDetails(
        verdict=found.verdict.value,
        cash=reading.cash or Decimal(0),
        movement=reading.movement.net,
        traded=reading.movement.traded,
        difference=found.difference,
        by=by,
    )
    return OrderEvent(
        event=EventKind.ACCOUNT_TIED_OUT, occurred_at=reading.at, reason=reason, details=details.as_text()
    )
