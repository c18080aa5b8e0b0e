import errno
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.faulty_files import FaultyFiles
from tests.support.kill_fakes import DEADLINE_S, HORIZON_S, KillBench, StuckLatch, open_order
from tests.support.order_story import Story, intended, now_in, order_id_of, ref_of
from tests.support.safety_fakes import FullDisk
from trading_bot.files import LocalFiles
from trading_bot.kill.register import KnownOrders
from trading_bot.kill.report import MANUAL_PROCEDURE, KilledOrder
from trading_bot.latch import Latch, SendLock
from trading_bot.order_management.book.side_import import KILL_ENDED
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.journal.side_files import read_side
from trading_bot.order_management.models import OrderId, OrderState, Side
from trading_bot.order_management.outcomes import CancelNotSent, CancelRefused, CancelTaken, CancelUnknown

A, B, C = OrderId("a"), OrderId("b"), OrderId("c")


@pytest.fixture
def bench(tmp_path: Path) -> KillBench:
    return KillBench(folder=tmp_path / "kills")


def on_record(*stories: tuple[str, OrderState | None]) -> KnownOrders:
    """Orders of a journal: each in a state at the broker, or with no answer to its submit yet."""
    story = Story()
    for name, state in stories:
        story.tell(intended(name))
        if state is not None:
            story.tell(now_in(state, name, order_id=None if state.is_unresolved else order_id_of(name)))
    return KnownOrders(orders=story.book.orders())


def side_file_facts(bench: KillBench) -> list[OrderEvent]:
    (path,) = bench.folder.iterdir()
    return [record.fact for record in read_side(path.read_bytes()).records]


def cancels_asked_for(bench: KillBench) -> list[str | None]:
    """The orders that the side file names, or "all"."""
    first, *others = side_file_facts(bench)
    named: list[str | None] = [each.client_order_id for each in others if each.event is EventKind.CANCEL_REQUESTED]
    return ["all"] if first.details["orders"] == "all" else named


def notes(bench: KillBench) -> dict[str, dict[str, object]]:
    noted = (each.details for each in side_file_facts(bench) if each.event is EventKind.KILL_NOTED)
    return {details["note"]: json.loads(details["facts"]) for details in noted}


def test_the_latch_comes_first_then_the_send_lock_then_the_broker(bench: KillBench):
    bench.broker.add(open_order("a"))
    bench.kill()
    assert bench.journal[:5] == ["engage", "lock", "read journal", "list", "cancel"]


def test_what_the_journal_knows_as_working_is_cancelled_before_anything_is_listed(bench: KillBench):
    """A cancel needs only the id, and a listing may hang."""
    bench.known = on_record(("first", OrderState.CONFIRMED))
    bench.broker.add(open_order(order_id_of("first"), ref_id=ref_of("first")))
    assert bench.kill().is_confirmed
    assert bench.journal[:5] == ["engage", "lock", "read journal", "cancel", "list"]


def test_the_first_listing_waits_a_bounded_time_for_those_cancels(bench: KillBench):
    """Only a listing finds the orders that are not on record, so cancels that hang may not use the kill up."""
    bench.known = on_record(("first", OrderState.CONFIRMED))
    deadlines = []
    for at in (0, 0.1):
        bench.broker.at(at, lambda: deadlines.append(bench.broker.deadline))
    bench.kill()
    assert deadlines == [10.3, DEADLINE_S + 0.3]


def test_the_symbol_on_record_is_shown_whatever_a_listing_shows(bench: KillBench):
    bench.known = on_record(("first", OrderState.CONFIRMED), ("doubt", None))
    bench.knows_ours = False
    bench.broker.add(
        open_order(order_id_of("first"), ref_id=None, symbol="instrument 450dfc6d"),
        open_order("found", ref_id=ref_of("doubt"), symbol="instrument 450dfc6d"),
        open_order("unknown", symbol="instrument 450dfc6d"),
    )
    symbols = {order.order_id: order.symbol for order in bench.kill().orders}
    assert symbols == {order_id_of("first"): "AAPL", "found": "AAPL", "unknown": "instrument 450dfc6d"}


def test_the_send_lock_is_only_waited_for_and_given_back(bench: KillBench):
    bench.kill()
    assert not bench.own_lock.is_held


def test_an_idle_account_is_confirmed_after_two_empty_listings_begun_after_the_last_send_deadline(bench: KillBench):
    report = bench.kill()
    assert report.is_confirmed
    assert report.headline.startswith("NO OPEN ORDERS: trading is off for the paper account ...0001")
    assert report.manual_procedure == ()
    assert len([at for at in bench.broker.listed_at if at >= HORIZON_S]) == 2
    assert bench.clock.monotonic() < DEADLINE_S


def test_a_listing_that_spans_a_sleep_of_the_machine_proves_nothing(bench: KillBench):
    bench.broker.at(HORIZON_S, lambda: bench.clock.jump(3600))
    assert bench.kill().is_confirmed
    assert len([at for at in bench.broker.listed_at if at >= HORIZON_S]) == 3


def test_every_order_with_our_mark_is_cancelled_and_read_to_its_end(bench: KillBench):
    bench.broker.add(open_order("a"), open_order("b"))
    report = bench.kill()
    assert report.is_confirmed
    assert [(order.order_id, order.state) for order in report.orders] == [
        (A, OrderState.CANCELLED),
        (B, OrderState.CANCELLED),
    ]
    assert report.may_be_live == ()


def test_an_order_the_journal_knows_is_ours_even_without_our_mark(bench: KillBench):
    bench.known = on_record(("first", OrderState.CONFIRMED))
    bench.broker.add(open_order(order_id_of("first"), ref_id=None))
    report = bench.kill()
    assert bench.broker.asked == [[order_id_of("first")]]
    assert report.orders[0].client_order_id == "first"
    assert report.external == ()


def test_an_order_of_somebody_else_is_left_alone_and_named(bench: KillBench):
    unjournaled = open_order("hand", ref_id="0" * 36)
    bench.broker.add(unjournaled, open_order("nameless", ref_id=None))
    report = bench.kill()
    assert bench.broker.asked == []
    assert [order.order_id for order in report.external] == ["hand", "nameless"]
    assert report.is_confirmed


def test_an_order_of_somebody_else_that_ended_meanwhile_is_not_named(bench: KillBench):
    bench.broker.add(open_order("hand", ref_id=None))
    bench.broker.at(5, lambda: bench.broker.add(open_order("hand", ref_id=None, state=OrderState.FILLED)))
    assert bench.kill().external == ()


def test_an_order_known_as_somebody_elses_is_left_alone_when_its_row_cannot_be_read(bench: KillBench):
    """An odd row of somebody else says nothing of our orders, so it does not stand against the proof either."""
    bench.broker.add(open_order("hand", ref_id=None))
    bench.broker.at(5, lambda: setattr(bench.broker, "unreadable", (OrderId("hand"),)))
    report = bench.kill()
    assert bench.broker.asked == []
    assert report.is_confirmed
    assert report.external_ids == ("hand",)


def test_entries_are_cancelled_before_exits_and_of_each_the_largest_exposure_first(bench: KillBench):
    bench.broker.add(
        open_order("small", quantity=Decimal(1)),
        open_order("nearly-filled", quantity=Decimal(900), cumulative_quantity=Decimal(895)),
        open_order("large", side=Side.SELL),
        open_order("unpriced", limit_price=None),
    )
    bench.kill()
    assert bench.broker.asked == [["unpriced", "nearly-filled", "small", "large"]]


def test_an_order_of_a_state_nobody_knows_is_cancelled(bench: KillBench):
    bench.broker.add(open_order("a", broker_state="dreaming", state_is_known=False))
    assert bench.kill().is_confirmed
    assert bench.broker.asked == [[A]]


def test_an_unreadable_row_is_cancelled_by_its_id(bench: KillBench):
    bench.broker.add(open_order("a"))
    bench.broker.unreadable = (A,)
    report = bench.kill()
    assert bench.broker.asked == [[A]]
    assert report.is_confirmed
    assert report.orders[0].symbol == "AAPL"


def test_when_listing_fails_every_id_on_record_is_cancelled_and_nothing_is_confirmed(bench: KillBench):
    bench.known = on_record(("first", OrderState.CONFIRMED), ("second", OrderState.QUEUED))
    bench.broker.problem = "listing orders: HTTP 503; list again"
    report = bench.kill()
    assert bench.broker.asked[0] == [order_id_of("first"), order_id_of("second")]
    assert report.problems == ("listing orders: HTTP 503; list again",)
    assert [order.client_order_id for order in report.may_be_live] == ["first", "second"]
    assert [order.state for order in report.may_be_live] == [OrderState.CONFIRMED, OrderState.QUEUED]
    assert report.manual_procedure == MANUAL_PROCEDURE
    assert report.headline == (
        "NOT CONFIRMED: trading is off for the paper account ...0001; "
        "2 of our orders may be live: follow the manual procedure"
    )


@pytest.mark.parametrize("reply", [CancelTaken(), CancelRefused(reason="not found", status_code=404)])
def test_an_answered_cancel_is_not_repeated_blindly_while_listing_fails(bench: KillBench, reply):
    bench.known = on_record(("first", OrderState.CONFIRMED))
    bench.broker.problem = "no network"
    bench.broker.answers[order_id_of("first")] = reply
    bench.kill()
    assert bench.broker.asked == [[order_id_of("first")]]


def test_an_order_proven_to_have_ended_is_neither_cancelled_nor_read_again(bench: KillBench):
    bench.known = on_record(("ended", OrderState.CONFIRMED), ("hidden", OrderState.CONFIRMED))
    ended, hidden = order_id_of("ended"), order_id_of("hidden")
    bench.broker.add(open_order(ended, state=OrderState.FILLED), open_order(hidden))
    bench.broker.hidden = {hidden}
    bench.broker.answers |= {ended: CancelNotSent(cause="dns"), hidden: CancelTaken()}
    report = bench.kill()
    assert bench.broker.fetched.count(ended) == 1
    assert bench.broker.fetched.count(hidden) > 1
    assert bench.broker.asked[-1] == [hidden]
    assert [order.order_id for order in report.may_be_live] == [hidden]


def test_an_order_on_record_that_the_listing_hides_is_cancelled_all_the_same(bench: KillBench):
    bench.known = on_record(("first", OrderState.CONFIRMED))
    bench.broker.add(open_order(order_id_of("first"), ref_id=ref_of("first")))
    bench.broker.hidden = {order_id_of("first")}
    report = bench.kill()
    assert report.is_confirmed
    assert report.orders[0].state is OrderState.CANCELLED


def test_a_hidden_order_that_is_still_at_work_prevents_the_proof_and_is_cancelled_again(bench: KillBench):
    bench.known = on_record(("first", OrderState.CONFIRMED))
    name = order_id_of("first")
    bench.broker.add(open_order(name, ref_id=ref_of("first")))
    bench.broker.hidden = {name}
    bench.broker.answers[name] = CancelTaken()
    report = bench.kill()
    assert len(bench.broker.asked) > 1
    assert not report.is_confirmed
    assert "still works 1 of our orders" in report.problems[0]


def test_no_network_engages_all_the_same_and_is_tried_again_until_the_deadline(bench: KillBench):
    bench.broker.problem = "reading orders: the network is unreachable; try again"
    report = bench.kill()
    assert report.latch_engaged
    assert not report.is_confirmed
    assert len(bench.broker.listed_at) > 10
    assert DEADLINE_S - 2 <= bench.clock.monotonic() < DEADLINE_S


def test_a_network_that_comes_back_in_time_is_confirmed(bench: KillBench):
    bench.broker.add(open_order("a"))
    bench.broker.problem = "no network"
    bench.broker.at(30, lambda: setattr(bench.broker, "problem", None))
    assert bench.kill().is_confirmed


def test_a_hung_broker_holds_the_kill_no_longer_than_the_deadline_and_one_call(bench: KillBench):
    bench.broker.problem = "the reply was not complete in time"
    bench.broker.call_takes_s = 5
    report = bench.kill()
    assert bench.broker.deadline == DEADLINE_S
    assert not report.is_confirmed
    assert bench.clock.monotonic() <= DEADLINE_S + 5


@pytest.mark.parametrize(
    "reply", [CancelUnknown(cause="timeout"), CancelNotSent(cause="dns"), CancelRefused(reason="no", status_code=403)]
)
def test_trouble_with_one_order_never_stops_the_others_and_is_tried_again(bench: KillBench, reply):
    bench.broker.add(open_order("a"), open_order("b", quantity=Decimal(1)))
    bench.broker.answers[A] = reply
    report = bench.kill()
    assert bench.broker.asked[0] == [A, B]
    assert set(map(tuple, bench.broker.asked[1:])) == {(A,)}
    assert [order.order_id for order in report.may_be_live] == [A]
    assert report.may_be_live[0].reply == reply
    assert report.problems == ("the broker still works 1 of our orders; cancel them in its app",)


def test_an_order_being_cancelled_is_read_again_and_not_asked_for_again(bench: KillBench):
    bench.broker.add(open_order("a", state=OrderState.PENDING_CANCEL))
    bench.broker.answers[A] = CancelTaken()
    bench.broker.at(5, lambda: bench.broker.add(open_order("a", state=OrderState.CANCELLED)))
    assert bench.kill().is_confirmed
    assert bench.broker.asked == [[A]]


def test_an_order_that_goes_back_to_work_is_cancelled_again(bench: KillBench):
    bench.broker.add(open_order("a"))
    bench.broker.at(10, lambda: bench.broker.add(open_order("a")))
    assert bench.kill().is_confirmed
    assert bench.broker.asked == [[A], [A]]


def test_an_order_that_appears_late_is_cancelled(bench: KillBench):
    bench.broker.at(15, lambda: bench.broker.add(open_order("late")))
    report = bench.kill()
    assert bench.broker.asked == [["late"]]
    assert report.is_confirmed


def test_an_order_between_two_empty_listings_starts_the_proof_again(bench: KillBench):
    bench.broker.at(HORIZON_S + 2.5, lambda: bench.broker.add(open_order("late")))
    report = bench.kill()
    assert report.is_confirmed
    assert len([at for at in bench.broker.listed_at if at >= HORIZON_S]) == 4  # empty, late, empty, empty


def test_a_fill_during_the_kill_is_told_apart_from_a_cancel(bench: KillBench):
    bench.broker.add(open_order("a"), open_order("b"), open_order("c"))
    bench.broker.answers |= {A: CancelRefused(reason="filled", status_code=400), B: CancelTaken()}
    done = {"state": OrderState.FILLED, "cumulative_quantity": Decimal(10)}
    part = {"state": OrderState.CANCELLED, "cumulative_quantity": Decimal(4)}
    bench.broker.at(1, lambda: bench.broker.add(open_order("a", **done), open_order("b", **part)))
    report = bench.kill()
    assert report.is_confirmed
    assert {order.order_id: (order.state, order.filled_quantity) for order in report.orders} == {
        A: (OrderState.FILLED, Decimal(10)),
        B: (OrderState.CANCELLED, Decimal(4)),
        C: (OrderState.CANCELLED, Decimal(0)),
    }
    assert [order.order_id for order in report.with_fills] == [A, B]


def test_an_order_gone_from_the_listings_is_ended_though_its_fate_cannot_be_read(bench: KillBench):
    bench.broker.add(open_order("a"))
    bench.broker.cannot_fetch = True
    report = bench.kill()
    assert report.is_confirmed
    assert report.orders[0].state is None
    assert report.may_be_live == ()


def test_a_hung_holder_of_the_send_lock_delays_the_kill_by_two_seconds_and_prevents_the_proof(bench: KillBench):
    bench.own_lock.free_from = 1000
    bench.broker.add(open_order("a"))
    report = bench.kill()
    assert bench.broker.listed_at[0] == 2
    assert bench.broker.asked[0] == [A]
    assert len(report.problems) == 2
    assert "an order may still be going out: another process holds the send lock" in report.problems[0]


def test_a_holder_that_lets_go_late_starts_the_wait_for_its_send(bench: KillBench):
    bench.own_lock.free_from = 10
    assert bench.kill().is_confirmed
    assert len([at for at in bench.broker.listed_at if at >= 10 + HORIZON_S]) == 2


def test_a_latch_that_cannot_be_removed_stops_nothing_else_and_is_told(bench: KillBench):
    bench.latch = StuckLatch()
    bench.broker.add(open_order("a"))
    report = bench.kill()
    assert bench.broker.asked == [[A]]
    assert not report.latch_engaged
    assert report.problems == ("the armed file could not be removed; delete it by hand",)
    assert report.headline.startswith(
        "NOT CONFIRMED: TRADING MAY STILL BE ON for the paper account ...0001; 0 of our orders"
    )


def test_a_state_folder_that_may_be_the_wrong_one_comes_first_and_trading_is_not_said_to_be_off(bench: KillBench):
    """The bot whose armed file lies elsewhere trades on, so nothing else in the report matters as much."""
    bench.known = replace(
        on_record(("first", OrderState.CONFIRMED)), problem="it is damaged", elsewhere="/x knows nothing; set state_dir"
    )
    bench.broker.add(open_order(order_id_of("first"), ref_id=None))
    report = bench.kill()
    assert report.problems == ("/x knows nothing; set state_dir", "it is damaged")
    assert not report.latch_engaged
    assert report.headline.startswith("NOT CONFIRMED: TRADING MAY STILL BE ON")
    assert [order.state for order in report.orders] == [OrderState.CANCELLED]


DOUBTS: dict[OrderState, tuple[OrderState, ...]] = {
    OrderState.PENDING_SUBMIT: (),
    OrderState.UNKNOWN: (OrderState.UNKNOWN,),
    OrderState.PRESUMED_ABSENT: (OrderState.UNKNOWN, OrderState.PRESUMED_ABSENT),
}


@pytest.mark.parametrize("state", [state for state in OrderState if state.is_unresolved])
def test_an_unresolved_intent_prevents_the_proof_and_is_named(bench: KillBench, state: OrderState):
    story = Story(intended("doubt"), *(now_in(step, "doubt") for step in DOUBTS[state]))
    bench.known = KnownOrders(orders=story.book.orders())
    report = bench.kill()
    assert [(intent.client_order_id, intent.state) for intent in report.unresolved] == [("doubt", state)]
    assert report.problems == ("nobody knows whether the broker has doubt; look for them in the broker's app",)
    assert "1 of our orders may be live" in report.headline


def test_an_unresolved_intent_whose_order_was_found_and_cancelled_is_no_doubt_any_more(bench: KillBench):
    bench.known = on_record(("doubt", None))
    bench.broker.add(open_order("a", ref_id=ref_of("doubt")))
    report = bench.kill()
    assert report.is_confirmed
    assert report.orders[0].client_order_id == "doubt"


def test_an_intent_that_the_bot_resolves_meanwhile_is_no_doubt_any_more(bench: KillBench):
    bench.known = on_record(("doubt", None))
    bench.broker.at(10, lambda: setattr(bench, "known", on_record(("doubt", OrderState.NOT_SENT))))
    assert bench.kill().is_confirmed


def test_a_journal_that_cannot_be_read_stops_no_cancel_but_prevents_the_proof(bench: KillBench):
    bench.known = KnownOrders(problem="the journal is damaged; look at it")
    bench.broker.add(open_order("a"))
    report = bench.kill()
    assert report.problems == ("the journal is damaged; look at it",)
    assert report.orders[0].state is OrderState.CANCELLED


def test_the_durable_cancels_are_those_of_the_orders_on_record(bench: KillBench):
    bench.known = on_record(("open", OrderState.CONFIRMED), ("doubt", None), ("done", OrderState.FILLED))
    bench.kill()
    assert cancels_asked_for(bench) == ["doubt", "open"]


def test_a_kill_that_cannot_read_the_journal_to_its_end_leaves_a_durable_cancel_of_everything(bench: KillBench):
    """The orders it could not read would otherwise be found and kept by the bot that can."""
    bench.known = replace(on_record(("first", OrderState.CONFIRMED)), problem="the journal is damaged; look at it")
    bench.kill()
    assert cancels_asked_for(bench) == ["all"]


def read_only() -> FaultyFiles:
    files = FaultyFiles()
    files.fail("write_new", errno.EROFS)
    return files


@pytest.mark.parametrize(("files", "problem"), [(FullDisk(), "No space left"), (read_only(), "Read-only")])
def test_a_full_disk_or_a_read_only_folder_only_loses_the_side_file(bench: KillBench, files: LocalFiles, problem: str):
    bench.files = files
    bench.broker.add(open_order("a"))
    report = bench.kill()
    assert report.is_confirmed
    assert report.side_file is None
    assert problem in (report.side_file_problem or "")


def test_a_disk_that_fills_up_during_the_kill_keeps_what_was_written(bench: KillBench):
    files = FaultyFiles()
    bench.files = files
    bench.broker.add(open_order("a"))
    bench.broker.at(0, lambda: files.fail("write", errno.ENOSPC))
    report = bench.kill()
    assert report.is_confirmed
    assert "cut short" in (report.side_file_problem or "")
    assert [each.event for each in side_file_facts(bench)] == [EventKind.KILL_IMPORTED]


def test_the_side_file_asks_for_all_that_was_open_before_the_first_cancel(bench: KillBench):
    bench.known = on_record(("open", OrderState.CONFIRMED), ("doubt", None), ("done", OrderState.FILLED))
    seen: list[str | None] = []
    bench.broker.at(0, lambda: seen.extend(cancels_asked_for(bench)))
    report = bench.kill()
    assert seen == ["doubt", "open"]
    assert report.side_file is not None
    assert report.side_file.name == "20261123T150000.000000Z-kill-4711.jsonl"
    assert list(notes(bench)) == ["cancels_asked", "kill_ended", KILL_ENDED]
    assert notes(bench)["cancels_asked"]["answers"] == {order_id_of("open"): "CancelTaken"}
    assert notes(bench)["kill_ended"]["confirmed"] is False


def test_a_second_kill_verifies_again_and_cancels_nothing(bench: KillBench):
    bench.broker.add(open_order("a"))
    switch = bench.switch()
    switch.run("ann", "first")
    again = switch.run("bob", "second")
    assert again.is_confirmed
    assert again.orders == ()
    assert bench.broker.asked == [[A]]
    assert len(list(bench.folder.iterdir())) == 2


def test_a_deadline_that_leaves_no_time_for_proof_is_refused(bench: KillBench):
    with pytest.raises(ValueError, match="before it can prove anything"):
        bench.switch(deadline_s=HORIZON_S)


def test_killed_stays_killed_after_a_restart(tmp_path: Path, bench: KillBench):
    path = tmp_path / "armed"
    before = Latch(path=path, clock=bench.clock, new_id=lambda: "a")
    before.initialise_paper()
    assert before.is_armed()
    bench.latch = Latch(path=path, clock=bench.clock, new_id=lambda: "a")
    bench.kill()
    after = Latch(path=path, clock=bench.clock, new_id=lambda: "a")
    assert not after.initialise_paper()
    assert not after.is_armed()
    assert not before.is_armed()


def test_a_real_lock_kept_by_a_hung_bot_does_not_stop_the_kill(tmp_path: Path, bench: KillBench):
    bench.broker.add(open_order("a"))
    bench.lock, bench.lock_wait_s = SendLock(path=tmp_path / "send.lock", clock=bench.clock), 0.05
    with SendLock(path=tmp_path / "send.lock", clock=bench.clock):
        report = bench.kill()
    assert report.orders[0].state is OrderState.CANCELLED
    assert "another process holds the send lock" in report.problems[0]


def test_an_order_without_terms_counts_as_unbounded():
    assert KilledOrder(order_id=A).exposure.is_infinite()
    assert not KilledOrder(order_id=A).is_proven_ended
