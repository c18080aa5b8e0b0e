"""Rows that no order of ours stands behind: other products, other programs, and the broker's own words for them."""

import uuid
from collections.abc import Mapping
from datetime import datetime

from tests.support.stand_in_book import BASE, INSTRUMENTS, wire_time

_FOREIGN = uuid.UUID("0f0f0f0f-0000-4000-8000-000000000000")
_DELISTED = "11111111-1111-4111-8111-111111111111"

UNREADABLE: Mapping[str, Mapping[str, object]] = {
    "an order for dollars": {"quantity": None, "price": None, "dollar_based_amount": {"amount": "25.00"}},
    "a short sale": {"side": "sell_short"},
    "a row of nulls": {"quantity": None, "cumulative_quantity": None, "executions": None, "updated_at": None},
    "a row without a name": {"ref_id": "", "quantity": None},
    "a row with a word for a name": {"ref_id": "abc", "side": "sell_short"},
}
"""Each stops entries in its own instrument."""

READABLE: Mapping[str, Mapping[str, object]] = {
    "a buy in capitals": {"side": "BUY", "state": "CONFIRMED"},
    "numbers for texts": {"price": 50.5, "quantity": 3, "executions": None},
}
"""Each is a foreign order like any other."""

NOWHERE: Mapping[str, Mapping[str, object]] = {
    "an option": {"instrument": None, "instrument_id": None, "chain_symbol": "SPY", "legs": []},
    "an order in a delisted share": {
        "instrument": f"{BASE}/instruments/{_DELISTED}/",
        "instrument_id": _DELISTED,
        "quantity": None,
    },
}
"""Each concerns no symbol that anybody trades here."""

ORDERS = {**UNREADABLE, **READABLE, **NOWHERE}

POSITIONS: Mapping[str, Mapping[str, object]] = {
    "a delisted share": {"instrument_id": _DELISTED, "symbol": "SCLXZZZ"},
    "a share without a name": {"instrument_id": "22222222-2222-4222-8222-222222222222"},
    "a bond": {"instrument_id": "33333333-3333-4333-8333-333333333333", "symbol": "912828YK0"},
    "part of a share": {"instrument_id": _DELISTED, "symbol": "NVDA", "quantity": "0.51234567"},
    "a quantity that is null": {"instrument_id": _DELISTED, "quantity": None},
    "no account": {"instrument_id": _DELISTED, "account_number": None, "average_buy_price": "-3.0000"},
}
SPOILT: Mapping[str, Mapping[str, object]] = {
    "no quantity": {"quantity": None},
    "holds that are no number": {"shares_held_for_sells": "many"},
}
"""What the position of a symbol that is traded here may show; nobody can know then what is held of it."""


def odd_order(kind: str, number: int, symbol: str, *, account: str, now: datetime) -> dict[str, object]:
    """Return an open order that somebody else placed, odd in one way."""
    order_id = str(uuid.UUID(int=_FOREIGN.int + number))
    row: dict[str, object] = {
        "id": order_id,
        "ref_id": str(uuid.UUID(int=_FOREIGN.int + (1 << 32) + number)),
        "account": f"{BASE}/accounts/{account}/",
        "instrument": f"{BASE}/instruments/{INSTRUMENTS[symbol]}/",
        "instrument_id": INSTRUMENTS[symbol],
        "cumulative_quantity": "0.00000000",
        "average_price": None,
        "state": "confirmed",
        "type": "limit",
        "side": "buy",
        "time_in_force": "gtc",
        "trigger": "immediate",
        "price": "50.00000000",
        "quantity": "3.00000000",
        "reject_reason": None,
        "created_at": wire_time(now),
        "updated_at": wire_time(now),
        "last_transaction_at": wire_time(now),
        "executions": [],
    }
    return {**row, **ORDERS[kind]}


def odd_position(kind: str, *, account: str) -> dict[str, object]:
    """Return a position of an instrument that nobody trades here."""
    row: dict[str, object] = {
        "account_number": account,
        "quantity": "7.00000000",
        "average_buy_price": "1.0000",
        "shares_held_for_sells": None,
    }
    return {**row, **POSITIONS[kind]}
