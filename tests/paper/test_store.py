from decimal import Decimal
from threading import Thread

import pytest

from tests.support.paper_market import MONDAY, opening_state
from trading_bot.paper.state import PaperToken, Reference, TakenSize
from trading_bot.paper.store import MemoryStore


def test_changes_are_kept_when_the_block_ends():
    store = MemoryStore(opening_state())
    with store.transaction() as state:
        state.cash = Decimal(1)
        state.list_symbol("AAPL")
        assert store._lock.locked()
    with store.transaction() as state:
        assert (state.cash, list(state.instruments.values())) == (Decimal(1), ["AAPL"])


def test_changes_are_gone_when_the_block_raises():
    store = MemoryStore(opening_state(shares=5))
    before = opening_state(shares=5).to_dict()

    def change_everything():
        with store.transaction() as state:
            state.cash = Decimal(0)
            for mapping in (state.positions, state.instruments, state.open_orders, state.closed_orders):
                mapping.clear()
            state.references["AAPL"] = Reference(price=Decimal(1), at=MONDAY)
            state.taken["AAPL"] = TakenSize(quoted_at=MONDAY, shares={})
            state.tokens["a"] = PaperToken(access="a", refresh="r", expires_at=MONDAY)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        change_everything()
    with store.transaction() as state:
        assert state.to_dict() == before


def test_one_request_at_a_time():
    store = MemoryStore(opening_state(cash="0"))

    def deposit():
        for _ in range(200):
            with store.transaction() as state:
                seen = state.cash
                state.cash = seen + 1

    threads = [Thread(target=deposit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.transaction() as state:
        assert state.cash == 800
