"""Accounts, instruments and quotes on the wire, and their reading into our types."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated

from pydantic import BeforeValidator

from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import Side
from trading_bot.order_management.portfolio import AccountSnapshot, Quote
from trading_bot.robinhood.fields import (
    MaybeAmount,
    MaybeFlag,
    MaybeId,
    MaybeNumber,
    MaybeSymbol,
    MaybeTime,
    MaybeWord,
    Number,
    Payload,
    Symbol,
    WireId,
    account_number_of,
    amount,
    id_in_address,
    parse_payload,
    printable,
    shown_symbol,
    word,
)
from trading_bot.robinhood.listing import is_elsewhere

_HARMLESS_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "state": frozenset({"active"}),
        "equity_trading_lock": frozenset({"no_trade_locks", "unlocked", "false"}),
        "option_trading_lock": frozenset({"no_trade_locks", "unlocked", "false"}),
    }
)
"""Words of the account whose meaning is known, and which need no alert."""

_KNOWN_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "state": frozenset({"active", "inactive", "unlisted"}),
        "tradability": frozenset({"tradable", "untradable", "position_closing_only"}),
    }
)
"""Words of an instrument whose meaning is known."""

_FORBIDDING_FLAGS = ("deactivated", "permanently_deactivated", "locked", "only_position_closing_trades")
_MAX_SIZE = 10**12


def _positive(value: object) -> Decimal | None:
    return amount(value) or None


def _size(value: object) -> int:
    number = amount(value)
    return int(number) if number is not None and number <= _MAX_SIZE else 0


AccountNumber = Annotated[str, BeforeValidator(account_number_of)]
Size = Annotated[int, BeforeValidator(_size)]
Price = Annotated[Decimal | None, BeforeValidator(_positive)]
"""A price above zero; None where there is none: the broker writes null, zero or an empty text for that."""

NEEDED_OF_ACCOUNT: Mapping[str, str] = MappingProxyType(
    {
        "account_number": "it says whose money this is; another account's must never be traded",
        "buying_power": "it says what a buy may cost; a sell and a cancel need no balance",
    }
)
"""The fields of an account without which it cannot be read, and why."""

NEEDED_OF_INSTRUMENT: Mapping[str, str] = MappingProxyType(
    {
        "id": "an order names its instrument by it",
        "symbol": "a look-up is believed only where it answers what was asked",
    }
)
"""The fields of an instrument without which no order can name it, and why."""

NEEDED_OF_QUOTE: Mapping[str, str] = MappingProxyType(
    {
        "symbol": "it says whose price this is",
        "bid_price": "a sell is priced from it; without it the symbol has no two-sided market",
        "ask_price": "a buy is priced from it; without it the symbol has no two-sided market",
    }
)
"""The fields of a quote without which its own symbol counts as not quoted, and why."""


class AccountPayload(Payload):
    """One account: its money and what keeps it from trading."""

    account_number: AccountNumber
    buying_power: Number
    cash: MaybeNumber = None
    portfolio_cash: MaybeNumber = None
    cash_held_for_orders: MaybeAmount = None
    cash_held_for_options_collateral: MaybeAmount = None
    unsettled_funds: MaybeAmount = None
    type: MaybeWord = None
    deactivated: object = None
    permanently_deactivated: object = None
    locked: object = None
    only_position_closing_trades: object = None
    state: object = None
    equity_trading_lock: object = None
    option_trading_lock: object = None

    @property
    def restriction(self) -> str | None:
        """The documented flags that are set and forbid opening positions, by the broker's own names."""
        names = (name for name in _FORBIDDING_FLAGS if _Flag(value=getattr(self, name)).value)
        return ", ".join(names) or None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the account says in words that we do not know: shown, and no reason to refuse anything."""
        return tuple(self._remarks())

    def _remarks(self) -> Iterator[str]:
        for name in _FORBIDDING_FLAGS:
            value = getattr(self, name)
            if value is not None and _Flag(value=value).value is None:
                yield f"{name}: {printable(str(value))}"
        for name, harmless in _HARMLESS_WORDS.items():
            value = getattr(self, name)
            if value is not None and word(str(value)) not in {"", *harmless}:
                yield f"{name}: {printable(str(value))}"


class _Flag(Payload):
    value: MaybeFlag = None


class InstrumentNames(Payload):
    """The names of an instrument, readable whatever the rest of it says."""

    id: WireId
    symbol: Annotated[str, BeforeValidator(shown_symbol)]
    state: MaybeWord = None

    @property
    def is_active(self) -> bool | None:
        """Whether the broker calls the instrument active; None where it does not say."""
        return None if self.state is None else word(self.state) == "active"


class InstrumentPayload(Payload):
    """What a symbol stands for, whether it may be traded, and in which ticks where it has its own."""

    id: WireId
    symbol: Annotated[Symbol, BeforeValidator(shown_symbol)]
    state: MaybeWord = None
    tradeable: MaybeFlag = None
    tradability: MaybeWord = None
    min_tick_size: Price = None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the instrument says in words that nobody here knows; they forbid nothing."""
        said = {"state": self.state, "tradability": self.tradability}
        return tuple(
            f"{name}: {text}"
            for name, text in said.items()
            if text is not None and word(text) not in _KNOWN_WORDS[name]
        )

    def takes(self, side: Side) -> bool:
        """Whether no documented word forbids this side: what is absent or unknown is for the broker to judge.

        A name that takes closing orders only can still be sold.
        """
        closed = ("untradable",) if side is Side.SELL else ("untradable", "position_closing_only")
        is_closed = word(self.tradability) in closed
        return not (word(self.state) == "inactive" or self.tradeable is False or is_closed)


class PortfolioPayload(Payload):
    """What the account is worth. ``equity`` is taken to be the worth of all of it at the prices of the session."""

    account: object = None
    equity: MaybeNumber = None


class QuotePayload(Payload):
    """The visible market of one symbol."""

    symbol: MaybeSymbol = None
    bid_price: Price = None
    ask_price: Price = None
    bid_size: Size = 0
    ask_size: Size = 0
    last_trade_price: Price = None
    last_extended_hours_trade_price: Price = None
    previous_close: Price = None
    adjusted_previous_close: Price = None
    trading_halted: MaybeFlag = None
    state: MaybeWord = None
    instrument_id: MaybeId = None
    updated_at: MaybeTime = None
    venue_bid_time: MaybeTime = None
    venue_ask_time: MaybeTime = None
    venue_last_trade_time: MaybeTime = None
    has_traded: MaybeFlag = None


def parse_account(obj: object) -> AccountPayload:
    """Read one account, or raise `UnreadableReplyError`."""
    return parse_payload(AccountPayload, obj)


def account_snapshot(payload: AccountPayload, as_of: datetime) -> AccountSnapshot:
    """Turn a payload into balances as of the moment its read began."""
    return AccountSnapshot(
        account_suffix=payload.account_number[-4:],
        buying_power=payload.buying_power,
        cash=payload.portfolio_cash if payload.cash is None else payload.cash,
        cash_held_for_orders=payload.cash_held_for_orders,
        unsettled_funds=payload.unsettled_funds,
        restriction=payload.restriction,
        account_type=None if payload.type is None else word(payload.type),
        remarks=payload.remarks,
        portfolio_cash=payload.portfolio_cash,
        cash_held_for_collateral=payload.cash_held_for_options_collateral,
        as_of=as_of,
    )


def parse_equity(obj: object, *, account: str) -> Decimal | None:
    """Read the worth of an account, in dollars; None where the broker does not say.

    Raises:
        OrderStatusError: the reply is no portfolio, or that of another account.
    """
    if not isinstance(obj, dict):
        raise OrderStatusError("reading the portfolio: the reply holds none; try again, nothing was changed")
    payload = PortfolioPayload.model_validate(obj)
    if is_elsewhere(id_in_address(payload.account, "accounts"), account):
        raise OrderStatusError("the broker answered with the portfolio of another account; nothing was concluded")
    return payload.equity


def parse_quote(obj: object) -> Quote | None:
    """Read one quote; None where the row shows no market on one of the sides, or is no quote at all. Never raises."""
    if not isinstance(obj, dict):
        return None
    payload = QuotePayload.model_validate(obj)
    if payload.symbol is None or payload.bid_price is None or payload.ask_price is None:
        return None
    return Quote(
        symbol=payload.symbol,
        bid_price=payload.bid_price,
        ask_price=payload.ask_price,
        bid_size=payload.bid_size,
        ask_size=payload.ask_size,
        last_price=payload.last_trade_price,
        last_extended_price=payload.last_extended_hours_trade_price,
        trading_halted=payload.trading_halted is True,
        updated_at=payload.updated_at,
        venue_bid_time=payload.venue_bid_time,
        venue_ask_time=payload.venue_ask_time,
        previous_close=payload.previous_close,
        adjusted_previous_close=payload.adjusted_previous_close,
        state=payload.state,
        last_trade_at=payload.venue_last_trade_time,
        has_traded=payload.has_traded,
    )
