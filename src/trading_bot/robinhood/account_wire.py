"""Accounts, positions, instruments and quotes on the wire, and their reading into our types."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from trading_bot.order_management.models import Side
from trading_bot.order_management.portfolio import AccountSnapshot, Position, Quote
from trading_bot.robinhood.fields import Amount, Number, Payload, Symbol, WireId, WireTime, Word, parse_payload

AccountNumber = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{4,32}$")]
Size = Annotated[int, Field(ge=0, le=10**12)]
Tick = Annotated[Amount, Field(gt=0)]


class AccountPayload(Payload):
    """One account: its money and what keeps it from trading."""

    account_number: AccountNumber
    buying_power: Number
    cash: Number
    cash_held_for_orders: Amount
    type: str | None = None
    portfolio_cash: Number | None = None
    cash_held_for_options_collateral: Amount | None = None
    unsettled_funds: Amount | None = None
    deactivated: bool
    locked: bool
    only_position_closing_trades: bool
    permanently_deactivated: bool = False
    equity_trading_lock: bool | str | None = None

    @property
    def restriction(self) -> str | None:
        """The first thing that keeps the account from opening positions."""
        lock = self.equity_trading_lock
        flags = {
            "deactivated": self.deactivated or self.permanently_deactivated,
            "locked": self.locked or (bool(lock) and lock != "unlocked"),
            "closing positions only": self.only_position_closing_trades,
        }
        return next((name for name, is_set in flags.items() if is_set), None)


class PositionPayload(Payload):
    """Shares of one instrument; newer payloads name the symbol as well."""

    instrument_id: WireId
    account_number: AccountNumber
    quantity: Number
    average_buy_price: Amount | None = None
    shares_held_for_sells: Amount


class InstrumentNames(Payload):
    """The two names of an instrument, readable whatever the rest of it says."""

    id: WireId
    symbol: Symbol


class InstrumentPayload(InstrumentNames):
    """What a symbol stands for, whether it may be traded, and in which ticks where it has its own."""

    state: Word
    tradeable: bool
    tradability: Word
    min_tick_size: Tick | None = None

    def takes(self, side: Side) -> bool:
        """Whether the broker takes orders of this side; a name closing positions only can still be sold."""
        words = ("tradable",) if side is Side.BUY else ("tradable", "position_closing_only")
        return self.state == "active" and self.tradeable and self.tradability in words


class QuotePayload(Payload):
    """The visible market of one symbol."""

    symbol: Symbol
    bid_price: Amount | None
    ask_price: Amount | None
    bid_size: Size
    ask_size: Size
    last_trade_price: Amount | None = None
    last_extended_hours_trade_price: Amount | None = None
    trading_halted: bool
    updated_at: WireTime


def parse_account(obj: object) -> AccountPayload:
    """Read one account, or raise `UnreadableReplyError`."""
    return parse_payload(AccountPayload, obj)


def account_snapshot(payload: AccountPayload, as_of: datetime) -> AccountSnapshot:
    """Turn a payload into balances as of the moment its read began."""
    return AccountSnapshot(
        account_suffix=payload.account_number[-4:],
        buying_power=payload.buying_power,
        cash=payload.cash,
        cash_held_for_orders=payload.cash_held_for_orders,
        restriction=payload.restriction,
        as_of=as_of,
        unsettled_funds=payload.unsettled_funds,
        account_type=None if payload.type is None else payload.type.strip().lower(),
        portfolio_cash=payload.portfolio_cash,
        cash_held_for_collateral=payload.cash_held_for_options_collateral,
    )


def position(payload: PositionPayload, *, symbol: str, as_of: datetime) -> Position:
    """Turn a payload into a position; the broker writes an average of zero where it has none yet."""
    return Position(
        symbol=symbol,
        quantity=payload.quantity,
        average_buy_price=payload.average_buy_price or None,
        held_for_sells=payload.shares_held_for_sells,
        as_of=as_of,
    )


def parse_quote(obj: object) -> Quote | None:
    """Read one quote; None where the broker shows no market on one of the sides.

    Raises:
        UnreadableReplyError: a field is missing or makes no sense.
    """
    payload = parse_payload(QuotePayload, obj)
    if not payload.bid_price or not payload.ask_price:
        return None
    return Quote(
        symbol=payload.symbol,
        bid_price=payload.bid_price,
        ask_price=payload.ask_price,
        bid_size=payload.bid_size,
        ask_size=payload.ask_size,
        last_price=payload.last_trade_price or None,
        last_extended_price=payload.last_extended_hours_trade_price or None,
        trading_halted=payload.trading_halted,
        updated_at=payload.updated_at,
    )
