"""Every call of a gateway, and what must be true of its answer whatever the broker said."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.fuzz.bounds import refuse_control, refuse_secrets
from tests.support.scripted_broker import ORDER, REF
from trading_bot.clock import Clock
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.models import ClientOrderId, OrderId, OrderReport, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import Accepted, DurableIntent, Ending, Listing, SubmitOutcome
from trading_bot.order_management.ports import Gateway

TERMS = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("100.10"))
READ_S = 45.0
"""A read with its repetitions, pages and one renewal is over by then."""
SUBMIT_S = 10.0
_LONGEST_TEXT = 4096
_MOST_DIGITS = 64

Call = Callable[[Gateway, Clock], object]


def _find(gateway: Gateway, clock: Clock) -> object:
    return gateway.find_by_client_order_id(
        ClientOrderId("c1"), ref_id=RefId(REF), created_after=clock.now() - timedelta(minutes=1)
    )


READS: Mapping[str, Call] = {
    "open": lambda gateway, _: gateway.list_open_orders(),
    "since": lambda gateway, clock: gateway.list_orders_since(clock.now() - timedelta(hours=1)),
    "find": _find,
    "status": lambda gateway, _: gateway.fetch_order_status(OrderId(ORDER)),
    "account": lambda gateway, _: gateway.fetch_account(),
    "positions": lambda gateway, _: gateway.fetch_positions(),
    "position": lambda gateway, _: gateway.fetch_position("450dfc6d-5510-4d40-abfb-f633b7d9be3e"),
    "quotes": lambda gateway, _: dict(gateway.fetch_quotes(("AAPL", "MSFT"))),
    "equity": lambda gateway, _: gateway.fetch_equity(),
    "history": lambda gateway, _: gateway.fetch_history("AAPL", "day", "month"),
    "tick": lambda gateway, _: gateway.tick_of("AAPL", Side.BUY),
    "prepare": lambda gateway, _: gateway.prepare_order(TERMS, RefId(REF)),
}
CANCELS: Mapping[str, Call] = {
    "cancel": lambda gateway, _: gateway.cancel_order(OrderId(ORDER)),
    "cancel_all": lambda gateway, _: dict(gateway.cancel_all_equity_orders((OrderId(ORDER),))),
}


def submitted(gateway: Gateway) -> SubmitOutcome:
    """Submit the order of `TERMS`."""
    order = gateway.prepare_order(TERMS, RefId(REF))
    intent = DurableIntent(
        client_order_id=ClientOrderId("c1"),
        ref_id=order.ref_id,
        terms=order.terms,
        body=order.body,
        body_digest=order.digest,
        journal_seq=1,
    )
    return gateway.submit_limit_buy(intent, permit=nullcontext(), timeout_s=SUBMIT_S)


def checked_read(call: str, gateway: Gateway, clock: Clock) -> str:
    """Make a read or a cancel, check its answer and say how it ended."""
    begun = clock.monotonic()
    try:
        found = {**READS, **CANCELS}[call](gateway, clock)
    except OrderError as error:
        check_error(error)
        return f"refused {type(error).__name__}"
    finally:
        assert clock.monotonic() - begun <= READ_S, "it took longer than a read may"
    check_value(found)
    return f"read {type(found).__name__}"


def check_submitted(outcome: SubmitOutcome, *, may_be: tuple[Ending, ...]) -> str:
    """Check how a submit ended against what its reply allows."""
    assert outcome.ending in may_be, f"it ended {outcome.ending}, and its reply allows {may_be}"
    check_value(outcome)
    if isinstance(outcome, Accepted):
        assert outcome.report.ref_id in (REF, None), "an order of somebody else was taken for ours"
    return outcome.ending.value


def check_error(error: OrderError) -> None:
    """Check what an error of ours shows."""
    for text in (str(error), repr(error), error.code):
        assert len(text) <= _LONGEST_TEXT, "the message is as long as the broker liked it"
    refuse_control(str(error), error.code)
    refuse_secrets(str(error), repr(error))


def check_value(value: object) -> None:
    """Check that a value says nothing that it may not, and has no number beyond all bounds."""
    refuse_secrets(repr(value))
    _check_parts(value)


def _check_parts(value: Any) -> None:
    if isinstance(value, Decimal):
        assert value.is_finite(), "a number that is none"
        assert abs(value.adjusted()) <= _MOST_DIGITS, "a number without bounds"
    elif isinstance(value, str):
        assert len(value) <= _LONGEST_TEXT, "a text without bounds"
    elif isinstance(value, dict):
        _check_parts(tuple(value.values()))
    elif isinstance(value, tuple | list):
        for part in value:
            _check_parts(part)
    elif hasattr(value, "__struct_fields__") or hasattr(value, "__dataclass_fields__"):
        names = getattr(value, "__struct_fields__", None) or tuple(value.__dataclass_fields__)
        _check_parts(tuple(getattr(value, name) for name in names))
        _check_listing(value)


def _check_listing(value: object) -> None:
    if isinstance(value, Listing):
        assert not value.complete or (value.problem is None and not value.unread), "complete, and it is not"
    if isinstance(value, OrderReport):
        assert value.quantity > 0, "an order for nothing"
        assert value.cumulative_quantity >= 0, "less than nothing was filled"
