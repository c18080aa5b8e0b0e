"""Which account is ours, and which instrument a symbol stands for: looked up, remembered for the day, never guessed."""

import threading
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Self
from zoneinfo import ZoneInfo

from trading_bot.clock import Clock, Seconds
from trading_bot.market_hours import NYSE_ZONE
from trading_bot.order_management.exceptions import OrderStatusError, OrderValidationError
from trading_bot.order_management.models import Side
from trading_bot.robinhood.account_wire import AccountPayload, InstrumentPayload, parse_account
from trading_bot.robinhood.fields import SYMBOL, account_number_of, parse_payload, shown_symbol, word
from trading_bot.robinhood.listing import is_elsewhere, walk_pages
from trading_bot.robinhood.reads import BrokerReads
from trading_bot.robinhood.remarks import Remarks
from trading_bot.robinhood.session import UnreadableReplyError
from trading_bot.robinhood.symbols import SPARED_S, KnownName, SymbolLookup, SymbolTable

_NOT_ONE = "not_one_instrument"

_EXIT_PATIENCE_S: Seconds = 2.0
"""How long a sell waits for the data of an instrument whose id is known without them."""


class AccountUnreadableError(OrderStatusError):
    """The broker answered with the account, and a figure that buying needs cannot be read: selling needs none."""

    code = "account_unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentFacts:
    """What an order needs of its instrument. ``tick`` is its own price step in dollars, None for the usual one."""

    id: str
    tick: Decimal | None


@dataclass(slots=True)
class _OurAccount:
    """The account that orders go to; None until the only one of the login was looked up."""

    number: str | None


class BrokerDirectory:
    """Accounts and instruments of one login. Safe to share between threads.

    Whether and in which ticks an instrument trades is asked anew each exchange date; its id and symbol are kept, in
    ``symbols`` if one is given. With ``asks_symbols`` False, no symbol is ever asked for.
    """

    def __init__(
        self,
        *,
        reads: BrokerReads,
        clock: Clock,
        account_number: str | None,
        asks_symbols: bool = True,
        symbols: SymbolTable | None = None,
    ) -> None:
        self._reads = reads
        self._clock = clock
        self._exchange_zone = ZoneInfo(NYSE_ZONE)
        self._ours = _OurAccount(account_number)
        self.remarks = Remarks()
        self._lock = threading.Lock()
        self._instruments: dict[str, tuple[date, InstrumentPayload]] = {}
        self._symbols = SymbolTable() if symbols is None else symbols
        self._spared_until: dict[str, Seconds] = {}
        self._look_ups = SymbolLookup(reads=reads, clock=clock, table=self._symbols, asks=asks_symbols)

    def by(self, deadline: Seconds) -> Self:
        """Return the same directory, whose look-ups are all over by ``deadline``; both remember what either learns."""
        return self.reading(self._reads.by(deadline))

    def reading(self, reads: BrokerReads) -> Self:
        """Return the same directory with other reads; both remember what either learns."""
        other = object.__new__(type(self))
        vars(other).update(vars(self), _reads=reads, _look_ups=self._look_ups.reading(reads))
        return other

    def account_number(self) -> str:
        """Return the account orders go to, looking the only one up where none was named.

        Raises:
            OrderStatusError: the look-up failed, or there are several accounts to choose from.
        """
        return self._ours.number or self.fetch_account().account_number

    def fetch_account(self) -> AccountPayload:
        """Read the account afresh.

        Raises:
            OrderStatusError: the read failed, or there are several accounts to choose from.
        """
        account = self._only_account() if self._ours.number is None else self._named_account(self._ours.number)
        self._ours.number = account.account_number
        return account

    def instrument(self, symbol: str, side: Side) -> InstrumentPayload:
        """Return the instrument that trades under ``symbol``.

        Raises:
            OrderValidationError: no such symbol, or the broker takes no orders of this side in it.
            OrderStatusError: the look-up failed.
        """
        # The date is taken before the read, so that a read across midnight counts for the day that ends.
        today = self._clock.now().astimezone(self._exchange_zone).date()
        instrument = self._known(symbol, today) or self._look_up(checked_symbol(symbol))
        if not instrument.takes(side):
            raise OrderValidationError(
                f"{symbol} is {instrument.state} and {instrument.tradability}: the broker takes no {side} order in it; "
                "choose another symbol",
                symbol=symbol,
            )
        self._remember(instrument, today)
        self.remarks.note(*(f"{symbol}: {remark}" for remark in instrument.remarks))
        return instrument

    def facts(self, symbol: str, side: Side) -> InstrumentFacts:
        """Return what an order of this side needs to know of ``symbol``.

        Held shares can be sold without the data of the day: where those cannot be had, a sell takes the last ones, or
        the id alone and the usual price steps. It waits two seconds for them at most.

        Raises:
            OrderValidationError: no such symbol, or the broker takes no orders of this side in it.
            OrderStatusError: the look-up failed.
        """
        last = self._last_facts(symbol) if side is Side.SELL else None
        if last is None:
            instrument = self.instrument(symbol, side)
        elif self._clock.monotonic() < self._spared_until.get(symbol, 0):
            return last
        else:
            try:
                instrument = self._hurried().instrument(symbol, side)
            except OrderStatusError:
                self._spared_until[symbol] = self._clock.monotonic() + SPARED_S
                return last
            except OrderValidationError as error:
                if error.code != _NOT_ONE:
                    raise
                return last
        return InstrumentFacts(id=instrument.id, tick=instrument.min_tick_size)

    def _last_facts(self, symbol: str) -> InstrumentFacts | None:
        with self._lock:
            _, instrument = self._instruments.get(symbol, (None, None))
        if instrument is not None:
            return InstrumentFacts(id=instrument.id, tick=instrument.min_tick_size)
        ids = self._symbols.ids_of(symbol)
        return InstrumentFacts(id=ids[0], tick=None) if len(ids) == 1 else None

    def _hurried(self) -> Self:
        soon, until = self._clock.monotonic() + _EXIT_PATIENCE_S, self._reads.repeater.deadline
        return self.by(soon if until is None else min(soon, until))

    @property
    def symbols(self) -> SymbolTable:
        """The names of instruments, as far as they are known."""
        return self._symbols

    @property
    def look_ups(self) -> SymbolLookup:
        """Learns the names that are not known."""
        return self._look_ups

    def known_symbol(self, instrument_id: str) -> str | None:
        """Return a symbol without asking the broker."""
        return self._symbols.get(instrument_id)

    def _known(self, symbol: str, today: date) -> InstrumentPayload | None:
        with self._lock:
            read_on, instrument = self._instruments.get(symbol, (None, None))
        return instrument if read_on == today else None

    def _remember(self, instrument: InstrumentPayload, today: date) -> None:
        with self._lock:
            self._instruments[instrument.symbol] = today, instrument
        is_active = None if instrument.state is None else word(instrument.state) == "active"
        name = KnownName(symbol=instrument.symbol, is_active=is_active, seen_on=today)
        self._symbols.remember({instrument.id: name})

    def _look_up(self, symbol: str) -> InstrumentPayload:
        rows = self._all_rows("/instruments/", (("symbol", symbol),))
        found = [instrument for row in rows if (instrument := _instrument(row)) is not None]
        exact = list({instrument.id: instrument for instrument in found if instrument.symbol == symbol}.values())
        active = [instrument for instrument in exact if word(instrument.state) == "active"] or exact
        if not exact and any(_is_named(row, symbol) for row in rows):
            raise OrderStatusError(f"looking up {symbol}: the answer names no instrument; try again", symbol=symbol)
        if len(active) != 1:
            raise OrderValidationError(
                f"{symbol}: the broker knows {len(active)} instruments of that name, not one; check the symbol",
                symbol=symbol,
                code=_NOT_ONE,
            )
        return active[0]

    def _named_account(self, number: str) -> AccountPayload:
        row = self._reads.get(f"/accounts/{number}/")
        if is_elsewhere(account_number_of(row.get("account_number") if isinstance(row, dict) else None), number):
            raise OrderStatusError(
                f"asked for account ****{number[-4:]}, the broker answered with another; do not trade"
            )
        return self._account(row)

    def _only_account(self) -> AccountPayload:
        rows = self._all_rows("/accounts/", (("default_to_all_accounts", "true"),))
        there = [row for row in rows if row is not None]
        if len(there) != 1:
            endings = ", ".join(f"****{_number_of(row)[-4:]}" for row in there) or "none"
            raise OrderStatusError(
                f"this login has several accounts or none ({endings}): set account_number to the one to use"
            )
        return self._account(there[0])

    def _account(self, row: object) -> AccountPayload:
        try:
            return parse_account(row)
        except UnreadableReplyError as error:
            raise AccountUnreadableError(f"reading the account: {error}; try again, nothing was changed") from error

    def _all_rows(self, path: str, query: tuple[tuple[str, str], ...]) -> tuple[object, ...]:
        pages = walk_pages(self._reads.get, path, query)
        if pages.problem is not None:
            raise pages.problem
        return pages.rows


def _instrument(row: object) -> InstrumentPayload | None:
    try:
        return parse_payload(InstrumentPayload, row)
    except UnreadableReplyError:
        return None


def _is_named(row: object, symbol: str) -> bool:
    return isinstance(row, dict) and shown_symbol(row.get("symbol")) == symbol


def _number_of(row: object) -> str:
    return account_number_of(row.get("account_number") if isinstance(row, dict) else None) or "????"


def checked_symbol(symbol: str) -> str:
    """Return ``symbol`` if it can be one.

    Raises:
        OrderValidationError: it cannot.
    """
    if SYMBOL.fullmatch(symbol) is None:
        raise OrderValidationError(f"{symbol!r:.40} is not a ticker symbol; write it like AAPL or BRK.B")
    return symbol
