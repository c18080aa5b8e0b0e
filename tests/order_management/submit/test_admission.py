"""Whether an order is new: the same id, an equal order, a crowded side, a halt."""

import threading
from decimal import Decimal

import pytest

from tests.support.fake_gateway import REQUEST_LOST, SubmitStep, rejected
from tests.support.manager_bench import ManagerBench, terms
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    DuplicateOrderError,
    OrderRejectedError,
    OrderValidationError,
    TradingHaltedError,
)
from trading_bot.order_management.models import OrderRequest, Side


def test_the_same_id_again_returns_the_same_envelope_and_sends_nothing():
    bench = ManagerBench()
    first = bench.buy("c1")
    bench.clock.sleep(3600)
    assert bench.buy("c1") == first
    assert first.duplicate_of is None
    assert len(bench.gateway.posts) == 1


def test_the_same_id_from_fifty_threads_is_one_order_and_one_envelope_for_all():
    """Whoever comes second waits for the outcome instead of getting a half-told one."""
    bench = ManagerBench()
    start = threading.Barrier(50)
    envelopes = []

    def place() -> None:
        start.wait()
        envelopes.append(bench.buy("c1"))

    threads = [threading.Thread(target=place) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(envelopes) == 50
    assert {envelope.order_id for envelope in envelopes} == {bench.gateway.order().order_id}
    assert (len(bench.gateway.posts), len(bench.gateway.orders)) == (1, 1)
    assert bench.journal.kinds.count(EventKind.ORDER_INTENDED) == 1


def test_a_second_caller_waits_until_the_submit_of_the_first_has_ended():
    bench = ManagerBench()
    second_came, answers = threading.Event(), []

    def second() -> None:
        second_came.set()
        answers.append(bench.buy("c1"))

    thread = threading.Thread(target=second)

    def meanwhile() -> None:
        thread.start()
        second_came.wait()
        thread.join(0.05)
        assert answers == []

    bench.gateway.submits.append(SubmitStep(meanwhile=meanwhile))
    first = bench.buy("c1")
    thread.join()
    assert answers == [first]
    assert first.order_id is not None


def test_fifty_threads_with_equal_orders_under_fifty_ids_send_one():
    bench = ManagerBench()
    start = threading.Barrier(50)
    envelopes = []

    def place(number: int) -> None:
        start.wait()
        envelopes.append(bench.buy(f"c{number}"))

    threads = [threading.Thread(target=place, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bench.gateway.orders) == 1
    assert sum(envelope.is_duplicate for envelope in envelopes) == 49
    assert len({envelope.duplicate_of or envelope.client_order_id for envelope in envelopes}) == 1


def test_an_id_survives_a_restart_because_the_journal_knows_it():
    bench = ManagerBench()
    first = bench.buy("c1")
    bench.restart()
    bench.manager.recover()
    assert bench.buy("c1").order_id == first.order_id
    assert len(bench.gateway.orders) == 1


@pytest.mark.parametrize("ending", ["rejected", "unknown"])
def test_the_id_of_an_order_that_failed_is_used_up_too(ending):
    """Its envelope tells what became of it; a second try needs a name of its own."""
    bench = ManagerBench()
    bench.gateway.submits.append(rejected() if ending == "rejected" else REQUEST_LOST)
    with pytest.raises(Exception, match="AAPL"):
        bench.buy("c1")
    assert bench.buy("c1").state == ending
    assert len(bench.gateway.posts) == 1


@pytest.mark.parametrize(
    ("symbol", "side", "quantity"),
    [("MSFT", Side.BUY, 10), ("AAPL", Side.SELL, 10), ("AAPL", Side.BUY, 11)],
)
def test_an_id_that_stands_for_other_terms_is_refused(symbol, side, quantity):
    bench = ManagerBench()
    bench.buy("c1")
    place = bench.manager.place_limit_buy if side is Side.BUY else bench.manager.place_limit_sell
    with pytest.raises(OrderValidationError) as caught:
        place(symbol, quantity, Decimal(100), client_order_id="c1")
    assert (caught.value.code, caught.value.client_order_id) == ("client_order_id_reused", "c1")
    assert len(bench.gateway.posts) == 1


def test_the_same_id_at_another_price_is_still_the_same_order():
    """A repeated call computes its limit from a newer quote."""
    bench = ManagerBench()
    first = bench.buy("c1")
    assert bench.buy("c1", price=Decimal(101)) == first


@pytest.mark.parametrize("client_order_id", ["", " padded", "x" * 65, "line\nbreak", "tab\t"])
def test_a_name_that_is_no_name_is_refused(client_order_id):
    bench = ManagerBench()
    with pytest.raises(OrderValidationError, match="choose another"):
        bench.buy(client_order_id)
    assert bench.gateway.calls == []


def test_without_a_name_each_order_gets_a_new_one():
    bench = ManagerBench(max_pending_per_side=2)
    names = {bench.buy(None).client_order_id, bench.buy(None, quantity=5).client_order_id}
    assert len(names) == 2
    assert all(name.startswith("generated-") for name in names)
    assert len(set(bench.gateway.ref_ids)) == 2


def test_an_equal_order_while_the_first_is_pending_is_a_duplicate_under_any_name():
    bench = ManagerBench(max_pending_per_side=5)
    first = bench.buy("c1")
    bench.clock.sleep(3600)
    for name in ("c2", None):
        again = bench.buy(name)
        assert (again.duplicate_of, again.client_order_id, again.order_id) == ("c1", "c1", first.order_id)
    assert len(bench.gateway.posts) == 1


def test_an_order_of_unknown_outcome_stands_for_its_equals_too():
    bench = ManagerBench(max_pending_per_side=5)
    bench.gateway.submits.append(REQUEST_LOST)
    with pytest.raises(Exception, match="not known"):
        bench.buy("c1")
    assert bench.buy("c2").duplicate_of == "c1"
    assert len(bench.gateway.posts) == 1


@pytest.mark.parametrize(("seconds", "is_duplicate"), [(0, True), (9.999, True), (10, False), (11, False)])
def test_a_filled_order_stands_for_its_equals_for_ten_seconds(seconds, is_duplicate):
    bench = ManagerBench()
    bench.buy("c1")
    bench.gateway.order().fill()
    bench.manager.synchronize_open_orders()
    bench.clock.sleep(seconds)
    assert bench.buy("c2").is_duplicate is is_duplicate
    assert len(bench.gateway.posts) == (1 if is_duplicate else 2)


def test_a_cancelled_order_stands_for_nothing():
    bench = ManagerBench()
    bench.buy("c1")
    bench.manager.cancel_order("c1")
    assert not bench.buy("c2").is_duplicate


def test_equal_terms_of_another_quantity_price_side_or_symbol_are_not_equal():
    bench = ManagerBench(max_pending_per_side=9)
    bench.buy("c1")
    others = [
        bench.buy("c2", quantity=11),
        bench.buy("c3", price=Decimal(101)),
        bench.buy("c4", symbol="MSFT"),
        bench.manager.place_limit_sell("AAPL", 10, Decimal(101), client_order_id="c5"),
    ]
    assert [other.is_duplicate for other in others] == [False] * 4


@pytest.mark.parametrize("most", [1, 2])
def test_only_so_many_orders_are_pending_on_one_symbol_and_side(most):
    bench = ManagerBench(max_pending_per_side=most)
    for number in range(most):
        bench.buy(f"c{number}", quantity=10 + number)
    with pytest.raises(DuplicateOrderError) as caught:
        bench.buy("late", quantity=99)
    assert (caught.value.symbol, caught.value.client_order_id) == ("AAPL", "c0")
    assert caught.value.envelope is not None
    bench.buy("elsewhere", symbol="MSFT", quantity=99)
    bench.manager.place_limit_sell("AAPL", 99, Decimal(100))
    assert len(bench.gateway.posts) == most + 2


def test_a_pending_order_makes_room_by_ending():
    bench = ManagerBench()
    bench.buy("c1")
    bench.gateway.order().fill(10)
    bench.manager.synchronize_open_orders()
    bench.buy("c2", quantity=11)
    assert len(bench.gateway.orders) == 2


def test_fifty_threads_cannot_crowd_a_side():
    bench = ManagerBench()
    start = threading.Barrier(50)
    refused = []

    def place(number: int) -> None:
        start.wait()
        try:
            bench.buy(f"c{number}", quantity=number + 1)
        except DuplicateOrderError as error:
            refused.append(error)

    threads = [threading.Thread(target=place, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(bench.gateway.orders), len(refused)) == (1, 49)


def test_nothing_is_taken_before_the_first_reconciliation():
    bench = ManagerBench(recovered=False)
    with pytest.raises(TradingHaltedError, match="compared with the broker"):
        bench.buy()
    assert bench.journal.records == []
    bench.manager.recover()
    assert bench.buy().order_id is not None


def test_nothing_is_taken_while_the_latch_is_released():
    bench = ManagerBench()
    bench.latch.reason = "killed; arm it"
    with pytest.raises(TradingHaltedError, match="killed; arm it") as caught:
        bench.buy()
    assert caught.value.symbol == "AAPL"
    assert (bench.journal.records, bench.gateway.calls) == ([], [])


def test_a_halted_manager_asks_the_broker_nothing():
    bench = ManagerBench(recovered=False)
    asked: list[int] = []
    bench.gateway.on_prepare = lambda: asked.append(1)
    with pytest.raises(TradingHaltedError):
        bench.buy()
    assert asked == []


def test_a_halt_that_comes_while_the_order_is_prepared_stops_it_before_its_intent():
    bench = ManagerBench()
    bench.gateway.on_prepare = lambda: setattr(bench.latch, "reason", "killed")
    with pytest.raises(TradingHaltedError, match="killed"):
        bench.buy()
    assert bench.journal.records == []


def test_an_order_whose_intent_was_being_committed_while_trading_stopped_is_not_sent():
    """Whoever stopped it could not see that order yet."""
    bench = ManagerBench()
    bench.journal.after_intent = lambda: setattr(bench.latch, "reason", "killed; arm it")
    with pytest.raises(TradingHaltedError, match="killed"):
        bench.buy("c1")
    assert (bench.gateway.posts, bench.state("c1")) == ([], "not_sent")
    (fact,) = bench.journal.facts(EventKind.ORDER_NOT_SENT)
    assert "killed; arm it" in (fact.reason or "")


def test_a_named_sell_of_the_last_free_shares_is_an_order_of_its_own():
    bench = ManagerBench(shares={"AAPL": 20})
    assert [bench.sell(name).is_duplicate for name in ("s1", "s2", "s3")] == [False, False, True]


def test_a_crowded_side_says_how_many_are_pending():
    bench = ManagerBench(duplicate_window_s=0, max_pending_per_side=2)
    bench.buy("c1")
    bench.buy("c2")
    with pytest.raises(DuplicateOrderError, match="2 buy orders pending already, such as c1 ") as caught:
        bench.buy("c3")
    assert (caught.value.client_order_id, caught.value.symbol) == ("c1", "AAPL")


def test_a_frozen_symbol_takes_no_order_and_the_others_do():
    bench = ManagerBench()
    bench.gateway.submits.append(rejected(403, freezes=True))
    with pytest.raises(OrderRejectedError):
        bench.buy("c1")
    with pytest.raises(TradingHaltedError, match=r"the symbol is frozen: .*403"):
        bench.buy("c2")
    bench.buy("c3", symbol="MSFT")
    assert [intent.terms.symbol for intent in bench.gateway.posts] == ["AAPL", "MSFT"]


def test_the_name_of_a_known_order_is_answered_even_while_halted():
    """Asking again is how a caller learns what became of an order."""
    bench = ManagerBench()
    first = bench.buy("c1")
    bench.latch.reason = "killed"
    assert bench.buy("c1") == first


def test_the_intent_says_everything_about_the_order():
    bench = ManagerBench()
    bench.manager.place_limit_buy(
        "AAPL",
        10,
        Decimal(100),
        strategy_name="momentum",
        time_in_force="gtc",
        extended_hours=True,
        client_order_id="c1",
    )
    (intent,) = bench.journal.facts(EventKind.ORDER_INTENDED)
    assert (intent.client_order_id, intent.ref_id) == ("c1", bench.gateway.posts[0].ref_id)
    assert (intent.symbol, intent.side, intent.quantity, intent.limit_price) == (
        "AAPL",
        Side.BUY,
        Decimal(10),
        Decimal("99.85"),
    )
    assert (intent.execution_mode, intent.strategy_name) == ("paper", "momentum")
    assert intent.details == {
        "reference_price": "100",
        "time_in_force": "gtc",
        "extended_hours": "true",
        "arming": bench.latch.in_force,
        "body_sha256": bench.gateway.posts[0].body_digest,
    }


class TestWithoutADuplicateWindow:
    def test_another_id_of_its_own_is_a_new_order(self):
        bench = ManagerBench(duplicate_window_s=0, max_pending_per_side=2)
        first, second = bench.buy("c1"), bench.buy("c2")
        assert first.order_id != second.order_id
        assert len(bench.gateway.orders) == 2
        request = OrderRequest(
            symbol="AAPL",
            side=Side.BUY,
            quantity=10,
            reference_price=first.reference_price,
            client_order_id="c3",
        )
        assert bench.manager.standing_order(request) is None

    def test_an_order_without_an_id_is_still_answered_by_its_equal(self):
        bench = ManagerBench(duplicate_window_s=0, max_pending_per_side=2)
        first = bench.buy("c1")
        again = bench.buy(None)
        assert (again.is_duplicate, again.order_id) == (True, first.order_id)
        assert len(bench.gateway.orders) == 1

    def test_with_a_window_another_id_is_no_way_around_it(self):
        bench = ManagerBench(duplicate_window_s=10, max_pending_per_side=2)
        bench.buy("c1")
        assert bench.buy("c2").is_duplicate


class TestStanding:
    """The look before the safety checks: it decides nothing, so it must neither send nor reserve."""

    def test_it_finds_the_order_of_the_id_or_of_the_same_terms(self):
        bench = ManagerBench()
        first = bench.buy("c1")
        standing = bench.manager._services.submit.admission.standing
        assert standing("c1", terms()) == first
        by_terms = standing(None, terms())
        assert by_terms is not None
        assert by_terms.duplicate_of == "c1"
        assert standing("c2", terms(quantity=11)) is None

    def test_it_refuses_an_id_that_stands_for_another_order(self):
        bench = ManagerBench()
        bench.buy("c1")
        with pytest.raises(OrderValidationError, match="already stands for buy 10 AAPL"):
            bench.manager._services.submit.admission.standing("c1", terms(quantity=11))

    def test_it_refuses_a_name_that_is_no_name(self):
        with pytest.raises(OrderValidationError, match="choose another"):
            ManagerBench().manager._services.submit.admission.standing(" ", terms())


class TestAsking:
    """A dry run says what a real order would be told, and leaves no trace."""

    def test_an_open_side_objects_to_nothing(self):
        bench = ManagerBench()
        bench.manager.refuse_unless_open_to(terms())
        assert bench.journal.records == []

    def test_a_halt_and_a_crowded_side_object(self):
        bench = ManagerBench()
        bench.buy("c1")
        with pytest.raises(DuplicateOrderError):
            bench.manager.refuse_unless_open_to(terms(quantity=11))
        bench.latch.reason = "killed"
        with pytest.raises(TradingHaltedError):
            bench.manager.refuse_unless_open_to(terms("MSFT"))
