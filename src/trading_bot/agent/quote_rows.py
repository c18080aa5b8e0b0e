"""Quotes, levels of the book, and what may be traded, row by row.

A price of zero is none: it is written where there is no book. One unknown symbol fails a whole call for quotes, whose
text then names it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.portfolio import BookLevel, PriceBook, Quote, Tradability
from trading_bot.robinhood.account_wire import parse_quote
from trading_bot.robinhood.fields import (
    Amount,
    MaybeFlag,
    MaybeSymbol,
    MaybeTime,
    MaybeWord,
    Payload,
    parse_payload,
    printable,
    word,
)
from trading_bot.robinhood.strict_json import UnreadableReplyError

QUOTES_AT_ONCE: Final = 20
"""Symbols in one call for quotes: above that the server leaves the official closes out."""
BOOKS_AT_ONCE: Final = 4
TRADABILITIES_AT_ONCE: Final = 10

_HALTED = "halted"


class _Level(Payload):
    price: Amount
    quantity: Amount


class _Book(Payload):
    symbol: MaybeSymbol = None
    updated_at: MaybeTime = None
    bids: object = None
    asks: object = None


class _Tradability(Payload):
    symbol: MaybeSymbol = None
    state: MaybeWord = None
    tradeable: MaybeFlag = None
    fractional_tradability: MaybeWord = None
    all_day_tradability: MaybeWord = None
    account_type_tradabilities: object = None
    internal_halt_reason: object = None
    internal_halt_sessions: object = None


class _TypeWord(Payload):
    account_type: MaybeWord = None
    account_type_tradability: MaybeWord = None


def quotes_of(data: object) -> Mapping[str, Quote]:
    """Return the two-sided markets of a reply, by symbol; what shows none or cannot be read is absent.

    Raises:
        OrderStatusError: the reply lists no quotes.
    """
    quotes = (_quote(row) for row in _results(data, "quotes"))
    return {quote.symbol: quote for quote in quotes if quote is not None}


def parse_agent_quote(row: object) -> Quote | None:
    """Read one quote; None where it shows no market on one of the sides, or is no quote at all. Never raises."""
    if not isinstance(row, dict):
        return None
    named = {
        "last_extended_hours_trade_price": row.get("last_non_reg_trade_price"),
        # There is no flag for a halt; should the word of the state say so, it is one.
        "trading_halted": word(row.get("state")) == _HALTED,
    }
    return parse_quote({**row, **named})


def missing_symbols(body: object) -> frozenset[str]:
    """Return the symbols that the body of a failed call names as unknown; none where it says something else."""
    named = body.get("missing_instruments") if isinstance(body, dict) else None
    return (
        frozenset(each.upper() for each in named if isinstance(each, str)) if isinstance(named, list) else frozenset()
    )


def books_of(data: object) -> Mapping[str, PriceBook]:
    """Return the books of a reply, by symbol; a level that cannot be read is left out.

    Raises:
        OrderStatusError: the reply lists no books.
    """
    books = (_book(row) for row in _rows(data, "books", "price book"))
    return {book.symbol: book for book in books if book is not None}


def tradabilities_of(data: object) -> Mapping[str, Tradability]:
    """Return what may be done with each symbol of a reply.

    Raises:
        OrderStatusError: the reply lists nothing.
    """
    found = (_tradability(row) for row in _results(data, "tradability"))
    return {each.symbol: each for each in found if each is not None}


def chunks(symbols: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Return the symbols, so many at a time."""
    return (symbols[begin : begin + size] for begin in range(0, len(symbols), size))


def _results(data: object, what: str) -> Iterable[object]:
    return _rows(data, "results", what)


def _rows(data: object, key: str, what: str) -> Iterable[object]:
    rows = data.get(key) if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise OrderStatusError(f"reading the {what}: the reply holds none; ask again before trading")
    return rows


def _quote(row: object) -> Quote | None:
    return parse_agent_quote(row.get("quote")) if isinstance(row, dict) else None


def _book(row: object) -> PriceBook | None:
    payload = _Book.model_validate(row) if isinstance(row, dict) else _Book()
    if payload.symbol is None:
        return None
    return PriceBook(
        symbol=payload.symbol,
        bids=tuple(_levels(payload.bids)),
        asks=tuple(_levels(payload.asks)),
        updated_at=payload.updated_at,
    )


def _levels(rows: object) -> Iterator[BookLevel]:
    for row in rows if isinstance(rows, list) else ():
        try:
            level = parse_payload(_Level, row)
        except UnreadableReplyError:
            continue
        if level.price > 0:
            yield BookLevel(price=level.price, quantity=level.quantity)


def _tradability(row: object) -> Tradability | None:
    payload = _Tradability.model_validate(row) if isinstance(row, dict) else _Tradability()
    if payload.symbol is None:
        return None
    return Tradability(
        symbol=payload.symbol,
        state=payload.state,
        is_tradeable=payload.tradeable,
        fractional=_short_word(payload.fractional_tradability, "fractional_tradability"),
        all_day=_short_word(payload.all_day_tradability, "all_day_tradability"),
        account_types=tuple(_type_words(payload.account_type_tradabilities)),
        halt=_halt(payload),
    )


def _short_word(said: str | None, name: str) -> str | None:
    # Some replies write the name of the field before the word.
    return None if said is None else word(said).removeprefix(f"{name}_")


def _type_words(rows: object) -> Iterator[tuple[str, str]]:
    for row in rows if isinstance(rows, list) else ():
        told = _TypeWord.model_validate(row) if isinstance(row, dict) else _TypeWord()
        said = _short_word(told.account_type_tradability, "account_type_tradability")
        if told.account_type is not None and said is not None:
            yield told.account_type, said


def _halt(payload: _Tradability) -> str | None:
    said = (payload.internal_halt_reason, payload.internal_halt_sessions)
    told = ", ".join(
        printable(", ".join(map(str, each)) if isinstance(each, list) else str(each)) for each in said if each
    )
    return told or None
