"""What every engine of the journal keeps to; each guarantee of the port has its test here."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.journal_engines import ENGINES, OURS, Engine, sealed
from tests.support.order_story import intended, now_in, order_id_of, ref_of, told
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord, head_at, unseal
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.port import (
    Commit,
    CommitUnknownError,
    Journal,
    KeyTakenError,
    OrderKey,
    OrderKeyKind,
    Pointer,
)
from trading_bot.order_management.models import ClientOrderId, ExecutionMode, OrderState

PATIENCE_S = 30
OTHERS = JournalIdentity(mode=ExecutionMode.PAPER, account_key="fedcba9876543210", account_suffix="9999")


@pytest.fixture(params=ENGINES)
def engine(request, tmp_path) -> Iterator[Engine]:
    with ENGINES[request.param](tmp_path) as made:
        yield made


@pytest.fixture
def journal(engine: Engine) -> Journal:
    made = engine.journal()
    made.open()
    return made


def commit_of(head: ChainHead, name: str) -> Commit:
    """An intent with its names and its pointer."""
    (record,) = sealed(head, intended(name))
    return Commit(records=(record,), order_keys=keys_of(record), standing=(pointer_to(record),))


def keys_of(record: SealedRecord) -> tuple[OrderKey, ...]:
    fact, seq = record.record.fact, record.record.seq
    return (
        OrderKey(kind=OrderKeyKind.CLIENT_ORDER_ID, key=str(fact.client_order_id), seq=seq),
        OrderKey(kind=OrderKeyKind.REF_ID, key=str(fact.ref_id), seq=seq),
    )


def pointer_to(record: SealedRecord, kind: str = "order") -> Pointer:
    return Pointer(kind=kind, key=str(record.record.fact.client_order_id), seq=record.record.seq)


def place(journal: Journal, *names: str) -> list[JournalRecord]:
    """Commit one intent after the other."""
    made = []
    for name in names:
        commit = commit_of(journal.head, name)
        journal.commit(commit)
        made.append(commit.records[0].record)
    return made


def numbers(records) -> list[int]:
    return [record.seq for record in records]


def restarted(engine: Engine, journal: Journal) -> Journal:
    journal.close()
    return engine.journal()


# Opening


def test_a_new_journal_begins_with_the_record_that_says_whose_it_is(engine):
    opened = engine.journal().open()
    assert opened.is_new
    assert opened.head.seq == 1
    (first,) = engine.reader().page(after=0, limit=10)
    assert first.record.fact.details == {**OURS.details(), "kept_in": "database"}
    assert first.record.fact.execution_mode is OURS.mode


def test_an_importer_brings_the_first_record_itself(engine):
    journal = engine.journal(begins=False)
    opened = journal.open()
    assert (opened.is_new, opened.head) == (True, ChainHead.genesis())
    with pytest.raises(OrderLogError, match="belongs to another account or mode"):
        journal.commit(commit_of(journal.head, "first"))
    old = engine.journal(OURS)
    assert (old.open().is_new, journal.refusal) == (True, None)


def test_a_second_start_finds_no_new_journal(engine, journal):
    head = journal.head
    opened = restarted(engine, journal).open()
    assert (opened.is_new, opened.head, opened.problem) == (False, head, None)


@pytest.mark.parametrize("stranger", [OTHERS, replace(OURS, mode=ExecutionMode.LIVE)], ids=["account", "mode"])
def test_the_journal_of_another_account_or_mode_is_refused(engine, journal, stranger):
    if stranger.account_key != OURS.account_key and not engine.holds_one_account:
        pytest.skip("this engine keeps each account's rows apart")
    journal.close()
    with pytest.raises(OrderLogError, match=r"belongs to another account or mode \(paper, account ending in 4321\)"):
        engine.journal(stranger).open()


def test_an_account_number_in_other_letters_gets_a_hint(engine, journal):
    if not engine.holds_one_account:
        pytest.skip("this engine keeps each account's rows apart")
    journal.close()
    stranger = replace(OTHERS, spellings={OURS.account_key: "upper case letters"})
    with pytest.raises(OrderLogError, match="which has upper case letters; case counts, so write it like that"):
        engine.journal(stranger).open()


def test_a_journal_that_is_open_is_not_opened_again(journal):
    with pytest.raises(OrderLogError, match="open already"):
        journal.open()


def test_a_journal_that_is_not_open_takes_and_gives_nothing(engine):
    journal = engine.journal()
    assert journal.refusal is not None
    with pytest.raises(OrderLogError, match="not open"):
        journal.commit(commit_of(journal.head, "first"))
    with pytest.raises(OrderLogError, match="not open"):
        journal.read_head()


def test_a_closed_journal_takes_nothing(engine, journal):
    journal.close()
    journal.close()
    with pytest.raises(OrderLogError, match="closed"):
        journal.commit(commit_of(journal.head, "first"))
    assert engine.reader().read_head().seq == 1


# 1. One commit is one transaction


def test_what_was_committed_is_there_after_a_restart(engine, journal):
    commit = commit_of(journal.head, "first")
    journal.commit(commit)
    opened = restarted(engine, journal).open()
    assert opened.head == head_at(commit.records[0].record)
    assert opened.standing == (commit.records[0].record,)
    assert opened.problem is None


def test_a_reader_sees_a_commit_as_soon_as_it_returns(engine, journal):
    reader = engine.reader()
    (record,) = place(journal, "first")
    assert reader.read_head() == head_at(record)
    assert reader.read_standing() == (record,)


def test_several_records_go_in_together(engine, journal):
    records = sealed(journal.head, intended("first"), now_in(OrderState.CONFIRMED, "first"), intended("second"))
    journal.commit(Commit(records=records))
    assert journal.head == head_at(records[-1].record)
    assert engine.reader().page(after=1, limit=9) == records


def test_the_bytes_of_a_record_are_kept(engine, journal):
    commit = commit_of(journal.head, "first")
    journal.commit(commit)
    assert [one.line for one in engine.reader().page(after=1, limit=9)] == [commit.records[0].line]


def test_an_empty_commit_changes_nothing(journal):
    head = journal.head
    journal.commit(Commit())
    assert (journal.head, journal.read_head()) == (head, head)


def test_a_commit_may_move_pointers_alone(engine, journal):
    first, second = place(journal, "first", "second")
    gone = Pointer(kind="order", key="first", seq=first.seq)
    journal.commit(Commit(ended=(gone,)))
    assert (journal.head, engine.reader().read_standing()) == (head_at(second), (second,))


# 2. A failed commit is unknown


@pytest.mark.parametrize("stored", [True, False])
def test_a_failed_commit_is_unknown_and_nothing_more_is_taken(engine, journal, stored):
    (before,) = place(journal, "first")
    engine.fail_next_commit(stored=stored)
    with pytest.raises(CommitUnknownError):
        journal.commit(commit_of(journal.head, "second"))
    assert journal.head == head_at(before)
    assert isinstance(journal.refusal, CommitUnknownError)
    with pytest.raises(CommitUnknownError):
        journal.commit(commit_of(journal.head, "third"))


@pytest.mark.parametrize("stored", [True, False])
def test_opening_anew_shows_what_became_of_a_failed_commit(engine, journal, stored):
    place(journal, "first")
    engine.fail_next_commit(stored=stored)
    with pytest.raises(CommitUnknownError):
        journal.commit(commit_of(journal.head, "second"))
    again = restarted(engine, journal)
    opened = again.open()
    found = again.find_order(OrderKeyKind.CLIENT_ORDER_ID, "second")
    assert (opened.head.seq, found) == ((3, "second") if stored else (2, None))
    assert again.refusal is None
    place(again, "third")
    assert again.read_head().seq == opened.head.seq + 1


def test_a_journal_that_refuses_can_still_be_read(engine, journal):
    (record,) = place(journal, "first")
    engine.fail_next_commit(stored=False)
    with pytest.raises(CommitUnknownError):
        journal.commit(commit_of(journal.head, "second"))
    assert journal.records_of(ClientOrderId("first")) == (record,)


# 3. Numbered without a gap, and chained


def test_a_record_that_does_not_follow_the_head_is_refused_and_nothing_is_stored(engine, journal):
    (record,) = place(journal, "first")
    ahead = commit_of(replace(journal.head, seq=journal.head.seq + 1), "second")
    forked = commit_of(replace(journal.head, hash="f" * 64), "second")
    behind = commit_of(ChainHead(seq=record.seq - 1, hash=record.prev), "second")
    for wrong in (ahead, forked, behind):
        with pytest.raises(ValueError, match="does not follow"):
            journal.commit(wrong)
    assert (journal.refusal, engine.reader().read_head()) == (None, head_at(record))
    place(journal, "second")


def test_records_of_one_commit_follow_each_other(journal):
    first, _, third = sealed(journal.head, intended("first"), intended("second"), intended("third"))
    with pytest.raises(ValueError, match="record 4 does not follow record 2"):
        journal.commit(Commit(records=(first, third)))


def test_pages_follow_each_other_to_the_end(engine, journal):
    place(journal, *(f"order-{number}" for number in range(7)))
    reader, seen, after = engine.reader(), [], 0
    while page := reader.page(after=after, limit=3):
        assert len(page) <= 3
        seen += numbers(one.record for one in page)
        after = seen[-1]
    assert seen == list(range(1, 9))


def test_a_record_whose_text_was_changed_is_never_given_out(engine, journal):
    first, _ = place(journal, "first", "second")
    body = engine.reader().page(after=1, limit=1)[0].body.decode()
    engine.spoil(first.seq, body=body.replace("100.00", "900.00"))
    reader = engine.reader()
    for read in (
        lambda: reader.page(after=0, limit=9),
        lambda: reader.records_of(ClientOrderId("first")),
        reader.read_standing,
    ):
        with pytest.raises(OrderLogDamagedError, match="record 2 is bad"):
            read()
    assert reader.read_head().seq == 3


def test_a_bad_record_that_still_counts_stops_commits_and_hides_no_other(engine, journal):
    first, second = place(journal, "first", "second")
    journal.close()
    engine.spoil(first.seq, body="{}")
    again = engine.journal()
    opened = again.open()
    assert opened.standing == (second,)
    assert "record 2 is bad" in str(opened.problem)
    assert isinstance(again.refusal, OrderLogDamagedError)
    with pytest.raises(OrderLogDamagedError, match="audit verify"):
        again.commit(commit_of(again.head, "third"))


def test_a_bad_head_is_found_at_the_start(engine, journal):
    (record,) = place(journal, "first")
    journal.commit(Commit(ended=(Pointer(kind="order", key="first", seq=record.seq),)))
    journal.close()
    engine.spoil(record.seq, body="{}")
    assert "record 2 is bad" in str(engine.journal().open().problem)


def test_a_gap_near_the_head_is_found_at_the_start(engine, journal):
    records = sealed(journal.head, *(intended(f"order-{number}") for number in range(9)))
    journal.commit(Commit(records=records))
    journal.close()
    engine.lose(5)
    assert "record 5 is missing" in str(engine.journal().open().problem)


def test_a_standing_record_that_is_gone_is_found_at_the_start(engine, journal):
    (record,) = place(journal, "first")
    journal.commit(Commit(records=sealed(journal.head, *(intended(f"order-{number}") for number in range(99)))))
    journal.close()
    engine.lose(record.seq)
    assert "record 2 is" in str(engine.journal().open().problem)


def test_a_bad_record_that_counts_no_more_does_not_stop_a_start(engine, journal):
    (record,) = place(journal, "first")
    ended = Pointer(kind="order", key="first", seq=record.seq)
    records = sealed(journal.head, *(intended(f"order-{number}") for number in range(99)))
    journal.commit(Commit(records=records, ended=(ended,)))
    journal.close()
    engine.spoil(record.seq, body="{}")
    assert engine.journal().open().problem is None
    with pytest.raises(OrderLogDamagedError, match="record 2 is bad"):
        engine.reader().page(after=0, limit=9)


def test_a_first_record_that_cannot_be_read_stops_the_start(engine, journal):
    place(journal, "first")
    journal.close()
    engine.spoil(1, body="{}")
    with pytest.raises(OrderLogDamagedError, match="record 1 is bad"):
        engine.journal().open()


def test_a_first_record_that_is_gone_stops_the_start(engine, journal):
    place(journal, "first")
    journal.close()
    engine.lose(1)
    with pytest.raises(OrderLogDamagedError, match="record 1 is missing"):
        engine.journal().open()


# 4. An order key is given away once


def test_a_name_is_given_away_once(engine, journal):
    journal.commit(commit_of(journal.head, "first"))
    head = journal.head
    with pytest.raises(KeyTakenError, match="first") as caught:
        journal.commit(commit_of(head, "first"))
    assert caught.value.client_order_id == "first"
    assert journal.refusal is None
    assert (journal.head, engine.reader().read_head()) == (head, head)
    place(journal, "second")


@pytest.mark.parametrize("kind", OrderKeyKind)
def test_each_kind_of_name_is_unique_for_ever(engine, journal, kind):
    head = journal.head
    first, second, third = sealed(head, intended("first"), intended("second"), intended("third"))
    journal.commit(Commit(records=(first,), order_keys=(OrderKey(kind=kind, key="same", seq=first.record.seq),)))
    again = restarted(engine, journal)
    again.open()
    taken = OrderKey(kind=kind, key="same", seq=second.record.seq)
    with pytest.raises(KeyTakenError, match="same") as caught:
        again.commit(Commit(records=(second, third), order_keys=(taken,)))
    assert caught.value.taken == taken
    assert again.read_head() == head_at(first.record)


def test_a_taken_name_lets_nothing_of_its_commit_in(engine, journal):
    (first,) = place(journal, "first")
    records = sealed(journal.head, intended("second"), intended("first"))
    keys = keys_of(records[0]) + keys_of(records[1])
    ended = Pointer(kind="order", key="first", seq=first.seq)
    with pytest.raises(KeyTakenError):
        journal.commit(Commit(records=records, order_keys=keys, standing=(pointer_to(records[0]),), ended=(ended,)))
    assert journal.find_order(OrderKeyKind.CLIENT_ORDER_ID, "second") is None
    assert engine.reader().read_standing() == (first,)


def test_a_name_stands_once_in_one_commit(journal):
    first, second = sealed(journal.head, intended("first"), intended("second"))
    same = tuple(OrderKey(kind=OrderKeyKind.ORDER_ID, key="same", seq=one.record.seq) for one in (first, second))
    with pytest.raises(KeyTakenError) as caught:
        journal.commit(Commit(records=(first, second), order_keys=same))
    assert caught.value.taken == same[1]
    assert journal.read_head().seq == 1


def test_the_same_text_may_name_things_of_different_kinds(journal):
    (record,) = sealed(journal.head, intended("first"))
    keys = tuple(OrderKey(kind=kind, key="same", seq=record.record.seq) for kind in OrderKeyKind)
    journal.commit(Commit(records=(record,), order_keys=keys))
    assert {journal.find_order(kind, "same") for kind in OrderKeyKind} == {"first"}


def test_an_order_is_found_by_each_of_its_names(engine, journal):
    place(journal, "first", "second")
    (accepted,) = sealed(journal.head, now_in(OrderState.CONFIRMED, "first", order_id=order_id_of("first")))
    broker_id = OrderKey(kind=OrderKeyKind.ORDER_ID, key=order_id_of("first"), seq=accepted.record.seq)
    journal.commit(Commit(records=(accepted,), order_keys=(broker_id,)))
    for reader in (journal, engine.reader()):
        assert reader.find_order(OrderKeyKind.CLIENT_ORDER_ID, "first") == "first"
        assert reader.find_order(OrderKeyKind.REF_ID, ref_of("first")) == "first"
        assert reader.find_order(OrderKeyKind.ORDER_ID, order_id_of("first")) == "first"
        assert reader.find_order(OrderKeyKind.ORDER_ID, "first") is None
        assert reader.find_order(OrderKeyKind.CLIENT_ORDER_ID, "third") is None


def test_every_record_of_an_order_is_found_and_no_other(engine, journal):
    events = (intended("first"), intended("second"), now_in(OrderState.CONFIRMED, "first"))
    records = sealed(journal.head, *events)
    journal.commit(Commit(records=records))
    assert engine.reader().records_of(ClientOrderId("first")) == (records[0].record, records[2].record)
    assert engine.reader().records_of(ClientOrderId("third")) == ()


def test_the_records_of_one_request_are_found_whatever_order_they_concern(engine, journal):
    ours = "rebalance-7"
    first, second = intended("first", correlation_id="another"), intended("second", correlation_id=ours)
    cancel = told(EventKind.CANCEL_REQUESTED, "first", correlation_id=ours)
    filled = now_in(OrderState.FILLED, "second", correlation_id=ours)
    halt = OrderEvent(event=EventKind.TRADING_HALTED, correlation_id=ours)
    ended = now_in(OrderState.CANCELLED, "first", correlation_id="another")
    events = (first, cancel, second, halt, ended, filled, intended("third"))
    records = sealed(journal.head, *events)
    journal.commit(Commit(records=records))
    found = engine.reader().records_of_request(ours)
    assert found == journal.records_of_request(ours) == tuple(records[place].record for place in (1, 2, 3, 5))
    assert journal.records_of_request("nobody's") == ()
    engine.spoil(found[1].seq, body=records[2].body.decode().replace("100.00", "900.00"))
    with pytest.raises(OrderLogDamagedError, match="record 4 is bad"):
        engine.reader().records_of_request(ours)


@pytest.mark.parametrize("odd", ["a\0b", "half \ud800 a pair", "Größe 💶", "'; DROP TABLE record; --", "%s ? %(x)s"])
def test_odd_texts_of_the_broker_are_names_like_any_other(engine, journal, odd):
    (record,) = sealed(journal.head, intended("first", order_id=odd, symbol=odd))
    key = OrderKey(kind=OrderKeyKind.ORDER_ID, key=odd, seq=record.record.seq)
    pointer = Pointer(kind="order", key=odd, seq=record.record.seq)
    journal.commit(Commit(records=(record,), order_keys=(key,), standing=(pointer,)))
    assert journal.find_order(OrderKeyKind.ORDER_ID, odd) == "first"
    assert engine.reader().page(after=1, limit=1) == (record,)
    journal.commit(Commit(ended=(pointer,)))
    assert journal.read_standing() == ()
    (second,) = sealed(journal.head, intended("second"))
    with pytest.raises(KeyTakenError):
        journal.commit(Commit(records=(second,), order_keys=(replace(key, seq=second.record.seq),)))


# 5. Standing pointers name the records that still count


def test_a_start_gets_the_records_that_still_count_once_each_in_order(engine, journal):
    records = sealed(journal.head, intended("first"), intended("second"), intended("third"))
    third, first = pointer_to(records[2]), pointer_to(records[0])
    journal.commit(Commit(records=records, standing=(third, first, replace(first, kind="lot"))))
    again = restarted(engine, journal)
    assert numbers(again.open().standing) == [2, 4]
    assert numbers(again.read_standing()) == [2, 4]


def test_an_ended_pointer_takes_away_only_itself(journal):
    (record,) = sealed(journal.head, intended("first"))
    order, lot = pointer_to(record), pointer_to(record, "lot")
    journal.commit(Commit(records=(record,), standing=(order, lot)))
    journal.commit(Commit(ended=(order,)))
    assert numbers(journal.read_standing()) == [2]
    journal.commit(Commit(ended=(lot, order)))
    assert journal.read_standing() == ()


def test_a_pointer_may_be_added_twice(journal):
    (record,) = sealed(journal.head, intended("first"))
    pointer = pointer_to(record)
    journal.commit(Commit(records=(record,), standing=(pointer, pointer)))
    journal.commit(Commit(standing=(pointer,)))
    journal.commit(Commit(ended=(pointer,)))
    assert journal.read_standing() == ()


def test_pointers_end_before_others_are_added(journal):
    (record,) = sealed(journal.head, intended("first"))
    pointer = pointer_to(record)
    journal.commit(Commit(records=(record,), standing=(pointer,)))
    journal.commit(Commit(standing=(pointer,), ended=(pointer,)))
    assert numbers(journal.read_standing()) == [2]


def test_pointers_are_listed_by_kind(engine, journal):
    head = journal.head
    for name in ("second", "first"):
        journal.commit(commit_of(journal.head, name))
    journal.commit(Commit(standing=(Pointer(kind="other", key="first", seq=1),)))
    assert [(one.key, one.seq) for one in engine.reader().pointers("order")] == [
        ("first", head.seq + 2),
        ("second", head.seq + 1),
    ]
    assert journal.pointers("nothing") == ()


def test_whether_a_name_was_given_away_can_be_asked(engine, journal):
    journal.commit(commit_of(journal.head, "first"))
    reader = engine.reader()
    assert reader.has_key(OrderKeyKind.CLIENT_ORDER_ID, "first")
    assert not reader.has_key(OrderKeyKind.CLIENT_ORDER_ID, "second")
    assert not reader.has_key(OrderKeyKind.SIDE_LINE, "first")


# Threads, processes, checkpoints


def test_reading_does_not_wait_for_a_commit(engine, journal):
    place(journal, "first")
    head = journal.head
    held = engine.hold_next_commit()
    committing = threading.Thread(target=journal.commit, args=(commit_of(head, "second"),))
    committing.start()
    assert held.reached.wait(PATIENCE_S)
    assert journal.head == head
    assert journal.read_head() == engine.reader().read_head() == head
    assert journal.find_order(OrderKeyKind.CLIENT_ORDER_ID, "first") == "first"
    assert journal.checkpoint() is None
    held.release()
    committing.join(PATIENCE_S)
    assert journal.read_head().seq == head.seq + 1


def test_threads_that_share_a_journal_leave_one_chain(engine, journal):
    def work(number: int) -> None:
        placed = 0
        while placed < 5:
            try:
                place(journal, f"order-{number}-{placed}")
            except ValueError:  # another thread was faster; its head is ours now
                continue
            placed += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    records = [one.record for one in engine.reader().page(after=0, limit=99)]
    assert numbers(records) == list(range(1, 22))
    assert [after.prev for after in records[1:]] == [before.hash for before in records[:-1]]


def test_a_forked_child_may_not_use_the_journal_nor_close_it(engine, journal):
    place(journal, "first")
    engine.fork()
    for use in (
        lambda: journal.commit(commit_of(journal.head, "second")),
        journal.open,
        journal.read_head,
    ):
        with pytest.raises(OrderLogError, match="do not fork a running bot"):
            use()
    assert journal.checkpoint() is None
    journal.close()
    engine.unfork()
    place(journal, "second")


def test_a_checkpoint_loses_nothing(engine, journal):
    (record,) = place(journal, "first")
    assert journal.checkpoint() is None
    assert restarted(engine, journal).open().standing == (record,)


# Any order of events


@dataclass
class Model:
    """What a journal has to hold, the simple way."""

    records: list[SealedRecord] = field(default_factory=list)
    keys: dict[tuple[OrderKeyKind, str], int] = field(default_factory=dict)
    standing: set[Pointer] = field(default_factory=set)

    def take(self, commit: Commit) -> None:
        self.records += commit.records
        self.keys |= {(key.kind, key.key): key.seq for key in commit.order_keys}
        self.standing = (self.standing - set(commit.ended)) | set(commit.standing)


NAMES = st.sampled_from(["a", "b", "c", "d"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("place"), NAMES),
        st.tuples(st.just("end"), NAMES),
        st.tuples(st.just("told"), NAMES),
        st.tuples(st.just("lost"), NAMES),
        st.tuples(st.just("kept"), NAMES),
        st.tuples(st.just("restart"), st.just("")),
    ),
    max_size=12,
)


def taken_by(model: Model, head: ChainHead, step: str, name: str) -> Commit:
    if step == "end":
        return Commit(ended=tuple(one for one in model.standing if one.key == name))
    if step == "told":
        (record,) = sealed(head, now_in(OrderState.CONFIRMED, name))
        return Commit(records=(record,), standing=(pointer_to(record),))
    return commit_of(head, name)


@pytest.mark.parametrize("kind", ENGINES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_any_order_of_commits_failures_and_restarts_leaves_what_was_promised(kind, tmp_path_factory, steps):
    with ENGINES[kind](tmp_path_factory.mktemp("any")) as engine:
        journal = engine.journal()
        journal.open()
        model = Model(records=list(journal.page(after=0, limit=1)))
        for step, name in steps:
            journal = take(engine, journal, model, step=step, name=name)
        assert journal.page(after=0, limit=99) == tuple(model.records)
        assert journal.read_standing() == tuple(
            model.records[seq - 1].record for seq in sorted({one.seq for one in model.standing})
        )
        for (key_kind, key), seq in model.keys.items():
            assert journal.find_order(key_kind, key) == model.records[seq - 1].record.fact.client_order_id


def take(engine: Engine, journal: Journal, model: Model, *, step: str, name: str) -> Journal:
    if step == "restart":
        again = restarted(engine, journal)
        again.open()
        return again
    commit = taken_by(model, journal.head, step, name)
    if any((key.kind, key.key) in model.keys for key in commit.order_keys):
        with pytest.raises(KeyTakenError):
            journal.commit(commit)
        return journal
    if step not in ("lost", "kept"):
        journal.commit(commit)
        model.take(commit)
        return journal
    engine.fail_next_commit(stored=step == "kept")
    with pytest.raises(CommitUnknownError):
        journal.commit(commit)
    if step == "kept":
        model.take(commit)
    again = restarted(engine, journal)
    again.open()
    return again


def test_a_record_reads_back_as_it_was_sealed():
    (record,) = sealed(ChainHead.genesis(), intended("first"))
    assert unseal(record.body, record.record.hash) == record
