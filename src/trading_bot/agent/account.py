"""What the account holds and what shares are worth, over the tools: each list read row by row, each reply doubted.

The replies name neither the account nor the instrument of a position. Our account is named in every call, the flag that
lets an agent trade it is read along with each reading of the balances, and instruments are those that rows of orders
named.
"""

import copy
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, Self

from trading_bot.agent.account_rows import AgentAccounts, account_snapshot, parse_portfolio
from trading_bot.agent.calls import NotGivenError, ToolNotFoundError, ToolReads
from trading_bot.agent.history_rows import history_arguments, history_of
from trading_bot.agent.order_call import order_arguments
from trading_bot.agent.position_rows import read_positions
from trading_bot.agent.quote_rows import (
    BOOKS_AT_ONCE,
    QUOTES_AT_ONCE,
    TRADABILITIES_AT_ONCE,
    books_of,
    chunks,
    missing_symbols,
    quotes_of,
    tradabilities_of,
)
from trading_bot.agent.result_rows import realised_of, tax_lots_of
from trading_bot.agent.review_rows import review_of
from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.broker_review import BrokerReview
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import OrderTerms
from trading_bot.order_management.portfolio import (
    AccountSnapshot,
    Bar,
    Position,
    PositionListing,
    PriceBook,
    Quote,
    RealisedResult,
    TaxLot,
    Tradability,
    check_bars,
)
from trading_bot.robinhood.directory import AccountUnreadableError, checked_symbol
from trading_bot.robinhood.fields import SYMBOL, is_broker_id
from trading_bot.robinhood.listing import Pages
from trading_bot.robinhood.reads import BrokerUnavailableError
from trading_bot.robinhood.remarks import Remarks
from trading_bot.robinhood.symbols import SymbolTable

ACCOUNTS: Final = "get_accounts"
PORTFOLIO: Final = "get_portfolio"
POSITIONS: Final = "get_equity_positions"
QUOTES: Final = "get_equity_quotes"
PRICE_BOOK: Final = "get_equity_price_book"
TRADABILITY: Final = "get_equity_tradability"
HISTORICALS: Final = "get_equity_historicals"
TAX_LOTS: Final = "get_equity_tax_lots"
REALISED: Final = "get_realized_pnl"
REVIEW: Final = "review_equity_order"


class AgentAccount:
    """Reads of one account that no order depends on to be sent once.

    Fulfils `AccountGateway`, `MarketDataGateway`, `OrderReviewer` and `BrokerBooks`.

    ``names`` is the table that rows of orders are learned into. A call is over within the reads' ``timeout_s``, all its
    requests and repetitions included; what `by` returned has until then.
    """

    def __init__(
        self,
        *,
        reads: ToolReads,
        clock: Clock,
        account_number: str,
        names: SymbolTable,
        remarks: Remarks | None = None,
    ) -> None:
        self._reads = reads
        self._clock = clock
        self._account_number = account_number
        self._names = names
        self._remarks = Remarks() if remarks is None else remarks

    @property
    def not_understood(self) -> tuple[str, ...]:
        """What the broker said so far in words or rows that could not be read; nothing stops for it alone."""
        return self._remarks.all()

    def by(self, deadline: Seconds) -> Self:
        """Return the same account, whose reads are all over by ``deadline``, a point on the clock."""
        bounded = copy.copy(self)
        vars(bounded).update(_reads=self._reads.by(deadline))
        return bounded

    def fetch_account(self) -> AccountSnapshot:
        """Read balances, and whether an agent may trade the account, as of the moment the first read began.

        Raises:
            AccountUnreadableError: the broker does not say what buying needs; selling needs none of it.
            OrderStatusError: the login has no such account, or the read failed.
        """
        reads, began = self._reads.in_time(), self._clock.now()
        try:
            accounts = AgentAccounts(reads.data(ACCOUNTS, {}))
            accounts.ours(self._account_number)
            portfolio = reads.data(PORTFOLIO, self._ours)
        except NotGivenError as error:
            raise AccountUnreadableError(str(error)) from error
        snapshot = account_snapshot(accounts, portfolio, account_number=self._account_number, as_of=began)
        self._remarks.note(*(f"account: {remark}" for remark in snapshot.remarks))
        return snapshot

    def fetch_equity(self) -> Decimal | None:
        """Read what the whole account is worth, in dollars; None where the broker does not say."""
        return parse_portfolio(self._reads.data(PORTFOLIO, self._ours)).total_value

    def fetch_positions(self) -> PositionListing:
        """Read all non-zero positions, row by row: one that cannot be read is listed as such and hides no other.

        Raises:
            OrderStatusError: a page could not be read, or a row is of another account.
        """
        began, reads = self._clock.now(), self._reads.in_time()
        pages = reads.pages(POSITIONS, self._ours, "positions", null_is_empty=False)
        if pages.problem is not None and not self._is_told_flat(pages, reads):
            raise pages.problem
        listing = read_positions(pages.rows, account_number=self._account_number, names=self._names, as_of=began)
        self._remarks.note(*(f"position {row.name}: {row.problem}" for row in listing.unread))
        return listing

    def fetch_position(self, instrument_id: str) -> Position | None:
        """Read the position of one instrument out of all of them; None where the broker lists none.

        Raises:
            OrderStatusError: no row of an order said which symbol this is, the list could not be read, or the position
                may be a row that cannot be read.
        """
        symbol = self._names.get(instrument_id.lower()) if is_broker_id(instrument_id) else None
        if symbol is None:
            raise OrderStatusError("reading one position: no symbol is known for that instrument id; read them all")
        listing = self.fetch_positions()
        doubtful = next((row for row in listing.unread if row.symbol in (None, symbol)), None)
        if doubtful is not None:
            raise OrderStatusError(
                f"reading the position in {symbol}: {doubtful.name} {doubtful.problem}; read it again"
            )
        return next((held for held in listing.positions if held.symbol == symbol), None)

    def fetch_quotes(self, symbols: Sequence[str]) -> Mapping[str, Quote]:
        """Read quotes; symbols unknown, not readable or without a two-sided market are absent."""
        reads, found = self._reads.in_time(), dict[str, Quote]()
        for asked in chunks(_distinct(symbols), QUOTES_AT_ONCE):
            found |= _quotes(reads, asked)
        return found

    def fetch_history(self, symbol: str, interval: str, span: str) -> tuple[Bar, ...]:
        """Read the bars that have ended, oldest first; see `MarketDataGateway.fetch_history`."""
        checked_symbol(symbol)
        check_bars(interval, span)
        now = self._clock.now()
        try:
            data = self._reads.data(HISTORICALS, history_arguments(symbol, interval, span, now=now))
        except ToolNotFoundError as error:
            raise OrderStatusError(
                f"reading the history of {symbol}: the broker has none; check the symbol", symbol=symbol
            ) from error
        return history_of(data, symbol, interval=interval, span=span, now=now, note=self._remarks.note)

    def fetch_price_books(self, symbols: Sequence[str]) -> Mapping[str, PriceBook]:
        """Read the levels of each symbol; one without a book is absent. A reply may hold a megabyte a symbol."""
        reads, found = self._reads.in_time(), dict[str, PriceBook]()
        for asked in chunks(_distinct(symbols), BOOKS_AT_ONCE):
            found |= books_of(reads.data(PRICE_BOOK, {"symbols": list(asked)}))
        return {symbol: book for symbol, book in found.items() if symbol in symbols}

    def fetch_tradability(self, symbols: Sequence[str]) -> Mapping[str, Tradability]:
        """Read what may be done with each symbol in this account; one that the broker does not know is absent."""
        reads, found = self._reads.in_time(), dict[str, Tradability]()
        for asked in chunks(_distinct(symbols), TRADABILITIES_AT_ONCE):
            found |= tradabilities_of(reads.data(TRADABILITY, {**self._ours, "symbols": list(asked)}))
        return {symbol: told for symbol, told in found.items() if symbol in symbols}

    def _tradability_by(self, symbols: Sequence[str], deadline: Seconds) -> Mapping[str, Tradability]:
        until = self._reads.deadline
        return self.by(deadline if until is None else min(deadline, until)).fetch_tradability(symbols)

    def fetch_tax_lots(self, symbol: str) -> tuple[TaxLot, ...]:
        """Read the lots of a symbol that the broker's own books hold, in its order.

        Raises:
            OrderStatusError: a page could not be read, or a lot does not say its size.
        """
        arguments = {**self._ours, "symbol": checked_symbol(symbol)}
        pages = self._reads.in_time().pages(TAX_LOTS, arguments, "tax_lots")
        if pages.problem is not None:
            raise pages.problem
        return tax_lots_of(pages.rows)

    def fetch_realised(self, span: str) -> RealisedResult:
        """Read what sells earned over a span by the broker's own books.

        Raises:
            OrderStatusError: it cannot be read, or the reply is about something else.
        """
        reads = self._reads.in_time()
        row = AgentAccounts(reads.data(ACCOUNTS, {})).ours(self._account_number)
        # This tool wants the number of the clearing house under the name of the other one.
        number = row.rhs_account_number or row.account_number
        return realised_of(
            reads.data(REALISED, {"account_number": number, "span": span}), account_number=number, span=span
        )

    def review_order(self, terms: OrderTerms) -> BrokerReview:
        """Ask for the broker's own review of an order of these terms; nothing is placed.

        Raises:
            OrderValidationError: a price is not on the tick.
            OrderStatusError: it cannot be had or read, or is about another order.
        """
        arguments = order_arguments(terms, account_number=self._account_number)
        return review_of(self._reads.data(REVIEW, arguments), terms)

    def _is_told_flat(self, pages: Pages, reads: ToolReads) -> bool:
        """Whether the list is null, as the schema allows, and the portfolio says that no share is held."""
        if pages.rows or isinstance(pages.problem, BrokerUnavailableError):
            return False
        try:
            page = reads.data(POSITIONS, self._ours)
            if not isinstance(page, dict) or page.get("positions", page) is not None or page.get("next"):
                return False
            return parse_portfolio(reads.data(PORTFOLIO, self._ours)).equity_value == 0
        except OrderStatusError:
            return False

    @property
    def _ours(self) -> Mapping[str, object]:
        return {"account_number": self._account_number}


def _distinct(symbols: Sequence[str]) -> list[str]:
    return [symbol for symbol in dict.fromkeys(symbols) if SYMBOL.fullmatch(symbol)]


def _quotes(reads: ToolReads, asked: Sequence[str], *, is_part: bool = False) -> Mapping[str, Quote]:
    """Read the quotes of one call; symbols that it fails for are taken out, and the rest is asked for again.

    Where it does not name them, each half is asked for alone. If then none of several is found, something else may be
    missing, which is an error.
    """
    while asked:
        try:
            found = quotes_of(reads.data(QUOTES, {"symbols": list(asked)}))
        except ToolNotFoundError as error:
            unknown = missing_symbols(error.refusal.body).intersection(asked)
            if not unknown:
                halves = _halves(asked)
                found = {name: quote for half in halves for name, quote in _quotes(reads, half, is_part=True).items()}
                if halves and not (found or is_part):
                    raise
                return found
            asked = [symbol for symbol in asked if symbol not in unknown]
            continue
        return {symbol: quote for symbol, quote in found.items() if symbol in asked}
    return {}


def _halves(asked: Sequence[str]) -> tuple[Sequence[str], ...]:
    half = len(asked) // 2
    return (asked[:half], asked[half:]) if half else ()
