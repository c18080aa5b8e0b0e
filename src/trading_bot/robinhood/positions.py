"""The list of positions, row by row: what is held of each instrument, or why that cannot be read."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import exact_sum
from trading_bot.order_management.portfolio import Position, PositionListing, UnreadPosition
from trading_bot.robinhood.fields import (
    MaybeAmount,
    MaybeId,
    MaybeNumber,
    MaybeSymbol,
    Payload,
    account_number_of,
    agreed_id,
    amount,
    id_in_address,
    parse_payload,
)
from trading_bot.robinhood.listing import is_elsewhere
from trading_bot.robinhood.symbols import KnownName, SymbolTable

NEEDED_OF_POSITION: Mapping[str, str] = MappingProxyType(
    {
        "instrument": "it says which shares are held; an id of its own or one of the two addresses is enough",
        "quantity": "it says how many are held",
        "holds": "shares held back cannot be sold; a hold that is absent or null is none",
    }
)
"""The fields of a position without which its own row cannot be read, and why. One of another account voids them all."""

_HOLD = "shares_held_for_"
_NO_HOLD = "shares_held_for_buys"


class PositionPayload(Payload):
    """Shares of one instrument; older rows name it by its address alone, newer ones by its symbol as well."""

    instrument_id: MaybeId = None
    instrument: object = None
    url: object = None
    symbol: MaybeSymbol = None
    account: object = None
    account_number: object = None
    quantity: MaybeNumber = None
    average_buy_price: MaybeNumber = None
    clearing_average_cost: MaybeAmount = None

    @property
    def instrument_name(self) -> str | None:
        """The id of the instrument; None where the fields that name it disagree, or where there is none."""
        named = id_in_address(self.instrument, "instruments")
        if self.instrument_id is None and named is None:
            return agreed_id(id_in_address(self.url, "positions/[0-9A-Za-z-]{4,32}"))
        return agreed_id(self.instrument_id, named)

    @property
    def accounts(self) -> Iterator[str | None]:
        """Every account that the row names."""
        yield account_number_of(self.account_number)
        yield id_in_address(self.account, "accounts")

    @property
    def average(self) -> Decimal | None:
        """Dollars a share; the broker writes zero where it has no average yet, and after settlement in some rows."""
        own = self.average_buy_price
        return own if own is not None and own > 0 else self.clearing_average_cost or None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    instrument_id: str
    symbol: str | None
    quantity: Decimal
    average: Decimal | None
    held: Decimal


def read_positions(
    rows: Iterable[object], *, account: str, table: SymbolTable, unknown: Iterable[str], as_of: datetime
) -> PositionListing:
    """Read a list of positions; ``table`` has been asked for their names, ``unknown`` are ids the broker has none for.

    Raises:
        OrderStatusError: a row names another account, so nobody knows whose the other rows are.
    """
    read: dict[str, _Row] = {}
    unread: dict[str, UnreadPosition] = {}
    for number, row in enumerate(rows, start=1):
        found = _read(row, number, account, table)
        if isinstance(found, UnreadPosition):
            unread.setdefault(found.instrument_id or found.name, found)
        elif found is not None and read.setdefault(found.instrument_id, found) != found:
            unread[found.instrument_id] = _unread(found, "the broker lists it twice, differently")
    nameless = set(unknown)
    for row in read.values():
        if row.symbol is None and row.instrument_id not in nameless:
            unread.setdefault(row.instrument_id, _unread(row, "its symbol could not be looked up"))
    held = [row for name, row in read.items() if name not in unread]
    names = dict(_names(held, table))
    return PositionListing(
        positions=tuple(_position(row, symbol=names[row.instrument_id], as_of=as_of) for row in held),
        unread=tuple(unread.values()),
    )


def read_position(row: object, *, account: str, table: SymbolTable, as_of: datetime) -> Position | None:
    """Read one position that was asked for alone; None where nothing is left of it.

    Raises:
        OrderStatusError: the row names another account, or cannot be read.
    """
    found = _read(row, 1, account, table)
    if isinstance(found, UnreadPosition):
        raise OrderStatusError(f"reading one position: {found.problem}; read it again before trading")
    return None if found is None else _position(found, symbol=found.symbol or found.instrument_id, as_of=as_of)


def position_instruments(rows: Iterable[object]) -> Iterator[tuple[str, str | None]]:
    """Return the instrument id of each row that names one, and its symbol where the row has that too."""
    for row in rows:
        if isinstance(row, dict):
            payload = PositionPayload.model_validate(row)
            if payload.instrument_name is not None and payload.quantity != 0:
                yield payload.instrument_name, payload.symbol


def _read(row: object, number: int, account: str, table: SymbolTable) -> _Row | UnreadPosition | None:
    if not isinstance(row, dict):
        return UnreadPosition(name=f"row {number}", problem="it is no position at all")
    payload = parse_payload(PositionPayload, row)
    if any(is_elsewhere(named, account) for named in payload.accounts):
        raise OrderStatusError(
            "the positions show one of another account than the one asked for; nothing was concluded, read them again"
        )
    if payload.quantity == 0:
        return None
    instrument_id, holds = payload.instrument_name, holds_of(row)
    symbol = payload.symbol or (None if instrument_id is None else table.get(instrument_id))
    values = {"instrument": instrument_id, "quantity": payload.quantity, "holds": holds}
    missing = [name for name in NEEDED_OF_POSITION if values[name] is None]
    if missing or instrument_id is None or payload.quantity is None or holds is None:
        return UnreadPosition(
            name=symbol or instrument_id or f"row {number}",
            problem=f"cannot be read: {', '.join(missing)}",
            instrument_id=instrument_id,
            symbol=symbol,
        )
    return _Row(
        instrument_id=instrument_id, symbol=symbol, quantity=payload.quantity, average=payload.average, held=holds
    )


def holds_of(row: Mapping[str, object]) -> Decimal | None:
    """Add up what the broker holds back: for resting sells, options, grants. None where one cannot be read."""
    holds = [
        amount(value)
        for name, value in row.items()
        if name.startswith(_HOLD) and name != _NO_HOLD and value is not None
    ]
    read = [hold for hold in holds if hold is not None]
    return exact_sum(read) if len(read) == len(holds) else None


def _names(rows: list[_Row], table: SymbolTable) -> Iterator[tuple[str, str]]:
    """Name each position once: of two instruments with one symbol, the active one keeps it."""
    shared = Counter(row.symbol for row in rows)
    for row in rows:
        alike = [each.instrument_id for each in rows if each.symbol == row.symbol]
        keeps = shared[row.symbol] == 1 or _active(alike, table) == row.instrument_id
        yield row.instrument_id, row.symbol if row.symbol is not None and keeps else row.instrument_id


def _active(instrument_ids: list[str], table: SymbolTable) -> str | None:
    known: dict[str, KnownName | None] = {each: table.known(each) for each in instrument_ids}
    active = [each for each, name in known.items() if name is not None and name.is_active]
    return active[0] if len(active) == 1 else None


def _unread(row: _Row, problem: str) -> UnreadPosition:
    return UnreadPosition(
        name=row.symbol or row.instrument_id, problem=problem, instrument_id=row.instrument_id, symbol=row.symbol
    )


def _position(row: _Row, *, symbol: str, as_of: datetime) -> Position:
    return Position(
        symbol=symbol,
        quantity=row.quantity,
        average_buy_price=row.average,
        held_for_sells=row.held,
        as_of=as_of,
        instrument_id=row.instrument_id,
    )
