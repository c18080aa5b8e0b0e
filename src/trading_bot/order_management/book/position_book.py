"""The positions on record: the start, every fill since, what differed, and what each symbol is called.

The broker's instrument id is the identity where it is known: another symbol under the same id is a rename, and what
belongs to the old name goes on under the new one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from trading_bot.order_management.book.pointers import StandingKind, StandingPointers, pointer
from trading_bot.order_management.book.position_watch import INSTRUMENT_ID, NOTHING, WAS
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.journal.port import Pointer
from trading_bot.order_management.models import EXACT, Side

_PART, _HELD, _NAMED, _FORMER = "part", "held:", "instrument:", "former:"
_FIRST = "1"
_ROWS = 500
"""Quantities and names in one record: far below what a line can take."""


class PositionBook:
    """The positions of one book; every change comes from a record."""

    def __init__(self, pointers: StandingPointers) -> None:
        self._pointers = pointers
        self._quantities: dict[str, Decimal] = {}
        self._since: datetime | None = None
        self.are_noted = False
        """Whether orders have left the book, so that their fills are known by what is left of them alone."""
        self._differences: dict[str, tuple[OrderEvent, Pointer]] = {}
        self._instruments: dict[str, str] = {}
        self._symbols: dict[str, str] = {}
        self._was: dict[str, str] = {}
        self._told_by: dict[Pointer, None] = {}
        """The records that changed or stated quantities since they were last noted, except fills."""
        self._named_by: dict[tuple[str, str], Pointer] = {}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PositionBook):
            return NotImplemented
        return self._compared() == other._compared()

    __hash__ = None  # type: ignore[assignment]  # it changes, so it is no key

    def _compared(self) -> tuple[object, ...]:
        differences = {symbol: fact for symbol, (fact, _) in self._differences.items()}
        return self.quantities(), self._since, differences, self._instruments, self._symbols, self._was

    @property
    def are_known(self) -> bool:
        """Whether a first complete look at the broker's positions is on record."""
        return self._since is not None

    def note(self, record: JournalRecord) -> bool:
        """Fold one record in; whether an instrument goes by another name from here on."""
        fact = record.fact
        instrument_id = fact.details.get(INSTRUMENT_ID, "")
        before = self._symbols.get(instrument_id)
        match fact.event:
            case EventKind.POSITION_ACCEPTED if fact.symbol is None:
                self._since = fact.occurred_at
                self._told(record)
            case EventKind.POSITION_ACCEPTED if fact.symbol is not None and fact.quantity is not None:
                self._quantities[fact.symbol] = fact.quantity
                self._agree(fact.symbol)
                self._learn(fact.symbol, fact.details.get(INSTRUMENT_ID))
                self._told(record)
            case EventKind.POSITIONS_NOTED:
                self._take_noted(record)
            case EventKind.POSITION_DIFFERED if fact.symbol is not None:
                self._agree(fact.symbol)
                at = pointer(StandingKind.DIFFERENCE, fact.symbol, record.seq)
                self._differences[fact.symbol] = fact, at
                self._pointers.add(at)
            case EventKind.POSITION_AGREED if fact.symbol is not None:
                self._agree(fact.symbol)
            case EventKind.INSTRUMENT_NAMED if fact.symbol is not None:
                self._name(record, fact.symbol)
            case EventKind.ORDER_INTENDED if fact.symbol is not None:
                self._learn(fact.symbol, fact.details.get(INSTRUMENT_ID))
            case _:
                pass
        is_noted = fact.event is EventKind.POSITIONS_NOTED
        return is_noted or (before is not None and self._symbols.get(instrument_id) != before)

    def noted(self) -> tuple[OrderEvent, ...]:
        """Return the records that tell every quantity and name, and take the place of all before them that did."""
        former = {key: symbol for key, symbol in self._symbols.items() if self._instruments.get(symbol) != key}
        rows = [
            *((f"{_HELD}{symbol}", f"{quantity:f}") for symbol, quantity in sorted(self.quantities().items())),
            *((f"{_NAMED}{symbol}", key) for symbol, key in sorted(self._instruments.items())),
            *((f"{_FORMER}{key}", symbol) for key, symbol in sorted(former.items())),
        ]
        parts = [rows[begin : begin + _ROWS] for begin in range(0, len(rows), _ROWS)] or [[]]
        return tuple(
            OrderEvent(
                event=EventKind.POSITIONS_NOTED, occurred_at=self._since, details={_PART: str(number), **dict(part)}
            )
            for number, part in enumerate(parts, start=1)
        )

    def note_fill(self, before: TrackedOrder, after: TrackedOrder) -> None:
        """Move the shares that an order has filled in between."""
        filled = EXACT.subtract(after.envelope.filled_quantity, before.envelope.filled_quantity)
        if filled:
            symbol = after.envelope.symbol
            change = filled if after.envelope.side is Side.BUY else EXACT.minus(filled)
            self._quantities[symbol] = EXACT.add(self._quantities.get(symbol, NOTHING), change)

    def quantity(self, symbol: str | None) -> Decimal:
        """Return the shares of one symbol that our records explain."""
        return self._quantities.get(symbol or "", NOTHING)

    def quantities(self) -> Mapping[str, Decimal]:
        """Return the shares that our records explain."""
        return {symbol: quantity for symbol, quantity in self._quantities.items() if quantity}

    def difference(self, symbol: str) -> OrderEvent | None:
        """Return the record of a position that differs from ours, if it does."""
        found = self._differences.get(symbol)
        return found[0] if found is not None else None

    def differing(self) -> tuple[str, ...]:
        """Return the symbols whose position is on record as differing."""
        return tuple(self._differences)

    def instrument_of(self, symbol: str) -> str | None:
        """Return the broker's id of the instrument that trades under this symbol, where it is on record."""
        return self._instruments.get(symbol)

    def symbol_of(self, instrument_id: str | None) -> str | None:
        """Return the symbol of an instrument, where it is on record."""
        return None if instrument_id is None else self._symbols.get(instrument_id)

    def was(self, symbol: str) -> str | None:
        """Return the symbol that this one had before, if it was renamed."""
        return self._was.get(symbol)

    def named(self, order: TrackedOrder) -> TrackedOrder:
        """Return the order under the symbol that its instrument has now."""
        symbol = self.symbol_of(order.instrument_id)
        before = order.envelope.symbol
        if symbol is None or symbol == before:
            return order
        was = order.envelope.symbol_was or before
        return replace(order, envelope=replace(order.envelope, symbol=symbol, symbol_was=was))

    def _told(self, record: JournalRecord) -> None:
        at = pointer(StandingKind.POSITION, record.fact.symbol or "", record.seq)
        self._told_by[at] = None
        self._pointers.add(at)

    def _agree(self, symbol: str) -> None:
        found = self._differences.pop(symbol, None)
        if found is not None:
            self._pointers.end((found[1],))

    def _take_noted(self, record: JournalRecord) -> None:
        details = record.fact.details
        if details.get(_PART) == _FIRST:
            self._pointers.end((*self._told_by, *self._named_by.values()))
            self._told_by, self._named_by = {}, {}
            self._quantities, self._instruments, self._symbols = {}, {}, {}
        self._since, self.are_noted = record.fact.occurred_at, True
        for symbol, quantity in _rows(details, _HELD):
            self._quantities[symbol] = Decimal(quantity)
        for symbol, instrument_id in _rows(details, _NAMED):
            self._learn(symbol, instrument_id)
        for instrument_id, symbol in _rows(details, _FORMER):
            self._symbols[instrument_id] = symbol
        self._told(record)

    def _learn(self, symbol: str, instrument_id: str | None) -> None:
        if instrument_id:
            self._instruments[symbol] = instrument_id
            self._symbols[instrument_id] = symbol

    def _name(self, record: JournalRecord, symbol: str) -> None:
        was, instrument_id = record.fact.details.get(WAS), record.fact.details.get(INSTRUMENT_ID)
        self._learn(symbol, instrument_id)
        if was is None or was == symbol:
            at = pointer(StandingKind.NAME, symbol, record.seq)
            before = self._named_by.pop((symbol, instrument_id or ""), None)
            self._pointers.end(() if before is None else (before,))
            self._named_by[symbol, instrument_id or ""] = at
            self._pointers.add(at)
            return
        self._pointers.add(pointer(StandingKind.RENAME, symbol, record.seq))
        self._was[symbol] = was
        self._instruments.pop(was, None)
        self._rename(was, symbol)

    def _rename(self, was: str, symbol: str) -> None:
        found = self._differences.pop(was, None)
        if found is not None:
            self._agree(symbol)
            self._differences[symbol] = replace(found[0], symbol=symbol), found[1]
        if (quantity := self._quantities.pop(was, None)) is not None:
            self._quantities[symbol] = EXACT.add(self._quantities.get(symbol, NOTHING), quantity)


def _rows(details: Mapping[str, str], kind: str) -> Iterable[tuple[str, str]]:
    return ((key.removeprefix(kind), text) for key, text in details.items() if key.startswith(kind))
