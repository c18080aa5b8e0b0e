"""Things that real accounts hold and that nobody here placed: rows to be listed by the stand-in as they are."""

from collections.abc import Mapping
from typing import Any

from tests.support.loopback_broker.book import BASE, INSTRUMENTS, NOW

DELISTED = "5c10ffff-0000-4000-8000-000000000001"
NAMELESS = "5c10ffff-0000-4000-8000-000000000002"
FRACTIONAL = INSTRUMENTS["MSFT"]

_WORDS = frozenset(
    {"state", "side", "type", "time_in_force", "trigger", "tradability", "equity_trading_lock", "token_type"}
)


def order(number: int, **changes: object) -> dict[str, object]:
    """Return an order for MSFT that was placed in the broker's app, with a reference of its own."""
    order_id = f"0ddba11f-0000-4000-8000-{number:012d}"
    row: dict[str, object] = {
        "id": order_id,
        "ref_id": f"0ddba11f-1111-4111-8111-{number:012d}",
        "instrument": f"{BASE}/instruments/{INSTRUMENTS['MSFT']}/",
        "instrument_id": INSTRUMENTS["MSFT"],
        "cancel": f"{BASE}/orders/{order_id}/cancel/",
        "cumulative_quantity": "0.00000000",
        "average_price": None,
        "state": "confirmed",
        "type": "limit",
        "side": "buy",
        "time_in_force": "gfd",
        "price": "118.40000000",
        "quantity": "12.00000000",
        "reject_reason": None,
        "created_at": NOW,
        "updated_at": NOW,
        "last_transaction_at": NOW,
        "executions": [],
    }
    return row | changes


DOLLARS: dict[str, object] = {
    "type": "market",
    "price": None,
    "quantity": None,
    "dollar_based_amount": {"amount": "10.00", "currency_code": "USD"},
}

ODD_ORDERS: dict[str, object] = {
    "dollar order": order(1, **DOLLARS),
    "dollar order for no shares": order(2, **(DOLLARS | {"quantity": "0.00000000"})),
    "recurring purchase without a reference": order(3, **DOLLARS, ref_id=None, placed_agent="recurring"),
    "short sale": order(4, side="sell_short", position_effect="open"),
    "no executions": order(5, executions=None),
    "prices as numbers": order(6, price=118.4, quantity=12),
    "no time of its update": order(7, updated_at=None),
    "words in capitals": order(8, side="BUY", state="CONFIRMED", type="LIMIT"),
    "an instrument nobody knows": order(9, instrument_id=NAMELESS, instrument=f"{BASE}/instruments/{NAMELESS}/"),
    "options": {
        "id": order(10)["id"],
        "ref_id": order(10)["ref_id"],
        "legs": [{}],
        "chain_symbol": "F",
        "state": "queued",
    },
    "crypto": {"id": order(11)["id"], "ref_id": order(11)["ref_id"], "currency_pair_id": NAMELESS, "quantity": 1},
    "a state nobody knows": order(12, state="locating"),
    "addresses that are none": order(13, instrument="http://[", cancel="http://["),
}

ODD_POSITIONS: dict[str, object] = {
    "delisted": {"instrument_id": DELISTED, "symbol": "SCLXZZZ", "quantity": "3.00000000"},
    "named by its number": {"instrument_id": DELISTED, "symbol": "78410G104", "quantity": "3.00000000"},
    "known to nobody": {"instrument_id": NAMELESS, "quantity": "3.00000000"},
    "fractional": {"instrument_id": FRACTIONAL, "symbol": "MSFT", "quantity": "0.88554300"},
    "no hold": {"instrument_id": FRACTIONAL, "quantity": "2", "shares_held_for_sells": None},
    "average below zero": {"instrument_id": FRACTIONAL, "quantity": "2", "average_buy_price": "-4.0000"},
    "no quantity": {"instrument_id": FRACTIONAL, "symbol": "MSFT", "quantity": None},
    "no row": None,
}


def in_capitals(body: object) -> Any:
    """Return a reply with each word of an enumeration in capitals and with space around it."""
    if isinstance(body, Mapping):
        return {name: _loud(value) if name in _WORDS else in_capitals(value) for name, value in body.items()}
    return [in_capitals(each) for each in body] if isinstance(body, list) else body


def _loud(value: object) -> object:
    return f" {value.upper()} " if isinstance(value, str) else value
