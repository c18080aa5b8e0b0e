"""A live bot does all of its work beside a caller in the threads that it was given, over either wire."""

import pytest

from tests.support.sim_threads import SimThreads
from tests.support.sim_world import SimWorld
from trading_bot.config import PaperWire
from trading_bot.order_management.models import ExecutionMode


class NotedThreads(SimThreads):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def pool(self, most, name, /):
        self.names.add(name)
        return super().pool(most, name)

    def begin(self, work, name, /):
        self.names.add(name)
        return super().begin(work, name)


@pytest.mark.parametrize("wire", PaperWire)
def test_a_live_bot_asks_for_several_things_at_once_in_the_threads_it_was_given(wire, tmp_path):
    threads = NotedThreads()
    world = SimWorld(tmp_path, mode=ExecutionMode.LIVE, wire=wire, threads=threads).started()
    assert threads.names == {"read", "renewal", "in a pool"}
    for symbol in ("AAPL", "MSFT"):
        world.trade(client_order_id=symbol, symbol=symbol)
    world.cancel_all()
    assert threads.names == {"read", "renewal", "in a pool", "trading-bot-quote", "cancel"}
    assert len(world.cancels) == 2
