"""A journal of 0.1 that no start has taken over answers what its database will answer afterwards."""

from dataclasses import replace

import pytest

from tests.support.journal_engines import OURS, SESSION
from tests.support.memory_journal import MemoryJournal
from tests.support.order_story import MONDAY
from tests.support.v1_folder import LAST, RELEASE, V1Folder
from trading_bot.clock import VirtualClock
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.identity import first_record
from trading_bot.order_management.journal.port import OrderKeyKind
from trading_bot.order_management.journal.v1.on_record import V1Reader
from trading_bot.order_management.models import ClientOrderId


@pytest.fixture(params=[RELEASE, LAST])
def old(request, tmp_path) -> V1Folder:
    return V1Folder(request.param, tmp_path / "old")


@pytest.fixture
def reader(old) -> V1Reader:
    return V1Reader(old.old(), identity=OURS)


def test_it_ends_where_the_journal_ends(old, reader):
    head = old.expected["head"]
    assert (reader.read_head().seq, reader.read_head().hash) == (head["seq"], head["hash"])
    assert reader.verify() == reader.read_head()
    assert reader.name == str(old.live)
    assert reader.pointers("any") == ()
    assert reader.records_of_request("rebalance-7") == ()


def test_every_answer_is_the_one_of_the_database_that_is_made_of_it(old, reader):
    names = [*old.expected["ended"], *old.expected["book"]["orders"], "nobody"]
    told = {name: reader.records_of(ClientOrderId(name)) for name in names}
    every = [sealed.line for sealed in pages(reader, size=7)]
    of_apple = reader.of_symbols(frozenset({"AAPL"}))
    keys = [(kind, key, reader.find_order(kind, key)) for kind in OrderKeyKind for key in keys_of(old)]
    assert any(found is not None for *_, found in keys)
    assert all(reader.has_key(kind, key) == (found is not None) for kind, key, found in keys)
    journal = MemoryJournal(identity=OURS)
    old.start(journal)
    assert told == {name: journal.records_of(ClientOrderId(name)) for name in names}
    assert every == [sealed.line for sealed in pages(journal, size=100)][:-1]
    assert keys == [(kind, key, journal.find_order(kind, key)) for kind, key, _ in keys]
    assert {record.fact.symbol for record in of_apple} == {"AAPL", None}


def keys_of(old: V1Folder) -> list[str]:
    orders = {**old.expected["ended"], **old.expected["book"]["orders"]}
    given = (order[kind] for order in orders.values() for kind in ("client_order_id", "ref_id", "order_id"))
    return [*(key for key in given if key), "nobody"]


def pages(reader, *, size: int):
    after = 0
    while page := reader.page(after=after, limit=size):
        yield from page
        after = page[-1].record.seq


def test_a_page_has_as_many_records_as_were_asked_for(reader):
    first, second = reader.page(after=0, limit=3), reader.page(after=3, limit=4)
    assert [sealed.record.seq for sealed in (*first, *second)] == [1, 2, 3, 4, 5, 6, 7]
    assert reader.page(after=reader.read_head().seq, limit=3) == ()


def test_a_live_file_that_follows_one_finished_segment_alone_goes_on_from_its_end(old):
    first, second = old.finished
    for path in (old.live, *old.logs.glob("*.continued-*"), old.anchor):
        path.unlink()
    second.rename(old.live)
    reader = V1Reader(old.old(), identity=OURS)
    assert reader.read_standing()[0].seq == len(first.read_bytes().splitlines()) + 1
    assert reader.verify() == reader.read_head()


def test_what_counts_is_in_the_live_file_and_needs_no_earlier_segment_read(old, reader):
    finished = old.finished[0]
    finished.write_bytes(finished.read_bytes().replace(b"AAPL", b"MSFT", 1))
    assert reader.read_standing()[-1].seq == old.expected["head"]["seq"]
    with pytest.raises(OrderLogDamagedError, match="is bad"):
        reader.verify()


def test_a_missing_segment_is_damage_whatever_is_asked(old, reader):
    old.finished[0].unlink()
    with pytest.raises(OrderLogDamagedError, match="is missing beside it"):
        reader.read_standing()


@pytest.mark.parametrize("back", [0, 1, 5])
def test_a_noted_head_before_the_live_file_is_answered_for_by_the_chain(old, reader, back):
    before = reader.read_standing()[0].seq - 1
    noted = reader.page(after=before - back - 1, limit=1)[0].record
    old.anchor.write_text(f'{{"v": 1, "seq": {noted.seq}, "hash": "{noted.hash}"}}')
    assert reader.read_standing() != ()
    reader.verify()


def test_a_noted_head_that_is_another_record_is_damage(old, reader):
    before = reader.read_standing()[0].seq - 1
    old.anchor.write_text(f'{{"v": 1, "seq": {before}, "hash": "{"0" * 64}"}}')
    with pytest.raises(OrderLogDamagedError, match="was exchanged"):
        reader.read_standing()


def test_the_journal_of_another_account_is_refused(old):
    other = V1Reader(old.old(), identity=replace(OURS, account_key="another"))
    for ask in (other.read_head, other.verify, other.read_standing):
        with pytest.raises(OrderLogError, match="another account"):
            ask()


def test_the_log_of_a_database_that_is_gone_is_no_journal(old, reader):
    for path in old.logs.iterdir():
        path.unlink()
    old.anchor.unlink()
    begun = first_record(OURS, clock=VirtualClock(MONDAY), session_id=SESSION)
    old.live.write_bytes(begun.line)
    old.live.chmod(0o600)
    with pytest.raises(OrderLogDamagedError, match="the audit log of a database that is gone"):
        reader.read_standing()


def test_a_file_without_a_record_has_none(old, reader):
    for path in old.logs.iterdir():
        path.unlink()
    old.anchor.unlink()
    old.live.touch(mode=0o600)
    assert reader.read_standing() == ()
    assert reader.read_head().seq == 0
