"""What did not become an order at the broker, and why; and how the trade log is read."""

import json
from typing import Any, ClassVar

from tests.support.order_story import MONDAY, told
from tests.support.report_story import ReportStory
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import ExecutionMode, OrderState
from trading_bot.report.refusals import LoggedTrade, Refusal, RefusedBy, refusals_of
from trading_bot.report.trade_log import trade_log_of


def logged(status: str, code: str, name: str | None = None) -> LoggedTrade:
    return LoggedTrade(at=MONDAY, symbol="AAPL", status=status, code=code, client_order_id=name)


def refused() -> ReportStory:
    story = ReportStory().order("taken")
    for name, event, state in (
        ("refused", EventKind.ORDER_REJECTED, OrderState.REJECTED),
        ("unsent", EventKind.ORDER_NOT_SENT, OrderState.NOT_SENT),
    ):
        story.order(name, reply_after_s=None)
        story.tell(1, told(event, name, status=state, reason=f"{name}, they say"))
    return story


def test_orders_on_record_are_counted_by_the_reason_given():
    assert refusals_of(refused().orders, ()) == (
        Refusal(by=RefusedBy.BROKER, reason="refused, they say", count=1),
        Refusal(by=RefusedBy.NOT_SENT, reason="unsent, they say", count=1),
    )


def test_trades_that_a_rule_refused_are_counted_by_their_code_the_most_frequent_first():
    trades = [logged("blocked", "market_closed"), *[logged("blocked", "slippage_guard")] * 2, logged("submitted", "")]
    assert refusals_of((), trades) == (
        Refusal(by=RefusedBy.RULE, reason="slippage_guard", count=2),
        Refusal(by=RefusedBy.RULE, reason="market_closed", count=1),
    )


def test_a_trade_whose_order_is_on_record_is_counted_once():
    trades = [logged("rejected", "rejected", "refused"), logged("not_sent", "not_sent", "unsent")]
    assert sum(one.count for one in refusals_of(refused().orders, trades)) == 2


def test_a_duplicate_is_counted_although_the_order_it_repeats_is_on_record():
    assert refusals_of(refused().orders, [logged("duplicate", "duplicate", "taken")])[-1].by in {
        RefusedBy.DUPLICATE,
        RefusedBy.NOT_SENT,
    }
    assert sum(one.count for one in refusals_of(refused().orders, [logged("duplicate", "duplicate", "taken")])) == 3


def test_a_refusal_without_a_reason_says_so():
    story = ReportStory().order("a", reply_after_s=None)
    story.tell(1, told(EventKind.ORDER_REJECTED, "a", status=OrderState.REJECTED))
    assert refusals_of(story.orders, ())[0].reason == "no reason given"


class TestTradeLog:
    LINE: ClassVar[dict[str, Any]] = {
        "ts": "2026-11-23T15:00:00.000000Z",
        "symbol": "AAPL",
        "status": "blocked",
        "code": "market_closed",
        "client_order_id": None,
        "execution_mode": "paper",
    }

    def read(self, *lines: object) -> tuple[int, int]:
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        log = trade_log_of(texts, mode=ExecutionMode.PAPER)
        return len(log.trades), log.unreadable

    def test_a_line_is_one_trade(self):
        log = trade_log_of([json.dumps(self.LINE)], mode=ExecutionMode.PAPER)
        assert log.trades == (logged("blocked", "market_closed"),)

    def test_an_order_id_that_is_no_text_is_counted_by_its_code_all_the_same(self):
        log = trade_log_of([json.dumps(self.LINE | {"client_order_id": ["a"]})], mode=ExecutionMode.PAPER)
        assert [one.reason for one in refusals_of((), log.trades)] == ["market_closed"]

    def test_trades_of_the_other_mode_are_left_out(self):
        assert self.read(self.LINE | {"execution_mode": "live"}) == (0, 0)

    def test_a_line_that_is_no_trade_is_counted(self):
        broken = ["{", "7", "[]", {"ts": "2026-11-23T15:00:00Z"}, self.LINE | {"ts": "2026-11-23T15:00:00"}]
        assert self.read(*broken, "", "\n", self.LINE | {"ts": "no time"}, self.LINE | {"ts": 7}) == (0, 7)
