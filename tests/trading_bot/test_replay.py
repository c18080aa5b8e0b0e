"""The journal is the truth: with nothing else left, the same book comes back and trading goes on."""

import sqlite3
from contextlib import closing

import pytest

from tests.support.bot_bench import LIST, SUBMIT, BotBench, answers, reply_lost, request_lost
from trading_bot.bot import TradeStatus
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.models import OrderState

pytestmark = pytest.mark.no_cover  # whole bots: each line that they run has a quick test of its own


def eventful_session(bench: BotBench) -> None:
    """A fill, a partly resting pair, a cancel, a rejection, a lost reply, and one that nobody knows of."""
    bench.started()
    bench.trade(client_order_id="fills")
    bench.trade("sell", shares=5, client_order_id="rests")
    bench.let_it_fill()
    bench.trade(price="99.00", client_order_id="cancelled")
    bench.bot.cancel_order("cancelled")
    bench.broker.tampers[SUBMIT].append(answers(400, {"detail": "no"}))
    bench.trade(price="98.00", client_order_id="rejected")
    bench.broker.tampers[SUBMIT].append(reply_lost)
    bench.trade(price="97.00", client_order_id="found")
    bench.bot.cancel_order("found")
    bench.broker.tampers[SUBMIT].append(request_lost)
    bench.trade(price="96.00", client_order_id="unknown")


EXPECTED = {
    "fills": "filled",
    "rests": "queued",
    "cancelled": "cancelled",
    "rejected": "rejected",
    "found": "cancelled",
    "unknown": "unknown",
}


@pytest.fixture
def bench(tmp_path) -> BotBench:
    made = BotBench(tmp_path)
    eventful_session(made)
    return made


def states(bench: BotBench) -> dict[str, str]:
    return {order.client_order_id: order.state.value for order in bench.bot.orders()}


def test_the_session_had_every_kind_of_end(bench):
    found = states(bench)
    assert found.pop("rests") in {"queued", "confirmed"}
    assert found == {name: state for name, state in EXPECTED.items() if name != "rests"}


def test_the_replayed_journal_equals_the_book_in_memory(bench):
    with bench.bot.manager._store.open_book() as book:
        assert OrderBook.replayed(bench.records()) == book


def test_with_nothing_but_the_journal_left_everything_is_known_again(bench):
    before = bench.bot.orders()
    bench.bot.stop()
    for path in bench.database.parent.iterdir():
        if path.is_file() and not path.name.startswith(bench.database.name):
            path.unlink()
    (bench.folder / "logs" / "trades.jsonl").unlink()
    bench.bot = bench.new_bot()
    bench.bot.start()
    assert [order.client_order_id for order in bench.bot.orders()] == [order.client_order_id for order in before]
    assert states(bench) == {order.client_order_id: order.state.value for order in before}


@pytest.mark.parametrize("times", [1, 3])
def test_a_restart_goes_on_with_the_same_orders(bench, times):
    before, submits = bench.bot.orders(), bench.submits
    for _ in range(times):
        bench.restart()
    assert bench.bot.orders() == before
    assert bench.submits == submits


def test_the_same_bot_may_be_started_again(bench):
    before = bench.bot.orders()
    bench.bot.stop()
    bench.bot.start()
    assert bench.bot.orders() == before
    assert bench.bot.is_running


def test_no_id_of_an_earlier_session_is_ever_sent_again(bench):
    bench.restart()
    submits = bench.submits
    for order in bench.bot.orders():
        result = bench.trade(
            order.side.value,
            shares=order.quantity,
            price=str(order.reference_price),
            client_order_id=order.client_order_id,
        )
        assert result.status is TradeStatus.DUPLICATE
    assert bench.submits == submits


def test_fills_made_between_two_sessions_are_booked_at_the_start(tmp_path):
    bench = BotBench(tmp_path).started()
    bench.trade()
    bench.bot.stop()
    bench.clock.sleep(61)
    bench.bot = bench.new_bot()
    bench.bot.start()
    assert [order.state for order in bench.bot.orders()] == [OrderState.FILLED]


def test_the_same_session_makes_the_same_journal_record_for_record(tmp_path):
    journals = []
    for name in ("one", "two"):
        bench = BotBench(tmp_path / name)
        eventful_session(bench)
        bench.bot.stop()
        journals.append(bench.records())
    assert journals[0] == journals[1]
    assert len(journals[0]) > 20


def test_a_verdict_counts_every_record_and_sees_an_edit(bench):
    bench.bot.stop()
    verdict = bench.bot.verify_journal()
    assert (verdict.ok, verdict.records, verdict.problem) == (True, len(bench.records()), None)
    with closing(sqlite3.connect(bench.database)) as database, database:
        database.execute("UPDATE record SET body = replace(body, '98.00', '98.01')")
    edited = bench.bot.verify_journal()
    assert not edited.ok
    assert edited.problem is not None


def test_a_journal_that_is_gone_has_no_good_verdict(tmp_path):
    verdict = BotBench(tmp_path).bot.verify_journal()
    assert (verdict.ok, verdict.records) == (False, 0)
    assert "no journal" in str(verdict.problem)


def test_an_unknown_order_keeps_being_looked_for_in_the_next_session(bench):
    bench.restart()
    asked = bench.broker.seen.count(LIST)
    bench.bot.synchronize_open_orders()
    looked = 3  # the open orders, the page where it should stand, and all orders of the day
    assert bench.broker.seen.count(LIST) == asked + looked
    assert states(bench)["unknown"] == "unknown"
