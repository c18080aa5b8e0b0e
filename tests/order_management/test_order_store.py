"""One way to change the book: an intent on disk before it is in the book, a fact in the book whatever becomes of it."""

import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.manager_bench import REFERENCE, ManagerBench, terms
from trading_bot.order_management.book.anomalies import anomaly_in_words
from trading_bot.order_management.book.freezes import Cause, frozen
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.order_listeners import PlainFact
from trading_bot.order_management.events import EventKind, OrderEvent, about
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError, TradingHaltedError
from trading_bot.order_management.journal.chain import seal
from trading_bot.order_management.journal.port import Commit, CommitUnknownError, KeyTakenError, OrderKeyKind
from trading_bot.order_management.models import ClientOrderId, ExecutionMode, OrderState, RefId
from trading_bot.order_management.order_store import OrderChange, OrderStore
from trading_bot.order_management.outcomes import DurableIntent
from trading_bot.order_management.submit.intents import intent_of

_C = OrderKeyKind.CLIENT_ORDER_ID
WAITED_S = 10
"""Real seconds after which a test gives up on a thread."""


def update_of(bench: ManagerBench, state: OrderState = OrderState.CANCELLED) -> OrderEvent:
    return replace(about(bench.tracked().envelope, EventKind.ORDER_UPDATED), status=state)


def with_order() -> ManagerBench:
    bench = ManagerBench()
    bench.buy("c1")
    bench.changes.clear()
    return bench


def intend(bench: ManagerBench, name: str = "c2", *, symbol: str = "MSFT") -> DurableIntent:
    prepared = bench.gateway.prepare_order(terms(symbol), RefId(f"ref-of-{name}"))
    intent = intent_of(
        ClientOrderId(name), prepared, reference_price=REFERENCE, strategy_name=None, mode=ExecutionMode.PAPER
    )
    return bench.store.record_intent(intent, prepared)


def holds(bench: ManagerBench, name: str) -> bool:
    with bench.store.open_book() as book:
        return book.holds(ClientOrderId(name))


def in_thread(call: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def test_an_event_is_in_the_journal_and_in_the_book_and_told():
    bench = with_order()
    bench.store.record_fact(update_of(bench))
    assert bench.journal.kinds[-1] is EventKind.ORDER_UPDATED
    assert bench.state() == "cancelled"
    (change,) = bench.changes
    assert change.event == bench.journal.records[-1].fact
    assert change.order == bench.tracked()


def test_a_fact_that_cannot_be_written_is_known_all_the_same_and_stops_new_orders():
    bench = with_order()
    bench.journal.broken = True
    bench.store.record_fact(update_of(bench))
    assert bench.state() == "cancelled"
    assert [change.event.event for change in bench.changes] == [EventKind.ORDER_UPDATED]
    assert isinstance(bench.store.failure, OrderLogError)
    assert len(bench.journal.records) == 3
    assert bench.side.kinds == [EventKind.ORDER_UPDATED]


def test_a_journal_that_takes_nothing_sends_facts_to_the_side_file_and_no_order():
    bench = with_order()
    bench.journal._refusal = OrderLogError("the file was moved")
    bench.store.record_fact(update_of(bench))
    assert bench.store.failure is bench.journal.refusal
    assert bench.side.kinds == [EventKind.ORDER_UPDATED]
    with pytest.raises(OrderLogError, match="was moved"):
        intend(bench)


def test_no_intent_is_written_after_a_failure_even_if_the_disk_is_well_again():
    """What was lost in between would be missing from the record for ever."""
    bench = with_order()
    bench.journal.broken = True
    bench.store.record_fact(update_of(bench))
    bench.journal.broken = False
    with pytest.raises(OrderLogError, match="no space left"):
        intend(bench)
    bench.store.record_fact(OrderEvent(event=EventKind.SESSION_STOPPED))
    assert len(bench.journal.records) == 3
    assert bench.side.kinds == [EventKind.ORDER_UPDATED, EventKind.SESSION_STOPPED]
    assert bench.side.refused == []


def test_a_side_file_that_is_full_hides_no_fact_from_the_book():
    bench = with_order()
    bench.journal.broken = bench.side.is_full = True
    bench.store.record_fact(update_of(bench))
    assert bench.state() == "cancelled"


def test_entries_stopped_by_hand_stay_stopped_until_the_journal_is_opened_anew():
    bench = with_order()
    bench.store.stop_entries(OrderLogError("damaged"))
    bench.store.record_fact(update_of(bench))
    assert bench.journal.kinds[-1] is EventKind.ORDER_UPDATED
    with pytest.raises(OrderLogError, match="damaged"):
        intend(bench)
    bench.journal.close()
    bench.store.load(bench.journal.open())
    assert bench.store.failure is None


@pytest.mark.parametrize("stored", [True, False])
class TestCommitThatIsUnknown:
    def test_its_intent_is_not_in_the_book_and_kept_aside_as_refused(self, stored):
        bench = with_order()
        bench.journal.fail_next_commit(stored=stored)
        with pytest.raises(CommitUnknownError):
            intend(bench)
        assert not holds(bench, "c2")
        assert [record.fact.client_order_id for record in bench.side.refused] == ["c2"]
        assert bench.changes == []
        assert isinstance(bench.store.failure, CommitUnknownError)

    def test_its_facts_are_known_and_kept_aside_with_the_hash_they_may_be_stored_under(self, stored):
        bench = with_order()
        bench.journal.fail_next_commit(stored=stored)
        bench.store.record_fact(update_of(bench))
        assert bench.state() == "cancelled"
        (kept,) = bench.side.facts
        assert (kept.seq, kept.fact) == (5, update_of(bench))
        assert (kept.hash == bench.journal.storage.head.hash) is stored

    def test_a_cancel_goes_on(self, stored):
        bench = with_order()
        bench.journal.fail_next_commit(stored=stored)
        bench.store.record_fact(OrderEvent(event=EventKind.SESSION_STARTED))
        assert bench.manager.cancel_order("c1").is_proven_closed
        assert bench.state() == "cancelled"

    def test_an_order_is_answered_as_not_taken(self, stored):
        bench = ManagerBench()
        bench.journal.fail_next_commit(stored=stored)
        with pytest.raises(OrderLogError):
            bench.buy("c1")
        assert bench.gateway.posts == []


def test_a_commit_that_is_interrupted_lets_no_order_out_and_loses_no_fact(monkeypatch):
    bench = with_order()

    def interrupted(commit):
        raise KeyboardInterrupt

    def record_both() -> None:
        with bench.store.one_commit():
            bench.store.record_fact(update_of(bench))
            intend(bench)

    with monkeypatch.context() as patch:
        patch.setattr(bench.journal, "commit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            record_both()
    assert bench.side.kinds == [EventKind.ORDER_UPDATED]
    assert [record.fact.client_order_id for record in bench.side.refused] == ["c2"]
    with pytest.raises(OrderLogError, match="interrupted"):
        intend(bench, "c3")


def test_a_record_that_is_too_long_for_the_journal_is_known_and_stops_new_orders():
    bench = with_order()
    long = {f"detail-{number}": "x" * 2000 for number in range(40)}
    bench.store.record_fact(replace(update_of(bench), details=long))
    assert bench.state() == "cancelled"
    assert bench.side.kinds == [EventKind.ORDER_UPDATED]
    assert "cannot take record 5" in str(bench.store.failure)


def test_a_store_without_a_side_file_goes_on_all_the_same():
    bench = with_order()
    store = OrderStore(journal=bench.journal, clock=bench.clock, session_id="s2")
    bench.journal.close()
    store.load(bench.journal.open())
    bench.journal.broken = True
    store.record_fact(OrderEvent(event=EventKind.SESSION_STARTED))
    assert isinstance(store.failure, OrderLogError)


class TestNameThatIsTaken:
    def test_its_intent_is_refused_and_all_else_goes_on(self):
        bench = with_order()
        bench.journal.storage.order_keys[OrderKeyKind.REF_ID, "ref-of-c2"] = 2
        with bench.store.one_commit():
            bench.store.record_fact(update_of(bench))
            with pytest.raises(KeyTakenError, match="taken"):
                intend(bench)
        assert not holds(bench, "c2")
        assert bench.store.failure is None
        assert bench.journal.kinds[-2:] == [EventKind.ORDER_UPDATED, EventKind.RECORD_REFUSED]
        refused = bench.journal.records[-1].fact
        assert dict(refused.details) == {"refused": "order_intended", "client_order_id": "c2"}
        assert intend(bench, "c3").journal_seq == 7
        bench.restart()
        assert [order.client_order_id for order in bench.manager.open_orders()] == ["c3"]

    def test_a_fact_is_stored_without_it(self):
        """The broker may answer with an order id that another order has: what it said is on record all the same."""
        bench = with_order()
        bench.buy("c2", symbol="MSFT")
        bench.store.record_fact(replace(update_of(bench), order_id=bench.tracked("c2").envelope.order_id))
        assert bench.store.failure is None
        assert bench.journal.kinds[-1] is EventKind.ORDER_UPDATED


def test_an_order_has_its_names_for_ever():
    bench = with_order()
    envelope = bench.tracked().envelope
    assert {(kind, name) for kind, name in bench.journal.storage.order_keys} == {
        (OrderKeyKind.CLIENT_ORDER_ID, "c1"),
        (OrderKeyKind.REF_ID, envelope.ref_id),
        (OrderKeyKind.ORDER_ID, envelope.order_id),
    }


class TestOneCommit:
    def test_an_order_is_two_commits(self):
        """One before its bytes leave, and one after the broker's answer."""
        bench = with_order()
        before = len(bench.journal.commits)
        bench.buy("c2", symbol="MSFT")
        first, second = bench.journal.commits[before:]
        assert [one.record.fact.event for one in first.records] == [EventKind.ORDER_INTENDED]
        assert [one.record.fact.event for one in second.records] == [
            EventKind.SUBMIT_ATTEMPTED,
            EventKind.ORDER_ACCEPTED,
        ]

    def test_a_synchronisation_is_one(self):
        bench = with_order()
        bench.buy("c2", symbol="MSFT")
        for order in bench.gateway.orders:
            order.fill()
        before = len(bench.journal.commits)
        bench.sync()
        assert len(bench.journal.commits) == before + 1
        assert bench.state() == bench.state("c2") == "filled"

    def test_a_cancel_and_its_answer_are_one(self):
        bench = with_order()
        before = len(bench.journal.commits)
        bench.manager.cancel_order("c1")
        assert len(bench.journal.commits) == before + 1
        assert bench.journal.kinds[-3:] == [
            EventKind.CANCEL_REQUESTED,
            EventKind.CANCEL_ANSWERED,
            EventKind.ORDER_UPDATED,
        ]

    def test_nothing_is_held_meanwhile(self):
        bench = with_order()
        with bench.store.one_commit():
            bench.store.record_fact(update_of(bench))
            other = in_thread(lambda: bench.buy("c2", symbol="MSFT"))
            other.join(WAITED_S)
            assert not other.is_alive()
            assert bench.changes != [], "the other one's commit took the fact along, and told of it"
        assert bench.state("c2") == "confirmed"

    def test_groups_within_groups_are_one(self):
        bench = with_order()
        before = len(bench.journal.commits)
        with bench.store.one_commit():
            with bench.store.one_commit():
                bench.store.record_fact(OrderEvent(event=EventKind.SESSION_STARTED))
            bench.store.record_fact(OrderEvent(event=EventKind.SESSION_STOPPED))
            assert len(bench.journal.commits) == before
        assert len(bench.journal.commits) == before + 1

    def test_an_intent_takes_along_what_was_recorded_before_it(self):
        bench = with_order()
        with bench.store.one_commit():
            bench.store.record_fact(update_of(bench))
            intend(bench)
            assert bench.journal.kinds[-2:] == [EventKind.ORDER_UPDATED, EventKind.ORDER_INTENDED]
            assert bench.changes == []
        assert [change.event.event for change in bench.changes] == [EventKind.ORDER_UPDATED, EventKind.ORDER_INTENDED]


class TestWhileSomebodyElseCommits:
    def test_the_book_is_read_and_facts_are_recorded_without_waiting(self):
        bench = with_order()
        held = bench.journal.hold_next_commit()
        other = in_thread(lambda: intend(bench))
        assert held.reached.wait(WAITED_S)
        mine = in_thread(lambda: bench.store.record_fact(update_of(bench)))
        mine.join(WAITED_S)
        assert not mine.is_alive()
        assert bench.state() == "cancelled"
        assert not holds(bench, "c2"), "an intent is in the book once it is on disk"
        assert bench.changes == []
        held.release()
        other.join(WAITED_S)
        assert holds(bench, "c2")
        assert bench.journal.kinds[-2:] == [EventKind.ORDER_INTENDED, EventKind.ORDER_UPDATED]
        assert {change.event.event for change in bench.changes} == {
            EventKind.ORDER_INTENDED,
            EventKind.ORDER_UPDATED,
        }

    def test_a_whole_cancel_goes_through(self):
        bench = with_order()
        held = bench.journal.hold_next_commit()
        other = in_thread(lambda: intend(bench))
        assert held.reached.wait(WAITED_S)
        cancel = in_thread(lambda: bench.manager.cancel_order("c1"))
        cancel.join(WAITED_S)
        assert not cancel.is_alive()
        assert bench.gateway.order().state == "cancelled"
        held.release()
        other.join(WAITED_S)
        assert bench.journal.records[-1].fact.status is OrderState.CANCELLED

    def test_an_order_that_has_left_is_looked_for_without_waiting(self):
        bench = with_order()
        held = bench.journal.hold_next_commit()
        other = in_thread(lambda: intend(bench))
        assert held.reached.wait(WAITED_S)
        found: list[object] = []
        reader = in_thread(lambda: found.append(holds(bench, "c1") and bench.store._past.find(_C, "nobody")))
        reader.join(WAITED_S)
        held.release()
        other.join(WAITED_S)
        assert found == [None]

    def test_an_intent_waits_for_the_one_before_it(self):
        bench = with_order()
        held = bench.journal.hold_next_commit()
        first = in_thread(lambda: intend(bench))
        assert held.reached.wait(WAITED_S)
        second = in_thread(lambda: intend(bench, "c3", symbol="KO"))
        second.join(0.05)
        assert second.is_alive()
        held.release()
        first.join(WAITED_S)
        second.join(WAITED_S)
        assert [record.fact.client_order_id for record in bench.journal.records[-2:]] == ["c2", "c3"]

    def test_what_stops_entries_meanwhile_stops_that_order(self):
        """Whoever stops them lists the orders to cancel, and could not see this one."""
        bench = with_order()
        held = bench.journal.hold_next_commit()
        errors: list[BaseException] = []

        def buy() -> None:
            try:
                bench.buy("c2", symbol="MSFT")
            except TradingHaltedError as error:
                errors.append(error)

        other = in_thread(buy)
        assert held.reached.wait(WAITED_S)
        bench.store.record_fact(frozen("MSFT", Cause.EXIT, "somebody leaves"))
        held.release()
        other.join(WAITED_S)
        assert len(errors) == 1
        assert bench.state("c2") == "not_sent"
        assert [post.client_order_id for post in bench.gateway.posts] == ["c1"]

    def test_an_order_that_somebody_finds_in_the_journal_before_it_is_in_the_book_is_one_order(self):
        bench = with_order()
        cancel = OrderEvent(event=EventKind.CANCEL_REQUESTED, client_order_id=ClientOrderId("c2"))

        def cancel_it() -> None:
            bench.journal.after_intent = lambda: None
            bench.store.record_fact(cancel)

        bench.journal.after_intent = cancel_it
        intend(bench)
        assert bench.tracked("c2").cancel_wanted
        assert [change.event.event for change in bench.changes] == [
            EventKind.ORDER_INTENDED,
            EventKind.CANCEL_REQUESTED,
        ]
        with bench.store.open_book() as book:
            assert book == OrderBook.replayed(bench.journal.read_standing())
            assert book.pointers.all() == bench.journal.storage.standing

    def test_facts_of_a_failed_intents_time_are_not_lost(self):
        bench = with_order()
        held = bench.journal.hold_next_commit()
        bench.journal.fail_next_commit(stored=False)
        errors: list[BaseException] = []

        def refused() -> None:
            try:
                intend(bench)
            except OrderLogError as error:
                errors.append(error)

        other = in_thread(refused)
        assert held.reached.wait(WAITED_S)
        bench.store.record_fact(update_of(bench))
        held.release()
        other.join(WAITED_S)
        assert len(errors) == 1
        assert bench.side.kinds == [EventKind.ORDER_UPDATED]
        assert bench.state() == "cancelled"


class TestOldOrders:
    def test_they_leave_in_one_commit_with_the_positions(self):
        bench = with_order()
        bench.gateway.order().fill()
        bench.sync()
        before = len(bench.journal.commits)
        bench.store.forget_all_but(lambda book: ())
        (commit,) = bench.journal.commits[before:]
        assert [one.record.fact.event for one in commit.records] == [EventKind.POSITIONS_NOTED]
        assert {one.kind for one in commit.ended} == {"order"}
        assert len(bench.manager.orders()) == 0
        with bench.store.open_book() as book:
            assert book.expected_positions() == {"AAPL": Decimal(10)}

    def test_one_that_left_is_found_and_not_placed_again(self):
        bench = with_order()
        bench.gateway.order().fill()
        bench.sync()
        bench.store.forget_all_but(lambda book: ())
        assert bench.buy("c1").state is OrderState.FILLED
        assert bench.manager.get_order_status(bench.gateway.order().order_id).state is OrderState.FILLED
        assert len(bench.gateway.posts) == 1

    def test_one_that_left_comes_back_with_the_next_fact(self):
        bench = with_order()
        bench.gateway.order().fill()
        bench.sync()
        order = bench.tracked()
        bench.store.forget_all_but(lambda book: ())
        bench.store.record_fact(replace(about(order.envelope, EventKind.ANOMALY_FOUND), reason="odd"))
        assert holds(bench, "c1")
        assert bench.tracked() == replace(order, anomalies=frozenset({anomaly_in_words("odd")}))
        bench.restart()
        assert bench.tracked() == replace(order, anomalies=frozenset({anomaly_in_words("odd")}))

    def test_names_that_are_not_there_are_asked_for_once(self, monkeypatch):
        bench = with_order()
        asked: list[str] = []
        real = bench.journal.find_order

        def find_order(kind, name):
            asked.append(name)
            return real(kind, name)

        monkeypatch.setattr(bench.journal, "find_order", find_order)
        with bench.store.open_book() as book:
            for name in ("nobody", "nobody", *(f"n{number}" for number in range(5000)), "nobody"):
                assert book.by_ref_id(name) is None
        assert asked.count("nobody") == 2, "what is remembered is bounded"

    def test_a_name_that_was_asked_for_before_it_was_given_is_found_later(self):
        bench = ManagerBench()
        bench.buy("c1")
        bench.gateway.order().fill()
        bench.sync()
        bench.store.forget_all_but(lambda book: ())
        assert bench.tracked().state is OrderState.FILLED


class TestImport:
    def test_records_that_an_import_commits_are_known_and_the_store_goes_on_behind_them(self):
        bench = with_order()
        with bench.store.importing() as book:
            head = bench.journal.head
            sealed = seal(update_of(bench), head=head, ts=bench.clock.now(), mono=Decimal(0), session_id="before")
            book.check(sealed.record)
            assert book.names_given(sealed.record.fact) == ()
            book.apply(sealed.record)
            added, ended = book.take_pointers()
            bench.journal.commit(Commit(records=(sealed,), standing=added, ended=ended))
            assert book.active() == ()
        assert bench.state() == "cancelled"
        assert intend(bench).journal_seq == 6
        bench.restart()
        assert bench.state() == "cancelled"

    def test_an_order_that_has_left_is_brought_back_by_it(self):
        bench = with_order()
        bench.store.record_fact(update_of(bench))
        order = bench.tracked()
        bench.store.forget_all_but(lambda book: ())
        odd = replace(about(order.envelope, EventKind.ANOMALY_FOUND), reason="odd")
        with bench.store.importing() as book:
            assert book.order(order.client_order_id) == order
            head = bench.journal.head
            sealed = seal(odd, head=head, ts=bench.clock.now(), mono=Decimal(0), session_id="before")
            book.apply(sealed.record)
            added, ended = book.take_pointers()
            bench.journal.commit(Commit(records=(sealed,), standing=added, ended=ended))
        bench.restart()
        assert bench.tracked().anomalies == {anomaly_in_words("odd")}

    def test_a_record_that_cannot_follow_is_refused(self):
        bench = with_order()
        bench.store.record_fact(update_of(bench))
        again = replace(update_of(bench), status=OrderState.CONFIRMED)
        with bench.store.importing() as book:
            head = bench.journal.head
            sealed = seal(again, head=head, ts=bench.clock.now(), mono=Decimal(0), session_id="before")
            with pytest.raises(OrderLogDamagedError, match="cannot be true"):
                book.check(sealed.record)


class TestListenersOfCommits:
    def test_they_get_what_was_stored_after_it_was(self):
        bench = with_order()
        heard: list[tuple[int, int]] = []
        bench.store.on_commit(lambda records: heard.append((records[-1].record.seq, bench.journal.head.seq)))
        bench.store.record_fact(update_of(bench))
        assert heard == [(5, 5)]

    def test_one_that_raises_hides_nothing(self):
        bench = with_order()

        def bad(_records) -> None:
            raise RuntimeError("a full disk")

        bench.store.on_commit(bad)
        bench.store.record_fact(update_of(bench))
        assert bench.store.failure is None
        assert len(bench.changes) == 1


def test_what_is_no_intent_is_not_recorded_as_one():
    bench = with_order()
    prepared = bench.gateway.prepare_order(terms("MSFT"), RefId("ref"))
    with pytest.raises(OrderLogError, match="order_intended event"):
        bench.store.record_intent(update_of(bench), prepared)


def test_records_that_cannot_be_true_spoil_their_own_order_only():
    bench = with_order()
    bench.buy("c2", symbol="MSFT")
    storage = bench.journal.storage
    storage.standing = {one for one in storage.standing if one.seq != 2}
    bench.journal.close()
    with pytest.raises(OrderLogDamagedError, match="cannot be true"):
        bench.store.load(bench.journal.open())
    assert not holds(bench, "c1")
    assert bench.state("c2") == "confirmed"


def test_the_book_in_memory_equals_the_replayed_journal():
    bench = with_order()
    bench.store.record_facts([update_of(bench, OrderState.PENDING_CANCEL), update_of(bench)])
    with bench.store.open_book() as book:
        assert book == OrderBook.replayed(bench.journal.records)


def test_several_facts_are_one_step_for_everybody_else():
    bench = with_order()
    seen: list[str] = []
    with bench.store.open_book():
        bench.store.record_fact(update_of(bench, OrderState.PENDING_CANCEL))
        reader = in_thread(lambda: seen.append(bench.state()))
        reader.join(0.05)
        assert seen == []
        bench.store.record_fact(update_of(bench))
    reader.join(WAITED_S)
    assert seen == ["cancelled"]


def test_a_listener_that_raises_hides_nothing():
    bench = ManagerBench()
    told: list[EventKind] = []

    def bad(change: OrderChange) -> None:
        raise RuntimeError("somebody's strategy")

    bench.manager.subscribe(bad)
    bench.manager.subscribe(lambda change: told.append(change.event.event))
    envelope = bench.buy("c1")
    assert envelope.order_id == bench.gateway.order().order_id
    assert told == [EventKind.ORDER_INTENDED, EventKind.SUBMIT_ATTEMPTED, EventKind.ORDER_ACCEPTED]
    assert bench.state() == "confirmed"


def test_listeners_are_called_without_the_lock():
    """A listener may ask the manager from another thread without a deadlock."""
    bench = ManagerBench()
    answers: list[int] = []

    def ask_elsewhere(change: OrderChange) -> None:
        thread = threading.Thread(target=lambda: answers.append(len(bench.manager.orders())))
        thread.start()
        thread.join(10)
        assert not thread.is_alive()

    bench.manager.subscribe(ask_elsewhere)
    bench.buy("c1")
    assert answers == [1, 1, 1]


def test_a_listener_may_place_an_order():
    bench = ManagerBench()

    def take_profit(change: OrderChange) -> None:
        if change.event.event is EventKind.EXECUTION_BOOKED and change.order.envelope.side == "buy":
            bench.manager.place_limit_sell("AAPL", 10, Decimal(105), client_order_id="exit")

    bench.manager.subscribe(take_profit)
    bench.buy("c1")
    bench.gateway.order().fill()
    bench.manager.synchronize_open_orders()
    assert bench.state("exit") == "confirmed"
    assert len(bench.gateway.orders) == 2


def test_a_change_tells_the_order_as_it_was_and_as_it_is():
    bench = ManagerBench()
    bench.buy("c1")
    states = [(change.before and change.before.state, change.order.state) for change in bench.changes]
    pending = OrderState.PENDING_SUBMIT
    assert states == [(None, pending), (pending, pending), (pending, OrderState.CONFIRMED)]


def test_changes_are_told_only_when_the_outermost_hold_is_over():
    bench = with_order()
    with bench.store.open_book():
        bench.store.record_fact(update_of(bench))
        assert bench.changes == []
    assert len(bench.changes) == 1


def test_an_intent_is_folded_in_and_proven_durable():
    bench = with_order()
    bench.buy("c2", symbol="MSFT")
    intents = [change for change in bench.changes if change.event.event is EventKind.ORDER_INTENDED]
    assert [change.order.state for change in intents] == [OrderState.PENDING_SUBMIT]
    assert bench.gateway.posts[-1].journal_seq == 5


def test_facts_of_no_order_are_told_after_their_commit_to_those_who_ask_for_them():
    bench = with_order()
    frozen_at = bench.clock.now()
    told: list[PlainFact] = []
    bench.store.on_fact(told.append)
    with bench.store.one_commit():
        bench.store.record_fact(OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="AAPL", reason="why"))
        assert told == []
    assert [(fact.event.reason, fact.at) for fact in told] == [("why", frozen_at)]
    assert bench.changes == []
    with bench.store.open_book() as book:
        assert book.frozen_symbols() == {"AAPL": "why"}


def test_what_was_recorded_before_an_error_is_told_all_the_same():
    bench = with_order()

    def record_and_fail():
        with bench.store.open_book():
            bench.store.record_fact(update_of(bench))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        record_and_fail()
    assert [change.event.event for change in bench.changes] == [EventKind.ORDER_UPDATED]


def test_news_kept_back_is_told_when_the_block_ends():
    bench = with_order()
    with bench.store.telling_later():
        with bench.store.telling_later():
            bench.store.record_fact(update_of(bench))
        assert bench.changes == []
    assert [change.event.event for change in bench.changes] == [EventKind.ORDER_UPDATED]


def test_a_listener_may_place_an_order_as_soon_as_an_intent_is_known():
    bench = ManagerBench()

    def place_another(change: OrderChange) -> None:
        if change.event.event is EventKind.ORDER_INTENDED and change.order.client_order_id == "c1":
            bench.buy("c2", symbol="MSFT")

    bench.store.subscribe(place_another)
    bench.buy("c1")
    assert {order.client_order_id for order in bench.manager.orders()} == {"c1", "c2"}


def test_a_record_that_no_book_could_follow_never_reaches_the_journal():
    bench = with_order()
    bench.store.record_fact(update_of(bench))
    before = len(bench.journal.records)
    impossible = replace(about(bench.tracked().envelope, EventKind.ORDER_UPDATED), status=OrderState.CONFIRMED)
    with pytest.raises(OrderLogDamagedError, match="cannot be true"):
        bench.store.record_fact(impossible)
    assert (len(bench.journal.records), bench.state()) == (before, "cancelled")
    assert bench.store.failure is None
