"""A manager over the real gateway and our own rate limit, and a stand-in broker that counts what it is asked.

A turn is a request that begins while no other one is under way: the round trips that follow one upon another. Pauses
and the waits of our rate limit move the virtual clock, and nothing else does.
"""

import threading
from collections import Counter
from typing import Any

from tests.support.broker_stand_in import Act, BrokerStandIn, Request, Route
from tests.support.manager_bench import CLOSE, MONDAY, ManagerBench
from tests.support.scripted_broker import ACCOUNT, Answer
from tests.support.shared_clock import SharedClock
from tests.support.stand_in_book import HeldOrder
from trading_bot.clock import Seconds
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.robinhood.rate_budget import BudgetedWire, RateBudget
from trading_bot.robinhood.session import BrokerSession

_PATIENCE_S = 10.0


class CountedBroker(BrokerStandIn):
    """Takes requests side by side and counts them. ``cancels_meet`` says how many cancels have come when they go on.

    With (20, 25) the first twenty wait for each other, and so do the five after them.
    """

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.turns = 0
        self.count: Counter[Route] = Counter()
        self.cancels_meet: tuple[int, ...] = ()
        self._changed = threading.Condition()
        self._serving = threading.RLock()
        self._under_way = 0

    def forget(self) -> None:
        """Count from here on."""
        self.turns, self.count = 0, Counter()

    def _treat(self, request: Request, act: Act | None) -> Answer:
        with self._changed:
            self.turns += self._under_way == 0
            self.count[request.route] += 1
            self._under_way += 1
            self._changed.notify_all()
            if request.route is Route.CANCEL:
                number = self.count[Route.CANCEL]
                together = next((each for each in self.cancels_meet if each >= number), number)
                have_met = self._changed.wait_for(lambda: self.count[Route.CANCEL] >= together, _PATIENCE_S)
                assert have_met, "the cancels did not leave side by side"
        try:
            with self._serving:
                return super()._treat(request, act)
        finally:
            with self._changed:
                self._under_way -= 1


class CountedBench(ManagerBench):
    """A manager that trades at a `CountedBroker`, and knows an order of its own there that was filled."""

    def __init__(self, *, page_size: int) -> None:
        clock = SharedClock(MONDAY)
        self.broker = CountedBroker(clock=clock, account=ACCOUNT, session_end=lambda now: CLOSE)
        self.broker.page_size = page_size
        super().__init__(clock=clock, max_pending_per_side=100)
        self.buy("known", symbol="KO")
        self.fill("known")
        self.sync()

    def _build(self) -> None:
        wire = BrokerSession(adapter=self.broker, clock=self.clock)
        gateway = RobinhoodGateway(
            session=BudgetedWire(wire=wire, budget=RateBudget(clock=self.clock), clock=self.clock),
            clock=self.clock,
            account_number=ACCOUNT,
            renew=lambda within_s: False,
        )
        self.gateway = self._account = gateway  # type: ignore[assignment]  # the fakes of the bench stand aside
        super()._build()

    def fill(self, client_order_id: str) -> None:
        """Fill an order at the broker, which it may have without our knowing it."""
        [order] = self.broker.book.named(self.tracked(client_order_id).envelope.ref_id)
        self.broker.book.fill(order, order.quantity, self.clock.now())

    def add_others(self, count: int, *, every_s: Seconds) -> None:
        """Let somebody else place orders at the broker that end at once, at a steady pace."""
        for _ in range(count):
            self.clock.sleep(every_s)
            order = self.add_other(f"00000000-0000-4000-8000-{len(self.broker.book.orders):012d}", symbol="MSFT")
            self.broker.book.end(order, "cancelled", self.clock.now())

    def add_other(self, ref_id: str, *, symbol: str) -> HeldOrder:
        """Let somebody else place an order at the broker."""
        form = {
            "ref_id": ref_id,
            "symbol": symbol,
            "side": "buy",
            "quantity": "1",
            "price": "10",
            "time_in_force": "gfd",
            "account": f"/accounts/{ACCOUNT}/",
            "market_hours": "regular_hours",
        }
        return self.broker.book.take(form, now=self.clock.now(), expires_at=CLOSE)

    def count_from_here(self) -> Seconds:
        """Forget what was counted, with nothing of our rate limit spent; return the time on the clock."""
        self.clock.sleep(60)
        self.broker.forget()
        return self.clock.monotonic()
