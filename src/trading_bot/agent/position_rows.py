"""The list of positions, row by row: what is held of each symbol, or why that cannot be read.

A row names its symbol and neither the broker's id of the instrument nor the account. The id is the one that rows of
orders gave for the symbol; where there is none, or more than one, the position has none. Rows of nothing are listed for
every symbol with a resting buy.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import EXACT
from trading_bot.order_management.portfolio import Position, PositionListing, UnreadPosition
from trading_bot.robinhood.fields import (
    MaybeNumber,
    MaybeSymbol,
    MaybeWord,
    Payload,
    account_number_of,
    parse_payload,
    word,
)
from trading_bot.robinhood.listing import is_elsewhere
from trading_bot.robinhood.positions import holds_of
from trading_bot.robinhood.symbols import SymbolTable

NEEDED_OF_POSITION: Mapping[str, str] = MappingProxyType(
    {
        "symbol": "it says which shares are held, and nothing else does",
        "quantity": "it says how many are held",
        "holds": "shares held back cannot be sold; a hold that is absent or null is none",
    }
)
"""The fields of a position without which its own row cannot be read, and why."""

_SHORT = "short"
_NOTHING = Decimal(0)


class PositionPayload(Payload):
    """Shares of one symbol. ``shares_available_for_sells`` is what the broker would let go."""

    symbol: MaybeSymbol = None
    quantity: MaybeNumber = None
    average_buy_price: MaybeNumber = None
    shares_available_for_sells: MaybeNumber = None
    type: MaybeWord = None
    account_number: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    symbol: str
    quantity: Decimal
    average: Decimal | None
    held: Decimal


def read_positions(
    rows: Iterable[object], *, account_number: str, names: SymbolTable, as_of: datetime
) -> PositionListing:
    """Read a list of positions; ``names`` is what rows of orders said of symbols and instruments.

    Raises:
        OrderStatusError: a row names another account, so nobody knows whose the other rows are.
    """
    read: dict[str, _Row] = {}
    unread: dict[str, UnreadPosition] = {}
    for number, row in enumerate(rows, start=1):
        found = _read(row, number, account_number)
        if isinstance(found, UnreadPosition):
            unread.setdefault(found.name, found)
        elif found is not None and read.setdefault(found.symbol, found) != found:
            unread[found.symbol] = _unread(found.symbol, "the broker lists it twice, differently")
    held = (row for name, row in read.items() if name not in unread)
    return PositionListing(
        positions=tuple(_position(row, names=names, as_of=as_of) for row in held), unread=tuple(unread.values())
    )


def _read(row: object, number: int, account_number: str) -> _Row | UnreadPosition | None:
    if not isinstance(row, dict):
        return UnreadPosition(name=f"row {number}", problem="it is no position at all")
    payload = parse_payload(PositionPayload, row)
    if is_elsewhere(account_number_of(payload.account_number), account_number):
        raise OrderStatusError(
            "the positions show one of another account than the one asked for; nothing was concluded, read them again"
        )
    if payload.quantity == 0:
        return None
    held = _held(row, payload)
    values = {"symbol": payload.symbol, "quantity": payload.quantity, "holds": held}
    missing = [name for name in NEEDED_OF_POSITION if values[name] is None]
    if missing or payload.symbol is None or payload.quantity is None or held is None:
        return _unread(payload.symbol, f"cannot be read: {', '.join(missing)}", number=number)
    if word(payload.type) == _SHORT and payload.quantity > 0:
        return _unread(payload.symbol, "it is called short, of a number above zero")
    average = payload.average_buy_price
    return _Row(
        symbol=payload.symbol,
        quantity=payload.quantity,
        average=average if average is not None and average > 0 else None,
        held=held,
    )


def _held(row: Mapping[str, object], payload: PositionPayload) -> Decimal | None:
    """Return what cannot be sold: the holds added up, or what is missing from the sellable figure if that is more."""
    holds, available = holds_of(row), payload.shares_available_for_sells
    if row.get("shares_available_for_sells") is None:
        return holds
    if holds is None or available is None or payload.quantity is None:
        return None
    return max(holds, EXACT.subtract(max(payload.quantity, _NOTHING), available))


def _unread(symbol: str | None, problem: str, *, number: int = 0) -> UnreadPosition:
    return UnreadPosition(name=symbol or f"row {number}", problem=problem, symbol=symbol)


def _position(row: _Row, *, names: SymbolTable, as_of: datetime) -> Position:
    return Position(
        symbol=row.symbol,
        quantity=row.quantity,
        average_buy_price=row.average,
        held_for_sells=row.held,
        as_of=as_of,
        instrument_id=instrument_of(row.symbol, names),
    )


def instrument_of(symbol: str, names: SymbolTable) -> str | None:
    """Return the broker's id of the instrument of a symbol, where rows of orders gave just one."""
    found = names.ids_of(symbol)
    return found[0] if len(found) == 1 else None
