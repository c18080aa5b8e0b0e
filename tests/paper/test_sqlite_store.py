"""The account in a file: whole after every request, the same for every process, and cheap however old it is."""

import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Barrier

import pytest

from tests.support.command_line import run_python
from tests.support.paper_market import ACCOUNT, MONDAY, PaperBench, opening_state, order_fields, quote_line, recorded
from tests.support.stored_broker import CASH, StoredBroker, store_at
from trading_bot.files import LocalFiles
from trading_bot.order_management.models import Side
from trading_bot.paper.market_notes import Reference
from trading_bot.paper.order_range import OrderRange
from trading_bot.paper.sqlite_store import SqliteStore
from trading_bot.paper.state import ExchangeStateError, PaperToken
from trading_bot.paper.store import ExchangeStoreError
from trading_bot.robinhood.session import FailureKind, WireFailure, WireRequest

REMEDY = "restore the file from a copy or delete it to open a new one"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "paper.sqlite3"


def _run_sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def _busy_state():
    """A state with something in every part: an open sell, a buy half done, three ended orders."""
    bench = PaperBench(
        quotes=recorded(quote_line(-60, "99", "100", ask_size=25)), state=opening_state(shares=5), seed=3
    )
    for ref in (1, 2, 3):
        bench.place(ref, ref_id=f"AbCdEf00-0000-4000-8000-{ref:012d}")
    bench.place(4, side="sell", price="150.05", quantity="2", time_in_force="gtc")
    bench.wait(1)
    bench.cancel(bench.place(5, price="50.00"))
    bench.wait(1)
    bench.account()
    return bench.store._state


def _with_history(path: Path):
    """A file with ended orders, and those orders, newest first."""
    state = _busy_state()
    orders = sorted(state.closed_orders.values(), key=lambda order: -order.number)
    assert len(orders) == 3
    store = SqliteStore(path, account_number=ACCOUNT, opening=lambda: state)
    store.open()
    return store, orders


def test_a_state_reads_back_as_it_was_written(path):
    state = _busy_state()
    SqliteStore(path, account_number=ACCOUNT, opening=state.copy).open()
    with store_at(path).transaction() as lent:
        closed = {order.id: order for order in lent.all_orders() if order.state.is_terminal}
        assert closed == state.closed_orders
        assert replace(lent, closed_orders=closed) == state


def test_changes_are_there_for_the_next_process(path):
    with store_at(path).transaction() as state:
        state.cash = Decimal("12.34")
        state.list_symbol("AAPL")
        state.tokens["a"] = PaperToken(access="a", refresh="r", expires_at=MONDAY)
    with store_at(path).transaction() as state:
        assert (state.cash, list(state.instruments.values()), list(state.tokens)) == (Decimal("12.34"), ["AAPL"], ["a"])
        del state.tokens["a"]
    with store_at(path).transaction() as state:
        assert state.tokens == {}


def test_changes_are_gone_when_the_block_raises(path):
    store, _ = _with_history(path)

    def change_everything():
        with store.transaction() as state:
            state.cash = Decimal(0)
            state.open_orders.clear()
            raise RuntimeError("stop")

    with store.transaction() as state:
        before = state.to_dict()
    with pytest.raises(RuntimeError, match="stop"):
        change_everything()
    with store.transaction() as state:
        assert state.to_dict() == before


def test_open_orders_keep_their_time_priority(path):
    broker = StoredBroker(path).login()
    placed = [broker.place(ref, price="50.00") for ref in range(1, 5)]
    broker.post(f"/orders/{placed[1]}/cancel/", {})
    broker.clock.sleep(1)
    broker.get("/accounts/")
    placed.append(broker.place(5, price="50.00"))
    with broker.store.transaction() as state:
        assert list(state.open_orders) == [placed[0], *placed[2:]]


def test_an_ended_order_is_found_by_its_id(path):
    store, orders = _with_history(path)
    with store.transaction() as state:
        assert state.order(orders[1].id) == orders[1]
        assert state.order("another") is None


def test_the_ref_id_of_an_ended_order_stays_taken(path):
    store, orders = _with_history(path)
    with store.transaction() as state:
        assert state.has_ref_id(orders[-1].ref_id.upper())
        assert state.has_ref_id(orders[-1].ref_id.lower())
        assert not state.has_ref_id("another")


def test_the_ref_id_of_an_ended_order_is_refused_with_a_409(path):
    broker = StoredBroker(path).login()
    broker.place(1, price="200.00", quantity="1")
    broker.clock.sleep(60)
    assert broker.get("/orders/", is_closed="false")["results"] == []
    fields = "&".join(f"{name}={value}" for name, value in order_fields(1).items()).encode()
    reply = broker.send(
        WireRequest(method="POST", path="/orders/", body=fields, content_type="application/x-www-form-urlencoded")
    )
    assert getattr(reply, "status", reply) == 409


def test_ended_orders_are_listed_newest_first_within_the_range(path):
    store, orders = _with_history(path)
    first, second, third = (order.number for order in orders)

    def numbers(state, **bounds):
        return [order.number for order in state.archive.newest_first(OrderRange(**bounds))]

    latest = max(order.updated_at for order in orders)
    late = [order.number for order in orders if order.updated_at == latest]
    assert 0 < len(late) < 3
    with store.transaction() as state:
        assert numbers(state) == [first, second, third]
        assert numbers(state, below=first) == [second, third]
        assert numbers(state, updated_since=MONDAY) == [first, second, third]
        assert numbers(state, updated_since=latest) == late
        assert numbers(state, updated_since=latest + timedelta(microseconds=1)) == []
        assert numbers(state, updated_since=MONDAY, below=second) == [third]


def test_a_list_runs_through_open_and_ended_orders_alike(path):
    broker = StoredBroker(path, quotes=recorded()).login()
    placed = []
    for ref in range(1, 6):
        placed.append(broker.place(ref, price="200.00" if ref % 2 else "50.00", quantity="1"))
        broker.clock.sleep(60)
    listed = [row["id"] for row in broker.get("/orders/")["results"]]
    assert listed == placed[::-1]
    assert [row["id"] for row in broker.get("/orders/", is_closed="false")["results"]] == [placed[3], placed[1]]


def test_ended_orders_are_read_only_when_somebody_asks_for_them(path):
    """An unreadable history shows who reads it."""
    broker = StoredBroker(path).login()
    old = broker.place(1, price="200.00", quantity="1")
    broker.clock.sleep(60)
    broker.get("/accounts/")
    _run_sql(path, "UPDATE closed_order SET value = 'unreadable'")
    resting = broker.place(2, price="50.00")
    for ask in ("/accounts/", "/positions/", f"/orders/{resting}/"):
        broker.get(ask)
    later = (broker.clock.now() + timedelta(seconds=1)).isoformat()
    assert len(broker.get("/orders/", is_closed="false")["results"]) == 1
    assert broker.get("/orders/", **{"updated_at[gte]": later})["results"] == []
    failure = broker.send(WireRequest(method="GET", path=f"/orders/{old}/"))
    assert isinstance(failure, WireFailure)


def test_only_what_changed_is_written(path):
    store, _ = _with_history(path)
    forbidden = "BEGIN SELECT RAISE(ABORT, 'written'); END"
    _run_sql(
        path,
        f"CREATE TRIGGER no_update BEFORE UPDATE ON part WHEN OLD.name <> 'account' {forbidden}",
        f"CREATE TRIGGER no_delete BEFORE DELETE ON part {forbidden}",
        f"CREATE TRIGGER no_history BEFORE INSERT ON closed_order {forbidden}",
    )
    with store.transaction() as state:
        state.advanced_to += timedelta(seconds=1)
        state.references["MSFT"] = Reference(price=Decimal(1), at=MONDAY)

    def touch_an_order():
        with store.transaction() as state:
            state.save(replace(next(iter(state.open_orders.values())), live=True))

    with pytest.raises(ExchangeStateError, match="written"):
        touch_an_order()


def test_the_account_is_opened_once_however_many_come_first(path):
    opened = []
    together = Barrier(6)

    def opening():
        opened.append(1)
        return opening_state()

    def come(_):
        store = SqliteStore(path, account_number=ACCOUNT, opening=opening, busy_timeout_s=30)
        together.wait()
        store.open()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(come, range(6)))
    assert opened == [1]


def test_an_opening_that_fails_leaves_nothing_behind(path):
    def no_money():
        raise RuntimeError("no money")

    with pytest.raises(RuntimeError, match="no money"):
        SqliteStore(path, account_number=ACCOUNT, opening=no_money).open()
    with store_at(path).transaction() as state:
        assert state.cash == CASH


def test_threads_of_one_store_take_turns_whatever_its_patience(path):
    store = store_at(path, cash=Decimal(0), busy_timeout_s=0)

    def deposit(_):
        for _ in range(25):
            with store.transaction() as state:
                state.cash += 1

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(deposit, range(4)))
    with store.transaction() as state:
        assert state.cash == 100


def test_file_and_folder_are_private_whatever_the_umask(path):
    before = os.umask(0)
    try:
        store_at(path).open()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}


def test_a_request_is_on_the_disk_and_in_the_one_file_when_it_is_answered(path):
    store = store_at(path)
    store.open()
    with store._connected() as connection:
        settings = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]
    assert settings == [2, "truncate"]
    assert sum(file.stat().st_size for file in path.parent.iterdir() if file != path) == 0


def _not_a_database(path):
    path.write_bytes(b"no database " * 500)


def _torn(path):
    path.write_bytes(path.read_bytes()[:5000])


def _foreign(path):
    path.unlink()
    _run_sql(path, "CREATE TABLE recipe (name TEXT)")


def _soft_link(path):
    path.rename(path.with_name("real"))
    path.symlink_to(path.with_name("real"))


def _hard_link(path):
    path.with_name("second name").hardlink_to(path)


def _folder(path):
    path.unlink()
    path.mkdir()


DAMAGE = {
    "not a database": (_not_a_database, "does not read as a paper account"),
    "torn": (_torn, "damaged|does not read"),
    "foreign": (_foreign, "is not a paper account"),
    "soft link": (_soft_link, "is a link or not a plain file"),
    "hard link": (_hard_link, "is a link or not a plain file"),
    "folder": (_folder, "is a link or not a plain file"),
}
BAD_ROWS = {
    "version": ("PRAGMA user_version = 2", r"another version \(schema 2, this one reads 1\)"),
    "no table": ("DROP TABLE part", "does not read as a paper account"),
    "no account": ("DELETE FROM part WHERE name = 'account'", "is damaged"),
    "no number": ("UPDATE part SET value = '\"much\"' WHERE key = 'cash'", "is damaged"),
    "no JSON": ("UPDATE part SET value = '{' WHERE key = 'cash'", "is damaged"),
    "no text": ("UPDATE part SET value = CAST(x'ff' AS TEXT) WHERE key = 'cash'", "does not read"),
    "unknown part": ("INSERT INTO part VALUES ('surprise', 'a', '1')", "is damaged"),
    "archive as part": ("INSERT INTO part VALUES ('archive', 'a', '1')", "is damaged"),
}


def _lend(store: SqliteStore) -> None:
    with store.transaction():
        pass


@pytest.mark.parametrize("use", [SqliteStore.open, _lend])
@pytest.mark.parametrize("damage", [*DAMAGE, *BAD_ROWS])
def test_a_file_that_is_no_whole_paper_account_is_refused_with_a_remedy(path, damage, use):
    store_at(path).open()
    if damage in DAMAGE:
        spoil, problem = DAMAGE[damage]
        spoil(path)
    else:
        statement, problem = BAD_ROWS[damage]
        _run_sql(path, statement)
    with pytest.raises(ExchangeStateError, match=problem) as caught:
        use(store_at(path))
    assert str(path) in str(caught.value)
    assert REMEDY in str(caught.value)


def test_damage_in_the_history_is_found_at_the_start(path):
    store, _ = _with_history(path)
    _run_sql(path, "PRAGMA writable_schema = ON", "DELETE FROM sqlite_master WHERE name = 'closed_order_updated_at'")
    with pytest.raises(ExchangeStateError, match="is damaged"):
        store.open()


def test_the_account_of_another_number_is_refused_without_naming_either(path):
    store_at(path).open()
    with pytest.raises(ExchangeStateError, match="another account number") as caught:
        SqliteStore(path, account_number="OTHER-77", opening=opening_state).open()
    assert not {ACCOUNT, "OTHER-77"} & set(str(caught.value).split())


def test_an_opening_for_another_number_is_refused_and_leaves_nothing(path):
    with pytest.raises(ExchangeStateError, match="another account number"):
        SqliteStore(path, account_number="OTHER-77", opening=opening_state).open()
    store_at(path).open()


def test_an_account_removed_while_in_use_is_not_opened_again(path):
    store = store_at(path)
    store.open()
    path.unlink()
    with pytest.raises(ExchangeStateError, match="removed while in use"):
        store.open()
    assert not path.exists()


def test_an_account_emptied_while_in_use_is_not_opened_again(path):
    store = store_at(path)
    store.open()
    os.truncate(path, 0)
    with pytest.raises(ExchangeStateError, match="is not a paper account"):
        store.open()


def test_the_patience_is_the_one_asked_for(path):
    with store_at(path, busy_timeout_s=1.5)._connected() as connection:
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (1500,)


def test_what_the_system_refuses_is_no_damage(path):
    store = store_at(path)
    store.open()
    path.with_name(f"{path.name}-journal").unlink()
    path.with_name(f"{path.name}-journal").mkdir()
    with pytest.raises(ExchangeStoreError, match="repair the disk or its permissions"):
        store.open()


def test_sqlite_never_makes_the_file_by_itself(path):
    class NoFiles(LocalFiles):
        def write_new(self, path, data):
            return None

    store = SqliteStore(path, account_number=ACCOUNT, opening=opening_state, files=NoFiles())
    with pytest.raises(ExchangeStoreError):
        store.open()
    assert not path.exists()


def test_an_account_held_by_others_for_too_long_is_no_damage(path):
    store = store_at(path, busy_timeout_s=0.01)
    store.open()
    with store_at(path).transaction(), pytest.raises(ExchangeStoreError, match="then try again") as caught:
        store.open()
    assert "delete" not in str(caught.value)
    store.open()


def test_a_store_that_fails_under_a_request_leaves_its_outcome_open(path):
    broker = StoredBroker(path, busy_timeout_s=0.01).login()
    request = WireRequest(method="GET", path="/accounts/")
    with store_at(path).transaction():
        busy = broker.send(request)
    _not_a_database(path)
    broken = broker.send(request)
    for failure in (busy, broken):
        assert isinstance(failure, WireFailure)
        assert (failure.first_byte_written, failure.kind) == (True, FailureKind.OTHER)


def test_the_exchange_clock_never_goes_back_whoever_asks(path):
    ahead, behind = StoredBroker(path).login(), StoredBroker(path).login()
    ahead.clock.sleep(60)
    shown = ahead.get(f"/accounts/{ACCOUNT}/")["updated_at"]
    assert shown == "2026-11-23T15:01:00.000000Z"
    assert behind.get(f"/accounts/{ACCOUNT}/")["updated_at"] == shown


def test_after_days_away_every_order_has_ended_when_it_should_have(path):
    broker = StoredBroker(path, quotes=recorded(quote_line(-60, "99.00", "100.00"))).login()
    day, kept = broker.place(1, price="50.00"), broker.place(2, price="50.00", time_in_force="gtc")
    monday_close = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
    friday = StoredBroker(
        path, start=MONDAY + timedelta(days=4), quotes=recorded(quote_line(86_400, "40.00", "49.00"))
    ).login()
    assert friday.get(f"/orders/{day}/")["state"] == "cancelled"
    assert friday.get(f"/orders/{day}/")["updated_at"] == monday_close.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    filled = friday.get(f"/orders/{kept}/")
    assert filled["state"] == "filled"
    assert filled["executions"][0]["timestamp"] == "2026-11-24T15:00:00.000000Z"


def test_every_process_sees_the_same_quotes(path):
    first, second = StoredBroker(path).login(), StoredBroker(path).login()
    first.place(1, price="75.00")
    for broker in (first, second):
        broker.clock.sleep(600)
    quotes = [broker.get("/quotes/", symbols="AAPL") for broker in (first, second, StoredBroker(path).login())]
    assert quotes[0]["results"][0] is not None
    assert quotes[0] == quotes[1] == quotes[2]


@pytest.mark.subprocess
def test_processes_at_once_lose_no_order_and_no_cent(path, tmp_path):
    processes, each = 4, 15

    def child(number):
        start = f"place_orders({str(path)!r}, {1 + number * each}, {each})"
        return run_python(f"from tests.support.stored_broker import place_orders\n{start}", home=tmp_path)

    with ThreadPoolExecutor(processes) as threads:
        results = list(threads.map(child, range(processes)))
    assert [result.stderr for result in results if result.returncode] == []
    with store_at(path).transaction() as state:
        orders = list(state.all_orders())
        spent = sum(fill.price * fill.quantity for order in orders for fill in order.executions)
        assert [order.number for order in orders] == list(range(processes * each))[::-1]
        refs = [order_fields(ref)["ref_id"] for ref in range(1, 1 + processes * each)]
        assert sorted(order.ref_id for order in orders) == refs
        assert {order.side for order in orders} == {Side.BUY}
        assert state.cash == CASH - spent < CASH
        assert state.positions["AAPL"].quantity == sum(order.filled for order in orders) > 0
        assert state.tokens_issued == processes
