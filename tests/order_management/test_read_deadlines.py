"""However the broker hangs, a call that reads is over by its deadline: one for all that the call asks and waits for."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import requests

from tests.support.gateway_bench import TERMS, GatewayBench
from tests.support.scripted_broker import ACCOUNT, BASE, INSTRUMENT, MORNING, ORDER, REF, Answer, ScriptedBroker, reply
from trading_bot.error_handling.policies import READ_POLICY
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.models import ClientOrderId, OrderId, RefId, Side
from trading_bot.robinhood.rate_budget import Allowance, BudgetedWire, Purpose, RateBudget
from trading_bot.robinhood.reads import BrokerReads, Repeater
from trading_bot.robinhood.sending import current_send_context
from trading_bot.robinhood.session import BrokerSession

TIMEOUT_S = 10.0
"""What the bench's gateway gives one read."""

NO_ANSWER = Answer(error=requests.exceptions.ReadTimeout("no answer"))

READS: dict[str, Callable[[RobinhoodGateway], object]] = {
    "account": lambda gateway: gateway.fetch_account(),
    "equity": lambda gateway: gateway.fetch_equity(),
    "history": lambda gateway: gateway.fetch_history("AAPL", "5minute", "day"),
    "instrument": lambda gateway: gateway.tick_of("AAPL", Side.BUY),
    "open orders": lambda gateway: gateway.list_open_orders(),
    "orders since": lambda gateway: gateway.list_orders_since(MORNING - timedelta(days=1)),
    "order by ref_id": lambda gateway: gateway.find_by_client_order_id(
        ClientOrderId("c1"), ref_id=RefId(REF), created_after=MORNING
    ),
    "position": lambda gateway: gateway.fetch_position(INSTRUMENT),
    "positions": lambda gateway: gateway.fetch_positions(),
    "prepared order": lambda gateway: gateway.prepare_order(TERMS, RefId(REF)),
    "quotes": lambda gateway: gateway.fetch_quotes(["AAPL"]),
    "status": lambda gateway: gateway.fetch_order_status(OrderId(ORDER)),
}


class HangingBroker(ScriptedBroker):
    """Gives every request the same treatment."""

    def __init__(self, treatment: Callable[[str], Answer]) -> None:
        super().__init__()
        self._treatment = treatment

    def _next(self, method: str, path: str) -> Answer:
        return self._treatment(path)


class Hangs:
    """The ways to hang: each uses the time that the request was given, or a part of it again and again."""

    def __init__(self, bench: GatewayBench) -> None:
        self._time = bench.time
        self.pages = 0

    def _after(self, seconds: float, answer: Answer) -> Answer:
        """Answer in so many seconds; who waits for less hears nothing."""
        left = max(current_send_context().deadline - self._time.monotonic(), 0)
        if seconds > left:
            return replace(NO_ANSWER, then=lambda: self._time.sleep(left))
        return replace(answer, then=lambda: self._time.sleep(seconds))

    def no_connection(self, _path: str) -> Answer:
        """Also a handshake without an end: nothing was written."""
        self._time.sleep(max(current_send_context().deadline - self._time.monotonic(), 0))
        return Answer(error=requests.exceptions.ConnectTimeout("no handshake"), before_writing=True)

    def no_answer(self, _path: str) -> Answer:
        """Also a body that drips: the socket gets the time that is left, and no more."""
        return self._after(1_000, reply())

    def busy_after_four_seconds(self, _path: str) -> Answer:
        return self._after(4, reply(503))

    def refused_at_once(self, _path: str) -> Answer:
        return Answer(error=requests.exceptions.ConnectionError("refused"), before_writing=True)

    def throttled(self, _path: str) -> Answer:
        return reply(429, {"detail": "Request was throttled. Expected available in 6 seconds."})

    def session_ended(self, _path: str) -> Answer:
        return self._after(3, reply(401))

    def pages_without_end(self, path: str) -> Answer:
        self.pages += 1
        body: dict[str, object] = {
            "next": f"{BASE}{path}?cursor={self.pages}",
            "previous": None,
            "results": [],
            "account_number": ACCOUNT,
        }
        return self._after(4, reply(200, body))


WAYS = [name for name in vars(Hangs) if not name.startswith("_")]


def hanging(way: str) -> GatewayBench:
    bench = GatewayBench()
    bench.gateway = RobinhoodGateway(
        session=BrokerSession(adapter=HangingBroker(getattr(Hangs(bench), way)), clock=bench.time),
        clock=bench.time,
        account_number=ACCOUNT,
        renew=bench.renew,
    )
    bench.on_renewal = lambda: bench.time.sleep(bench.renewal_times[-1])
    return bench


def took_s(bench: GatewayBench, call: Callable[[RobinhoodGateway], object], gateway: RobinhoodGateway) -> float:
    began = bench.time.monotonic()
    try:
        answer = call(gateway)
    except OrderError:
        pass
    else:
        assert not getattr(answer, "complete", False)
    return bench.time.monotonic() - began


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("by_s", [None, 3.0])
def test_a_call_is_over_by_its_deadline_whatever_hangs(read, way, by_s):
    bench = hanging(way)
    gateway = bench.gateway if by_s is None else bench.gateway.by(bench.time.monotonic() + by_s)
    assert took_s(bench, READS[read], gateway) <= (TIMEOUT_S if by_s is None else by_s)


def test_within_a_longer_deadline_one_read_has_its_own_time():
    """A synchronisation has two minutes for all that it reads; one silent read may not use them up."""
    bench = hanging("no_answer")
    assert took_s(bench, READS["status"], bench.gateway.by(bench.time.monotonic() + 120)) == TIMEOUT_S


def test_a_wait_for_our_own_rate_counts_too():
    bench = GatewayBench()
    budget = RateBudget(clock=bench.time, allowances=dict.fromkeys(Purpose, Allowance(burst=1, every_s=7.0)))
    wire = BudgetedWire(wire=BrokerSession(adapter=bench.broker, clock=bench.time), budget=budget, clock=bench.time)
    gateway = RobinhoodGateway(session=wire, clock=bench.time, account_number=ACCOUNT, renew=bench.renew)
    gateway.fetch_account()
    assert took_s(bench, lambda _: [gateway.fetch_account(), gateway.fetch_account()], gateway) == 14
    bench.broker.always("GET", f"/accounts/{ACCOUNT}/", reply(503))
    assert took_s(bench, lambda _: gateway.fetch_account(), gateway) <= TIMEOUT_S


def test_one_attempt_may_take_all_the_time_of_the_call():
    """A broker that takes nine seconds to answer is slow, and its answer is one."""
    bench = GatewayBench()
    bench.broker.on("GET", "/orders/", replace(reply(200, {}), then=lambda: bench.time.sleep(9)))
    repeater = Repeater(
        wire=BrokerSession(adapter=bench.broker, clock=bench.time), clock=bench.time, renew=bench.renew, timeout_s=10
    )
    assert BrokerReads(repeater=repeater, policy=READ_POLICY).get("/orders/") == {}
