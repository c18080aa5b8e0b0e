"""A kill of many orders over the agent interface: at its rate, the largest first, within the time that it states."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from tests.support.agent_gateway_bench import AgentGatewayBench
from tests.support.kill_fakes import DEADLINE_S, HORIZON_S, FakeLatch, FakeSendLock
from tests.support.order_story import Story, intended, now_in
from tests.support.paper_market import MONDAY
from tests.support.shared_clock import SharedClock
from trading_bot.agent.rate import CALL_EVERY_S, PacedWire
from trading_bot.files import LocalFiles
from trading_bot.kill.progress import KillProgress
from trading_bot.kill.records import KillFile
from trading_bot.kill.register import KnownOrders
from trading_bot.kill.switch import KillSwitch
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.models import OrderId, OrderState, RefId
from trading_bot.order_management.outcomes import Accepted
from trading_bot.startup.kill_connection import KillConnection

ORDERS = 60


class ManyOrders(AgentGatewayBench):
    """Orders of ours at the stand-in, each larger than the one before."""

    def __init__(self) -> None:
        super().__init__(clock=SharedClock(MONDAY), over=lambda session, clock: PacedWire(wire=session, clock=clock))
        self.story, self.ids = Story(), list[OrderId]()
        for number in range(ORDERS):
            ref_id = RefId(f"{OUR_MARK}-0000-4000-8000-{number:012d}")
            placed = self.submit(self.intent(ref_id, quantity=number + 1, limit_price=Decimal("50.00")))
            assert isinstance(placed, Accepted)
            self.ids.append(placed.report.order_id)
            name = f"c{number}"
            self.story.tell(intended(name, ref_id=ref_id, quantity=Decimal(number + 1)))
            self.story.tell(now_in(OrderState.CONFIRMED, name, order_id=self.ids[-1]))

    def kill_switch(self, folder: Path, told: list[KillProgress]) -> KillSwitch:
        return KillSwitch(
            account="the live account ...0008",
            latch=FakeLatch([]),
            send_lock=FakeSendLock([], self.clock),
            broker=KillConnection(gateway=self.gateway),
            journal_reader=lambda: KnownOrders(orders=self.story.book.orders()),
            side_file=KillFile(folder=folder, files=LocalFiles(), clock=self.clock, process_id=lambda: 4711),
            clock=self.clock,
            send_horizon_s=HORIZON_S,
            arrives_within=timedelta(seconds=HORIZON_S),
            deadline_s=DEADLINE_S,
            on_progress=told.append,
        )


def test_a_kill_of_many_keeps_to_the_rate_and_to_the_time_that_it_states(tmp_path: Path):
    bench, told = ManyOrders(), list[KillProgress]()
    before, began = len(bench.server.calls), bench.clock.monotonic()
    report = bench.kill_switch(tmp_path, told).run("ann", "a test")
    assert report.is_confirmed
    calls = bench.server.calls[before:]
    # On this clock a thread may be late to note its call, so the pace of all of them is looked at.
    assert (calls[-1].at - calls[0].at).total_seconds() >= CALL_EVERY_S * (len(calls) - 4)
    stated = max(step.verdict_within_s for step in told if step.verdict_within_s is not None)
    assert bench.clock.monotonic() - began <= stated
    cancelled = [call.arguments["order_id"] for call in calls if call.tool == "cancel_equity_order"]
    assert len(cancelled) == ORDERS
    assert set(cancelled[:20]) <= set(bench.ids[-30:]), "the largest first, but for threads that are late"
