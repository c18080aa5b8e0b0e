"""A whole bot over the stand-in of the agent server, in one thread, on a clock that only waiting moves.

With threads of the machine one of them could look again and again for its turn, and so move the clock by minutes, while
another one has to wait for a processor.
"""

import itertools
from decimal import Decimal
from pathlib import Path

from tests.support.agent_server import AgentAdapter, AgentBook, AgentServer
from tests.support.jumpy_clock import JumpyClock
from tests.support.sim_account import ACCOUNT, ARMED_HOURS, SimAccount
from tests.support.sim_threads import SimThreads
from tests.support.sim_world import MORNING
from tests.support.tidy_files import TidyFiles
from trading_bot.bot import TradeResult, TradingBot
from trading_bot.config import PaperWire
from trading_bot.error_handling.retry import no_jitter
from trading_bot.order_management.models import ExecutionMode
from trading_bot.startup.surroundings import Surroundings


class AgentBotBench:
    """A bot of an armed live account: 50 AAPL are held there, their market is 99.98 to 100.00."""

    def __init__(self, folder: Path, *, seed: int = 0) -> None:
        self.clock = JumpyClock(MORNING)
        self.server = AgentServer(self.clock, AgentBook(account_number=ACCOUNT))
        self.server.grants.accept("access-0")
        self.server.book.quote("AAPL", bid="99.98", ask="100.00")
        self.server.book.hold("AAPL", 50)
        self.server.vary(seed)
        self.account = SimAccount(folder=folder, wire=PaperWire.AGENT, mode=ExecutionMode.LIVE)
        self.account.log_in()
        self._ids = itertools.count(1)
        self._threads = SimThreads(seed)
        self.account.latch(self.clock, self._new_id, TidyFiles()).arm(by="a test", hours=ARMED_HOURS)
        self.bot: TradingBot = self._booted()

    def restart(self) -> None:
        """End the process, as by a crash, and start another one; the server goes on."""
        self.bot.stop()
        self.bot = self._booted()

    def buy(self, name: str = "c1", *, quantity: int = 10, reference: str = "100") -> TradeResult:
        return self.bot.execute_trade("AAPL", "buy", quantity, Decimal(reference), "a test", client_order_id=name)

    def sell(self, name: str, *, quantity: int = 10, reference: str = "105") -> TradeResult:
        return self.bot.execute_trade("AAPL", "sell", quantity, Decimal(reference), "a test", client_order_id=name)

    def trade_a_known_order(self) -> None:
        """Fill an order that every later list shows: without one, no list proves that another is not there."""
        self.buy("known", quantity=1)
        (order,) = self.server.book.orders
        self.server.book.settle(self.clock.now())
        self.server.book.fill(order, now=self.clock.now())
        self.bot.synchronize_open_orders()

    def settle(self, seconds: float = 200, *, every: float = 61) -> None:
        """End all faults, and let the bot look as its poller would."""
        self.server.calm_down()
        for _ in range(int(seconds / every) + 1):
            self.bot.synchronize_open_orders()
            self.clock.sleep(every)

    def _new_id(self) -> str:
        return f"{next(self._ids):032x}"

    def _booted(self) -> TradingBot:
        around = Surroundings(
            clock=self.clock,
            files=TidyFiles(),
            new_id=self._new_id,
            jitter=no_jitter,
            process_id=lambda: 4711,
            threads=self._threads,
            is_durable=False,
        )
        bot = self.account.parts(around, AgentAdapter(self.server), None).bot(background_sync=False)
        bot.start()
        return bot
