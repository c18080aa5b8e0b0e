"""Orders as the agent interface shows them, in invented values."""

from collections.abc import Mapping
from decimal import Decimal

from trading_bot.order_management.models import ClientOrderId, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import DurableIntent, PreparedOrder

ACCOUNT = "000000001"
REF = "7b0712ad-2222-4333-8444-555555555555"
OTHER_REF = "99999999-2222-4333-8444-555555555555"
ORDER = "6acfdbd3-3dc9-422b-a2f0-40d3e92746b7"
INSTRUMENT = "ccd9070d-72dd-4f84-a193-bca5f9ad8bbf"

BUY = OrderTerms(symbol="F", side=Side.BUY, quantity=1, limit_price=Decimal("12.31"))
STOP = OrderTerms(symbol="F", side=Side.SELL, quantity=1, limit_price=Decimal("12.49"), stop_price=Decimal("12.59"))


def agent_row(**changes: object) -> dict[str, object]:
    """Return a resting limit buy; a value of ``...`` leaves its field out."""
    row: Mapping[str, object] = {
        "id": ORDER,
        "ref_id": REF,
        "instrument_id": INSTRUMENT,
        "symbol": "F",
        "side": "buy",
        "type": "limit",
        "state": "confirmed",
        "quantity": "1.000000",
        "cumulative_quantity": "0.000000",
        "price": "12.310000",
        "stop_price": None,
        "average_price": None,
        "fees": "0.000000",
        "dollar_based_amount": None,
        "time_in_force": "gfd",
        "market_hours": "regular_hours",
        "trigger": "immediate",
        "placed_agent": "agentic",
        "created_at": "2026-10-14T19:45:23.363801Z",
        "last_transaction_at": "2026-10-14T19:45:23.363801Z",
        "executions": [],
    }
    return {name: value for name, value in {**row, **changes}.items() if value is not ...}


def stop_row(**changes: object) -> dict[str, object]:
    """Return the row of `STOP`."""
    stop = {"side": "sell", "trigger": "stop", "price": "12.490000", "stop_price": "12.590000"}
    return agent_row(**{**stop, **changes})


def intent_of(terms: OrderTerms = BUY, *, ref_id: str = REF, body: bytes = b"params") -> DurableIntent:
    """Return an intent as if the journal had made it."""
    order = PreparedOrder(ref_id=RefId(ref_id), terms=terms, body=body)
    return DurableIntent(
        client_order_id=ClientOrderId("c1"),
        ref_id=order.ref_id,
        terms=terms,
        body=body,
        body_digest=order.digest,
        journal_seq=1,
    )
