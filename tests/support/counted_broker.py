"""A manager over the real gateway and our own rate limit, and a stand-in broker that counts what it is asked.

A *turn* is a request that begins while no other one is under way, so turns are the round trips that follow one upon
another. Pauses and the waits of our rate limit move the virtual clock, and nothing else does.
"""

import threading
from collections import Counter

from tests.support.broker_stand_in import BrokerStandIn, Route
from tests.support.manager_bench import CLOSE, ManagerBench
from tests.support.scripted_broker import ACCOUNT
from tests.support.stand_in_book import HeldOrder
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.robinhood.rate_budget import BudgetedWire, RateBudget
from trading_bot.robinhood.session import BrokerSession

_PATIENCE_S = 10.0


class CountedBroker(BrokerStandIn):
    """A stand-in that serves requests side by side, and counts them.

    With ``cancels_meet`` no cancel is answered before so many of them are under way at once.
    """

    def __init__(self, **named: object) -> None:
        super().__init__(**named)
        self.turns = 0
        self.count: Counter[Route] = Counter()
        self.cancels_meet = 1
        self._together = threading.Condition()
        self._under_way = 0
        self._cancels = 0
        self._serving = threading.RLock()

    def forget(self) -> None:
        """Count from here on."""
        self.turns, self.count = 0, Counter()

    def _treat(self, request, act):
        with self._together:
            self.turns += self._under_way == 0
            self.count[request.route] += 1
            self._under_way += 1
        try:
            self._meet(request.route)
            with self._serving:
                return super()._treat(request, act)
        finally:
            with self._together:
                self._under_way -= 1

    def _meet(self, route: Route) -> None:
        if route is not Route.CANCEL:
            return
        with self._together:
            self._cancels += 1
            self._together.notify_all()
            assert self._together.wait_for(lambda: self._cancels >= self.cancels_meet, _PATIENCE_S)


class CountedBench(ManagerBench):
    """A manager that trades at a `CountedBroker`, at which ``old`` orders ended yesterday and one was filled today."""

    def __init__(self, *, page_size: int, **named: object) -> None:
        self._page_size = page_size
        super().__init__(**named)

    def _build(self) -> None:
        if not hasattr(self, "broker"):
            self.broker = CountedBroker(clock=self.clock, account=ACCOUNT, session_end=lambda now: CLOSE)
            self.broker.page_size = self._page_size
        session = BrokerSession(adapter=self.broker, clock=self.clock)
        self.gateway = self._account = RobinhoodGateway(
            session=BudgetedWire(wire=session, budget=RateBudget(clock=self.clock), clock=self.clock),
            clock=self.clock,
            account_number=ACCOUNT,
            renew=lambda within_s: False,
        )
        super()._build()

    @property
    def turns(self) -> int:
        return self.broker.turns

    def count_from_here(self) -> float:
        """Count from here on, with nothing of our rate limit spent; return what the clock says."""
        self.clock.sleep(600)
        self.broker.forget()
        return self.clock.monotonic()

    def add_others(self, count: int, *, state: str = "filled") -> list[HeldOrder]:
        """Let somebody else place orders that end, a second apart."""
        return [self._other(state) for _ in range(count)]

    def _other(self, state: str) -> HeldOrder:
        self.clock.sleep(1)
        now = self.clock.now()
        form = {
            "ref_id": f"00000000-0000-4000-8000-{len(self.broker.book.orders):012d}",
            "symbol": "MSFT",
            "side": "buy",
            "quantity": "1",
            "price": "10",
            "time_in_force": "gfd",
            "account": f"/accounts/{ACCOUNT}/",
            "market_hours": "regular_hours",
        }
        order = self.broker.book.take(form, now=now, expires_at=CLOSE)
        self.broker.book.end(order, state, now)
        return order
