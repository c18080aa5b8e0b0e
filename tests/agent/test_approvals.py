"""An order that the account's owner has to approve, from the reply of the tool to its cancel."""

from tests.support.agent_bench import START, AgentBench
from tests.support.agent_rows import agent_row
from tests.support.manager_bench import ManagerBench
from trading_bot.agent.tool_call import CallResult, ToolReply
from trading_bot.clock import VirtualClock


class Bench(ManagerBench):
    """A manager over the agent interface, where a place answers that the owner has to approve it first."""

    def __init__(self, **said: object) -> None:
        self.agent = AgentBench(clock=VirtualClock(START))
        self.said = said
        self.agent.tools.on("place_equity_order", self._place)
        super().__init__(clock=self.agent.clock)

    def _build(self) -> None:
        self.gateway = self.agent.gateway  # type: ignore[assignment]  # the real one, in place of the fake
        super()._build()

    def _place(self) -> CallResult:
        asked = self.agent.tools.calls[-1][1]
        row = agent_row(
            symbol=asked["symbol"],
            side=asked["side"],
            quantity=asked["quantity"],
            price=asked["limit_price"],
            ref_id=asked["ref_id"],
            state="unconfirmed",
            created_at=self.clock.now().isoformat(),
            cumulative_quantity="0.000000",
            average_price=None,
            executions=[],
        )
        self.agent.tools.rows = [row]
        return ToolReply(data={"order": {**row, **self.said}})

    def now_says(self, **said: object) -> None:
        self.agent.tools.rows = [{**self.agent.tools.rows[0], **said}]


def test_an_entry_that_nobody_approves_is_cancelled_although_no_list_says_that_it_waits():
    bench = Bench(approval_required=True)
    assert bench.buy("c1").awaits_approval
    bench.sync(after=59)
    assert bench.agent.tools.asked("cancel_equity_order") == []
    bench.agent.tools.on("cancel_equity_order", lambda: _ended(bench))
    bench.sync(after=1)
    assert bench.agent.tools.asked("cancel_equity_order") == [{"order_id": bench.agent.tools.rows[0]["id"]}]
    assert bench.state() == "cancelled"


def test_one_that_is_approved_is_worked():
    bench = Bench(state="pending_approval")
    assert bench.buy("c1").awaits_approval
    bench.now_says(state="confirmed")
    bench.sync(after=60)
    assert (bench.state(), bench.tracked().envelope.awaits_approval) == ("confirmed", False)
    assert bench.agent.tools.asked("cancel_equity_order") == []


def _ended(bench: Bench) -> CallResult:
    bench.now_says(state="cancelled")
    return ToolReply(data={"accepted": True})
