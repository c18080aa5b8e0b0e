"""Names of instruments: asked for many at a time, remembered in a file, never waited for long."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.scripted_broker import INSTRUMENT, ScriptedBroker, instrument_row, lost, page, reply
from tests.support.scripted_broker import clock as clock_at_work
from trading_bot.clock import VirtualClock
from trading_bot.files import LocalFiles
from trading_bot.robinhood.reads import BrokerReads, Repeater
from trading_bot.robinhood.session import BrokerSession
from trading_bot.robinhood.symbols import (
    IDS_A_REQUEST,
    MAX_REMEMBERED,
    MAX_SINGLE_LOOK_UPS,
    PATIENCE_S,
    SPARED_S,
    KnownName,
    SymbolLookup,
    SymbolTable,
)

OTHER = "8b3a8e3d-2a1f-4b68-8a10-3a3e9b1d2c22"
MANY = ("GET", "/instruments/")
ONE = ("GET", f"/instruments/{INSTRUMENT}/")


class Bench:
    def __init__(self, *, asks: bool = True, table: SymbolTable | None = None) -> None:
        self.time: VirtualClock = clock_at_work()
        self.broker = ScriptedBroker()
        self.broker.always(*MANY, page())
        repeater = Repeater(
            wire=BrokerSession(adapter=self.broker, clock=self.time),
            clock=self.time,
            renew=lambda _within_s: False,
            timeout_s=30,
        )
        self.table = table or SymbolTable()
        self.look_ups = SymbolLookup(reads=BrokerReads(repeater=repeater), clock=self.time, table=self.table, asks=asks)


def numbered(number: int) -> str:
    return f"{number:08d}-1111-4000-8000-000000000000"


def slow(time: VirtualClock, seconds: float):
    return replace(lost(), then=lambda: time.sleep(seconds))


def waited(bench: Bench) -> float:
    timeout = bench.broker.seen[0].timeout
    assert isinstance(timeout, tuple)
    return float(timeout[1])


def is_active(table: SymbolTable) -> bool | None:
    known = table.known(INSTRUMENT)
    assert known is not None
    return known.is_active


def test_many_names_are_one_request():
    bench = Bench()
    bench.broker.on(*MANY, page(*(instrument_row(f"S{n}", id=numbered(n)) for n in range(IDS_A_REQUEST))))
    bench.look_ups.learn(numbered(n) for n in range(IDS_A_REQUEST))
    assert [bench.table.get(numbered(n)) for n in range(IDS_A_REQUEST)] == [f"S{n}" for n in range(IDS_A_REQUEST)]
    assert [seen.query for seen in bench.broker.seen] == [{"ids": ",".join(map(numbered, range(IDS_A_REQUEST)))}]


def test_a_name_is_asked_for_once():
    bench = Bench()
    bench.broker.on(*MANY, page(instrument_row()))
    for _ in range(3):
        bench.look_ups.learn([INSTRUMENT])
    assert len(bench.broker.seen) == 1


def test_an_empty_slot_or_an_odd_row_hides_no_name():
    bench = Bench()
    bench.broker.on(*MANY, page(None, {"id": 5}, instrument_row("WRONG", id=numbered(1)), instrument_row("SCLXZZZ")))
    bench.look_ups.learn([INSTRUMENT])
    assert (bench.table.get(INSTRUMENT), bench.table.get(numbered(1))) == ("SCLXZZZ", None)


def test_a_broker_that_takes_no_list_of_ids_is_asked_for_each():
    bench = Bench()
    bench.broker.on(*MANY, reply(400))
    bench.broker.on(*ONE, reply(200, instrument_row()))
    bench.look_ups.learn([INSTRUMENT])
    assert bench.table.get(INSTRUMENT) == "AAPL"


def test_an_instrument_that_the_broker_does_not_know_is_asked_for_once_a_day():
    bench = Bench()
    bench.broker.on(*ONE, reply(404), reply(200, instrument_row()))
    bench.look_ups.learn([INSTRUMENT])
    bench.look_ups.by(bench.time.monotonic() + 60).learn([INSTRUMENT])
    assert len(bench.broker.seen) == 2
    assert bench.look_ups.unknown() == {INSTRUMENT}
    bench.time.sleep(timedelta(days=1).total_seconds())
    assert bench.look_ups.unknown() == set()
    bench.look_ups.learn([INSTRUMENT])
    assert bench.table.get(INSTRUMENT) == "AAPL"


def test_only_a_few_are_asked_for_one_by_one():
    bench = Bench()
    for n in range(20):
        bench.broker.on("GET", f"/instruments/{numbered(n)}/", reply(404))
    bench.look_ups.learn(numbered(n) for n in range(20))
    assert len(bench.broker.seen) == 1 + MAX_SINGLE_LOOK_UPS


def test_a_name_asked_for_alone_must_be_its_own():
    bench = Bench()
    bench.broker.on(*ONE, reply(200, instrument_row(id=OTHER)))
    bench.look_ups.learn([INSTRUMENT])
    assert (bench.table.get(INSTRUMENT), bench.table.get(OTHER)) == (None, None)


def test_a_look_up_that_hangs_is_over_in_seconds_and_not_tried_again_for_a_while():
    """Each reply with a new instrument would otherwise cost a time-out."""
    bench = Bench()
    bench.broker.on(*MANY, slow(bench.time, PATIENCE_S))
    bench.broker.always(*ONE, lost())
    began = bench.time.monotonic()
    bench.look_ups.learn([INSTRUMENT])
    assert bench.time.monotonic() - began <= PATIENCE_S
    assert waited(bench) <= PATIENCE_S
    asked = len(bench.broker.seen)
    bench.look_ups.learn([INSTRUMENT])
    bench.look_ups.by(bench.time.monotonic() + 60).learn([INSTRUMENT])
    assert len(bench.broker.seen) == asked
    bench.time.sleep(SPARED_S)
    bench.broker.on(*MANY, page(instrument_row()))
    bench.look_ups.learn([INSTRUMENT])
    assert bench.table.get(INSTRUMENT) == "AAPL"


def test_the_deadline_of_a_caller_who_has_less_time_counts():
    bench = Bench()
    bench.broker.on(*MANY, lost())
    bench.broker.on(*ONE, lost())
    bench.look_ups.by(bench.time.monotonic() + 1).learn([INSTRUMENT])
    assert waited(bench) <= 1


def test_a_failure_that_took_no_time_is_not_remembered():
    """A caller whose own time was over must not spoil the look-up for the next one."""
    bench = Bench()
    bench.look_ups.by(bench.time.monotonic()).learn([INSTRUMENT])
    bench.broker.on(*MANY, page(instrument_row()))
    bench.look_ups.learn([INSTRUMENT])
    assert bench.table.get(INSTRUMENT) == "AAPL"


def test_a_look_up_that_asks_nothing_asks_nothing():
    bench = Bench(asks=False)
    bench.look_ups.learn([INSTRUMENT])
    bench.look_ups.by(bench.time.monotonic() + 60).learn([INSTRUMENT])
    assert bench.broker.seen == []


def test_what_can_be_no_id_is_never_asked_for():
    bench = Bench()
    bench.look_ups.learn(["../accounts", "", "abc"])
    assert bench.broker.seen == []


def test_a_name_of_another_day_is_asked_for_again_where_that_matters():
    """Companies change their names."""
    bench = Bench()
    bench.broker.on(*MANY, page(instrument_row("FBX")), page(instrument_row("METX")))
    bench.look_ups.learn([INSTRUMENT])
    bench.look_ups.learn([INSTRUMENT], afresh=True)
    assert len(bench.broker.seen) == 1
    bench.time.sleep(timedelta(days=1).total_seconds())
    bench.look_ups.learn([INSTRUMENT])
    assert bench.table.get(INSTRUMENT) == "FBX"
    bench.look_ups.learn([INSTRUMENT], afresh=True)
    assert bench.table.get(INSTRUMENT) == "METX"


def test_a_row_that_tells_a_new_name_is_noted_and_one_that_tells_the_old_changes_nothing():
    bench = Bench()
    bench.broker.on(*MANY, page(instrument_row("FBX")))
    bench.look_ups.learn([INSTRUMENT])
    bench.look_ups.note([(INSTRUMENT, "FBX"), (OTHER, None)])
    assert is_active(bench.table)
    bench.look_ups.note([(INSTRUMENT, "METX")])
    assert (bench.table.get(INSTRUMENT), is_active(bench.table)) == ("METX", None)


class TestFile:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "instruments.json"

    def test_names_survive_the_process(self, path):
        today = clock_at_work().now().date()
        names = {
            INSTRUMENT: KnownName(symbol="AAPL", is_active=True, seen_on=today),
            OTHER: KnownName(symbol="SCLXZZZ", is_active=None, seen_on=today),
        }
        SymbolTable(path=path, files=LocalFiles()).remember(names)
        again = SymbolTable(path=path, files=LocalFiles())
        assert {each: again.known(each) for each in names} == names
        assert again.items() == ((INSTRUMENT, "AAPL"), (OTHER, "SCLXZZZ"))

    def test_what_is_known_already_is_not_written_again(self, path):
        table = SymbolTable(path=path, files=LocalFiles())
        name = KnownName(symbol="AAPL", is_active=True, seen_on=clock_at_work().now().date())
        table.remember({INSTRUMENT: name})
        path.unlink()
        table.remember({INSTRUMENT: name})
        assert not path.exists()

    def test_the_oldest_names_make_room(self):
        table = SymbolTable()
        today = clock_at_work().now().date()
        for first in range(0, MAX_REMEMBERED + 2, MAX_REMEMBERED // 2):
            some = range(first, min(first + MAX_REMEMBERED // 2, MAX_REMEMBERED + 2))
            table.remember({numbered(n): KnownName(symbol="A", is_active=None, seen_on=today) for n in some})
        assert len(table.items()) == MAX_REMEMBERED
        assert (table.get(numbered(1)), table.get(numbered(2))) == (None, "A")

    def test_a_folder_that_is_not_there_costs_nothing(self, tmp_path):
        table = SymbolTable(path=tmp_path / "no" / "instruments.json", files=LocalFiles())
        table.remember({INSTRUMENT: KnownName(symbol="A", is_active=None, seen_on=clock_at_work().now().date())})
        assert table.get(INSTRUMENT) == "A"

    @given(
        st.binary(max_size=40)
        | st.lists(
            st.none()
            | st.dictionaries(st.sampled_from(["id", "symbol", "active", "seen_on"]), st.none() | st.text(max_size=12))
        ).map(lambda rows: json.dumps(rows).encode())
    )
    def test_a_damaged_file_is_an_empty_table(self, tmp_path_factory, content):
        path = tmp_path_factory.mktemp("table") / "instruments.json"
        path.write_bytes(content)
        table = SymbolTable(path=path, files=LocalFiles())
        assert all(symbol for _, symbol in table.items())
        assert table.get(INSTRUMENT) is None

    def test_one_damaged_row_hides_no_other(self, path):
        good = {"id": INSTRUMENT, "symbol": "AAPL", "active": True, "seen_on": "2026-11-23"}
        path.write_text(json.dumps([good | {"id": OTHER, "seen_on": "yesterday"}, 7, good, good | {"id": None}]))
        assert SymbolTable(path=path, files=LocalFiles()).items() == ((INSTRUMENT, "AAPL"),)
