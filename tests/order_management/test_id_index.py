"""No id is ever used twice: the index finds the order of every id, and makes itself anew from the segments."""

import errno
import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.journal_bench import JournalBench
from tests.support.order_story import booked, fill, intended, now_in, order_id_of, ref_of
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.models import ClientOrderId, OrderState

DAYS_S = 172_800


def filled(name: str):
    done = now_in(OrderState.FILLED, name, filled_quantity=Decimal(10), order_id=order_id_of(name))
    number = sum(name.encode())
    return intended(name), booked(fill(number, 10), name), done


@pytest.fixture
def desk(tmp_path):
    """Three segments, each with an order of its own that has left the book."""
    found = JournalBench(tmp_path)
    for name in ("a", "b", "c"):
        found.tell(*filled(name))
        found.clock.sleep(DAYS_S)
        found.keeper.rotate()
    found.restart()
    assert found.book.orders() == ()
    yield found
    found.close()


def known(desk) -> list[str]:
    return [name for name in ("a", "b", "c", "d") if desk.book.get(ClientOrderId(name)) is not None]


def test_an_order_of_any_segment_is_found_by_each_of_its_names(desk):
    whole = desk.whole()
    for name in ("a", "b", "c"):
        order = whole.get(ClientOrderId(name))
        assert desk.book.get(ClientOrderId(name)) == order
        assert desk.book.by_ref_id(ref_of(name)) == order
        assert desk.book.by_order_id(order_id_of(name)) == order


def test_a_name_of_one_kind_is_none_of_another(desk):
    assert desk.book.get(ClientOrderId(order_id_of("a"))) is None
    assert desk.book.by_order_id("a") is None
    assert desk.book.by_ref_id(order_id_of("a")) is None


def test_what_is_told_last_of_an_order_counts(desk):
    desk.store.record(replace(filled("a")[2], average_price=Decimal(99), filled_quantity=None))
    desk.clock.sleep(DAYS_S)
    desk.keeper.rotate()
    desk.restart()
    assert desk.book.orders() == ()
    assert desk.book.get(ClientOrderId("a")).envelope.average_price == 99
    assert len(desk.book.get(ClientOrderId("a")).executions) == 1


def test_a_journal_that_never_rotated_has_no_index(tmp_path):
    desk = JournalBench(tmp_path).tell(*filled("a"))
    assert desk.book.get(ClientOrderId("b")) is None
    desk.index.catch_up()
    assert not desk.index.path.exists()
    desk.close()


def test_the_index_is_private_and_beside_the_journal(desk):
    assert desk.index.path == desk.path.with_name("orders.index")
    assert desk.index.path.stat().st_mode & 0o777 == 0o600


def forgets(desk):
    with closing(sqlite3.connect(desk.index.path)) as database, database:
        database.execute("DELETE FROM segments WHERE number = 3")
        database.execute("DELETE FROM ids WHERE client_order_id = 'c'")


def of_another_journal(desk):
    with closing(sqlite3.connect(desk.index.path)) as database, database:
        database.execute("UPDATE segments SET head = 'another'")
        database.execute("DELETE FROM ids")


def of_a_later_journal(desk):
    with closing(sqlite3.connect(desk.index.path)) as database, database:
        database.execute("INSERT INTO segments VALUES (9, 'orders.2026-12-24.9.jsonl', 'later')")
        database.execute("INSERT OR REPLACE INTO ids SELECT kind, id || 'x', client_order_id, segment FROM ids")
        database.execute("DELETE FROM ids WHERE id NOT LIKE '%x'")


def with_other_tables(desk):
    with closing(sqlite3.connect(desk.index.path)) as database, database:
        database.execute("DROP TABLE ids")
        database.execute("CREATE TABLE ids (other TEXT)")


DAMAGE = {
    "deleted": lambda desk: desk.index.path.unlink(),
    "emptied": lambda desk: desk.index.path.write_bytes(b""),
    "rubbish": lambda desk: desk.index.path.write_bytes(b"\xfe" * 10_000),
    "cut": lambda desk: desk.index.path.write_bytes(desk.index.path.read_bytes()[:6000]),
    "behind": forgets,
    "of another journal": of_another_journal,
    "of a later journal": of_a_later_journal,
    "other tables": with_other_tables,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("restarted", [False, True])
def test_an_index_that_is_damaged_or_behind_is_made_anew(desk, damage, restarted):
    damage(desk)
    if restarted:
        desk.restart()
    assert known(desk) == ["a", "b", "c"]


def test_an_index_in_the_way_of_which_something_stands_is_an_error_and_no_answer(desk):
    desk.index.path.unlink()
    desk.index.path.mkdir()
    with pytest.raises(OrderLogError, match="no plain file of ours"):
        desk.book.get(ClientOrderId("a"))


def test_an_index_that_cannot_be_made_is_an_error_and_no_answer(desk, monkeypatch):
    desk.index.path.unlink()

    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(desk.files, "write_new", full)
    with pytest.raises(OrderLogError, match=r"No space left.*repair the disk"):
        desk.book.get(ClientOrderId("z"))


def test_an_order_whose_segment_is_gone_is_an_error_and_no_answer(desk):
    desk.path.with_name("orders.2026-11-25.1.jsonl").unlink()
    with pytest.raises(OrderLogDamagedError, match="is missing; put it back"):
        desk.book.get(ClientOrderId("a"))
    assert desk.book.get(ClientOrderId("z")) is None


def test_an_order_whose_lines_were_changed_is_an_error_and_no_answer(desk):
    segment = desk.path.with_name("orders.2026-11-25.1.jsonl")
    segment.write_bytes(segment.read_bytes().replace(b'"100.00"', b'"999.00"', 1))
    with pytest.raises(OrderLogDamagedError, match="its hash does not match"):
        desk.book.get(ClientOrderId("a"))


def test_an_order_whose_lines_are_gone_is_an_error_and_no_answer(desk):
    segment = desk.path.with_name("orders.2026-11-25.1.jsonl")
    segment.write_bytes(segment.read_bytes().splitlines(keepends=True)[0])
    with pytest.raises(OrderLogDamagedError, match="is not in segment"):
        desk.book.get(ClientOrderId("a"))


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "\N{SNOWMAN}", "a%", "' OR 1=1 --"])
def test_an_order_is_found_whatever_its_name(tmp_path, name):
    desk = JournalBench(tmp_path).tell(*filled(name))
    desk.clock.sleep(DAYS_S)
    desk.keeper.rotate()
    desk.restart()
    assert desk.book.orders() == ()
    assert desk.book.get(ClientOrderId(name)) == desk.whole().get(ClientOrderId(name))
    desk.close()


def test_only_what_the_index_lacks_is_read_for_it(desk):
    read: list[str] = []
    real = desk.files.read

    def reading(path):
        read.append(path.name)
        return real(path)

    desk.files.read = reading
    desk.clock.sleep(DAYS_S)
    desk.tell(*filled("d"))
    desk.keeper.rotate()
    assert {"orders.2026-11-25.1.jsonl", "orders.2026-11-27.2.jsonl", "orders.2026-11-29.3.jsonl"} <= set(
        desk.segments()
    )
    assert set(read) == {"orders.jsonl", *desk.segments()[3:]}
