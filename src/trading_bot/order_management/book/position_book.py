"""The positions as the journal tells them: the start, every fill since, what differed, and what each symbol is called.

The broker's instrument id is the identity where it is known: another symbol under the same id is a rename, and what
belongs to the old name goes on under the new one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from trading_bot.order_management.book.position_watch import (
    INSTRUMENT_ID,
    NOTHING,
    WAS,
    baseline,
    baseline_taken,
    instrument_named,
)
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.models import EXACT, Side


class PositionBook:
    """The positions of one book; every change comes from a record."""

    def __init__(self) -> None:
        self._quantities: dict[str, Decimal] = {}
        self._since: datetime | None = None
        self._differences: dict[str, OrderEvent] = {}
        self._instruments: dict[str, str] = {}
        self._symbols: dict[str, str] = {}
        self._was: dict[str, str] = {}

    @property
    def are_known(self) -> bool:
        """Whether a first complete look at the broker's positions is on record."""
        return self._since is not None

    def note(self, fact: OrderEvent) -> None:
        """Fold one record in."""
        if fact.symbol is None:
            if fact.event is EventKind.POSITION_ACCEPTED:
                self._since = fact.occurred_at
            return
        match fact.event:
            case EventKind.POSITION_ACCEPTED if fact.quantity is not None:
                self._quantities[fact.symbol] = fact.quantity
                self._differences.pop(fact.symbol, None)
                self._learn(fact.symbol, fact.details.get(INSTRUMENT_ID))
            case EventKind.POSITION_DIFFERED:
                self._differences[fact.symbol] = fact
            case EventKind.POSITION_AGREED:
                self._differences.pop(fact.symbol, None)
            case EventKind.INSTRUMENT_NAMED:
                self._rename(fact.symbol, fact.details)
            case EventKind.ORDER_INTENDED:
                self._learn(fact.symbol, fact.details.get(INSTRUMENT_ID))
            case _:
                pass

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
        return self._differences.get(symbol)

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

    def standing_facts(self) -> Iterator[OrderEvent]:
        """Yield the records that tell all this anew."""
        for symbol, instrument_id in sorted(self._instruments.items()):
            yield instrument_named(symbol, instrument_id, was=self._was.get(symbol))
        if self._since is None:
            return
        yield from (baseline(symbol, quantity) for symbol, quantity in sorted(self.quantities().items()))
        yield baseline_taken(self._since)
        yield from (self._differences[symbol] for symbol in sorted(self._differences))

    def _learn(self, symbol: str, instrument_id: str | None) -> None:
        if instrument_id:
            self._instruments[symbol] = instrument_id
            self._symbols[instrument_id] = symbol

    def _rename(self, symbol: str, details: Mapping[str, str]) -> None:
        was = details.get(WAS)
        self._learn(symbol, details.get(INSTRUMENT_ID))
        if was is None or was == symbol:
            return
        self._was[symbol] = was
        self._instruments.pop(was, None)
        difference = self._differences.pop(was, None)
        if difference is not None:
            self._differences[symbol] = replace(difference, symbol=symbol)
        if (quantity := self._quantities.pop(was, None)) is not None:
            self._quantities[symbol] = EXACT.add(self._quantities.get(symbol, NOTHING), quantity)
