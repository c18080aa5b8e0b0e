"""Orders under a state word that nobody knows, or that the broker has forgotten: shown, and ended by a person."""

from decimal import Decimal

import pytest

from tests.support.fake_gateway import REQUEST_LOST
from tests.support.jumpy_clock import JumpyClock
from tests.support.manager_bench import MONDAY, ManagerBench, terms
from trading_bot.clock import Moment
from trading_bot.order_management.book.anomalies import AnomalyKind
from trading_bot.order_management.book.freezes import Cause, halted
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import LOOK_EVERY_S
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.decisions.operator_decisions import Resolution
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    OrderNotFoundError,
    OrderOutcomeUnknownError,
    OrderStatusError,
    OrderValidationError,
    TradingHaltedError,
)
from trading_bot.order_management.models import ClientOrderId, ExecutionMode, OrderState
from trading_bot.order_management.outcomes import UnreadRow
from trading_bot.order_management.sync.free_shares import LATEST_LOOK_S
from trading_bot.order_management.sync.positions import Holdings

ALICE = {"by": "alice", "reason": "seen in the app"}


def parked(word: str = "parked") -> ManagerBench:
    bench = ManagerBench(shares={"AAPL": 50})
    bench.buy("w3", quantity=12)
    order = bench.gateway.order()
    order.word = word
    bench.gateway.hidden = {order.order_id}
    bench.sync()
    return bench


def resolve(bench: ManagerBench, name: str = "w3", as_: Resolution = Resolution.CANCELLED):
    return bench.manager.decisions.resolve(name, as_=as_, **ALICE)


def holdings(bench: ManagerBench) -> Holdings:
    found = bench.manager._services.sync.holdings
    assert found is not None
    return found


class TestTheWord:
    def test_it_is_on_record_once_and_shown_with_order_and_status(self):
        bench = parked()
        bench.sync()
        (envelope,) = bench.manager.open_orders()
        assert (envelope.state, envelope.broker_state, envelope.state_is_known) == ("confirmed", "parked", False)
        status = bench.manager.get_order_status("w3")
        assert (status.broker_state, status.state_is_known) == ("parked", False)
        told = [fact for fact in bench.journal.facts(EventKind.ORDER_UPDATED) if "state_is_known" in fact.details]
        assert len(told) == 1
        assert OrderBook.replayed(bench.journal.records).get(ClientOrderId("w3")) == bench.tracked("w3")

    def test_another_word_is_news_and_one_that_is_known_ends_the_puzzle(self):
        bench = parked()
        bench.gateway.order().word = "shelved"
        bench.sync()
        assert bench.tracked("w3").envelope.broker_state == "shelved"
        bench.gateway.order().word = None
        bench.sync()
        envelope = bench.tracked("w3").envelope
        assert (envelope.broker_state, envelope.state_is_known) == ("confirmed", True)


class TestEndedByAPerson:
    def test_as_cancelled_frees_the_side_and_keeps_what_was_filled(self):
        bench = parked()
        bench.gateway.order().fill(4)
        ended = resolve(bench)
        assert (ended.state, ended.filled_quantity) == (OrderState.CANCELLED, 4)
        fact = bench.journal.facts(EventKind.ORDER_RESOLVED)[-1]
        assert dict(fact.details) == {"as": "cancelled", "by": "alice"}
        assert bench.buy("b2").order_id is not None

    def test_as_filled_counts_every_share(self):
        bench = parked()
        assert resolve(bench, as_=Resolution.FILLED).filled_quantity == 12
        with bench.store.open_book() as book:
            assert book.expected_positions() == {"AAPL": 62}

    def test_one_that_the_broker_does_not_know_any_more_can_be_ended(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.hidden = bench.gateway.forgotten = {bench.gateway.order().order_id}
        assert resolve(bench, "c1").state is OrderState.CANCELLED
        assert bench.sync().complete

    def test_the_broker_is_asked_first_and_a_known_word_wins(self):
        bench = parked()
        bench.gateway.order().word = None
        with pytest.raises(OrderValidationError, match="as confirmed; cancel it"):
            resolve(bench)
        bench.gateway.order().fill()
        with pytest.raises(OrderValidationError, match="as filled; it is booked"):
            resolve(bench)
        assert bench.state("w3") == "filled"

    def test_nothing_is_decided_while_the_broker_cannot_be_read(self):
        bench = parked()
        bench.gateway.unreadable = 1
        with pytest.raises(OrderStatusError):
            resolve(bench)
        assert bench.state("w3") == "confirmed"

    def test_what_has_ended_and_what_is_in_doubt_is_left_alone(self):
        bench = parked()
        resolve(bench)
        with pytest.raises(OrderValidationError, match="ended already"):
            resolve(bench)
        bench.gateway.submits.append(REQUEST_LOST)
        bench.gateway.blind_lookups = 1000
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy("c1", symbol="MSFT")
        with pytest.raises(OrderValidationError, match="found or never_accepted"):
            resolve(bench, "c1")
        with pytest.raises(OrderNotFoundError):
            resolve(bench, "nobody")

    def test_it_is_no_order_that_works_again_while_the_word_lasts(self):
        bench = parked()
        resolve(bench)
        bench.gateway.hidden = set()
        bench.gateway.order().state = OrderState.CONFIRMED
        bench.sync()
        assert bench.gateway.cancel_requests == []
        assert AnomalyKind.AFTER_ITS_END not in {each.kind for each in bench.tracked("w3").anomalies}
        bench.gateway.order().word = None
        bench.sync()
        assert bench.gateway.cancel_requests == ["broker-1"], "a word that is known is a sign"


class TestResolvingADoubt:
    @pytest.mark.parametrize("names_it", [True, False])
    def test_a_row_that_may_be_the_order_keeps_it_from_being_never_accepted(self, names_it):
        bench = ManagerBench()
        bench.gateway.submits.append(REQUEST_LOST)
        bench.gateway.blind_lookups = 1000
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy("c1")
        bench.clock.sleep(7200)
        ref_id = bench.tracked("c1").envelope.ref_id if names_it else None
        bench.gateway.odd_changes = [UnreadRow(problem="quantity: null", symbol="AAPL", ref_id=ref_id)]
        with pytest.raises(OrderValidationError, match="row of"):
            resolve(bench, "c1", Resolution.NEVER_ACCEPTED)
        bench.gateway.odd_changes = []
        assert resolve(bench, "c1", Resolution.NEVER_ACCEPTED).state is OrderState.NEVER_ACCEPTED


class TestInstrumentIds:
    def test_an_order_of_an_older_journal_learns_its_instrument_from_the_broker(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.order().instrument_id = "I-1"
        bench.gateway.order().fill(3)
        bench.sync()
        assert bench.tracked("c1").instrument_id == "I-1"
        bench.gateway.order().symbol = "NEWNAME"
        bench.sync()
        assert bench.tracked("c1").envelope.symbol == "NEWNAME"
        with bench.store.open_book() as book:
            assert book.expected_positions() == {"NEWNAME": 3}
            assert book.positions.was("NEWNAME") == "AAPL"

    def test_an_order_nobody_knows_is_not_booked(self):
        bench = ManagerBench()
        with pytest.raises(OrderStatusError, match="no order c9 is in the journal"):
            bench.manager._services.sync.synchronizer.apply(ClientOrderId("c9"), bench.gateway.add(terms()).report())


class TestHowSureASellIs:
    @pytest.mark.parametrize("earlier", [(), (halted(Cause.EXIT, "everything was left"),)], ids=["alone", "second"])
    def test_a_second_writer_that_is_suspected_forbids_sells_where_the_account_could_go_short(self, earlier):
        """Whatever halts entries besides, and since when."""
        bench = ManagerBench(shares={"AAPL": 50}, mode=ExecutionMode.LIVE)
        bench.store.record_facts(earlier)
        bench.gateway.add(terms("NVDA"), ref_id=f"{OUR_MARK}-0000-4000-8000-000000000001")
        bench.sync()
        assert "another copy" in str(holdings(bench).free_to_sell("AAPL").not_sure_because)
        with holdings(bench).counted_by_hand("AAPL", Decimal(5)):
            assert holdings(bench).free_to_sell("AAPL").not_sure_because is None

    def test_without_any_word_of_the_accounts_type_it_could_go_short(self):
        bench = ManagerBench(shares={"AAPL": 50}, mode=ExecutionMode.LIVE)
        bench.positions.is_failing = bench.positions.account_is_failing = True
        bench.sync(after=LATEST_LOOK_S + 1)
        with pytest.raises(TradingHaltedError, match="could go short"):
            bench.sell("s1", quantity=5)

    def test_open_orders_that_were_read_before_a_sleep_are_too_old(self):
        clock = JumpyClock(MONDAY)
        bench = ManagerBench(shares={"AAPL": 50}, mode=ExecutionMode.LIVE, clock=clock)
        clock.jump(3600)
        assert "were last read" in str(holdings(bench).free_to_sell("AAPL").not_sure_because)
        assert bench.manager._services.sync.freshness.age_s() is None

    def test_a_look_that_somebody_overtook_changes_nothing(self):
        bench = ManagerBench(shares={"AAPL": 50})
        early = holdings(bench).look()
        bench.positions.move("AAPL", "-20")
        bench.sync(after=LOOK_EVERY_S)
        assert early.began.mono < Moment.of(bench.clock).mono
        assert holdings(bench)._taken_over(early, by=bench.clock.monotonic() + 10, looks_back=False) is None
        assert holdings(bench).free_to_sell("AAPL").quantity == 30
        assert holdings(bench).unsettled == {"AAPL"}

    def test_without_an_account_there_are_no_positions_to_show(self):
        bench = ManagerBench()
        with pytest.raises(OrderStatusError, match="reads no positions"):
            bench.manager.view.positions()
        assert bench.manager.view.external_orders() == ()
        assert holdings(ManagerBench(shares={})).placed_elsewhere("AAPL") == ()
