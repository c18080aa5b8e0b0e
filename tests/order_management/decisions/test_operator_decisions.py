"""What a named person decides: checked, recorded, and still there after a restart."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.fake_gateway import (
    REPLY_LOST,
    REQUEST_LOST,
    SURELY_THERE,
    BrokerOrder,
    SubmitStep,
    nothing,
    rejected,
)
from tests.support.manager_bench import MONDAY, ManagerBench, terms
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import LOOK_EVERY_S, instrument_named
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.decisions.operator_decisions import Resolution
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    OrderError,
    OrderNotFoundError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
    OrderStatusError,
    OrderValidationError,
    TradingHaltedError,
)
from trading_bot.order_management.models import OrderState, OrderTerms, Side, TimeInForce
from trading_bot.order_management.portfolio import UnreadPosition

ALICE = {"by": "alice", "reason": "looked it up in the app"}
STRANGER_REF = f"{OUR_MARK}-0000-4000-8000-000000000001"


def in_doubt(step: SubmitStep = REQUEST_LOST) -> ManagerBench:
    bench = ManagerBench()
    bench.gateway.submits.append(step)
    bench.gateway.blind_lookups = 1000
    with pytest.raises(OrderOutcomeUnknownError):
        bench.buy("c1")
    bench.gateway.blind_lookups = 0
    bench.clock.sleep_until(MONDAY + timedelta(seconds=21))
    return bench


def terms_of_c1(bench: ManagerBench) -> OrderTerms:
    return bench.gateway.calls[0].terms


def shown(monkeypatch: pytest.MonkeyPatch, order: BrokerOrder, **changes: Any) -> None:
    """Have the broker show the order with these changes."""
    report = order.report
    monkeypatch.setattr(order, "report", lambda: replace(report(), **changes))


def with_stranger(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> ManagerBench:
    """An order with our mark which the journal does not know."""
    bench = ManagerBench()
    unjournaled = bench.gateway.add(terms("MSFT"), ref_id=STRANGER_REF)
    shown(monkeypatch, unjournaled, **{"time_in_force": TimeInForce.GFD, **changes})
    bench.sync()
    return bench


def decided(bench: ManagerBench):
    return bench.journal.facts(EventKind.ORDER_RESOLVED)[-1]


@pytest.mark.parametrize("bad", [{"by": " "}, {"reason": ""}, {"by": "x" * 65}, {"reason": "a\nb"}], ids=repr)
@pytest.mark.parametrize("decision", ["resolve", "adopt", "release", "accept_position"])
def test_a_decision_needs_a_name_and_a_reason(decision, bad):
    decide = getattr(ManagerBench(shares={}).manager.decisions, decision)
    options = {"as_": Resolution.NEVER_ACCEPTED} if decision == "resolve" else {}
    with pytest.raises(OrderValidationError, match="needs a name and a reason"):
        decide("x", **options, **{**ALICE, **bad})


class TestResolve:
    def test_never_accepted_has_to_wait_until_nothing_can_arrive_any_more(self):
        """After a crash a person may be quicker than the bytes of the submit."""
        bench = ManagerBench()
        bench.gateway.submits.append(REQUEST_LOST)
        bench.gateway.blind_lookups = 1000
        with pytest.raises(OrderOutcomeUnknownError):
            bench.buy("c1")
        with pytest.raises(OrderStatusError, match="on its way"):
            bench.manager.decisions.resolve("c1", as_=Resolution.NEVER_ACCEPTED, **ALICE)
        assert bench.state("c1") == "unknown"

    def test_never_accepted_ends_the_doubt_and_frees_the_symbol(self):
        bench = in_doubt()
        ended = bench.manager.decisions.resolve("c1", as_=Resolution.NEVER_ACCEPTED, **ALICE)
        assert (ended.state, ended.reason) == (OrderState.NEVER_ACCEPTED, ALICE["reason"])
        assert decided(bench).details == {"as": "never_accepted", "by": "alice"}
        assert bench.buy("c2").order_id is not None

    def test_what_the_broker_shows_beats_what_was_decided(self):
        bench = in_doubt(REPLY_LOST)
        with pytest.raises(OrderValidationError, match="has order c1 as broker-1"):
            bench.manager.decisions.resolve("c1", as_=Resolution.NEVER_ACCEPTED, **ALICE)
        assert bench.state("c1") == "confirmed"

    def test_an_incomplete_listing_decides_nothing(self):
        bench = in_doubt()
        bench.gateway.lookup_problem = "page 2 failed"
        with pytest.raises(OrderStatusError, match="page 2 failed"):
            bench.manager.decisions.resolve("c1", as_=Resolution.NEVER_ACCEPTED, **ALICE)
        assert bench.state("c1") == "unknown"

    def test_the_search_begins_a_day_before_the_order(self):
        bench = in_doubt()
        bench.gateway.look_backs.clear()
        bench.manager.decisions.resolve("c1", as_=Resolution.NEVER_ACCEPTED, **ALICE)
        assert (bench.tracked("c1").envelope.created_at - bench.gateway.look_backs[0]).days == 1

    @pytest.mark.parametrize("step", [REPLY_LOST, SURELY_THERE], ids=["unknown", "surely there"])
    def test_found_is_read_at_the_broker_and_tracked(self, step):
        bench = in_doubt(step)
        bench.gateway.order().fill(4)
        found = bench.manager.decisions.resolve("c1", as_=Resolution.FOUND, order_id="broker-1", **ALICE)
        assert (found.state, found.order_id, found.filled_quantity) == (
            OrderState.PARTIALLY_FILLED,
            "broker-1",
            Decimal(4),
        )
        assert decided(bench).details == {"as": "found", "by": "alice"}
        assert OrderBook.replayed(bench.journal.records).by_order_id("broker-1") == bench.tracked("c1")

    def test_found_takes_no_other_order(self):
        bench = in_doubt()
        other = bench.gateway.add(terms(), ref_id="another")
        with pytest.raises(OrderValidationError, match="another ref_id"):
            bench.manager.decisions.resolve("c1", as_=Resolution.FOUND, order_id=other.order_id, **ALICE)
        assert bench.state("c1") == "unknown"

    def test_found_takes_an_order_that_names_nobody_if_it_has_our_terms(self):
        """A broker that echoes no reference leaves no other proof than a person's word."""
        bench = in_doubt()
        nameless = bench.gateway.add(terms_of_c1(bench))
        found = bench.manager.decisions.resolve("c1", as_=Resolution.FOUND, order_id=nameless.order_id, **ALICE)
        assert (found.state, found.order_id) == (OrderState.CONFIRMED, nameless.order_id)
        nameless.fill(4)
        bench.sync()
        assert bench.tracked("c1").envelope.filled_quantity == 4

    def test_found_takes_one_that_does_not_say_all_of_them(self, monkeypatch):
        bench = in_doubt()
        nameless = bench.gateway.add(terms_of_c1(bench))
        shown(monkeypatch, nameless, symbol="an-instrument-id", symbol_is_known=False, created_at=None)
        bench.manager.decisions.resolve("c1", as_=Resolution.FOUND, order_id=nameless.order_id, **ALICE)
        assert bench.state("c1") == "confirmed"

    @pytest.mark.parametrize(
        "changes",
        [{"quantity": 11}, {"limit_price": Decimal(1)}, {"side": Side.SELL}, {"symbol": "MSFT"}],
        ids=str,
    )
    def test_found_takes_no_order_that_names_nobody_and_has_other_terms(self, changes):
        bench = in_doubt()
        nameless = bench.gateway.add(replace(terms_of_c1(bench), **changes))
        with pytest.raises(OrderValidationError, match="differs in its terms"):
            bench.manager.decisions.resolve("c1", as_=Resolution.FOUND, order_id=nameless.order_id, **ALICE)
        assert bench.state("c1") == "unknown"

    def test_found_takes_no_order_that_was_made_before_ours(self):
        bench = in_doubt()
        nameless = bench.gateway.add(terms_of_c1(bench))
        nameless.created_at = bench.tracked("c1").envelope.created_at - timedelta(seconds=61)
        with pytest.raises(OrderValidationError, match="made before"):
            bench.manager.decisions.resolve("c1", as_=Resolution.FOUND, order_id=nameless.order_id, **ALICE)

    def test_found_takes_no_order_that_another_one_of_ours_is(self):
        bench = in_doubt()
        bench.buy("c2", symbol="MSFT")
        nameless = bench.gateway.order()
        nameless.ref_id, nameless.terms = None, terms_of_c1(bench)
        with pytest.raises(OrderValidationError, match="it is order c2"):
            bench.manager.decisions.resolve("c1", as_=Resolution.FOUND, order_id=nameless.order_id, **ALICE)

    @pytest.mark.parametrize(("order_id", "error"), [(None, OrderValidationError), ("nobody", OrderNotFoundError)])
    def test_found_needs_an_order_that_is_there(self, order_id, error):
        bench = in_doubt()
        with pytest.raises(error):
            bench.manager.decisions.resolve("c1", as_=Resolution.FOUND, order_id=order_id, **ALICE)
        assert bench.state("c1") == "unknown"

    @pytest.mark.parametrize("as_", [Resolution.FOUND, Resolution.NEVER_ACCEPTED])
    def test_an_order_that_is_not_in_doubt_is_left_as_it_is(self, as_):
        bench = ManagerBench()
        bench.buy("c1")
        with pytest.raises(OrderValidationError, match="there is no doubt to end"):
            bench.manager.decisions.resolve("c1", as_=as_, order_id="broker-1", **ALICE)
        assert EventKind.ORDER_RESOLVED not in bench.journal.kinds

    def test_an_order_whose_answer_is_awaited_is_not_in_doubt_yet(self):
        bench = ManagerBench()
        errors: list[OrderError] = []

        def meanwhile() -> None:
            with pytest.raises(OrderValidationError, match="wait for its answer") as caught:
                bench.manager.decisions.resolve("c1", as_=Resolution.NEVER_ACCEPTED, **ALICE)
            errors.append(caught.value)

        bench.gateway.submits.append(SubmitStep(meanwhile=meanwhile))
        bench.buy("c1")
        assert len(errors) == 1

    def test_an_order_nobody_knows_is_not_found(self):
        with pytest.raises(OrderNotFoundError, match="list the orders"):
            ManagerBench().manager.decisions.resolve("nobody", as_=Resolution.NEVER_ACCEPTED, **ALICE)


class TestAdopt:
    def test_an_adopted_order_is_tracked_and_trading_resumes(self, monkeypatch):
        bench = with_stranger(monkeypatch)
        with pytest.raises(TradingHaltedError, match="adopt"):
            bench.buy()
        adopted = bench.manager.decisions.adopt("broker-1", **ALICE)
        assert (adopted.client_order_id, adopted.symbol, adopted.state) == (
            "adopted-broker-1",
            "MSFT",
            OrderState.CONFIRMED,
        )
        assert decided(bench).details == {"as": "adopted", "by": "alice"}
        assert bench.journal.facts(EventKind.TRADING_RESUMED)[0].details == {"by": "alice", "cause": "unjournaled"}
        assert bench.buy().order_id is not None
        bench.gateway.order("broker-1").fill()
        bench.sync()
        assert bench.state("adopted-broker-1") == "filled"

    def test_it_is_still_tracked_after_a_restart(self, monkeypatch):
        bench = with_stranger(monkeypatch)
        bench.manager.decisions.adopt("broker-1", **ALICE)
        bench.restart()
        bench.manager.recover()
        assert bench.manager.halted_because is None
        assert bench.manager.cancel_order("broker-1").is_proven_closed

    def test_the_halt_stays_while_another_one_is_open(self, monkeypatch):
        bench = with_stranger(monkeypatch)
        bench.gateway.add(terms("TSLA"), ref_id=STRANGER_REF[:-1] + "2")
        bench.manager.decisions.adopt("broker-1", **ALICE)
        assert "has our mark" in (bench.manager.halted_because or "")

    def test_the_halt_stays_while_not_every_order_can_be_listed(self, monkeypatch):
        bench = with_stranger(monkeypatch)
        bench.gateway.listing_problem = "page 2 failed"
        bench.manager.decisions.adopt("broker-1", **ALICE)
        assert bench.manager.halted_because is not None

    def test_once_such_an_order_has_ended_a_resume_of_the_account_ends_the_halt(self, monkeypatch):
        """It may be one that cannot be adopted: a market order, or one that the broker does not know any more."""
        bench = with_stranger(monkeypatch, limit_price=None)
        with pytest.raises(OrderValidationError, match="end it at the broker"):
            bench.manager.decisions.adopt("broker-1", **ALICE)
        with pytest.raises(OrderValidationError, match="no entries of the account"):
            bench.manager.decisions.resume(None, **ALICE)
        bench.gateway.order().end()
        bench.gateway.listing_problem = "HTTP 503"
        with pytest.raises(OrderValidationError, match="no entries of the account"):
            bench.manager.decisions.resume(None, **ALICE)
        bench.gateway.listing_problem = None
        with pytest.raises(OrderValidationError, match="no entries in"):
            bench.manager.decisions.resume("MSFT", **ALICE)
        assert bench.manager.decisions.resume(None, **ALICE) == ("the account",)
        assert bench.manager.ways_out.freezes() == ()

    def test_a_halt_of_another_cause_stays(self, monkeypatch):
        bench = ManagerBench(shares={"MSFT": 1})
        bench.manager.ways_out.cancel_entries(everything=True, by="alice", reason="out of the market")
        unjournaled = bench.gateway.add(terms("TSLA"), ref_id=STRANGER_REF)
        shown(monkeypatch, unjournaled, time_in_force=TimeInForce.GFD)
        bench.manager.decisions.adopt(unjournaled.order_id, **ALICE)
        assert "everything was left" in (bench.manager.halted_because or "")

    @pytest.mark.parametrize(
        "changes", [{"limit_price": None}, {"time_in_force": None}, {"created_at": None}, {"quantity": Decimal("1.5")}]
    )
    def test_an_order_that_says_too_little_is_not_tracked(self, changes, monkeypatch):
        bench = with_stranger(monkeypatch, **changes)
        with pytest.raises(OrderValidationError, match="no limit order of whole shares"):
            bench.manager.decisions.adopt("broker-1", **ALICE)
        assert bench.manager.orders() == ()

    @pytest.mark.parametrize("ref_id", [None, "somebody else's"])
    def test_an_order_of_somebody_else_is_not_ours(self, ref_id):
        bench = ManagerBench()
        order = bench.gateway.add(terms(), ref_id=ref_id)
        with pytest.raises(OrderValidationError, match="does not have our mark"):
            bench.manager.decisions.adopt(order.order_id, **ALICE)

    def test_an_order_of_the_journal_is_not_adopted(self):
        bench = ManagerBench()
        bench.buy("c1")
        with pytest.raises(OrderValidationError, match="in the journal as c1"):
            bench.manager.decisions.adopt("broker-1", **ALICE)


class TestRelease:
    def frozen(self) -> ManagerBench:
        bench = ManagerBench()
        bench.gateway.submits.append(rejected(403, freezes=True))
        with pytest.raises(OrderRejectedError):
            bench.buy("c1")
        return bench

    def test_a_released_symbol_is_traded_again_and_the_journal_says_who_did_it(self):
        bench = self.frozen()
        with pytest.raises(TradingHaltedError, match="frozen"):
            bench.buy("c2")
        bench.manager.decisions.release("AAPL", **ALICE)
        (fact,) = bench.journal.facts(EventKind.SYMBOL_RELEASED)
        assert (fact.symbol, fact.reason, fact.details) == (
            "AAPL",
            ALICE["reason"],
            {"by": "alice", "cause": "refused"},
        )
        assert bench.buy("c3").order_id is not None

    def test_a_symbol_that_is_not_frozen_is_not_released(self):
        with pytest.raises(OrderValidationError, match="not frozen"):
            self.frozen().manager.decisions.release("MSFT", **ALICE)

    def test_a_drift_is_accepted_and_not_released(self):
        bench = drifted()
        with pytest.raises(OrderValidationError, match="accept-position AAPL"):
            bench.manager.decisions.release("AAPL", **ALICE)
        assert EventKind.SYMBOL_RELEASED not in bench.journal.kinds


def drifted(moved: str = "-20") -> ManagerBench:
    bench = ManagerBench(shares={"AAPL": 50})
    bench.positions.move("AAPL", moved)
    bench.sync(after=LOOK_EVERY_S)
    bench.sync(after=60)
    return bench


class TestAcceptPosition:
    @pytest.mark.parametrize(("moved", "quantity"), [("-20", 30), ("50", 100), ("-50", 0)])
    def test_the_brokers_quantity_counts_from_now_on(self, moved, quantity):
        bench = drifted(moved)
        assert bench.manager.decisions.accept_position("AAPL", **ALICE) == quantity
        fact = bench.journal.facts(EventKind.POSITION_ACCEPTED)[-1]
        assert (fact.quantity, fact.reason, fact.details) == (
            quantity,
            ALICE["reason"],
            {"by": "alice", "before": "50"},
        )
        bench.sync(after=LOOK_EVERY_S)
        bench.sync(after=60)
        assert bench.buy("c1").order_id is not None

    def test_all_of_it_can_be_sold_at_once(self):
        bench = drifted("50")
        bench.manager.decisions.accept_position("AAPL", **ALICE)
        assert bench.sell(quantity=100).order_id is not None

    def test_an_open_order_keeps_it_from_being_accepted(self):
        """Its fills could be in the position already and be booked once more later."""
        bench = drifted()
        bench.sell(quantity=5)
        with pytest.raises(OrderValidationError, match="s1 is confirmed and may move the position"):
            bench.manager.decisions.accept_position("AAPL", **ALICE)

    def test_an_open_order_of_another_symbol_does_not(self):
        bench = drifted()
        bench.buy("c1", symbol="MSFT")
        assert bench.manager.decisions.accept_position("AAPL", **ALICE) == 30

    @pytest.mark.parametrize("symbol", ["aapl", "", "AAPL ", "../AAPL"])
    def test_what_is_no_symbol_is_refused(self, symbol):
        bench = ManagerBench(shares={"AAPL": 50})
        with pytest.raises(OrderValidationError):
            bench.manager.decisions.accept_position(symbol, **ALICE)

    def test_it_is_not_accepted_while_shares_of_it_are_being_booked(self):
        """What is sold while the broker is asked would be sold a second time."""
        bench = ManagerBench(shares={"AAPL": 50})

        def sell_all() -> None:
            bench.positions.during_read = nothing
            bench.sell("c1", quantity=50)
            bench.gateway.order().fill()
            bench.manager.get_order_status("c1")

        bench.positions.during_read = sell_all
        with pytest.raises(OrderStatusError, match="try again"):
            bench.manager.decisions.accept_position("AAPL", **ALICE)
        assert bench.manager.decisions.accept_position("AAPL", **ALICE) == 0

    def test_a_short_position_is_not_accepted_and_a_covered_one_ends_the_freeze(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.positions.move("AAPL", "-58")
        bench.sync(after=LOOK_EVERY_S)
        with pytest.raises(OrderValidationError, match="8 shares short"):
            bench.manager.decisions.accept_position("AAPL", **ALICE)
        bench.positions.move("AAPL", "8")
        assert bench.manager.decisions.accept_position("AAPL", **ALICE) == 0
        assert bench.manager.ways_out.freezes() == ()

    @pytest.mark.parametrize("row", [{"symbol": None}, {"symbol": "AAPL"}, {"instrument_id": None, "symbol": "AAPL"}])
    def test_a_position_that_cannot_be_read_is_not_accepted_as_none(self, row):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.store.record_fact(instrument_named("AAPL", "id-1"))
        unread = {"name": "id-1", "problem": "quantity: null", "instrument_id": "id-1", **row}
        bench.positions.missing, bench.positions.unread = {"AAPL"}, [UnreadPosition(**unread)]
        with pytest.raises(OrderValidationError, match="cannot be read"):
            bench.manager.decisions.accept_position("AAPL", **ALICE)
        with bench.store.open_book() as book:
            assert book.expected_positions()["AAPL"] == 50

    def test_the_position_of_another_symbol_does_not_end_the_freeze(self):
        bench = ManagerBench(shares={"AAPL": 50, "MSFT": 1})
        bench.positions.move("MSFT", "-2")
        bench.sync(after=LOOK_EVERY_S)
        bench.manager.decisions.accept_position("AAPL", **ALICE)
        assert [freeze.symbol for freeze in bench.manager.ways_out.freezes()] == ["MSFT"]

    def test_a_freeze_of_another_cause_stays(self):
        bench = ManagerBench(shares={"AAPL": 50})
        bench.gateway.submits.append(rejected(403, freezes=True))
        with pytest.raises(OrderRejectedError):
            bench.buy("c1")
        bench.manager.decisions.accept_position("AAPL", **ALICE)
        with pytest.raises(TradingHaltedError, match="frozen"):
            bench.buy("c2")

    def test_positions_that_cannot_be_read_are_not_accepted(self):
        bench = drifted()
        bench.positions.is_failing = True
        with pytest.raises(OrderStatusError):
            bench.manager.decisions.accept_position("AAPL", **ALICE)

    def test_without_an_account_there_is_no_position(self):
        with pytest.raises(OrderStatusError, match="reads no positions"):
            ManagerBench().manager.decisions.accept_position("AAPL", **ALICE)


def test_a_sell_side_stranger_is_adopted_as_a_sell(monkeypatch):
    bench = ManagerBench()
    order = bench.gateway.add(terms(side=Side.SELL), ref_id=STRANGER_REF)
    shown(monkeypatch, order, time_in_force=TimeInForce.GTC)
    assert bench.manager.decisions.adopt(order.order_id, **ALICE).side is Side.SELL


def test_a_released_symbol_ends_the_halt_that_two_orders_for_one_had_caused():
    bench = ManagerBench()
    bench.buy("c1")
    intent = bench.gateway.posts[0]
    bench.gateway.add(intent.terms, ref_id=intent.ref_id)
    for _ in range(2):
        bench.manager.synchronize_open_orders()
    assert "two orders" in str(bench.manager.halted_because)
    bench.manager.decisions.release("AAPL", **ALICE)
    assert bench.manager.halted_because is None
    assert bench.buy("c2", symbol="MSFT").order_id is not None
