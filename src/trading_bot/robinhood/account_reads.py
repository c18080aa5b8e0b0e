"""What the account holds and what shares are worth: balances, positions, quotes and bars, each read row by row."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Self

from trading_bot.clock import Clock
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import AccountSnapshot, Bar, Position, PositionListing, Quote
from trading_bot.robinhood.account_wire import account_snapshot, parse_equity, parse_quote
from trading_bot.robinhood.directory import BrokerDirectory
from trading_bot.robinhood.fields import SYMBOL, is_broker_id
from trading_bot.robinhood.history import read_history
from trading_bot.robinhood.listing import walk_pages
from trading_bot.robinhood.positions import position_instruments, read_position, read_positions
from trading_bot.robinhood.reads import BrokerReads, NotAtBrokerError

_SYMBOLS_AT_ONCE = 400
"""Symbols in one request for quotes. Chosen: clients report about 1,200, and a row has about one kilobyte."""


class AccountReads:
    """Reads of one account that no order depends on to be sent once."""

    def __init__(self, *, reads: BrokerReads, directory: BrokerDirectory, clock: Clock) -> None:
        self._reads = reads
        self._directory = directory
        self._clock = clock

    def reading(self, reads: BrokerReads, directory: BrokerDirectory) -> Self:
        """Return the same account, read with ``reads``, as ``directory`` is."""
        other = object.__new__(type(self))
        vars(other).update(vars(self), _reads=reads, _directory=directory)
        return other

    def account(self) -> AccountSnapshot:
        """Read balances and restrictions, as of the moment the read began."""
        began = self._clock.now()
        snapshot = account_snapshot(self._directory.fetch_account(), began)
        self._directory.remarks.note(*(f"account: {remark}" for remark in snapshot.remarks))
        return snapshot

    def positions(self) -> PositionListing:
        """Read all non-zero positions, row by row: one that cannot be read is listed as such and hides no other.

        Raises:
            OrderStatusError: a page could not be read, or a row is of another account.
        """
        began = self._clock.now()
        number = self._directory.account_number()
        pages = walk_pages(self._reads.get, "/positions/", (("account_number", number), ("nonzero", "true")))
        if pages.problem is not None:
            raise pages.problem
        look_ups = self._directory.look_ups
        look_ups.note(position_instruments(pages.rows))
        look_ups.learn(_doubtful_names(pages.rows), afresh=True)
        listing = read_positions(
            pages.rows, account=number, table=self._directory.symbols, unknown=look_ups.unknown(), as_of=began
        )
        self._directory.remarks.note(*_remarks(listing))
        return listing

    def position(self, instrument_id: str) -> Position | None:
        """Read the position of one instrument alone; None where the broker has none, or none is left of it.

        Raises:
            OrderStatusError: the read failed, or its reply makes no sense or is about another position.
        """
        began = self._clock.now()
        number = self._directory.account_number()
        if not is_broker_id(instrument_id):
            raise OrderStatusError("reading one position: that is not a broker's instrument id; check it")
        try:
            row = self._reads.get(f"/positions/{number}/{instrument_id}/")
        except NotAtBrokerError:
            return None
        named = dict(position_instruments((row,)))
        self._directory.look_ups.note(named.items())
        self._directory.look_ups.learn(named)
        found = read_position(row, account=number, table=self._directory.symbols, as_of=began)
        if found is not None and found.instrument_id != instrument_id.lower():
            raise OrderStatusError("asked for one position, the broker answered with another; read it again")
        return found

    def quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Read quotes, many in one request; symbols unknown, not readable or without a two-sided market are absent."""
        asked = [symbol for symbol in dict.fromkeys(symbols) if SYMBOL.fullmatch(symbol)]
        found: dict[str, Quote] = {}
        for begin in range(0, len(asked), _SYMBOLS_AT_ONCE):
            found |= self._quotes(asked[begin : begin + _SYMBOLS_AT_ONCE])
        return found

    def history(self, symbol: str, interval: str, span: str) -> tuple[Bar, ...]:
        """Read the bars of a symbol that have ended, oldest first; what cannot be read is left out and noted.

        Raises:
            OrderValidationError: that is no symbol, or the interval does not go with the span.
            OrderStatusError: the read failed, or its reply makes no sense or is about something else.
        """
        note = self._directory.remarks.note
        return read_history(self._reads, symbol, interval=interval, span=span, now=self._clock.now(), note=note)

    def equity(self) -> Decimal | None:
        """Read what the whole account is worth, in dollars; None where the broker does not say.

        Raises:
            OrderStatusError: the read failed, or its reply is about another account.
        """
        number = self._directory.account_number()
        return parse_equity(self._reads.get(f"/portfolios/{number}/"), account=number)

    def _quotes(self, asked: list[str]) -> Mapping[str, Quote]:
        try:
            reply = self._reads.get("/quotes/", (("symbols", ",".join(asked)),))
        except NotAtBrokerError:  # a list of nothing but unknown symbols
            return {}
        rows = reply.get("results") if isinstance(reply, dict) else None
        if not isinstance(rows, list):
            raise OrderStatusError("reading the quotes: the reply holds none; ask again before trading")
        quotes = [quote for row in rows if (quote := parse_quote(row)) is not None]
        return {quote.symbol: quote for quote in quotes if quote.symbol in asked}


def _remarks(listing: PositionListing) -> Iterator[str]:
    for row in listing.unread:
        yield f"position {row.name}: {row.problem}"
    for held in listing.positions:
        if held.symbol == held.instrument_id:
            yield f"position {held.symbol}: no symbol is known for this instrument, so none of it can be traded"


def _doubtful_names(rows: Iterable[object]) -> Iterator[str]:
    """Return the instruments of positions whose rows give them no name, or one that another instrument has too."""
    named = dict(position_instruments(rows))
    shared = Counter(named.values())
    return (each for each, symbol in named.items() if symbol is None or shared[symbol] > 1)
