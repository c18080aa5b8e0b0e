"""Orders told as journal facts: events, reports and fills of one plain order, and a book kept next to its records."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.journal.chain import ChainHead, decode_alone, encode, seal
from trading_bot.order_management.models import (
    ClientOrderId,
    Execution,
    ExecutionId,
    ExecutionMode,
    OrderId,
    OrderReport,
    OrderState,
    RefId,
    Side,
)
from trading_bot.order_management.reconciliation import reconcile

MONDAY = datetime(2026, 11, 23, 15, tzinfo=UTC)
TERMS: Mapping[str, str] = {"reference_price": "100.15", "time_in_force": "gfd", "extended_hours": "false"}


def ref_of(client_order_id: str) -> RefId:
    return RefId(f"ref-of-{client_order_id}")


def order_id_of(client_order_id: str) -> OrderId:
    return OrderId(f"broker-id-of-{client_order_id}")


def intended(client_order_id: str = "first", **changes: Any) -> OrderEvent:
    """The intent of a paper buy of 10 AAPL at 100.00."""
    plain = OrderEvent(
        event=EventKind.ORDER_INTENDED,
        client_order_id=ClientOrderId(client_order_id),
        ref_id=ref_of(client_order_id),
        symbol="AAPL",
        side=Side.BUY,
        quantity=Decimal(10),
        limit_price=Decimal("100.00"),
        execution_mode=ExecutionMode.PAPER,
        strategy_name="momentum",
        details=TERMS,
    )
    return replace(plain, **changes)


def told(event: EventKind, client_order_id: str = "first", **facts: Any) -> OrderEvent:
    """Any other event of that order."""
    return OrderEvent(event=event, client_order_id=ClientOrderId(client_order_id), **facts)


def now_in(state: OrderState, client_order_id: str = "first", **facts: Any) -> OrderEvent:
    """The broker reports another state."""
    return told(EventKind.ORDER_UPDATED, client_order_id, status=state, **facts)


def fill(number: int = 1, quantity: object = 4, price: str = "99.90") -> Execution:
    return Execution(
        execution_id=ExecutionId(f"fill-{number}"),
        quantity=Decimal(str(quantity)),
        price=Decimal(price),
        executed_at=MONDAY + timedelta(seconds=number),
    )


def booked(execution: Execution, client_order_id: str = "first", **changes: Any) -> OrderEvent:
    event = told(
        EventKind.EXECUTION_BOOKED,
        client_order_id,
        execution_id=execution.execution_id,
        last_quantity=execution.quantity,
        last_price=execution.price,
        occurred_at=execution.executed_at,
    )
    return replace(event, **changes)


def report(state: OrderState = OrderState.CONFIRMED, *fills: Execution, **changes: Any) -> OrderReport:
    """What the broker says of that order; the cumulative quantity is the sum of the fills unless it is given."""
    plain = OrderReport(
        order_id=order_id_of("first"),
        ref_id=ref_of("first"),
        symbol="AAPL",
        side=Side.BUY,
        quantity=Decimal(10),
        limit_price=Decimal("100.00"),
        state=state,
        broker_state=state.value,
        cumulative_quantity=sum((one.quantity for one in fills), Decimal(0)),
        executions=fills,
    )
    return replace(plain, **changes)


class Story:
    """Events, numbered and chained a second apart from MONDAY on, and the book that they fold into."""

    def __init__(self, *events: OrderEvent) -> None:
        self.records: list[JournalRecord] = []
        self.book = OrderBook()
        self.now = MONDAY
        self.tell(*events)

    def tell(self, *events: OrderEvent) -> "Story":
        for event in events:
            last = self.records[-1] if self.records else None
            head = ChainHead(seq=last.seq, hash=last.hash) if last else ChainHead.genesis()
            record = seal(event, head=head, ts=self.now, mono=Decimal(0), session_id="session-1").record
            self.book.apply(record)
            self.records.append(record)
            self.now += timedelta(seconds=1)
        return self

    def hear(self, heard: OrderReport, **found: Any) -> Any:
        """Reconcile the first order with a report, record what follows from it, and return that."""
        events = reconcile(self.order(), heard, **found)
        self.tell(*events)
        return events

    def order(self, client_order_id: str = "first") -> Any:
        """The order as the book has it; tests compare its decimals with plain numbers."""
        found = self.book.get(ClientOrderId(client_order_id))
        if found is None:
            raise LookupError(client_order_id)
        return found

    def lines(self) -> bytes:
        return b"".join(encode(record) for record in self.records)

    def replayed(self) -> OrderBook:
        """The book as a restart would have it: from the bytes alone."""
        return OrderBook.replayed(map(decode_alone, self.lines().splitlines()))
