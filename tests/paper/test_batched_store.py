"""The exchange of a replay: many requests are one transaction of its file, and each is all or nothing all the same."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.paper_market import ACCOUNT, opening_state, quote_line, recorded
from tests.support.stored_broker import CASH, StoredBroker, store_at
from trading_bot.paper.batched_store import BatchedStore
from trading_bot.paper.sqlite_store import SqliteStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "paper.sqlite3"


@pytest.fixture
def store(path: Path) -> BatchedStore:
    return BatchedStore(store_at(path), size=3)


def pay(store: BatchedStore, *, times: int = 1) -> None:
    for _ in range(times):
        with store.transaction() as state:
            state.cash -= 1


def written(path: Path) -> str:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        (cash,) = connection.execute("SELECT value FROM part WHERE key = 'cash'").fetchone()
        return str(cash)


def test_so_many_requests_are_written_together(store, path):
    store.open()
    pay(store, times=2)
    assert written(path) == f'"{CASH}"'
    pay(store)
    assert written(path) == f'"{CASH - 3}"'


def test_each_request_sees_what_the_one_before_it_changed(store):
    pay(store, times=5)
    with store.transaction() as state:
        assert state.cash == CASH - 5


def test_closing_writes_the_rest_and_leaves_the_file_to_others(store, path):
    pay(store)
    store.close()
    with store_at(path, busy_timeout_s=0).transaction() as state:
        assert state.cash == CASH - 1


def test_a_request_that_fails_changes_nothing_and_the_batch_goes_on(store):
    pay(store)

    def fail():
        with store.transaction() as state:
            state.cash = Decimal(0)
            state.list_symbol("AAPL")
            raise RuntimeError("stop")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="stop"):
            fail()
    with store.transaction() as state:
        assert (state.cash, state.instruments) == (CASH - 1, {})


def test_orders_of_this_batch_and_of_earlier_ones_are_found_alike(store, path):
    broker = StoredBroker(
        path, quotes=recorded(quote_line(-60, "99.00", "100.00", ask_size=900)), kept_in=store
    ).login()
    placed = []
    for ref in range(1, 6):
        placed.append(broker.place(ref, price="200.00"))
        broker.clock.sleep(60)
    assert [row["state"] for row in broker.get("/orders/")["results"]] == ["filled"] * 5
    assert [row["id"] for row in broker.get("/orders/")["results"]] == placed[::-1]
    assert broker.get(f"/orders/{placed[0]}/")["id"] == placed[0]


def test_a_file_that_is_thrown_away_waits_for_no_disk(path):
    store = SqliteStore(path, account_number=ACCOUNT, opening=opening_state, is_durable=False)
    with store._connected() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (0,)
