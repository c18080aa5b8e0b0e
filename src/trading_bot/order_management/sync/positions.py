"""The shares that may be sold: the broker's positions compared with ours after each synchronisation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal

from trading_bot.clock import Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.book.freezes import Cause
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import (
    LOOK_EVERY_S,
    NOTHING,
    Difference,
    Look,
    differences,
    first_baseline,
    is_proven,
)
from trading_bot.order_management.context import OrderContext
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import EXACT, ExecutionMode
from trading_bot.order_management.ports import AccountGateway
from trading_bot.order_management.results import PositionDifference
from trading_bot.order_management.sync.drift import act_on, explained_by_doubt
from trading_bot.order_management.sync.external_orders import ExternalOrder, ExternalOrders, SellsThen
from trading_bot.order_management.sync.free_shares import LATEST_LOOK_S, Free, HandCount, Shares, free_shares
from trading_bot.order_management.sync.freshness import Freshness
from trading_bot.order_management.sync.held_shares import HeldShares, held_at_most
from trading_bot.order_management.sync.position_look import LookTaker, PositionReading
from trading_bot.order_management.sync.round import SyncRound
from trading_bot.order_management.sync.synchronizer import Synchronizer

_MOVED = "fills were booked while the positions were being read; the next synchronisation reads them again"
_SLEPT = "the machine slept while the positions were being read; the next synchronisation reads them again"
_NOT_READ = "the positions have not been read in this session; synchronise first"
_LOOK_AGAIN_AFTER_S: Seconds = 5.0
"""How old a look must be before a sell that it does not support asks for another one."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One reading of the positions, and what was known of orders placed elsewhere when it began."""

    external: object
    then: SellsThen
    positions: PositionReading


class Holdings:
    """Looks at the positions, acts on what does not fit, and says how many shares are free to sell.

    In live mode the broker might take a sell of more than is held: then no sell rests on positions or open orders older
    than `LATEST_LOOK_S`.
    """

    def __init__(
        self,
        context: OrderContext,
        *,
        account: AccountGateway,
        synchronizer: Synchronizer,
        external: ExternalOrders,
        freshness: Freshness,
    ) -> None:
        self._account = account
        self._store = context.store
        self._synchronizer = synchronizer
        self._clock = context.clock
        self._external = external
        self._freshness = freshness
        can = context.gateway.capabilities
        self._could_short = can.can_sell_short and context.identity.mode is ExecutionMode.LIVE
        self._begin = context.begin
        self._taker = LookTaker(
            account=account, store=context.store, clock=context.clock, reads_one=can.names_instruments_held
        )
        self._looked: Look | None = None
        self._unread_because: str | None = None
        self._differences: Mapping[str, Difference] = {}
        self._in_doubt: frozenset[str] = frozenset()
        self._external_then: object = None
        self._counts: dict[str, list[HandCount]] = {}

    @property
    def are_known(self) -> bool:
        """Whether the positions were read in this session, and are on record as the start."""
        return self._looked is not None

    @property
    def last_look(self) -> Look | None:
        """The latest look of this session that was kept."""
        return self._looked

    @property
    def unsettled(self) -> frozenset[str]:
        """The symbols whose position differed at the latest look, proven or not."""
        return frozenset(self._differences) | self._in_doubt

    def shown(self) -> frozenset[str]:
        """Return the symbols of which the broker showed shares at the last look."""
        held = {} if self._looked is None else self._looked.held
        return frozenset(symbol for symbol, shares in held.items() if shares > 0)

    def at_most(self) -> Mapping[str, HeldShares]:
        """Return the most that may be held of each symbol now."""
        with self._store.open_book() as book:
            return held_at_most(book.expected_positions(), self._looked)

    def knows(self, symbol: str) -> bool:
        """Whether the positions were read in this session, or a person's count stands for that."""
        return self._looked is not None or bool(self._counts.get(symbol))

    @contextmanager
    def counted_by_hand(self, symbol: str, held: Decimal | None) -> Iterator[None]:
        """Let the number of shares that a person sees at the broker stand for a look that cannot be had.

        Our fills from now on are carried on from it, and no more are ever free than ``held`` less the open sells; where
        a look can be had, it counts too. With None nothing changes.
        """
        if held is None:
            yield
            return
        with self._store.open_book() as book:
            explained = book.expected_positions().get(symbol)
            is_first = explained is None and not book.knows_positions
            count = HandCount(held=held, expected=explained or NOTHING, is_first=is_first)
            self._counts.setdefault(symbol, []).append(count)
        try:
            yield
        finally:
            with self._store.open_book():
                self._counts[symbol].remove(count)

    def placed_elsewhere(self, symbol: str) -> tuple[ExternalOrder, ...]:
        """Return the open orders in a symbol that are none of ours, as last listed in full."""
        return self._external.here(symbol)

    def free_to_sell(self, symbol: str) -> Free:
        """Return the shares of a symbol that may be sold now, with the numbers that explain it.

        Ask under the store's lock where the answer is to be reserved.
        """
        with self._store.open_book() as book:
            return self._free(book, symbol, self._looked, self._counts.get(symbol, ()))

    def free_by(self, look: Look, symbol: str) -> Free:
        """Return the same by a look that was taken to be shown."""
        with self._store.open_book() as book:
            return self._free(book, symbol, look)

    def entries_stopped(self, symbol: str, instrument_id: str | None = None) -> str | None:
        """Return why no position may be opened in a symbol for what is known of the one there is, or None."""
        look = self._looked
        if look is None:
            return self._unread_because or _NOT_READ
        with self._store.open_book() as book:
            row = look.unread_row(symbol, instrument_id or book.positions.instrument_of(symbol))
        return None if row is None else f"the broker's position in {row.name} cannot be read ({row.problem})"

    def differing(self) -> tuple[PositionDifference, ...]:
        """Return the positions that the last look showed and our fills do not explain."""
        look = self._looked
        if look is None:
            return ()
        return tuple(
            PositionDifference(
                symbol=symbol, broker=look.held.get(symbol, NOTHING), expected=look.expected.get(symbol, NOTHING)
            )
            for symbol in self._differences
        )

    def read_ahead(self, *, by: Seconds) -> Callable[[], Reading] | None:
        """Begin to read the positions, if there is reason to compare them already; see `watch`."""
        return self._begin(lambda: self._read(by)) if self._is_due() else None

    def watch(self, done: SyncRound, ahead: Callable[[], Reading] | None = None) -> str | None:
        """Compare positions where there is reason to; return why they could not be read, if so.

        ``ahead`` is a read that was begun beside that of the orders. If it turns out that shares have moved since it
        began, or that a sell placed elsewhere has left, it may or may not show that, and the positions are read again.
        """
        if not self._is_due():
            return None
        read = (lambda: self._read(done.deadline)) if ahead is None else lambda: self._still_true(ahead, done.deadline)
        self._unread_because = self._looked_anew(done.deadline, read=read)
        return self._unread_because

    def _still_true(self, ahead: Callable[[], Reading], by: Seconds) -> Reading:
        with self._store.open_book() as book:
            explained = book.expected_positions()
        reading = ahead()
        shows_all = reading.positions.before == explained and reading.then.gone >= self._external.mark().gone
        return reading if shows_all else self._read(by)

    def make_ready(self, symbol: str, quantity: Decimal, *, by: Seconds) -> None:
        """Look anew where a sell of so many shares cannot rest on the last look, and a new one may help.

        ``by`` is a point on the clock. What cannot be read leaves the last look in place.
        """
        with self._store.open_book() as book:
            free = self._free(book, symbol, self._looked)
        if free.not_sure_because is None and quantity <= free.quantity:
            return
        last = self._looked
        if last is None or self._is_due() or last.began.age_s(self._clock) >= _LOOK_AGAIN_AFTER_S:
            self._unread_because = self._looked_anew(by, looks_back=False)
        if self._unread_because is not None and self._could_short:
            self._learn_account_type(by)

    def look(self, *, by: Seconds | None = None) -> Look:
        """Read all positions now, and keep nothing of it; with ``by``, a point on the clock, it is over by then.

        Raises:
            OrderStatusError: they could not be read in full.
        """
        return self._taker.look(by=by)

    def forget(self) -> None:
        """Know no positions until they are read again: somebody else may have traded meanwhile."""
        self._looked, self._unread_because = None, None
        self._differences, self._in_doubt = {}, frozenset()
        self._external_then = None

    def accept(self, symbol: str, quantity: Decimal) -> None:
        """Take the position that was just read and put on record as ours."""
        self._differences = {name: found for name, found in self._differences.items() if name != symbol}
        if self._looked is not None:
            self._looked = self._looked.with_accepted(symbol, quantity)

    def _free(self, book: OrderBook, symbol: str, look: Look | None, counts: Sequence[HandCount] = ()) -> Free:
        expected = book.positions.quantity(symbol)
        instrument_id = book.positions.instrument_of(symbol)
        elsewhere = self._external.open_sells(symbol)
        row = None if look is None else look.unread_row(symbol, instrument_id)
        held, problem = None, self._not_sure(book, look) if row is None else row.problem
        if look is not None and row is None:
            held = EXACT.add(look.held.get(symbol, NOTHING), look.since_began(symbol, expected))
        if counts:
            counted = min(count.carried_on(expected) for count in counts)
            held = counted if held is None or problem is not None else min(held, counted)
            problem = None
            # A journal that never saw the positions explains nothing that could bound the count.
            expected = counted if any(count.is_first for count in counts) else expected
        return free_shares(
            Shares(
                symbol=symbol,
                expected=expected,
                held=held,
                held_back=NOTHING if look is None else look.held_back_now(symbol, book.reserved_shares(symbol)),
                promised=EXACT.add(book.reserved_shares(symbol), elsewhere.shares),
                unknown_sell=elsewhere.unknown,
                looked=None if look is None or row is not None else look.began,
            ),
            not_sure_because=problem,
        )

    def _not_sure(self, book: OrderBook, look: Look | None) -> str | None:
        if look is None:
            return self._unread_because or _NOT_READ
        if not self._could_short:
            return None
        if book.is_halted_for(Cause.UNJOURNALED):
            return "another copy of this program may trade the account, and the account could go short"
        return self._too_old("positions", look.began.age_s(self._clock)) or self._too_old(
            "open orders", self._freshness.age_s()
        )

    @staticmethod
    def _too_old(what: str, age: Seconds | None) -> str | None:
        if age is not None and age <= LATEST_LOOK_S:
            return None
        when = "not at all" if age is None else f"{age:.0f} s ago"
        return f"the {what} were last read {when}, and the account could go short"

    def _learn_account_type(self, by: Seconds) -> None:
        try:
            account = self._account.by(by).fetch_account()
        except OrderStatusError:
            return
        self._could_short = not account.is_cash_account

    def _is_due(self) -> bool:
        last = self._looked
        if last is None or last.moved or self._in_doubt or self._external.fingerprint() != self._external_then:
            return True
        if self._external.mark().gone:
            return True
        if any(not is_proven(difference, last) for difference in self._differences.values()):
            return True
        is_old = last.began.age_s(self._clock) >= LOOK_EVERY_S or last.began.slept_since(self._clock)
        with self._store.open_book() as book:
            freed = any(book.reserved_shares(symbol) < taken for symbol, taken in last.reserved.items())
            return is_old or freed or book.expected_positions() != last.expected

    def _read(self, by: Seconds) -> Reading:
        external, then = self._external.fingerprint(), self._external.mark()
        return Reading(external=external, then=then, positions=self._taker.read(by=by))

    def _looked_anew(
        self, deadline: Seconds, *, looks_back: bool = True, read: Callable[[], Reading] | None = None
    ) -> str | None:
        try:
            reading = self._read(deadline) if read is None else read()
            look = self._taker.look_at(reading.positions, by=deadline, records=True)
        except OrderStatusError as error:
            _log.warning("positions_not_read", problem=str(error))
            return str(error)
        if look.began.slept_since(self._clock):
            return _SLEPT
        problem = self._taken_over(look, by=deadline, looks_back=looks_back)
        if problem is None:
            self._external_then = reading.external
            self._external.note_look(reading.then)
        return problem

    def _taken_over(self, look: Look, *, by: Seconds, looks_back: bool) -> str | None:
        with self._store.open_book() as book:
            if not book.knows_positions:
                if look.moved:
                    return _MOVED
                self._store.record_facts(first_baseline(look))
                look = replace(look, expected=book.expected_positions(), expected_before=None)
            in_doubt = explained_by_doubt(look, book.unresolved())
        found = {name: each for name, each in differences(look, self._differences).items() if name not in in_doubt}
        if looks_back and any(not difference.is_unexplained for difference in found.values()):
            found = self._after_looking_back(found, by=by)
        if self._looked is not None and look.began.mono < self._looked.began.mono:
            return None  # somebody looked later, and acted on that already
        self._looked, self._differences, self._in_doubt = look, found, in_doubt
        with self._store.open_book() as book:
            act_on(self._store, book, look, found, in_doubt=in_doubt)
        return None

    def _after_looking_back(self, found: dict[str, Difference], *, by: Seconds) -> dict[str, Difference]:
        problem = self._synchronizer.look_back(within_s=by - self._clock.monotonic())
        if problem is not None:
            _log.warning("closed_orders_not_read", problem=problem)
            return found
        return {symbol: replace(difference, is_unexplained=True) for symbol, difference in found.items()}
