"""What every engine of the journal keeps to; each guarantee of the port has its test here."""

import pytest

from tests.support.journal_engines import ENGINES, OURS, Engine, sealed
from tests.support.order_story import intended
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord, head_at
from trading_bot.order_management.journal.port import (
    Commit,
    Journal,
    KeyTakenError,
    OrderKey,
    OrderKeyKind,
    Pointer,
)


@pytest.fixture(params=ENGINES)
def engine(request, tmp_path):
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


def pointer_to(record: SealedRecord) -> Pointer:
    return Pointer(kind="order", key=str(record.record.fact.client_order_id), seq=record.record.seq)


def test_a_new_journal_begins_with_the_record_that_says_whose_it_is(engine):
    opened = engine.journal().open()
    assert opened.is_new
    assert opened.head.seq == 1
    (first,) = engine.reader().page(after=0, limit=10)
    assert first.record.fact.details == OURS.details()
    assert first.record.fact.execution_mode is OURS.mode


def test_what_was_committed_is_there_after_a_restart(engine, journal):
    commit = commit_of(journal.head, "first")
    journal.commit(commit)
    journal.close()
    opened = engine.journal().open()
    assert not opened.is_new
    assert opened.head == head_at(commit.records[0].record)
    assert opened.standing == (commit.records[0].record,)
    assert opened.problem is None


def test_the_bytes_of_a_record_are_kept(engine, journal):
    commit = commit_of(journal.head, "first")
    journal.commit(commit)
    assert [one.line for one in engine.reader().page(after=1, limit=9)] == [commit.records[0].line]


def test_a_name_is_given_away_once(engine, journal):
    journal.commit(commit_of(journal.head, "first"))
    head = journal.head
    with pytest.raises(KeyTakenError, match="first") as caught:
        journal.commit(commit_of(head, "first"))
    assert caught.value.client_order_id == "first"
    assert journal.refusal is None
    assert (journal.head, engine.reader().read_head()) == (head, head)
    journal.commit(commit_of(head, "second"))
    assert engine.reader().read_head().seq == head.seq + 1
