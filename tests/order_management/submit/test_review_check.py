"""The broker's own review before an entry: advice on record, a check where that is asked for, and nothing for exits."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Self

import pytest

from tests.support.fake_gateway import nothing
from tests.support.manager_bench import ManagerBench, terms
from trading_bot.order_management.broker_review import BrokerReview, ReviewAlert
from trading_bot.order_management.event_details import IntentDetails
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import OrderStatusError, TradeRefusedError
from trading_bot.order_management.models import OrderRequest, OrderTerms, Side
from trading_bot.order_management.submit.review_check import REVIEW_WITHIN_S, ReviewCheck, objections

ALERT = ReviewAlert(kind="EQUITY_NOT_ENOUGH_BP", details=(("depositAmount", "741.2230 USD"),))
SAID = "EQUITY_NOT_ENOUGH_BP (depositAmount 741.2230 USD)"


class Reviewer:
    """Answers with ``alerts``, or with ``error``; ``meanwhile`` runs inside each review."""

    def __init__(self) -> None:
        self.alerts: tuple[ReviewAlert, ...] = ()
        self.error: OrderStatusError | None = None
        self.asked: list[OrderTerms] = []
        self.deadlines: list[float] = []
        self.meanwhile: Callable[[], object] = nothing

    def by(self, deadline: float) -> Self:
        self.deadlines.append(deadline)
        return self

    def review_order(self, asked: OrderTerms) -> BrokerReview:
        self.asked.append(asked)
        self.meanwhile()
        if self.error is not None:
            raise self.error
        return BrokerReview(alerts=self.alerts)


@pytest.fixture
def reviewer() -> Reviewer:
    return Reviewer()


def reviewed(reviewer: Reviewer, *, blocks: bool = False) -> ManagerBench:
    bench = ManagerBench(shares={"AAPL": 50})
    bench.review = ReviewCheck(reviewer=reviewer, clock=bench.clock, blocks=blocks).check
    return bench


def recorded(bench: ManagerBench) -> list[str | None]:
    return [IntentDetails.of(fact).review for fact in bench.journal.facts(EventKind.ORDER_INTENDED)]


def test_an_alert_is_logged_with_the_order_that_it_is_about(reviewer, caplog):
    bench = reviewed(reviewer)
    reviewer.alerts = (ALERT,)
    bench.buy()
    told: list[Any] = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    (warned,) = [line for line in told if line["event"] == "broker_review_objected"]
    assert (warned["symbol"], warned["side"], warned["said"]) == ("AAPL", "buy", SAID)


def test_an_alert_goes_on_record_with_the_order_and_the_order_goes_out(reviewer):
    bench = reviewed(reviewer)
    reviewer.alerts = (ALERT,)
    placed = bench.manager.place(OrderRequest(symbol="AAPL", side=Side.BUY, quantity=10, reference_price=Decimal(100)))
    assert (placed.envelope.order_id is not None, placed.review) == (True, SAID)
    assert recorded(bench) == [SAID]
    assert [(each.symbol, each.limit_price) for each in reviewer.asked] == [("AAPL", placed.envelope.limit_price)]


def test_a_review_without_an_alert_leaves_no_trace(reviewer):
    bench = reviewed(reviewer, blocks=True)
    bench.buy()
    assert (recorded(bench), len(reviewer.asked)) == ([None], 1)


def test_where_it_is_a_check_an_alert_refuses_the_entry_and_nothing_is_sent(reviewer):
    bench = reviewed(reviewer, blocks=True)
    reviewer.alerts = (ALERT,)
    with pytest.raises(TradeRefusedError, match=r"agent\.review") as caught:
        bench.buy()
    assert (caught.value.code, recorded(bench), bench.gateway.orders) == ("broker_review", [], [])
    reviewer.alerts = ()
    assert bench.buy().order_id is not None


@pytest.mark.parametrize(("blocks", "is_sent"), [(False, True), (True, False)])
def test_a_review_that_cannot_be_had_refuses_only_where_it_is_a_check(reviewer, blocks, is_sent):
    bench = reviewed(reviewer, blocks=blocks)
    reviewer.error = OrderStatusError("the broker did not answer; try again")
    if is_sent:
        bench.buy()
        assert recorded(bench) == ["it could not be had: the broker did not answer; try again"]
    else:
        with pytest.raises(TradeRefusedError):
            bench.buy()


def test_no_exit_is_reviewed(reviewer):
    bench = reviewed(reviewer, blocks=True)
    reviewer.alerts = (ALERT,)
    assert bench.sell(quantity=50).order_id is not None
    assert reviewer.asked == []


def test_a_review_takes_a_few_seconds_at_the_most(reviewer):
    bench = reviewed(reviewer)
    began = bench.clock.monotonic()
    bench.buy()
    assert reviewer.deadlines == [began + REVIEW_WITHIN_S]


def test_nobody_waits_for_the_review_of_another_order(reviewer):
    bench = reviewed(reviewer)

    def another() -> None:
        reviewer.meanwhile = nothing
        buying = threading.Thread(target=lambda: bench.buy("other", symbol="MSFT"))
        buying.start()
        buying.join(timeout=10)
        assert not buying.is_alive()

    reviewer.meanwhile = another
    bench.buy("first")
    assert [fact.client_order_id for fact in bench.journal.facts(EventKind.ORDER_INTENDED)] == ["other", "first"]


def test_what_takes_the_place_of_an_order_is_not_refused_once_that_is_gone(reviewer):
    bench = reviewed(reviewer, blocks=True)
    bench.buy("c1")
    reviewer.alerts = (ALERT,)
    order = bench.manager.replace("c1", reference_price=Decimal("99.00"))
    assert (order.order_id is not None, bench.state("c1")) == (True, "cancelled")
    assert recorded(bench)[1] is not None


def test_the_same_order_again_is_not_reviewed_again(reviewer):
    bench = reviewed(reviewer)
    bench.buy("c1")
    bench.buy("c1")
    assert len(reviewer.asked) == 1


def test_what_a_review_says_is_cut_to_what_a_record_can_hold():
    alerts = tuple(ReviewAlert(kind="EQUITY_ODD", details=(("text", "x" * 400),)) for _ in range(20))
    assert len(str(objections(BrokerReview(alerts=alerts)))) == 500
    assert objections(BrokerReview(alerts=())) is None


def test_a_review_is_asked_for_with_the_terms_that_would_be_sent(reviewer):
    check = ReviewCheck(reviewer=reviewer, clock=ManagerBench().clock, blocks=False)
    assert check.read(terms(), 1.0).alerts == ()
    assert (reviewer.asked, reviewer.deadlines) == ([terms()], [1.0])
