"""What the database says of an order or a request, and what comes after a record: for `audit explain` and `tail`."""

from dataclasses import dataclass, replace
from typing import Protocol

from trading_bot.audit.story import OrderLife, Sentence, life_of, sentence_of
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError, OrderNotFoundError
from trading_bot.order_management.journal.chain import GENESIS, ChainHead, head_at
from trading_bot.order_management.journal.port import JournalReader, OrderKeyKind
from trading_bot.order_management.models import ClientOrderId, Side

_PAGE = 500


class SymbolRecords(Protocol):
    """Reads what is on record of whole symbols, which takes the longer the more there is."""

    def of_symbols(self, symbols: frozenset[str]) -> tuple[JournalRecord, ...]:
        """Return every record about these symbols and the orders in them, in the order of their numbers."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLife:
    """All that was done for one caller's request, and said of the orders that it made."""

    correlation_id: str
    orders: tuple[TrackedOrder, ...]
    """Every order that one of the records concerns, as it is now: those the request made, and those it cancelled."""
    sentences: tuple[Sentence, ...]


def request_on_record(reader: JournalReader, correlation_id: str) -> RequestLife | None:
    """Tell one request, whose cost does not grow with the journal; None where no record carries the id.

    Raises:
        OrderLogDamagedError: a hash is wrong, or the records tell an impossible story.
        OrderLogError: the database cannot be read.
    """
    records = reader.records_of_request(correlation_id)
    if not records:
        return None
    positions = OrderBook.replayed(reader.read_standing()).positions
    names = dict.fromkeys(name for record in records if (name := record.fact.client_order_id) is not None)
    found = (OrderBook.replayed(reader.records_of(name)).get(name) for name in names)
    return RequestLife(
        correlation_id=correlation_id,
        orders=tuple(positions.named(order) for order in found if order is not None),
        sentences=tuple(map(sentence_of, records)),
    )


def records_of_order(reader: JournalReader, identifier: str) -> tuple[JournalRecord, ...]:
    """Return every record of the order that has ``identifier`` as its client order id, order id or ``ref_id``.

    Raises:
        OrderNotFoundError: no record names it.
        OrderLogError: the database cannot be read.
    """
    if records := reader.records_of(ClientOrderId(identifier)):
        return records
    for kind in (OrderKeyKind.ORDER_ID, OrderKeyKind.REF_ID):
        name = reader.find_order(kind, identifier)
        if name is not None:
            return reader.records_of(name)
    raise OrderNotFoundError(
        f"no order {ascii(identifier)[:80]} is in the journal; 'trading-bot orders --all' lists the ids",
        order_id=identifier,
    )


def life_on_record(reader: JournalReader, identifier: str, *, symbols: SymbolRecords) -> OrderLife:
    """Tell the life of one order; its cost does not grow with the journal while the order's result counts.

    What a sell earned rests on the buys before it. Once they count no more, all records of the symbol are read.

    Raises:
        OrderNotFoundError: no record names it.
        OrderLogDamagedError: a hash is wrong, or the records tell an impossible story.
        OrderLogError: the database cannot be read.
    """
    alone = life_of(records_of_order(reader, identifier), identifier)
    standing = OrderBook.replayed(reader.read_standing())
    order = standing.positions.named(alone.order)
    if standing.get(order.client_order_id) is not None:
        return replace(alone, order=order, book=standing)
    if not _has_sold(order):
        return replace(alone, order=order)
    # A renamed symbol had another name while the shares were bought.
    symbol = order.envelope.symbol
    names = {alone.order.envelope.symbol, symbol, standing.positions.was(symbol) or symbol}
    return replace(alone, order=order, book=OrderBook.replayed(symbols.of_symbols(frozenset(names))))


def _has_sold(order: TrackedOrder) -> bool:
    return order.envelope.side is Side.SELL and bool(order.envelope.filled_quantity or order.executions)


class DatabaseTail:
    """Follows the database by the numbers of its records; `read` returns what was added since the call before it."""

    def __init__(self, reader: JournalReader, *, last: int) -> None:
        """Begin with the ``last`` newest records, at the first `read`."""
        self._reader = reader
        self._last = last
        self._head: ChainHead | None = None

    def read(self) -> tuple[JournalRecord, ...]:
        """Return the new records.

        Raises:
            OrderLogError: the database cannot be read, or became shorter.
            OrderLogDamagedError: a record is not the one that has to be there.
        """
        found: list[JournalRecord] = []
        end = self._reader.read_head()
        if self._head is None:
            after = max(end.seq - self._last, 0)
            self._head = self._head_at(after)
        if end.seq < self._head.seq:
            raise OrderLogError(
                f"the journal ends at record {end.seq}, and record {self._head.seq} was there before; run 'trading-bot "
                "audit verify'"
            )
        while page := self._reader.page(after=self._head.seq, limit=_PAGE):
            for sealed in page:
                found.append(self._following(sealed.record, self._head))
                self._head = head_at(sealed.record)
        return tuple(found)

    def _head_at(self, seq: int) -> ChainHead:
        before = self._reader.page(after=seq - 1, limit=1) if seq else ()
        return head_at(before[0].record) if before else ChainHead(seq=seq, hash=GENESIS)

    @staticmethod
    def _following(record: JournalRecord, head: ChainHead) -> JournalRecord:
        if (record.seq, record.prev) != (head.seq + 1, head.hash):
            raise OrderLogDamagedError(
                f"record {record.seq} of the journal does not follow record {head.seq}; run 'trading-bot audit verify'"
            )
        return record
