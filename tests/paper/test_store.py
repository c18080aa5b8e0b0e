from datetime import timedelta
from decimal import Decimal
from threading import Thread

import pytest

from tests.support.memory_exchange import MemoryStore
from tests.support.paper_market import MONDAY, PaperBench, opening_state, quote_line, recorded
from trading_bot.paper.market_notes import Reference, TakenSize
from trading_bot.paper.order_range import OrderRange
from trading_bot.paper.state import PaperToken


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


def test_ended_orders_stay_at_hand_without_being_copied():
    bench = PaperBench(quotes=recorded(quote_line(-60, "99", "100")))
    placed = []
    for ref in (10, 11):
        placed.append(bench.place(ref, ref_id=f"AbCdEf00-0000-4000-8000-0000000000{ref}"))
        bench.wait(60)
        bench.account()
    with bench.store.transaction() as state:
        assert state.closed_orders == {}
        assert [order.id for order in state.all_orders()] == placed[::-1]
        since = OrderRange(updated_since=MONDAY + timedelta(seconds=30))
        assert [order.id for order in state.archive.newest_first(since)] == placed[1:]
        first = state.order(placed[0])
        assert first is not None
        assert state.has_ref_id(first.ref_id.upper())
        assert state.has_ref_id(first.ref_id.lower())
        assert not state.has_ref_id("another")
