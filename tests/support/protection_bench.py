"""Plans over an order manager on a bench: a test chooses prices and fills, and when the process dies."""

from contextlib import suppress
from datetime import time
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.support.fake_gateway import SubmitStep
from tests.support.manager_bench import ManagerBench
from tests.support.mortal import Life
from trading_bot.config import ProtectionConfig
from trading_bot.market_hours import Calendar, MarketHours
from trading_bot.order_management.exceptions import OrderError, OrderStatusError
from trading_bot.order_management.journal.port import Commit
from trading_bot.order_management.models import Side
from trading_bot.order_management.portfolio import Quote
from trading_bot.order_management.submit.exit_run import Leave
from trading_bot.protection.asked import Given, protect_of
from trading_bot.protection.keeper import Keeper
from trading_bot.protection.plan_book import PlanBook
from trading_bot.protection.service import Protection
from trading_bot.protection.sessions import Sessions
from trading_bot.protection.shown import SetPlan
from trading_bot.protection.watcher import Market, Watcher, WayOut

SYMBOL = "AAPL"
ALWAYS = MarketHours(
    calendar=Calendar.ALWAYS_OPEN, start_time=time(9, 30), end_time=time(16), timezone=ZoneInfo("America/New_York")
)


class ProtectionBench(ManagerBench):
    """An account that holds 60 AAPL at a bid and last trade of 100. ``life`` counts the commits of the journal."""

    def __init__(self, *, shares: int = 60, life: Life | None = None, **settings: object) -> None:
        self.life = life or Life()
        self.plan_settings = ProtectionConfig.model_validate(settings)
        self.sessions = Sessions(ALWAYS, Calendar.ALWAYS_OPEN)
        self.exit_fills = 1_000
        self.quotes: dict[str, Quote] = {}
        self.quotes_problem: OrderStatusError | None = None
        self.first_uses = [True]
        self.is_killed_just_now = False
        """Whether a kill came after the watcher had looked for one."""
        super().__init__(shares={SYMBOL: shares})
        self.price("100")

    def _build(self) -> None:
        super()._build()
        self._mortal()
        plans = PlanBook(self.store)
        market = Market(read=self._read, sessions=self.sessions, clock=self.clock)
        way_out = WayOut(
            leave=self._leave,
            is_leaving=self.manager.ways_out.is_leaving,
            new_id=lambda: f"exit-{next(self._ids)}",
            is_shut=lambda: self.latch.reason is not None and not self.is_killed_just_now,
        )
        keeper = Keeper(plans=plans, manager=self.manager, market=market, settings=self.plan_settings)
        self.watcher = Watcher(plans=plans, market=market, settings=self.plan_settings, way_out=way_out)
        self.protection = Protection(
            plans=plans,
            keeper=keeper,
            watcher=self.watcher,
            market=market,
            new_id=lambda: f"plan-{next(self._ids)}",
            is_first_use=lambda: bool(self.first_uses and self.first_uses.pop()),
            asks_for_approval=lambda: self.gateway.capabilities.asks_for_approval,
        )

    def _mortal(self) -> None:
        journal, commit = self.journal, self.journal.commit

        def mortal(what: Commit) -> None:
            self.life.moment("before a commit")
            if self.life.is_over:
                raise_death()
            commit(what)
            self.life.moment("after a commit")

        journal.commit = mortal  # type: ignore[method-assign, assignment]

    def _leave(self, leave: Leave) -> None:
        with suppress(OrderError):  # as the bot's own way out, whose answer it is
            self.manager.ways_out.leave(leave)

    def _read(self, symbols: object, by: object) -> dict[str, Quote]:
        if self.quotes_problem is not None:
            raise self.quotes_problem
        return self.quotes

    def quote(self, price: str, **changes: object) -> Quote:
        values: dict[str, object] = {
            "symbol": SYMBOL,
            "bid_price": Decimal(price),
            "ask_price": Decimal(price),
            "bid_size": 100,
            "ask_size": 100,
            "last_price": Decimal(price),
            "trading_halted": False,
            "updated_at": None,
            "last_trade_at": self.clock.now(),
            **changes,
        }
        return Quote(**values)  # type: ignore[arg-type]

    def price(self, price: str, *, stop_fills: int = 1_000, **changes: object) -> None:
        """Show a price; a stop at the broker that it reaches sells so many shares."""
        shown = self.quote(price, **changes)
        self.quotes = {SYMBOL: shown}
        self.positions.quotes = {SYMBOL: shown}
        for order in self.gateway.orders:
            stop = order.terms.stop_price
            if stop is not None and not order.state.is_terminal and Decimal(price) <= stop:
                left = int(order.terms.quantity - order.filled)
                if stop_fills:
                    order.fill(min(left, stop_fills))

    def protect(self, quantity: int | None = None, **prices: Given) -> SetPlan:
        asked = {"stop": None, "target": None, "trail": None, **prices}
        return self.protection.protect(protect_of(SYMBOL, **asked, quantity=quantity, by="s", reason="r"))

    def follow(self, seconds: float = 2) -> None:
        """Let time pass, synchronise, and follow the plans; what an exit sends fills as ``exit_fills`` says."""
        self.clock.sleep(seconds)
        self.sync()
        self.gateway.submits.extend(SubmitStep(after=self._fill_exit) for _ in range(9))
        self.protection.follow()
        self.gateway.submits.clear()

    def _fill_exit(self) -> None:
        order = self.gateway.order()
        if order.terms.stop_price is None and order.terms.side is Side.SELL and self.exit_fills:
            order.fill(min(order.terms.quantity, self.exit_fills))

    @property
    def sold(self) -> int:
        return sum(int(order.filled) for order in self.gateway.orders if order.terms.side is Side.SELL)

    @property
    def resting(self) -> list[tuple[int, int]]:
        """Stop price and open shares of every stop at the broker."""
        return [
            (int(order.terms.stop_price), int(order.terms.quantity - order.filled))
            for order in self.gateway.orders
            if order.terms.stop_price is not None and not order.state.is_terminal
        ]


def raise_death() -> None:
    Life(die_at=1).moment("already dead")
