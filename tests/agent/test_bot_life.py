"""The whole life of orders over the agent interface, each fault of the server striking at every step of it.

Never two orders for one id, and never an answer that the server's book contradicts, under each policy for used ids.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from itertools import cycle

import pytest

from tests.support.agent_bot_bench import AgentBotBench
from tests.support.agent_server import ApprovalForm, CancelPolicy, Fault, RefIdPolicy
from tests.support.agent_server.throttle import Throttle
from trading_bot.bot import TradeResult, TradeStatus
from trading_bot.order_management.decisions.operator_decisions import Resolution
from trading_bot.order_management.exceptions import OrderError, OrderValidationError
from trading_bot.order_management.models import OrderEnvelope, OrderState

pytestmark = pytest.mark.no_cover  # tracing makes it three times as slow, and each line has a test of its own

PLACE, LIST, CANCEL = "place_equity_order", "get_equity_orders", "cancel_equity_order"
DENIED = {TradeStatus.REJECTED, TradeStatus.NOT_SENT}
CLAIMS_A_FIRST = Fault.CONFLICT
"""The server says that it has an order which it has not: only a person can end that."""

OF_THE_INTERFACE = (
    *(Fault.REPLY_LOST, Fault.LATE, Fault.CUT, Fault.OTHER_ID, Fault.NO_ANSWER, Fault.UNAUTHORIZED),
    *(Fault.SESSION_LOST, Fault.SESSION_LOST_400, Fault.RPC_BEFORE, Fault.RPC_AFTER),
    *(Fault.RATE_LIMITED_BEFORE, Fault.RATE_LIMITED_AFTER, Fault.HTML_TEXT_BEFORE, Fault.HTML_TEXT_AFTER),
    *(Fault.PROSE_BEFORE, Fault.PROSE_AFTER, Fault.GRPC_AFTER, Fault.CONFLICT, Fault.EMPTY_TEXT_AFTER),
    *(Fault.API_408_AFTER, Fault.API_429_AFTER, Fault.API_500_AFTER, Fault.NO_DATA, Fault.NULL_ROWS),
    *(Fault.FOREIGN_ORDER, Fault.PAGE_LOOP, Fault.APPROVAL_WITHOUT_ORDER),
)
"""The faults that this interface has and the private wire has not; `tests/faults/test_agent_faults` has the others."""
LIVES = [*zip(OF_THE_INTERFACE, cycle(RefIdPolicy), cycle(CancelPolicy), strict=False)]


class Life:
    """One account under one fault; `check` is asked after every step."""

    def __init__(self, bench: AgentBotBench, fault: Fault) -> None:
        self.bench, self.fault = bench, fault
        self.results: list[TradeResult] = []

    def struck(self, *points: str) -> None:
        for point in points:
            self.bench.server.acts[point].append(self.fault)

    def trade(self, result: TradeResult) -> None:
        self.results.append(result)
        self.check()

    def try_to(self, act: Callable[[], object]) -> None:
        """Do what may fail, as long as it says so."""
        with suppress(OrderError):
            act()
        self.check()

    def check(self) -> None:
        problems = list(self._problems())
        assert not problems, problems

    def check_settled(self) -> None:
        self.check()
        doubt = [
            order for order in self.bench.bot.orders() if order.state in {OrderState.UNKNOWN, OrderState.PENDING_SUBMIT}
        ]
        assert self.fault is CLAIMS_A_FIRST or not doubt
        for order in self.bench.bot.orders():
            held = self.bench.server.book.named(order.ref_id)
            if held:
                assert order.state.is_terminal is not held[0].is_open
                assert order.filled_quantity == held[0].filled

    def _problems(self) -> Iterator[str]:
        book = self.bench.server.book
        for order in book.orders:
            if len(book.named(order.ref_id)) > 1:
                yield f"{len(book.named(order.ref_id))} orders under {order.ref_id}"
        for result in self.results:
            yield from self._of_answer(result)
        for envelope in self.bench.bot.orders():
            held = book.named(envelope.ref_id)
            if held and held[0].is_open and envelope.state.is_terminal:
                yield f"{envelope.client_order_id} is {envelope.state} on record and {held[0].state} at the server"
            if held and envelope.filled_quantity > held[0].filled:
                yield f"{envelope.client_order_id} has more fills on record than at the server"
            if envelope.state is OrderState.FILLED and not held:
                yield f"{envelope.client_order_id} is filled on record and was never at the server"
        yield from self.bench.server.complaints

    def _of_answer(self, result: TradeResult) -> Iterator[str]:
        envelope = result.envelope
        held = self.bench.server.book.named(envelope.ref_id) if isinstance(envelope, OrderEnvelope) else []
        if result.status in DENIED and held:
            yield f"{result.code} was answered, and the server has {held[0]}"
        if result.status is TradeStatus.SUBMITTED and not held:
            yield "submitted was answered, and the server has nothing"


@pytest.mark.parametrize(("fault", "ref_ids", "cancels"), LIVES, ids=str)
def test_the_life_of_orders(fault, ref_ids, cancels, tmp_path):
    bench = AgentBotBench(tmp_path, seed=len(fault))
    life, server = Life(bench, fault), bench.server
    server.orders.ref_ids, server.orders.cancels = ref_ids, cancels

    bench.trade_a_known_order()
    life.struck(PLACE, LIST)
    life.trade(bench.buy("c1"))
    life.try_to(bench.restart)
    life.struck(LIST)
    life.try_to(bench.bot.synchronize_open_orders)
    server.book.quote("AAPL", bid="98.98", ask="99.00")
    life.try_to(bench.bot.synchronize_open_orders)
    life.struck(PLACE)
    life.trade(bench.sell("c2"))
    life.struck(CANCEL, LIST)
    life.try_to(lambda: bench.bot.cancel_order("c2"))
    life.struck(PLACE)
    life.try_to(lambda: bench.bot.exit_position("AAPL", 10))
    life.trade(bench.buy("c3", reference="90"))
    life.struck(CANCEL, CANCEL, LIST)
    life.try_to(bench.bot.cancel_all_open_orders)
    life.try_to(bench.restart)
    server.orders.cancels = CancelPolicy.AT_ONCE
    bench.settle()
    life.check_settled()
    life.try_to(bench.bot.cancel_all_open_orders)
    assert server.book.open() == []


def in_doubt(bench: AgentBotBench) -> Life:
    """Lose the reply to an order in a new symbol that rests at the server, and look for it for some minutes."""
    life = Life(bench, Fault.REPLY_LOST)
    bench.server.book.quote("F", bid="12.00", ask="12.01")
    life.struck(PLACE)
    life.trade(bench.bot.execute_trade("F", "buy", 10, Decimal("11.90"), "a test", client_order_id="c1"))
    bench.settle()
    life.check()
    return life


@pytest.mark.parametrize("names_symbol", [True, False])
def test_an_order_whose_row_names_no_ref_id_is_a_question_to_a_person(names_symbol, tmp_path):
    bench = AgentBotBench(tmp_path)
    bench.trade_a_known_order()
    bench.server.orders.lists_rows_of_ref_id = False
    bench.server.orders.lists_rows_of_symbol = names_symbol
    in_doubt(bench)
    decide, (order,) = bench.bot.manager.decisions.resolve, bench.server.book.open()
    assert bench.bot.order_status("c1").state is OrderState.UNKNOWN
    assert order.order_id in str(bench.bot.synchronize_open_orders().notes)
    with pytest.raises(OrderValidationError, match="may be this order"):
        decide("c1", as_=Resolution.NEVER_ACCEPTED, by="ann", reason="a test")
    decide("c1", as_=Resolution.FOUND, order_id=order.order_id, by="ann", reason="a test")
    assert bench.bot.order_status("c1").state is OrderState.CONFIRMED
    assert len(bench.server.book.named(order.ref_id)) == 1


@pytest.mark.parametrize(("late_s", "state"), [(100, OrderState.CONFIRMED), (150, OrderState.CANCELLED)])
def test_an_order_that_is_listed_late_is_found_or_cancelled_and_never_sent_again(late_s, state, tmp_path):
    bench = AgentBotBench(tmp_path)
    bench.trade_a_known_order()
    bench.server.book.lists_after = timedelta(seconds=late_s)
    in_doubt(bench).check_settled()
    assert bench.bot.order_status("c1").state is state


def test_many_orders_are_cancelled_without_being_throttled(tmp_path):
    bench = AgentBotBench(tmp_path)
    server = bench.server
    for number in range(60):
        price = {"symbol": "AAPL", "side": "sell", "type": "limit", "quantity": "1", "limit_price": "150.00"}
        server.orders.place({**price, "account_number": server.book.account_number, "ref_id": f"by hand {number}"})
        server.book.hold("AAPL", 100)
    bench.settle(60)
    server.desk.throttle = Throttle()
    bench.bot.manager.cancel_all_open_orders(include_external=True)
    assert server.book.open() == []
    assert server.desk.throttle.refused == 0


def test_an_exit_sells_although_the_server_throttled_its_quote(tmp_path):
    bench = AgentBotBench(tmp_path)
    bench.server.acts["get_equity_quotes"].append(Fault.RATE_LIMITED_BEFORE)
    assert bench.bot.exit_position("AAPL", 10).sold == 10


@pytest.mark.parametrize("form", ApprovalForm, ids=str)
def test_an_entry_that_awaits_approval_is_open_and_is_withdrawn_in_time(form, tmp_path):
    bench = AgentBotBench(tmp_path)
    life, book = Life(bench, Fault.REPLY_LOST), bench.server.book
    bench.trade_a_known_order()
    book.asks_for_approval, book.approval_form = True, form
    life.trade(bench.buy("c1"))
    (order,) = book.open()
    shown = bench.bot.order_status("c1")
    assert not shown.state.is_terminal
    for _ in range(4):
        bench.clock.sleep(31)
        life.try_to(bench.bot.synchronize_open_orders)
    assert order.is_open is (form is ApprovalForm.UNSEEN), "nobody can know what an unseen word means"
    assert shown.filled_quantity == 0


def test_an_entry_that_was_approved_trades(tmp_path):
    bench = AgentBotBench(tmp_path)
    life, book = Life(bench, Fault.REPLY_LOST), bench.server.book
    book.asks_for_approval = True
    life.trade(bench.buy("c1"))
    (order,) = book.open()
    book.approve(order)
    book.quote("AAPL", bid="98.98", ask="99.00")
    bench.settle()
    life.check_settled()
    assert order.state == "filled"
