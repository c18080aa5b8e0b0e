"""Positions of a broker that names no instrument in them: the symbol is what holds a position together."""

from decimal import Decimal

import pytest

from tests.support.account_gateway import quote
from tests.support.fake_gateway import SubmitStep
from tests.support.manager_bench import ManagerBench
from trading_bot.order_management.book.exit_facts import ExitEnding
from trading_bot.order_management.book.freezes import Cause, cause_of
from trading_bot.order_management.book.position_watch import LOOK_EVERY_S
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import TradeRefusedError, TradingHaltedError
from trading_bot.order_management.models import ExecutionMode
from trading_bot.order_management.portfolio import UnreadPosition
from trading_bot.order_management.ports import BrokerCapabilities
from trading_bot.order_management.submit.exit_run import Leave
from trading_bot.order_management.sync.free_shares import LATEST_LOOK_S

AAPL_ID = "450dfc6d-5510-4d40-abfb-f633b7d9be3e"
NAMELESS = BrokerCapabilities(names_instruments_held=False)


class NamelessBench(ManagerBench):
    """A bench whose broker names no instruments."""

    def __init__(self, *, can: BrokerCapabilities = NAMELESS, mode: ExecutionMode = ExecutionMode.PAPER) -> None:
        super().__init__(shares={"AAPL": 50, "MSFT": 5}, recovered=False, mode=mode)
        vars(self.gateway).update(capabilities=can)
        self.restart()
        self.manager.recover()

    def freeze(self, symbol: str = "AAPL") -> Cause | None:
        with self.store.open_book() as book:
            fact = book.freeze_fact(symbol)
        return None if fact is None else cause_of(fact)

    def expected(self, symbol: str = "AAPL") -> Decimal | None:
        with self.store.open_book() as book:
            return book.expected_positions().get(symbol)


@pytest.fixture
def bench():
    return NamelessBench()


def test_what_our_fills_explain_is_no_drift_and_can_be_sold(bench):
    bench.buy("c1")
    bench.gateway.order().fill()
    bench.sync()
    bench.sync(after=LOOK_EVERY_S)
    assert (bench.expected(), bench.freeze()) == (60, None)
    with pytest.raises(TradeRefusedError):
        bench.sell("s1", quantity=61)
    assert bench.sell("s2", quantity=60).order_id is not None


def test_shares_moved_elsewhere_are_drift_that_heals(bench):
    bench.positions.move("AAPL", "-20")
    bench.sync(after=LOOK_EVERY_S)
    bench.sync(after=10)
    assert bench.freeze() is Cause.DRIFT
    bench.positions.move("AAPL", "20")
    bench.sync(after=LOOK_EVERY_S)
    assert bench.freeze() is None


def test_a_person_accepts_a_position_by_its_symbol(bench):
    bench.positions.move("AAPL", "-20")
    bench.sync(after=LOOK_EVERY_S)
    bench.sync(after=10)
    assert bench.manager.decisions.accept_position("AAPL", by="ada", reason="sold in the app") == 30
    assert (bench.expected(), bench.freeze()) == (30, None)


def test_an_exit_sells_all_that_is_free(bench):
    bench.positions.quotes = {"AAPL": quote("AAPL", "100")}
    bench.gateway.submits.append(SubmitStep(after=lambda: bench.gateway.order().fill(price="99.90")))
    left = bench.manager.ways_out.leave(Leave(symbol="AAPL"))
    assert (left.ending, int(left.sold)) == (ExitEnding.SOLD, 50)
    bench.sync(after=LOOK_EVERY_S)
    assert (bench.expected(), bench.freeze(), bench.positions.asked_alone) == (None, Cause.EXIT, [])


def test_a_row_that_fell_between_two_pages_is_found_in_a_second_reading(bench):
    bench.positions.missing.add("AAPL")
    bench.positions.during_read = bench.positions.missing.clear
    reads = bench.positions.reads
    bench.sync(after=LOOK_EVERY_S)
    assert (bench.positions.reads - reads, bench.positions.asked_alone) == (2, [])
    assert not bench.manager.unsettled_symbols


def test_shares_that_are_in_neither_reading_are_gone(bench):
    bench.positions.move("AAPL", "-50")
    bench.sync(after=LOOK_EVERY_S)
    bench.sync(after=10)
    assert bench.freeze() is Cause.DRIFT
    assert bench.freeze("MSFT") is None


def test_where_the_second_reading_fails_nothing_is_concluded_of_what_was_missing(bench):
    bench.positions.missing.add("AAPL")
    bench.positions.during_read = lambda: vars(bench.positions).update(is_failing=True)
    bench.sync(after=LOOK_EVERY_S)
    bench.positions.is_failing = False
    bench.sync(after=LOOK_EVERY_S)
    assert bench.journal.facts(EventKind.POSITION_DIFFERED) == []
    with pytest.raises(TradingHaltedError, match=r"position in AAPL cannot be read \(the positions could not be read"):
        bench.buy()
    assert bench.buy("other", symbol="MSFT").order_id is not None


def test_a_position_that_may_be_a_row_without_a_symbol_is_not_gone(bench):
    bench.positions.missing.add("AAPL")
    bench.positions.unread = [UnreadPosition(name="row 1", problem="cannot be read: symbol")]
    bench.sync(after=LOOK_EVERY_S)
    bench.sync(after=10)
    assert (bench.freeze(), bench.journal.facts(EventKind.POSITION_DIFFERED)) == (None, [])
    with pytest.raises(TradingHaltedError, match="row 1 may be it"):
        bench.buy()
    bench.positions.missing.clear()
    bench.sync(after=LOOK_EVERY_S)
    assert bench.buy("c2").order_id is not None, "a row without a symbol stops none whose row can be read"


def test_an_unread_row_of_the_symbol_asks_for_no_second_reading(bench):
    bench.positions.missing.add("AAPL")
    bench.positions.unread = [UnreadPosition(name="AAPL", symbol="AAPL", problem="cannot be read: quantity")]
    reads = bench.positions.reads
    bench.sync(after=LOOK_EVERY_S)
    assert bench.positions.reads - reads == 1
    with pytest.raises(TradeRefusedError):
        bench.sell("s1", quantity=1)


def test_what_another_interface_called_an_instrument_by_its_id_goes_on_by_its_symbol():
    """The same account over the other interface first, whose positions name their instruments."""
    bench = ManagerBench(shares={"AAPL": 50}, recovered=False)
    bench.positions.instrument_ids["AAPL"] = AAPL_ID
    bench.restart()
    bench.manager.recover()
    bench.positions.instrument_ids.clear()
    vars(bench.gateway).update(capabilities=NAMELESS)
    bench.restart()
    bench.manager.recover()
    bench.sync(after=LOOK_EVERY_S)
    bench.sync(after=10)
    assert (bench.positions.asked_alone, bench.journal.facts(EventKind.POSITION_DIFFERED)) == ([], [])
    assert bench.sell("s1", quantity=50).order_id is not None


def test_an_instrument_that_an_order_named_later_is_put_on_record_and_follows_a_rename(bench):
    bench.positions.instrument_ids["AAPL"] = AAPL_ID
    bench.sync(after=LOOK_EVERY_S)
    with bench.store.open_book() as book:
        assert book.positions.instrument_of("AAPL") == AAPL_ID
    bench.positions.names["AAPL"] = "APPL"
    bench.sync(after=LOOK_EVERY_S)
    assert (bench.expected("APPL"), bench.expected("AAPL")) == (50, None)
    assert bench.journal.facts(EventKind.POSITION_DIFFERED) == []


def test_where_nothing_can_be_sold_short_an_old_look_lowers_confidence_and_no_permission():
    can = BrokerCapabilities(names_instruments_held=False, can_sell_short=False)
    bench = NamelessBench(can=can, mode=ExecutionMode.LIVE)
    bench.positions.is_failing = True
    bench.sync(after=LATEST_LOOK_S + 1)
    with pytest.raises(TradeRefusedError):
        bench.sell("s1", quantity=51)
    assert bench.sell("s2", quantity=50).order_id is not None
