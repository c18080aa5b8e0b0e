"""The shares that may be sold: the broker's positions compared with ours after each synchronisation."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from trading_bot.clock import Clock, Moment, Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.ledger import OrderLedger
from trading_bot.order_management.models import EXACT, OrderId, OrderReport
from trading_bot.order_management.order_book import OrderBook
from trading_bot.order_management.ports import AccountGateway
from trading_bot.order_management.position_watch import (
    LOOK_EVERY_S,
    NOTHING,
    Difference,
    Look,
    differences,
    first_baseline,
    freeze_of,
    halt_of,
    is_proven,
    open_sells,
    quantities,
)
from trading_bot.order_management.synchronization import Synchronizer, SyncRound

_MOVED = "fills were booked while the positions were being read; the next synchronisation reads them again"
_SLEPT = "the machine slept while the positions were being read; the next synchronisation reads them again"
_log = get_logger(__name__)


class Holdings:
    """Looks at the positions, acts on what does not fit, and says how many shares are free to sell."""

    def __init__(
        self, *, account: AccountGateway, ledger: OrderLedger, synchronizer: Synchronizer, clock: Clock
    ) -> None:
        self._account = account
        self._ledger = ledger
        self._synchronizer = synchronizer
        self._clock = clock
        self._looked: Look | None = None
        self._unread_because: str | None = None
        self._differences: Mapping[str, Difference] = {}
        self._external: frozenset[tuple[OrderId, Decimal]] = frozenset()
        self._external_then: frozenset[tuple[OrderId, Decimal]] = frozenset()
        self._external_sells: Mapping[str, Decimal] = {}
        self.external_orders: tuple[OrderReport, ...] = ()
        """The open orders of the account that are none of ours, as last listed in full."""

    @property
    def are_known(self) -> bool:
        """Whether the positions were read in this session, and are on record as the start."""
        return self._looked is not None

    @property
    def unread_because(self) -> str | None:
        """Why the latest look that was due failed; until one succeeds, no sell can be bounded."""
        return self._unread_because

    @property
    def unsettled(self) -> frozenset[str]:
        """The symbols whose position differed at the latest look, proven or not."""
        return frozenset(self._differences)

    def free_to_sell(self, symbol: str) -> Decimal:
        """Return the shares not promised to any open or unresolved sell, of the smaller of both quantities.

        The broker's quantity is carried on by the fills booked since it was read.
        """
        with self._ledger.open_book() as book:
            expected = book.expected_positions().get(symbol, NOTHING)
            reserved = book.reserved_shares(symbol)
        drift = self._differences.get(symbol)
        missing = min(NOTHING, drift.amount) if drift is not None else NOTHING
        taken = EXACT.add(reserved, self._external_sells.get(symbol, NOTHING))
        return EXACT.subtract(EXACT.add(expected, missing), taken)

    def watch(self, done: SyncRound) -> str | None:
        """Compare positions where there is reason to; return why they could not be read, if so."""
        if done.external is not None:
            self._note_external(done.external)
        if not self._is_due():
            return None
        self._unread_because = self._looked_anew(done.deadline)
        return self._unread_because

    def _looked_anew(self, deadline: Seconds) -> str | None:
        try:
            look = self.look(by=deadline)
        except OrderStatusError as error:
            _log.warning("positions_not_read", problem=str(error))
            return str(error)
        return _SLEPT if look.began.slept_since(self._clock) else self._judge(look, by=deadline)

    def look(self, *, by: Seconds | None = None) -> Look:
        """Read all positions now; with ``by``, a point on the clock, it is over by then.

        Raises:
            OrderStatusError: they could not be read in full.
        """
        began = Moment.of(self._clock)
        account = self._account if by is None else self._account.by(by)
        before = self._expected()
        held = quantities(account.fetch_positions().positions)
        after = self._expected()
        moved = (symbol for symbol in {*before, *after} if before.get(symbol) != after.get(symbol))
        return Look(held=held, expected=after, moved=frozenset(moved), began=began)

    def forget(self) -> None:
        """Know no positions until they are read again: somebody else may have traded meanwhile."""
        self._looked, self._unread_because = None, None
        self._differences, self._external_sells = {}, {}
        self._external = self._external_then = frozenset()
        self.external_orders = ()

    def forget_difference(self, symbol: str) -> None:
        """Take the position as it is on record now: somebody has accepted it."""
        self._differences = {name: found for name, found in self._differences.items() if name != symbol}

    def _expected(self) -> Mapping[str, Decimal]:
        with self._ledger.open_book() as book:
            return book.expected_positions()

    def _note_external(self, reports: tuple[OrderReport, ...]) -> None:
        self._external = frozenset((report.order_id, report.cumulative_quantity) for report in reports)
        self._external_sells = open_sells(reports)
        self.external_orders = reports

    def _is_due(self) -> bool:
        last = self._looked
        if last is None or last.moved or self._external != self._external_then:
            return True
        if any(not is_proven(difference, last) for difference in self._differences.values()):
            return True
        is_old = last.began.age_s(self._clock) >= LOOK_EVERY_S or last.began.slept_since(self._clock)
        return is_old or self._expected() != last.expected

    def _judge(self, look: Look, *, by: Seconds) -> str | None:
        with self._ledger.open_book() as book:
            if not book.knows_positions:
                if look.moved:
                    return _MOVED
                self._ledger.record_facts(first_baseline(look))
                look = replace(look, expected=book.expected_positions())
        found = differences(look, self._differences)
        if any(not difference.is_unexplained for difference in found.values()):
            found = self._after_looking_back(found, by=by)
        self._looked, self._differences, self._external_then = look, found, self._external
        with self._ledger.open_book() as book:
            self._act(book, look, found)
        return None

    def _after_looking_back(self, found: dict[str, Difference], *, by: Seconds) -> dict[str, Difference]:
        problem = self._synchronizer.look_back(within_s=by - self._clock.monotonic())
        if problem is not None:
            _log.warning("closed_orders_not_read", problem=problem)
            return found
        return {symbol: replace(difference, is_unexplained=True) for symbol, difference in found.items()}

    def _act(self, book: OrderBook, look: Look, found: Mapping[str, Difference]) -> None:
        for symbol, difference in found.items():
            is_settled = symbol not in look.moved and is_proven(difference, look)
            if is_settled and book.freeze_fact(symbol) is None:
                self._ledger.record_fact(freeze_of(symbol, look))
        short = next((symbol for symbol in sorted(look.held) if look.held[symbol] < 0), None)
        if short is not None and book.halt_fact is None:
            self._ledger.record_fact(halt_of(short, look.held[short]))
