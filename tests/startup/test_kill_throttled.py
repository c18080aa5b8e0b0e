"""A kill behind the real rate budget, at a broker that throttles its cancels."""

import json
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.support.kill_fakes import DEADLINE_S, HORIZON_S, FakeLatch, FakeSendLock
from tests.support.order_story import Story, intended, now_in
from tests.support.scripted_broker import ACCOUNT, MORNING, account_row, instrument_row, order_row
from tests.support.shared_clock import SharedClock
from trading_bot.clock import Seconds
from trading_bot.error_handling.policies import READ_POLICY
from trading_bot.files import LocalFiles
from trading_bot.kill.records import KillFile
from trading_bot.kill.register import KnownOrders
from trading_bot.kill.report import KillReport
from trading_bot.kill.switch import KillSwitch
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.models import OrderId, OrderState, RefId
from trading_bot.order_management.outcomes import CancelTaken
from trading_bot.order_management.ports import SendPermit
from trading_bot.robinhood.failures import WireFailure
from trading_bot.robinhood.rate_budget import CANCELS_AT_ONCE, BudgetedWire, Purpose, RateBudget, purpose_of
from trading_bot.robinhood.session import WireReply, WireRequest
from trading_bot.startup.kill_connection import KillConnection

ORDERS = 8
THROTTLES_FOR_S = 2.0


class ThrottlingBroker:
    """Works our orders; cancels come at it in one burst, and it refuses them for a while without saying how long."""

    def __init__(self, clock: SharedClock) -> None:
        self.clock = clock
        self.rows = {row["id"]: row for row in map(our_order, range(ORDERS))}
        self.cancelled_at: dict[object, float] = {}
        self.read_at: list[float] = []
        self.throttled = 0
        self._burst = threading.Barrier(ORDERS)
        self._lock = threading.Lock()

    def exchange(self, request, *, timeout_s, permit=None):
        del timeout_s, permit
        if purpose_of(request) is not Purpose.CANCEL:
            self.read_at.append(self.clock.monotonic())
            return answer(self._read(request))
        if self.clock.monotonic() < THROTTLES_FOR_S:
            return self._throttle()
        order_id = request.path.split("/")[2]
        with self._lock:
            self.rows[order_id]["state"] = "cancelled"
            self.cancelled_at[order_id] = self.clock.monotonic()
        return answer({})

    def _throttle(self):
        with self._lock:
            self.throttled += 1
            belongs_to_the_burst = self.throttled <= ORDERS
        if belongs_to_the_burst:
            self._burst.wait(10)
        return WireReply(status=429, headers={}, body=b'{"detail":"Request was throttled."}')

    def _read(self, request):
        if request.path.startswith("/instruments/"):
            return instrument_row()
        if request.path.startswith("/accounts/"):
            return account_row()
        if request.path == "/positions/":
            return {"next": None, "results": []}
        if request.path != "/orders/":
            return self.rows[request.path.split("/")[2]]
        every = "updated_at[gte]" in dict(request.query)
        rows = [row for row in self.rows.values() if every or row["state"] == "confirmed"]
        return {"next": None, "results": rows}


def our_order(number: int) -> dict[str, object]:
    return order_row(id=f"7a2f7d2c-1f0e-4a57-9f0b-{number:012d}", ref_id=f"{OUR_MARK}-0000-4000-8000-{number:012d}")


def answer(body: object) -> WireReply:
    return WireReply(status=200, headers={}, body=json.dumps(body).encode())


def on_record(broker: ThrottlingBroker) -> KnownOrders:
    story = Story()
    for row in broker.rows.values():
        name, order_id = str(row["id"]), OrderId(str(row["id"]))
        story.tell(replace(intended(name), ref_id=RefId(str(row["ref_id"]))))
        story.tell(now_in(OrderState.CONFIRMED, name, order_id=order_id))
    return KnownOrders(orders=story.book.orders())


def kill_at(broker: ThrottlingBroker, folder: Path) -> KillReport:
    clock = broker.clock
    wire = BudgetedWire(wire=broker, budget=RateBudget(clock=clock), clock=clock)
    gateway = RobinhoodGateway(
        session=wire,
        clock=clock,
        account_number=ACCOUNT,
        renew=lambda _within_s: False,
        read_policy=replace(READ_POLICY, max_attempts=1),
        read_timeout_s=5,
    )
    return KillSwitch(
        account="the paper account ...0001",
        latch=FakeLatch([]),
        send_lock=FakeSendLock([], clock),
        broker=KillConnection(gateway=gateway),
        journal_reader=lambda: on_record(broker),
        side_file=KillFile(folder=folder, files=LocalFiles(), clock=clock, process_id=lambda: 4711),
        clock=clock,
        send_horizon_s=HORIZON_S,
        arrives_within=timedelta(seconds=HORIZON_S),
        deadline_s=DEADLINE_S,
    ).run("ann", "a test")


def test_a_burst_of_throttled_cancels_neither_stops_nor_blinds_a_kill(tmp_path):
    """Counted one by one, the refusals of one burst would pause it for longer than its own deadline."""
    broker = ThrottlingBroker(SharedClock(MORNING))
    report = kill_at(broker, tmp_path)
    assert broker.throttled >= ORDERS
    assert report.is_confirmed
    assert [order.state for order in report.orders] == [OrderState.CANCELLED] * ORDERS
    assert max(broker.cancelled_at.values()) < DEADLINE_S / 3
    assert broker.clock.monotonic() < DEADLINE_S


class MeetingWire:
    """Answers no cancel before as many are under way as may leave side by side."""

    def __init__(self) -> None:
        self._arrived = 0
        self._changed = threading.Condition()

    def exchange(
        self, request: WireRequest, *, timeout_s: Seconds, permit: SendPermit | None = None
    ) -> WireReply | WireFailure:
        with self._changed:
            self._arrived += 1
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._arrived >= CANCELS_AT_ONCE, 10)
        return answer({})


def test_no_cancel_of_a_kill_waits_for_the_answer_to_another():
    clock = SharedClock(MORNING)
    wire = MeetingWire()
    gateway = RobinhoodGateway(session=wire, clock=clock, account_number=ACCOUNT, renew=lambda _within_s: False)
    ids = [OrderId(str(our_order(number)["id"])) for number in range(CANCELS_AT_ONCE)]
    replies = KillConnection(gateway=gateway).cancel_all_equity_orders(ids)
    assert [type(replies[order_id]) for order_id in ids] == [CancelTaken] * CANCELS_AT_ONCE
