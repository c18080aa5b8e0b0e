"""Taking one look at all positions: which row is which instrument, and what is missing among them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from trading_bot.clock import Clock, Moment, Seconds
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import NOTHING, Look
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import EXACT
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.portfolio import Position, PositionListing, UnreadPosition
from trading_bot.order_management.ports import AccountGateway
from trading_bot.order_management.sync.renames import can_be_renamed, note_name

LOOK_WITHIN_S: Seconds = 10.0
"""How long one look may take where its caller sets no end. Chosen."""


@dataclass(slots=True)
class _Rows:
    """The rows of one reading, by the symbol that each instrument has now."""

    held: dict[str, Decimal] = field(default_factory=dict)
    held_back: dict[str, Decimal] = field(default_factory=dict)
    instruments: dict[str, str] = field(default_factory=dict)
    unread: list[UnreadPosition] = field(default_factory=list)
    read: list[Position] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    """The symbol of now for each one before it."""

    def add(self, row: Position) -> None:
        self.read.append(row)
        self.held[row.symbol] = EXACT.add(self.held.get(row.symbol, NOTHING), row.quantity)
        self.held_back[row.symbol] = EXACT.add(self.held_back.get(row.symbol, NOTHING), row.held_for_sells)
        if row.instrument_id is not None:
            self.instruments[row.symbol] = row.instrument_id

    def refuse(self, row: Position, problem: str) -> None:
        self.unread.append(
            UnreadPosition(
                name=row.instrument_id or row.symbol,
                problem=problem,
                instrument_id=row.instrument_id,
                symbol=row.symbol if row.instrument_id is None else None,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReading:
    """What the broker listed, and what our orders explained and promised when that read began."""

    began: Moment
    before: Mapping[str, Decimal]
    reserved: Mapping[str, Decimal]
    listing: PositionListing


class LookTaker:
    """Reads the positions and says what they are; the account and the clock are the caller's.

    ``reads_one`` is whether one position can be asked for by the broker's id of its instrument.
    """

    def __init__(self, *, account: AccountGateway, store: OrderStore, clock: Clock, reads_one: bool = True) -> None:
        self._account = account
        self._reads_one = reads_one
        self._store = store
        self._clock = clock

    def look(self, *, by: Seconds | None = None) -> Look:
        """Read all positions, over by ``by``, a point on the clock, by default `LOOK_WITHIN_S` from now.

        Raises:
            OrderStatusError: they could not be read in full.
        """
        until = self._clock.monotonic() + LOOK_WITHIN_S if by is None else by
        return self.look_at(self.read(by=until), by=until)

    def read(self, *, by: Seconds) -> PositionReading:
        """Read all positions, over by ``by``; nothing is recorded.

        Raises:
            OrderStatusError: they could not be read in full.
        """
        began = Moment.of(self._clock)
        with self._store.open_book() as book:
            before, reserved = book.expected_positions(), _reserved(book)
        listing = self._account.by(by).fetch_positions()
        return PositionReading(began=began, before=before, reserved=reserved, listing=listing)

    def look_at(self, reading: PositionReading, *, by: Seconds, records: bool = False) -> Look:
        """Say what was read, beside what our fills explain now; one that is missing is asked for, over by ``by``.

        With ``records``, what an instrument is called now is put on record.
        """
        with self._store.open_book() as book:
            rows = _sorted_out(reading.listing, book)
        self._ask_for_missing(self._account.by(by), rows)
        if records:
            self._note_names(rows)
        with self._store.open_book() as book:
            after = _under_new_names(book.expected_positions(), rows.renamed)
        before = _under_new_names(reading.before, rows.renamed)
        moved = (symbol for symbol in {*before, *after} if before.get(symbol) != after.get(symbol))
        return Look(
            held=rows.held,
            expected=after,
            moved=frozenset(moved),
            began=reading.began,
            expected_before=before,
            held_back=rows.held_back,
            reserved={name: taken for name, taken in reading.reserved.items() if rows.held_back.get(name)},
            unread=tuple(rows.unread),
            instruments=rows.instruments,
            rows=tuple(rows.read),
            renamed={symbol: was for was, symbol in rows.renamed.items()},
        )

    def _note_names(self, rows: _Rows) -> None:
        with self._store.open_book() as book:
            for symbol, instrument_id in rows.instruments.items():
                if symbol == instrument_id:
                    continue
                # The first record of a position names its instrument itself.
                if book.knows_positions or book.positions.symbol_of(instrument_id) is not None:
                    note_name(self._store, book, instrument_id=instrument_id, symbol=symbol)

    def _ask_for_missing(self, account: AccountGateway, rows: _Rows) -> None:
        missing = self._missing(rows)
        if not self._reads_one:
            _read_again(account, missing, rows)
            return
        for symbol, instrument_id in missing.items():
            if instrument_id is None:
                continue
            try:
                position = account.fetch_position(instrument_id)
            except OrderStatusError as error:
                rows.unread.append(
                    UnreadPosition(name=symbol, problem=str(error), instrument_id=instrument_id, symbol=symbol)
                )
                continue
            if position is not None:
                rows.add(position)

    def _missing(self, rows: _Rows) -> Mapping[str, str | None]:
        """Return the symbols that our fills explain and no row names, with what is known of their instrument."""
        with self._store.open_book() as book:
            known = {symbol: book.positions.instrument_of(symbol) for symbol in book.expected_positions()}
        unread_ids = {row.instrument_id for row in rows.unread} - {None}
        unread = {row.symbol for row in rows.unread}
        return {
            symbol: instrument_id
            for symbol, instrument_id in known.items()
            if not (rows.renamed.get(symbol, symbol) in rows.held or symbol in unread or instrument_id in unread_ids)
        }


def _read_again(account: AccountGateway, missing: Iterable[str], rows: _Rows) -> None:
    """Look for rows that were missing in a second reading of all: a row can fall between two pages.

    One that is missing there too is gone, unless it may be a row that names no symbol.
    """
    names = {symbol: rows.renamed.get(symbol, symbol) for symbol in missing}
    if not names:
        return
    try:
        again = account.fetch_positions()
    except OrderStatusError as error:
        rows.unread += (UnreadPosition(name=symbol, problem=str(error), symbol=symbol) for symbol in names)
        return
    for row in again.positions:
        if row.symbol in names.values():
            rows.add(row)
    for symbol, name in names.items():
        doubtful = next((row for row in again.unread if row.symbol in (None, name)), None)
        if doubtful is not None and name not in rows.held:
            problem = f"{doubtful.name} may be it: {doubtful.problem}"
            rows.unread.append(UnreadPosition(name=symbol, problem=problem, symbol=symbol))


def _reserved(book: OrderBook) -> Mapping[str, Decimal]:
    return {symbol: book.reserved_shares(symbol) for symbol in {order.envelope.symbol for order in book.active()}}


def _sorted_out(listing: PositionListing, book: OrderBook) -> _Rows:
    rows = _Rows(unread=list(listing.unread))
    by_symbol: dict[str, list[Position]] = defaultdict(list)
    for row in listing.positions:
        by_symbol[row.symbol].append(row)
    for symbol, same in by_symbol.items():
        for row in _of_one_instrument(symbol, same, book, rows):
            _add(row, book, rows)
    return rows


def _of_one_instrument(symbol: str, same: list[Position], book: OrderBook, rows: _Rows) -> Iterable[Position]:
    """Return the rows of the instrument that goes by this symbol; where two do, none but the one on record is it."""
    if len({row.instrument_id for row in same}) == 1:
        return same
    ours = book.positions.instrument_of(symbol)
    for row in same:
        if ours is None or row.instrument_id != ours:
            rows.refuse(row, f"the broker calls two instruments {symbol}")
    if ours is None:
        rows.unread.append(
            UnreadPosition(name=symbol, problem=f"the broker calls two instruments {symbol}", symbol=symbol)
        )
    return [row for row in same if ours is not None and row.instrument_id == ours]


def _add(row: Position, book: OrderBook, rows: _Rows) -> None:
    known = book.positions.symbol_of(row.instrument_id)
    if known is not None and row.symbol == row.instrument_id:
        row = replace(row, symbol=known)  # its name could not be had just now, which is no new name
    if known is None or known == row.symbol:
        rows.add(row)
    elif can_be_renamed(book, str(row.instrument_id), row.symbol):
        rows.renamed[known] = row.symbol
        rows.add(row)
    else:
        rows.refuse(row, f"{known} is called {row.symbol} now, as another instrument on record")


def _under_new_names(quantities: Mapping[str, Decimal], renamed: Mapping[str, str]) -> Mapping[str, Decimal]:
    found: dict[str, Decimal] = {}
    for symbol, quantity in quantities.items():
        name = renamed.get(symbol, symbol)
        found[name] = EXACT.add(found.get(name, NOTHING), quantity)
    return found
