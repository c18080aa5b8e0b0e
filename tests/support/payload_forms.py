"""The forms in which real accounts show one and the same fact: drawn from a seed, and harmless, each of them.

What differs from reply to reply, as captures of several years do: which keys are there, which are null and which are
absent, in which order; numbers with any zeros at their end, or as numbers of JSON; times with 0, 6, 7 or 9 digits, and
both ways to say UTC; words in capitals; an instrument by its id, its address, or both. No form changes a fact.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

from tests.support.stand_in_book import BASE, SYMBOL_OF

Row: TypeAlias = Mapping[str, Any]
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_NUMBERS = frozenset(
    {"quantity", "cumulative_quantity", "price", "average_price", "stop_price", "fees", "shares_held_for_sells"}
    | {"average_buy_price", "buying_power", "cash", "cash_held_for_orders", "bid_price", "ask_price"}
    | {"last_trade_price"}
)
_TIMES = frozenset({"created_at", "updated_at", "last_transaction_at", "timestamp", "stop_triggered_at"})
_WORDS = frozenset({"state", "side", "type", "time_in_force", "trigger", "tradability"})
_KEPT = frozenset({"price", "executions", "quantity"})

_OF_ORDERS: Row = {
    "fees": "0",
    "sec_fees": "0.00",
    "taf_fees": "0.00",
    "sales_taxes": [],
    "pending_cancel_open_agent": None,
    "extended_hours": False,
    "market_hours": "regular_hours",
    "override_day_trade_checks": False,
    "response_category": None,
    "last_trail_price": None,
    "last_trail_price_source": None,
    "placed_agent": "user",
    "dollar_based_amount": None,
    "drip_dividend_id": None,
    "executed_notional": None,
    "order_form_type": None,
    "total_notional": {"amount": "999.90", "currency_code": "USD", "currency_id": None},
    "replaces": None,
    "is_ipo_access_order": False,
    "ipo_access_lower_price": None,
    "is_visible_to_user": True,
    "user_uuid": None,
    "preset_percent_limit": "0.050000",
    "last_update_version": -1,
    "tax_lot_selection_type": None,
}
_OF_FILLS: Row = {
    "rounded_notional": "999.90000000",
    "settlement_date": "2026-11-24",
    "ipo_access_execution_rank": None,
    "trade_execution_date": None,
}
_OF_POSITIONS: Row = {
    "pending_average_buy_price": "0.0000",
    "intraday_quantity": "0.00000000",
    "shares_held_for_buys": "0.00000000",
    "shares_held_for_stock_grants": "0.00000000",
    "avg_cost_affected": False,
    "avg_cost_affected_reason": None,
    "instrument_is_halted": False,
    "clearing_direction": None,
    "created_at": "2025-11-02T16:12:39.853891Z",
}
_OF_ACCOUNTS: Row = {
    "equity_trading_lock": "no_trade_locks",
    "option_trading_lock": None,
    "permanently_deactivated": False,
    "rhs_account_number": 449621239,
    "sma": "0",
    "state": "active",
    "portfolio_cash": None,
    "option_level": None,
    "cash_balances": None,
    "margin_balances": {"cash": "-145.3200", "margin_limit": "0.0000"},
    "locked": False,
    "user": "api.robinhood.com/user/",
    "withdrawal_halted": False,
    "unsettled_funds": "0.0000",
}
_OF_QUOTES: Row = {
    "last_extended_hours_trade_price": None,
    "previous_close": "99.500000",
    "has_traded": True,
    "state": "active",
    "last_trade_price_source": "nls",
    "venue_ask_time": "2026-04-01T00:03:18.231491274Z",
}
_OF_INSTRUMENTS: Row = {
    "min_tick_size": None,
    "simple_name": None,
    "name": "Example Holdings",
    "type": "stock",
    "country": "US",
    "internal_halt_reason": "",
    "internal_halt_sessions": None,
    "rhs_tradability": "tradable",
    "is_test": False,
}
_MAY_BE_NULL: Mapping[str, tuple[str, ...]] = {
    "order": ("url", "cancel", "account"),
    "account": ("deactivated", "locked", "only_position_closing_trades", "cash_held_for_orders"),
    "quote": (),
    "position": ("average_buy_price",),
    "instrument": (),
    "fill": (),
}
"""What decides nothing: it may be null, or absent."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way to write rows."""

    extras: bool
    """Whether the keys are there that a reply of 2026 has and the stand-in needs not."""
    lacks_nulls: bool
    """Whether what is null is absent instead."""
    hides: float
    """How likely each key that decides nothing is null."""
    in_capitals: bool
    number: Callable[[str], object]
    time: Callable[[str], str]
    instrument: str
    """``id``, ``address`` or ``both``."""
    turn: int
    """By how many places the keys are turned."""

    @cached_property
    def ways(self) -> Mapping[str, Callable[[str], object]]:
        return _ways_of(self)


def _as_told(text: str) -> str:
    return text


def _shortest(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _two_places(text: str) -> str:
    short = _shortest(text)
    return short if "." in short else f"{short}.00"


def _of_json(text: str) -> object:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else float(number)


def _seven_digits(text: str) -> str:
    return text.replace("Z", "0Z") if "." in text else text


def _nine_digits(text: str) -> str:
    return text.replace("Z", "000Z") if "." in text else text


def _no_zeros(text: str) -> str:
    return text.replace(".000000Z", "Z")


def _by_offset(text: str) -> str:
    return text.replace("Z", "+00:00")


_NUMBER_FORMS: Sequence[Callable[[str], object]] = (_as_told, _as_told, _shortest, _two_places, _of_json)
_TIME_FORMS: Sequence[Callable[[str], str]] = (_as_told, _seven_digits, _nine_digits, _no_zeros, _by_offset)
_FORMS = 4
"""So many are used in one life."""
_AS_BUILT = Form(
    extras=False,
    lacks_nulls=False,
    hides=0,
    in_capitals=False,
    number=_as_told,
    time=_as_told,
    instrument="both",
    turn=0,
)


class PayloadForms:
    """Writes each row in one of a few forms; those of one seed are always the same. Without one, as the stand-in does.

    One object serves one life: which form comes next depends on what was asked before.
    """

    def __init__(self, seed: int | None = None, *, writes_addresses: bool = True) -> None:
        self._chance = random.Random(seed)
        self._ways = ("id", "address", "both", "both") if writes_addresses else ("both",)
        self._forms = [_AS_BUILT] if seed is None else [self._drawn() for _ in range(_FORMS)]

    def order(self, row: Row) -> dict[str, Any]:
        fills = row.get("executions")
        written = self._written(row, "order", _OF_ORDERS)
        if isinstance(fills, list) and fills and "executions" in written:
            written["executions"] = [self._written(fill, "fill", _OF_FILLS) for fill in fills]
        return written

    def position(self, row: Row) -> dict[str, Any]:
        return self._written(row, "position", _OF_POSITIONS)

    def account(self, row: Row) -> dict[str, Any]:
        return self._written(row, "account", _OF_ACCOUNTS)

    def quote(self, row: Row) -> dict[str, Any]:
        return self._written(row, "quote", _OF_QUOTES)

    def instrument(self, row: Row) -> dict[str, Any]:
        return self._written(row, "instrument", _OF_INSTRUMENTS)

    def _drawn(self) -> Form:
        chance = self._chance
        return Form(
            extras=chance.random() < 0.6,
            lacks_nulls=chance.random() < 0.3,
            hides=chance.choice((0, 0, 0.3)),
            in_capitals=chance.random() < 0.15,
            number=chance.choice(_NUMBER_FORMS),
            time=chance.choice(_TIME_FORMS),
            instrument=chance.choice(self._ways),
            turn=chance.randrange(12),
        )

    def _written(self, row: Row, kind: str, extras: Row) -> dict[str, Any]:
        form = self._chance.choice(self._forms)
        if form is _AS_BUILT:
            return dict(row)
        told = {**extras, **row} if form.extras else dict(row)
        for name in _MAY_BE_NULL[kind]:
            if name in told and form.hides and self._chance.random() < form.hides:
                told[name] = None
        _name_instrument(told, form.instrument)
        ways = form.ways
        items = [
            (name, ways[name](value) if name in ways and isinstance(value, str) else value)
            for name, value in told.items()
        ]
        turn = form.turn % len(items)
        turned = items[turn:] + items[:turn]
        if not form.lacks_nulls:
            return dict(turned)
        # A null that the stand-in itself wrote may say something: a price of null is a market order.
        return {name: value for name, value in turned if value is not None or name in _KEPT}


def _ways_of(form: Form) -> Mapping[str, Callable[[str], object]]:
    """Return how a form writes the text of each key; a key that is not there is written as it is."""
    number, time = _NUMBER_WAYS[form.number], form.time
    numbers = dict.fromkeys(_NUMBERS, number) if form.number is not _as_told else {}
    times = dict.fromkeys(_TIMES, time) if time is not _as_told else {}
    return {**numbers, **times, **(dict.fromkeys(_WORDS, str.upper) if form.in_capitals else {})}


def _of_numbers(write: Callable[[str], object]) -> Callable[[str], object]:
    """Let what is no number be written as it is; the same few numbers come again and again."""
    return lru_cache(maxsize=1024)(lambda text: write(text) if _NUMBER.fullmatch(text) else text)


def _name_instrument(told: dict[str, Any], how: str) -> None:
    named = told.get("instrument_id")
    if not isinstance(named, str) or named not in SYMBOL_OF:
        return
    if how == "id" and "instrument" in told:
        del told["instrument"]
    elif how == "address":
        told["instrument"] = f"{BASE}/instruments/{named}/"
        del told["instrument_id"]


_NUMBER_WAYS = {write: _of_numbers(write) for write in _NUMBER_FORMS}
