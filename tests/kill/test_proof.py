"""What "no open orders" rests on: a positive control, no sign of a second writer, and what it does not cover."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.kill_fakes import HORIZON_S, KillBench, open_order, our_ref
from tests.support.order_story import MONDAY, TERMS, Story, intended, now_in, order_id_of, ref_of
from trading_bot.kill.register import KnownOrders
from trading_bot.kill.report import HeldShares
from trading_bot.order_management.models import OrderId, OrderState, Side
from trading_bot.order_management.outcomes import CancelRefused
from trading_bot.order_management.portfolio import Position, UnreadPosition

A = OrderId("a")


@pytest.fixture
def bench(tmp_path: Path) -> KillBench:
    return KillBench(folder=tmp_path / "kills")


def ended_on_record(*names: str) -> KnownOrders:
    story = Story()
    for name in names:
        story.tell(intended(name), now_in(OrderState.CONFIRMED, name, order_id=order_id_of(name)))
        story.tell(now_in(OrderState.FILLED, name))
    return KnownOrders(orders=story.book.orders())


class TestPositiveControl:
    def test_empty_lists_prove_nothing_while_the_account_cannot_be_read_again(self, bench: KillBench):
        bench.broker.cannot_confirm = "reading accounts: HTTP 503; try again"
        report = bench.kill()
        assert not report.is_confirmed
        assert "may be another account's: reading accounts: HTTP 503" in report.problems[0]
        assert report.may_still_be_confirmed

    def test_an_account_that_can_be_read_again_in_time_is_confirmed(self, bench: KillBench):
        bench.broker.cannot_confirm = "no"
        bench.broker.at(HORIZON_S + 10, lambda: setattr(bench.broker, "cannot_confirm", None))
        assert bench.kill().is_confirmed

    def test_a_known_order_has_to_be_shown_through_the_same_filter(self, bench: KillBench):
        """A filter that matches nothing answers "no open orders" too."""
        bench.known = ended_on_record("older", "newest")
        bench.broker.add(
            *(
                open_order(order_id_of(name), ref_id=ref_of(name), state=OrderState.FILLED)
                for name in ("older", "newest")
            )
        )
        bench.broker.forgets = {order_id_of("newest")}
        report = bench.kill()
        assert not report.is_confirmed
        assert "does not show the order newest, which it has" in report.problems[0]

    def test_the_newest_order_on_record_serves_and_the_list_goes_back_to_its_making(self, bench: KillBench):
        bench.known = ended_on_record("older", "newest")
        bench.broker.add(open_order(order_id_of("newest"), ref_id=ref_of("newest"), state=OrderState.FILLED))
        assert bench.kill().is_confirmed
        newest = bench.known.orders[1].envelope
        assert len(bench.broker.since) == 1
        assert bench.broker.since[0] < newest.created_at
        assert newest.created_at > MONDAY

    def test_a_known_order_whose_row_cannot_be_read_serves_as_well(self, bench: KillBench):
        bench.known = ended_on_record("odd")
        bench.broker.add(open_order(order_id_of("odd"), ref_id=ref_of("odd"), state=OrderState.FILLED))
        bench.broker.unreadable = (order_id_of("odd"),)
        assert bench.kill().is_confirmed

    def test_an_order_that_this_kill_saw_in_the_list_serves_without_another_read(self, bench: KillBench):
        bench.broker.add(open_order("a"))
        assert bench.kill().is_confirmed
        assert bench.broker.since == []

    def test_a_list_that_fails_at_the_control_is_named_as_the_reason(self, bench: KillBench):
        bench.known = ended_on_record("first")
        bench.broker.add(open_order(order_id_of("first"), ref_id=ref_of("first"), state=OrderState.FILLED))
        bench.broker.since_problem = "listing orders: HTTP 502; list again"
        report = bench.kill()
        assert "so an empty list proves nothing: listing orders: HTTP 502" in report.problems[0]

    def test_an_account_without_any_order_on_record_has_the_account_alone(self, bench: KillBench):
        assert bench.kill().is_confirmed
        assert bench.broker.since == []
        assert "account" in bench.journal


class TestSecondWriter:
    def test_a_marked_order_that_no_record_knows_is_cancelled_and_prevents_the_proof(self, bench: KillBench):
        """Another copy of the bot sent it, and nothing of ours can switch that one off."""
        bench.knows_ours = False
        bench.broker.add(open_order("a"))
        report = bench.kill()
        assert bench.broker.asked == [[A]]
        assert not report.is_confirmed
        assert [order.order_id for order in report.unjournaled] == [A]
        assert "another state folder or on another machine" in report.problems[0]

    def test_no_time_could_help_so_the_kill_does_not_go_on(self, bench: KillBench):
        bench.knows_ours = False
        bench.broker.add(open_order("a"))
        assert not bench.kill().may_still_be_confirmed

    @pytest.mark.parametrize("name", ["order id", "ref_id"])
    def test_either_name_of_the_broker_makes_it_known(self, bench: KillBench, name: str):
        bench.known = ended_on_record("first")
        bench.knows_ours = False
        known = order_id_of("first") if name == "order id" else OrderId("a")
        bench.broker.add(open_order(known, ref_id=ref_of("first") if name == "ref_id" else our_ref("other")))
        assert bench.kill().unjournaled == ()

    def test_an_order_that_comes_on_record_during_the_kill_is_no_second_writers(self, bench: KillBench):
        bench.knows_ours = False
        bench.broker.add(open_order("a"))
        bench.broker.at(5, lambda: setattr(bench, "knows_ours", True))
        assert bench.kill().is_confirmed

    def test_an_order_that_was_on_record_when_the_kill_began_is_none_either(self, bench: KillBench):
        """The journal of a running bot may put it away meanwhile."""
        bench.known = ended_on_record("first")
        bench.knows_ours = False
        bench.broker.add(open_order(order_id_of("first"), ref_id=our_ref("first")))
        bench.broker.at(5, lambda: setattr(bench, "known", KnownOrders()))
        assert bench.kill().is_confirmed

    def test_where_the_journal_is_not_whole_nothing_is_said_of_another_writer(self, bench: KillBench):
        bench.knows_ours = False
        bench.known = KnownOrders(problem="it is damaged")
        bench.broker.add(open_order("a"))
        report = bench.kill()
        assert report.unjournaled == ()
        assert report.problems == ("it is damaged",)


def held(symbol: str, quantity: int) -> Position:
    return Position(
        symbol=symbol,
        quantity=Decimal(quantity),
        average_buy_price=None,
        held_for_sells=Decimal(0),
        as_of=MONDAY,
    )


STOP = {"side": Side.SELL, "waits_for_stop": True, "limit_price": None}
STOP_ID = order_id_of("stop")


class TestProtection:
    def test_a_protective_stop_of_ours_stays_and_is_named(self, bench: KillBench):
        bench.broker.add(open_order("stop", **STOP), open_order("a"))
        report = bench.kill()
        assert bench.broker.asked == [[A]]
        assert report.is_confirmed
        assert [order.order_id for order in report.protective] == ["stop"]
        assert "1 protective sells left in place" in report.covers

    def test_one_on_record_stays_once_the_list_shows_what_it_is(self, bench: KillBench):
        bench.broker.add(open_order("stop", **STOP))
        bench.broker.at(HORIZON_S + 5, lambda: bench.broker.add(open_order("stop", state=OrderState.FILLED, **STOP)))
        report = bench.kill()
        assert bench.broker.asked == []
        assert report.orders == ()

    def test_one_that_was_taken_for_another_order_is_let_go_once_the_list_shows_what_it_is(self, bench: KillBench):
        story = Story(intended("first"), now_in(OrderState.CONFIRMED, "first", order_id=order_id_of("first")))
        bench.known = KnownOrders(orders=story.book.orders())
        bench.broker.add(open_order(order_id_of("first"), ref_id=ref_of("first"), **STOP))
        bench.broker.answers[order_id_of("first")] = CancelRefused(reason="no", status_code=400)
        report = bench.kill()
        assert report.is_confirmed
        assert report.orders == ()
        assert [order.order_id for order in report.protective] == [order_id_of("first")]

    @pytest.mark.parametrize(("keeps", "asked", "wanted"), [(True, [], "0"), (False, [[STOP_ID]], "1")])
    def test_a_stop_on_record_gets_no_cancel_before_the_list_is_read(self, bench: KillBench, keeps, asked, wanted):
        stop = intended("stop", side=Side.SELL, details={**TERMS, "stop_price": "101.00"})
        story = Story(stop, now_in(OrderState.CONFIRMED, "stop", order_id=STOP_ID))
        bench.known, bench.keeps_protective = KnownOrders(orders=story.book.orders()), keeps
        bench.broker.add(open_order(STOP_ID, ref_id=ref_of("stop"), **STOP))
        report = bench.kill()
        assert bench.broker.asked == asked
        assert [order.order_id for order in report.protective] == ([STOP_ID] if keeps else [])
        (file,) = bench.folder.iterdir()
        engaged = json.loads(file.read_text().splitlines()[0])["details"]
        assert (engaged["orders"], engaged.get("stops")) == (wanted, "kept" if keeps else None)

    def test_with_all_it_is_cancelled_too(self, bench: KillBench):
        bench.keeps_protective = False
        bench.broker.add(open_order("stop", **STOP))
        report = bench.kill()
        assert bench.broker.asked == [["stop"]]
        assert report.protective == ()

    def test_a_stop_that_buys_protects_no_shares(self, bench: KillBench):
        bench.broker.add(open_order("a", **{**STOP, "side": Side.BUY}))
        bench.kill()
        assert bench.broker.asked == [[A]]

    def test_held_shares_are_named_with_those_that_no_stop_would_sell(self, bench: KillBench):
        bench.broker.held = (held("AAPL", 15), held("MSFT", 3), held("KO", 5))
        bench.broker.add(
            open_order("stop", **STOP),
            open_order("theirs", ref_id=None, symbol="KO", quantity=Decimal(9), **STOP),
        )
        report = bench.kill()
        assert report.holdings.problem is None
        assert report.holdings.shares == (
            HeldShares(symbol="AAPL", quantity=Decimal(15), unprotected=Decimal(5)),
            HeldShares(symbol="MSFT", quantity=Decimal(3), unprotected=Decimal(3)),
            HeldShares(symbol="KO", quantity=Decimal(5), unprotected=Decimal(0)),
        )

    def test_a_stop_protects_its_instrument_whatever_either_is_called(self, bench: KillBench):
        """Orders are named by the start of their instrument's id where a kill asks for no symbol."""
        bench.broker.held = (
            replace(held("AAPL", 10), instrument_id="one"),
            replace(held("instrument two", 10), instrument_id="three"),
        )
        bench.broker.add(
            open_order("stop", symbol="instrument one", instrument_id="one", **STOP),
            open_order("other", symbol="instrument two", instrument_id="two", **STOP),
        )
        assert [shares.unprotected for shares in bench.kill().holdings.shares] == [0, 10]

    def test_a_resting_limit_sell_protects_nothing_against_a_fall(self, bench: KillBench):
        bench.broker.held = (held("AAPL", 10),)
        bench.broker.add(open_order("theirs", ref_id=None, side=Side.SELL))
        assert bench.kill().holdings.shares[0].unprotected == 10

    def test_a_position_that_cannot_be_read_is_named_and_hides_no_other(self, bench: KillBench):
        bench.broker.held = (held("AAPL", 1),)
        bench.broker.unread_held = (UnreadPosition(name="SCLXZZZ", problem="no symbol"),)
        holdings = bench.kill().holdings
        assert len(holdings.shares) == 1
        assert holdings.problem == "the positions of SCLXZZZ could not be read"

    def test_positions_that_cannot_be_read_do_not_stand_against_the_verdict(self, bench: KillBench):
        bench.broker.positions_problem = "reading positions: HTTP 500; try again"
        report = bench.kill()
        assert report.is_confirmed
        assert report.holdings.problem == "reading positions: HTTP 500; try again"

    def test_positions_are_not_waited_for_where_the_broker_cannot_be_read(self, bench: KillBench):
        bench.broker.problem = "no network"
        assert bench.kill().holdings.problem == "the broker could not be read"
        assert "positions" not in bench.journal


def test_a_doubt_about_the_settings_stands_against_the_verdict(bench: KillBench):
    bench.doubts = ("the settings cannot be read in full",)
    report = bench.kill()
    assert report.problems == ("the settings cannot be read in full",)
    assert not report.may_still_be_confirmed


def test_what_was_noted_is_in_the_report(bench: KillBench):
    bench.notes = ("the session was open to others",)
    assert bench.kill().notes == ("the session was open to others",)


def test_many_unresolved_intents_are_named_in_part(bench: KillBench):
    story = Story(*(intended(f"c{number}") for number in range(25)))
    bench.known = replace(KnownOrders(), orders=story.book.orders())
    assert "c19 and 5 more" in bench.kill().problems[0]
