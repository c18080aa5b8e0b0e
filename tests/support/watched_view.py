"""A live view as a bot answers it, written down by hand, and a bot's side that notes what it is told to do."""

from decimal import Decimal
from typing import Any

from tests.support.fake_bot import envelope
from trading_bot.cli.work.watching.bot_link import Seen, Tell
from trading_bot.clock import Seconds
from trading_bot.order_json import envelope_json
from trading_bot.order_management.models import ClientOrderId, OrderState

EXTERNAL: dict[str, Any] = {
    "order_id": "b-elsewhere",
    "symbol": "NVDA",
    "instrument_id": "i-1",
    "side": "buy",
    "remaining_quantity": "3",
    "limit_price": "120.50",
    "broker_state": "confirmed",
    "problem": None,
    "may_be": [],
}
POSITION: dict[str, Any] = {
    "symbol": "AAPL",
    "quantity": "10",
    "expected": "10",
    "free": "10",
    "differs": False,
    "symbol_was": None,
    "price": "249.97",
    "value": "2499.70",
    "cost": "2500.50",
    "result": "-0.80",
}


def order(name: str, **changes: object) -> dict[str, Any]:
    return envelope_json(envelope(name, client_order_id=ClientOrderId(name), **changes))


def view(**changes: object) -> dict[str, Any]:
    """A paper account with two orders of ours, one placed elsewhere, and a position."""
    whole: dict[str, Any] = {
        "v": 1,
        "at": "2026-11-23T15:00:00.000000Z",
        "pid": 4711,
        "mode": "paper",
        "cash": "75668.4300",
        "balances_age_s": 3,
        "today": {"realised": "12.50", "unrealised": "-0.80", "unknown_sales": 0, "left_out": []},
        "halted": None,
        "freezes": [],
        "orders": [
            order("first", state=OrderState.PARTIALLY_FILLED, filled_quantity=Decimal(3), average_price=Decimal("9.5")),
            order("second", symbol="BRK.B", quantity=900, limit_price=Decimal("0.8012")),
        ],
        "external": [EXTERNAL],
        "orders_age_s": 1,
        "problem": None,
        "positions": [POSITION],
        "unread": [],
        "positions_age_s": 4,
    }
    return whole | changes


class QuietLink:
    """Tells what a test lets it tell, and notes the cancels."""

    def __init__(self) -> None:
        self.tell: Tell = print
        self.cancels: list[str] = []
        self.under_way: set[str] = set()
        self.is_ended = False

    def begin(self, tell: Tell) -> None:
        self.tell = tell

    def cancel(self, order_id: str) -> bool:
        if order_id in self.under_way:
            return False
        self.under_way.add(order_id)
        self.cancels.append(order_id)
        return True

    def end(self) -> None:
        self.is_ended = True


def seen(asked_at: Seconds = 0, **changes: object) -> Seen:
    return Seen(view=view(**changes), asked_at=asked_at)
