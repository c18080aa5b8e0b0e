"""Events as a bot tells them, a service that does what it is told, and a loopback one that keeps what it got."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from trading_bot.bot_events import Alert, AlertCode, OrderEnded, OrderFilled, OrderSubmitted, TradingHalted
from trading_bot.notify.lane import Delivery, Sending
from trading_bot.order_management.models import ClientOrderId, ExecutionId, OrderId, OrderState, Side

AT = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)
NAMES = {
    "at": AT,
    "client_order_id": ClientOrderId("c1"),
    "order_id": OrderId("o1"),
    "symbol": "AAPL",
    "correlation_id": "r1",
}


def submitted() -> OrderSubmitted:
    return OrderSubmitted(**NAMES, side=Side.BUY, quantity=10, limit_price=Decimal("99.85"), strategy_name="manual")  # type: ignore[arg-type]


def filled(quantity: str = "3", *, price: str | None = "99.8", new: str | None = None) -> OrderFilled:
    return OrderFilled(
        **NAMES,  # type: ignore[arg-type]
        side=Side.BUY,
        quantity=Decimal(quantity),
        price=None if price is None else Decimal(price),
        execution_id=ExecutionId("e1"),
        executed_at=AT,
        new_quantity=Decimal(quantity if new is None else new),
        cumulative_quantity=Decimal(quantity),
        remaining_quantity=Decimal(10) - Decimal(quantity),
    )


def ended(ending: OrderState = OrderState.CANCELLED, reason: str | None = None) -> OrderEnded:
    return OrderEnded(
        **NAMES,  # type: ignore[arg-type]
        side=Side.BUY,
        ending=ending,
        reason=reason,
        filled_quantity=Decimal(0),
        average_price=None,
    )


def alert(code: AlertCode = AlertCode.OUTCOME_UNKNOWN, message: str = "the reply was lost") -> Alert:
    return Alert(at=AT, code=code, message=message, client_order_id=ClientOrderId("c1"), symbol="AAPL")


def halted(cause: str | None, symbol: str | None = None, reason: str = "a reason") -> TradingHalted:
    return TradingHalted(
        at=AT, symbol=symbol, cause=cause, reason=reason, by="trading-bot", until=None, remedy="do this"
    )


class FakeService:
    """Keeps what was sent, and answers as `answers` say, one after the other; delivered once there are none."""

    def __init__(self, *answers: Delivery | Exception, name: str = "1 fake") -> None:
        self.name = name
        self.answers = list(answers)
        self.sent: list[tuple[str, str]] = []
        self._changed = threading.Condition()

    def send(self, title: str, body: str) -> Sending:
        answer = self.answers.pop(0) if self.answers else Delivery.DELIVERED
        with self._changed:
            self.sent.append((title, body))
            self._changed.notify_all()
        if isinstance(answer, Exception):
            raise answer
        return Sending(delivery=answer, problem=None if answer is Delivery.DELIVERED else "it said no")

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.sent) >= count, 20)


class LoopbackService:
    """What a loopback HTTP server got; a path answers 200, or what `statuses` say of it."""

    def __init__(self, server: ThreadingHTTPServer, statuses: dict[str, int]) -> None:
        self.port = server.server_address[1]
        self.statuses = statuses
        self.got: list[tuple[str, str, dict[str, str]]] = []


@contextmanager
def loopback_service(**statuses: int) -> Iterator[LoopbackService]:
    """Serve on loopback while inside."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._note({})

        def do_POST(self) -> None:
            self._note(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _note(self, body: dict[str, str]) -> None:
            service.got.append((self.command, self.path, body))
            self.send_response(service.statuses.get(self.path.strip("/"), 200))
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = LoopbackService(server, statuses)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
