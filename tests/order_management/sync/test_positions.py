"""The positions on the bench: what is compared, what freezes, and how many shares may be sold."""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

import pytest

from tests.support.fake_gateway import REPLY_LOST, nothing
from tests.support.jumpy_clock import JumpyClock
from tests.support.manager_bench import MONDAY, ManagerBench, terms
from trading_bot.clock import Moment
from trading_bot.order_management.book.freezes import Cause, cause_of
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import LOOK_EVERY_S, baseline
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    OrderOutcomeUnknownError,
    TradeRefusedError,
    TradingHaltedError,
)
from trading_bot.order_management.models import ExecutionMode, Side
from trading_bot.order_management.outcomes import Listing
from trading_bot.order_management.portfolio import UnreadPosition
from trading_bot.order_management.ports import BrokerCapabilities
from trading_bot.order_management.sync.free_shares import LATEST_LOOK_S
from trading_bot.order_management.sync.positions import Holdings
from trading_bot.reads_together import SideBySide

T = TypeVar("T")


def expected(bench: ManagerBench, symbol: str = "AAPL") -> Decimal:
    with bench.store.open_book() as book:
        return book.expected_positions().get(symbol, Decimal(0))


def freeze(bench: ManagerBench, symbol: str = "AAPL"):
    with bench.store.open_book() as book:
        return book.freeze_fact(symbol)


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    return [record.msg for record in caplog.records if isinstance(record.msg, dict)]


def fill_and_book(bench: ManagerBench, quantity: int | None = None) -> None:
    bench.gateway.order().fill(quantity)
    bench.manager.get_order_status("c1")


def holdings(bench: ManagerBench) -> Holdings:
    found = bench.manager._services.sync.holdings
    assert found is not None
    return found


def refused_sell(bench: ManagerBench, quantity: int) -> TradeRefusedError:
    with pytest.raises(TradeRefusedError) as caught:
        bench.sell("refused", quantity=quantity)
    assert caught.value.code == "insufficient_shares"
    return caught.value


def made_first(read: Callable[[], T], /) -> Callable[[], T]:
    """Make the read before the one beside it has even begun."""
    result = read()
    return lambda: result


class TestReadBesideTheOrders:
    def test_positions_read_before_a_fill_that_the_orders_show_are_read_again(self):
        """Otherwise the fill would look like shares that are missing, at the very first look of a command."""
        bench = ManagerBench(shares={"AAPL": 50})
        bench.buy("c1")
        bench.begin = made_first
        bench.restart()
        listed = bench.gateway.list_open_orders

        def fill_then_list() -> Listing:
            bench.gateway.order().fill()
            return listed()

        vars(bench.gateway).update(list_open_orders=fill_then_list)
        reads = bench.positions.reads
        assert bench.manager.recover().complete
        assert bench.positions.reads == reads + 2
        assert expected(bench) == 60
        assert not bench.manager.unsettled_symbols
        assert bench.journal.facts(EventKind.POSITION_DIFFERED) == []

    def test_positions_read_before_a_sell_elsewhere_left_the_list_are_read_again(self):
        """Otherwise its shares would be held back until the next synchronisation."""
        bench = ManagerBench(shares={"AAPL": 50})
        elsewhere = bench.gateway.add(terms(side=Side.SELL, quantity=30))
        bench.begin = made_first
        bench.restart()
        assert bench.manager.recover().complete
        elsewhere.end()
        reads = bench.positions.reads
        bench.sync(after=LOOK_EVERY_S)
        assert bench.positions.reads == reads + 2
        bench.positions.is_failing = True
        assert bench.sell(quantity=21).order_id is not None

    def test_a_sell_elsewhere_that_came_and_left_beside_a_read_calls_for_another(self):
        """The first read began before it was listed, so that the orders elsewhere are as they were then."""
        bench = ManagerBench(shares={"AAPL": 50})
        bench.begin = made_first
        bench.restart()
        assert bench.manager.recover().complete
        elsewhere = bench.gateway.add(terms(side=Side.SELL, quantity=30))
        bench.sync(after=LOOK_EVERY_S)
        elsewhere.end()
        bench.sync()
        bench.positions.is_failing = True
        assert bench.sell(quantity=21).order_id is not None

    def test_otherwise_they_are_read_once(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.begin = made_first
        bench.restart()
        reads = bench.positions.reads
        assert bench.manager.recover().complete
        assert bench.positions.reads == reads + 1

    def test_where_there_is_no_reason_to_look_no_read_is_begun(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.begin = made_first
        bench.restart()
        bench.manager.recover()
        reads = bench.positions.reads
        bench.sync(after=LOOK_EVERY_S / 2)
        assert bench.positions.reads == reads

    def test_a_failed_read_is_told_as_ever(self, caplog):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.begin = SideBySide()
        bench.restart()
        bench.positions.is_failing = True
        with pytest.raises(TradingHaltedError, match="the positions could not be read"):
            bench.manager.recover()
        assert "positions_not_read" in [line["event"] for line in logged(caplog)]


class TestTheStart:
    def test_the_first_look_is_put_on_record_once(self):
        bench = ManagerBench(shares={"AAPL": 50})
        assert expected(bench) == 50
        bench.sync(after=LOOK_EVERY_S)
        assert len(bench.journal.facts(EventKind.POSITION_ACCEPTED)) == 2

    def test_a_restart_goes_on_from_the_record_and_not_from_what_it_finds(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.buy("c1")
        bench.gateway.order().fill()
        bench.restart()
        bench.manager.recover()
        assert expected(bench) == 60
        assert len(bench.journal.facts(EventKind.POSITION_ACCEPTED)) == 2

    def test_no_order_is_taken_before_the_positions_were_read(self):
        bench = ManagerBench(shares={"AAPL": 50}, recovered=False)
        bench.positions.is_failing = True
        with pytest.raises(TradingHaltedError, match="positions could not be read"):
            bench.manager.recover()
        with pytest.raises(TradingHaltedError, match="positions could not be read"):
            bench.buy()
        bench.positions.is_failing = False
        assert bench.sync().complete
        assert bench.buy().order_id is not None

    def test_a_fill_during_the_first_look_puts_it_off(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.buy("c1")
        assert bench.sync().complete
        bench.positions.during_read = lambda: fill_and_book(bench)
        bench.sync(after=LOOK_EVERY_S)
        assert expected(bench) == 60
        assert freeze(bench) is None

    def test_a_first_look_during_which_a_fill_was_booked_is_put_off(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.watch_positions()
        bench.restart()
        with bench.store.open_book() as book:
            assert not book.knows_positions
        bench.positions.during_read = lambda: fill_and_book(bench, 1)
        with pytest.raises(TradingHaltedError, match="while the positions were being read"):
            bench.manager.recover()
        bench.positions.during_read = nothing
        assert bench.sync().complete
        bench.sync(after=LOOK_EVERY_S)
        assert (expected(bench), freeze(bench)) == (bench.positions.quantity("AAPL"), None)

    def test_the_record_survives_a_replay_byte_for_byte(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.buy("c1")
        bench.gateway.order().fill(3)
        bench.sync()
        replayed = OrderBook.replayed(bench.journal.records)
        assert replayed.expected_positions() == {"AAPL": 53}
        assert replayed.knows_positions


class TestDrift:
    def test_what_our_fills_explain_is_no_drift(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.buy("c1")
        bench.gateway.order().fill()
        bench.sync()
        bench.sync(after=LOOK_EVERY_S)
        assert (expected(bench), freeze(bench), bench.gateway.look_backs) == (Decimal(60), None, [])

    def test_a_look_that_spans_a_sleep_of_the_machine_is_none(self):
        clock = JumpyClock(MONDAY)
        bench = ManagerBench(shares={"AAPL": 100}, clock=clock, recovered=False)
        bench.positions.during_read = lambda: clock.jump(60)
        with pytest.raises(TradingHaltedError, match="slept"):
            bench.manager.recover()
        bench.positions.during_read = lambda: None
        bench.manager.recover()
        assert bench.manager.halted_because is None

    @pytest.mark.parametrize("moved", ["-20", "7", "150", "0.0123"])
    def test_shares_moved_elsewhere_freeze_the_symbol_once_two_looks_agree(self, moved):
        """Sold or bought by hand, split, reinvested."""
        bench = ManagerBench(shares={"AAPL": 50})
        bench.positions.move("AAPL", moved)
        bench.sync(after=LOOK_EVERY_S)
        assert freeze(bench) is None
        bench.sync(after=10)
        assert cause_of(freeze(bench)) is Cause.DRIFT
        with pytest.raises(TradingHaltedError, match="accept-position AAPL"):
            bench.buy()
        assert bench.buy("other", symbol="MSFT").order_id is not None

    def test_the_closed_orders_are_read_before_anything_is_concluded(self, caplog):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.positions.move("AAPL", "1")
        bench.gateway.look_back_problem = "page 2 failed"
        bench.sync(after=LOOK_EVERY_S)
        bench.sync(after=60)
        assert (len(bench.gateway.look_backs), freeze(bench)) == (2, None)
        assert [(line["event"], line["problem"]) for line in logged(caplog)] == [
            ("closed_orders_not_read", "page 2 failed")
        ] * 2
        bench.gateway.look_back_problem = None
        bench.sync(after=60)
        assert cause_of(freeze(bench)) is Cause.DRIFT

    def test_a_fill_that_only_the_closed_orders_show_explains_the_difference(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.buy("c1")
        order = bench.gateway.order()
        bench.manager.cancel_order("c1")
        order.fill(4)
        order.end()
        bench.sync(after=LOOK_EVERY_S)
        bench.sync(after=60)
        assert (expected(bench), freeze(bench)) == (Decimal(54), None)

    def test_nor_is_it_missed_where_the_broker_lists_by_creation_alone(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.gateway.capabilities = BrokerCapabilities(lists_by_change=False)
        bench.buy("c1", time_in_force="gtc")
        order = bench.gateway.order()
        bench.sync(after=3 * 86400)
        order.changed_at = bench.clock.now()
        bench.manager.cancel_order("c1")
        order.fill(4)
        order.end()
        bench.sync(after=LOOK_EVERY_S)
        bench.sync(after=60)
        assert (expected(bench), freeze(bench)) == (Decimal(54), None)

    def test_a_difference_that_goes_away_freezes_nothing(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.positions.move("AAPL", "5")
        bench.sync(after=LOOK_EVERY_S)
        bench.positions.move("AAPL", "-5")
        bench.sync(after=60)
        bench.sync(after=60)
        assert freeze(bench) is None

    def test_a_drift_never_takes_the_place_of_a_harder_freeze(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.gateway.submits.append(type(REPLY_LOST)(mismatch="another price"))
        bench.buy("c1")
        bench.positions.move("AAPL", "5")
        bench.sync(after=LOOK_EVERY_S)
        bench.sync(after=60)
        assert freeze(bench).reason == "another price"

    def test_short_positions_freeze_their_symbols_at_once_and_no_other(self):
        bench = ManagerBench(shares={"AAPL": 50, "MSFT": 5})
        bench.positions.move("MSFT", "-8")
        bench.positions.move("TSLA", "-2")
        bench.sync(after=LOOK_EVERY_S)
        for symbol in ("MSFT", "TSLA"):
            with pytest.raises(TradingHaltedError, match=f"the account is short; .*accept-position {symbol}"):
                bench.buy(symbol=symbol)
            with pytest.raises(TradeRefusedError, match=f"shares short; cover it .*accept-position {symbol}"):
                bench.manager.place_limit_sell(symbol, 1, Decimal(250))
        assert bench.manager.halted_because is None
        assert bench.buy("b1").order_id is not None
        assert bench.sell("s1", quantity=5).order_id is not None

    def test_a_short_is_recorded_once_and_again_when_its_number_changes(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.positions.move("TSLA", "-2")
        for _ in range(3):
            bench.sync(after=LOOK_EVERY_S)
        bench.positions.move("TSLA", "-1")
        bench.sync(after=LOOK_EVERY_S)
        shorts = [fact for fact in bench.journal.facts(EventKind.SYMBOL_FROZEN) if fact.details["cause"] != "drift"]
        assert [fact.details["broker"] for fact in shorts] == ["-2", "-3"]

    def test_a_covered_short_heals_once_both_agree(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.positions.move("TSLA", "-2")
        bench.sync(after=LOOK_EVERY_S)
        bench.positions.move("TSLA", "2")
        bench.sync(after=LOOK_EVERY_S)
        assert bench.manager.ways_out.freezes() == ()
        assert bench.buy("b1", symbol="TSLA").order_id is not None

    def test_a_short_that_was_there_at_the_first_look_stops_no_start_and_heals_by_no_agreement(self):
        bench = ManagerBench(shares={"AAPL": 50, "TSLA": -2})
        bench.sync(after=LOOK_EVERY_S)
        assert [freeze.symbol for freeze in bench.manager.ways_out.freezes()] == ["TSLA"]
        assert bench.buy("b1").order_id is not None


class TestRequests:
    def test_nothing_is_read_while_nothing_happens(self):
        bench = ManagerBench(shares={"AAPL": 50})
        before = bench.positions.reads
        for _ in range(10):
            bench.sync(after=LOOK_EVERY_S / 11)
        assert bench.positions.reads == before

    def test_a_fill_and_an_old_look_each_call_for_one_read(self):
        bench = ManagerBench(shares={"AAPL": 50})
        before = bench.positions.reads
        bench.buy("c1")
        bench.gateway.order().fill()
        bench.sync()
        assert bench.positions.reads == before + 1
        bench.sync(after=LOOK_EVERY_S)
        assert bench.positions.reads == before + 2

    def test_an_order_placed_elsewhere_calls_for_a_read_when_it_comes_and_when_it_goes(self):
        bench = ManagerBench(shares={"AAPL": 50})
        before = bench.positions.reads
        unjournaled = bench.gateway.add(terms(quantity=5))
        bench.sync()
        bench.sync()
        assert bench.positions.reads == before + 1
        unjournaled.fill()
        bench.sync()
        assert bench.positions.reads == before + 2

    def test_while_a_look_that_is_due_fails_sells_rest_on_the_one_before(self):
        """An older look lowers confidence, not permission, where the broker would refuse a short sale."""
        bench = ManagerBench(shares={"AAPL": 50})
        bench.positions.is_failing = True
        assert bench.sync(after=LOOK_EVERY_S).complete
        assert bench.buy("b1", symbol="MSFT").order_id is not None
        refused_sell(bench, 51)
        assert bench.sell("s2", quantity=50).order_id is not None

    def test_where_the_account_could_go_short_no_sell_rests_on_an_old_look(self):
        bench = ManagerBench(shares={"AAPL": 50}, mode=ExecutionMode.LIVE)
        bench.positions.is_failing = True
        bench.sync(after=LATEST_LOOK_S + 1)
        with pytest.raises(TradingHaltedError, match="could go short") as caught:
            bench.sell("s1", quantity=50)
        assert caught.value.code == "positions_unknown"
        assert bench.buy("b1", symbol="MSFT").order_id is not None
        bench.positions.is_failing = False
        assert bench.sell("s2", quantity=50).order_id is not None, "the sell itself looks anew"

    def test_a_look_of_a_minute_is_young_enough_where_the_account_could_go_short(self):
        bench = ManagerBench(shares={"AAPL": 50}, mode=ExecutionMode.LIVE)
        bench.positions.is_failing = True
        bench.sync(after=LATEST_LOOK_S)
        assert bench.sell("s1", quantity=50).order_id is not None

    def test_a_cash_account_cannot_go_short(self):
        bench = ManagerBench(shares={"AAPL": 50}, mode=ExecutionMode.LIVE)
        bench.positions.is_failing = True
        bench.positions.account_type = "cash"
        bench.sync(after=LATEST_LOOK_S + 1)
        assert bench.sell("s1", quantity=50).order_id is not None

    def test_the_number_that_a_person_sees_stands_for_a_look(self):
        bench = ManagerBench(shares={"AAPL": 50}, mode=ExecutionMode.LIVE, recovered=False)
        bench.positions.is_failing = True
        known = holdings(bench)
        free = known.free_to_sell("AAPL")
        assert (free.quantity, free.held) == (Decimal(0), None)
        with bench.store.open_book():
            bench.store.record_fact(baseline("AAPL", Decimal(40)))
        with known.counted_by_hand("AAPL", Decimal(30)):
            free = known.free_to_sell("AAPL")
            assert (free.quantity, free.not_sure_because) == (Decimal(30), None)
        with known.counted_by_hand("AAPL", Decimal(50)):
            assert known.free_to_sell("AAPL").quantity == 40
            with known.counted_by_hand("AAPL", Decimal(20)):
                assert known.free_to_sell("AAPL").quantity == 20, "the smallest of several counts"
        assert known.free_to_sell("AAPL").held is None

    @pytest.mark.parametrize(("counted", "held"), [(30, 30), (80, 50)])
    def test_beside_a_look_that_counts_the_smaller_number_is_held(self, counted, held):
        bench = ManagerBench(shares={"AAPL": 50})
        with holdings(bench).counted_by_hand("AAPL", Decimal(counted)):
            assert holdings(bench).free_to_sell("AAPL").held == held

    def test_beside_a_look_that_is_too_old_the_count_is_held(self):
        bench = ManagerBench(shares={"AAPL": 50}, mode=ExecutionMode.LIVE)
        bench.clock.sleep(LATEST_LOOK_S + 1)
        with holdings(bench).counted_by_hand("AAPL", Decimal(80)):
            free = holdings(bench).free_to_sell("AAPL")
        assert (free.held, free.not_sure_because) == (Decimal(80), None)

    def test_what_may_be_sold_says_on_which_look_it_rests(self):
        bench = ManagerBench(shares={"AAPL": 50})
        began = Moment.of(bench.clock)
        bench.clock.sleep(20)
        assert holdings(bench).free_to_sell("AAPL").looked == began
        bench.positions.missing = {"AAPL"}
        bench.positions.unread = [UnreadPosition(name="AAPL", problem="quantity: null", symbol="AAPL")]
        bench.sync(after=LOOK_EVERY_S)
        free = holdings(bench).free_to_sell("AAPL")
        assert (free.looked, free.held, free.not_sure_because) == (None, None, "quantity: null")

    def test_before_the_first_look_it_says_that_there_was_none(self):
        bench = ManagerBench(shares={"AAPL": 50}, recovered=False)
        free = holdings(bench).free_to_sell("AAPL")
        assert "not been read in this session" in str(free.not_sure_because)
        assert holdings(bench).entries_stopped("AAPL") == free.not_sure_because

    @pytest.mark.parametrize("too_old", ["positions", "open orders"])
    def test_what_is_too_old_where_the_account_could_go_short_is_named(self, too_old):
        bench = ManagerBench(shares={"AAPL": 50}, mode=ExecutionMode.LIVE)
        bench.positions.is_failing = too_old == "positions"
        bench.clock.sleep(LATEST_LOOK_S)
        if too_old == "positions":
            bench.sync()
        else:
            bench.gateway.listing_problem = "502"
            bench.sync(after=LOOK_EVERY_S)
        bench.clock.sleep(1)
        free = holdings(bench).free_to_sell("AAPL")
        assert f"the {too_old} were last read" in str(free.not_sure_because)

    @pytest.mark.parametrize("elsewhere", ["while the machine slept", "in an order that was open"])
    def test_shares_that_were_sold_elsewhere_are_not_sold_again(self, elsewhere):
        clock = JumpyClock(MONDAY)
        bench = ManagerBench(shares={"AAPL": 10}, clock=clock)
        if elsewhere == "while the machine slept":
            clock.jump(3600)
        else:
            theirs = bench.gateway.add(terms(side=Side.SELL))
            bench.sync()
            theirs.fill()
            bench.positions.is_failing = True
            bench.sync()
        bench.positions.move("AAPL", "-10" if elsewhere == "while the machine slept" else "0")
        with pytest.raises((TradeRefusedError, TradingHaltedError)):
            bench.sell(quantity=10)
        assert bench.gateway.posts == []


class TestSells:
    def test_no_more_is_sold_than_is_held(self):
        bench = ManagerBench(shares={"AAPL": 50})
        assert "more than the 50 held" in str(refused_sell(bench, 51))
        assert bench.gateway.calls == []
        assert bench.sell(quantity=50).order_id is not None

    def test_open_sells_of_ours_take_their_shares_until_they_end(self):
        bench = ManagerBench(shares={"AAPL": 50}, max_pending_per_side=5)
        bench.sell("s1", quantity=30)
        refused_sell(bench, 21)
        bench.manager.cancel_order("s1")
        assert bench.sell("s2", quantity=21).order_id is not None

    def test_a_sell_in_doubt_takes_its_shares(self):
        bench = ManagerBench(shares={"AAPL": 50}, max_pending_per_side=5)
        bench.gateway.submits.append(REPLY_LOST)
        bench.gateway.blind_lookups = 1000
        with pytest.raises(OrderOutcomeUnknownError):
            bench.sell("s1", quantity=30)
        refused_sell(bench, 21)

    def test_sells_placed_elsewhere_take_their_shares_while_they_rest(self):
        bench = ManagerBench(shares={"AAPL": 50})
        unjournaled = bench.gateway.add(terms(side=Side.SELL, quantity=30))
        bench.sync()
        refused_sell(bench, 21)
        unjournaled.end()
        bench.sync()
        assert bench.sell(quantity=21).order_id is not None

    def test_a_listing_that_is_not_whole_frees_no_shares_of_sells_placed_elsewhere(self):
        bench = ManagerBench(shares={"AAPL": 50})
        unjournaled = bench.gateway.add(terms(side=Side.SELL, quantity=30))
        bench.sync()
        bench.gateway.hidden.add(unjournaled.order_id)
        bench.gateway.listing_problem = "502"
        bench.sync()
        refused_sell(bench, 21)

    @pytest.mark.parametrize(("moved", "free"), [("-20", 30), ("20", 50)], ids=["fewer there", "fewer explained"])
    def test_a_drifted_symbol_is_sold_up_to_the_smaller_quantity(self, moved, free):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.positions.move("AAPL", moved)
        bench.sync(after=LOOK_EVERY_S)
        bench.sync(after=60)
        assert cause_of(freeze(bench)) is Cause.DRIFT
        refused_sell(bench, free + 1)
        assert bench.sell(quantity=free).order_id is not None

    def test_a_fill_counts_as_soon_as_it_is_booked(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.sell("s1", quantity=30)
        bench.gateway.order().fill()
        bench.manager.get_order_status("s1")
        refused_sell(bench, 21)

    def test_the_same_sell_again_is_a_duplicate_and_no_oversell(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.sell("s1", quantity=50)
        assert bench.sell("s2", quantity=50).duplicate_of == "s1"
