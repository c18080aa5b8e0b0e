"""What happens to the machine while records are written: each is whole, in its order, and nothing is written twice."""

import json
import threading
from itertools import pairwise

import pytest

from tests.faults.steps import FaultBench
from tests.faults.test_audit_faults import cell, facts
from tests.faults.test_machine_faults import MOST_EFFECTS, _moved, full_disk, read_only
from tests.support.mortal import Life
from tests.support.sim_journal import Fate, InMemory
from tests.support.sim_world import SimWorld, Trade
from tests.support.stand_in_book import MORE
from trading_bot.bot import TradeStatus
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.journal.chain import unseal

pytestmark = pytest.mark.no_cover  # tracing makes it three times as slow, and each line has a test of its own

# The order of records.


@cell("F38", "F50")
def test_a_clock_that_jumps_reorders_nothing(fault, tmp_path):
    """The number orders the records; each has the time of both clocks."""
    bench = FaultBench(tmp_path, "SUB", in_memory=False)
    bench.clock.jump(-1200 if fault == "F38" else 8 * 3600)
    bench.act()
    records = bench.world.records()
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    assert [record.mono for record in records] == sorted(record.mono for record in records)
    jumped = any(late.ts < early.ts for early, late in pairwise(records))
    assert jumped == (fault == "F38")
    bench.world.restart()
    assert bench.world.records()[: len(records)] == records
    bench.afterwards()


@cell("F46")
def test_threads_write_one_record_after_another(fault, tmp_path):
    bench = FaultBench(tmp_path, "SUB")
    trades = [Trade(client_order_id=f"t{number}", symbol=symbol, quantity=1) for number, symbol in enumerate(MORE[:12])]
    callers = [threading.Thread(target=bench.world.trade, args=(trade,)) for trade in trades]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    check_chain(bench.world)
    intents = [fact.client_order_id for fact in facts(bench, EventKind.ORDER_INTENDED)]
    assert len(set(intents)) == len(intents)
    assert {f"t{number}" for number in range(12)} <= set(intents)


def check_chain(world: SimWorld) -> None:
    """Every record is whole and names the one before it; none is missing."""
    records = world.records()
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    for before, after in pairwise(records):
        assert after.prev == before.hash
    if isinstance(world.stored, InMemory):
        for body, digest in world.stored.storage.records.values():
            unseal(body, digest)


# Deaths and interrupts.


@cell("F39", "F40")
def test_each_record_that_was_acknowledged_is_there_after_a_death(fault, tmp_path_factory):
    for effects in range(1, MOST_EFFECTS):
        bench = FaultBench(tmp_path_factory.mktemp("death"), "SUB", in_memory=effects % 4 != 0)
        life = bench.world.life
        life.die_in(effects)
        bench.act()
        if not life.is_over:
            assert effects > 2, "there are effects to die at"
            return
        if fault == "F40":
            bench.world.disk.lose_power()
            bench.world.stored.lose_power()
        acknowledged = list(bench.world.told)
        stored = [record.fact for record in bench.world.records()]
        assert all(fact in stored or bench.world.side.has(fact) for fact in acknowledged)
        check_chain(bench.world)
        bench.world.boot()
        check_chain(bench.world)
        bench.afterwards()
    pytest.fail("more effects than the bound")


@cell("F47", "F48")
def test_an_interrupt_lands_before_or_after_a_whole_record(fault, tmp_path_factory):
    kind = SystemExit if fault == "F47" else KeyboardInterrupt

    for effects in range(1, MOST_EFFECTS):
        bench = FaultBench(tmp_path_factory.mktemp("interrupt"), "SUB")
        life = bench.world.life

        struck: list[int] = []

        def interrupt(life: Life = life, struck: list[int] = struck) -> None:
            struck.append(1)
            life.is_over = False
            raise kind

        life._end = interrupt
        life.die_in(effects)
        try:
            bench.act()
        except kind:
            check_chain(bench.world)
            bench.world.restart()
            check_chain(bench.world)
        else:
            assert not struck, "an interrupt is passed on"
            assert effects > 2, "there are effects to be interrupted at"
            return
    pytest.fail("more effects than the bound")


# The disk, other writers.


@cell("F41")
def test_what_a_full_disk_refuses_is_kept_aside_halts_entries_and_is_recorded_once(fault, tmp_path):
    bench = FaultBench(tmp_path, "CAN")
    world = bench.world
    world.usual_fate = Fate.REFUSED
    before = world.records()
    bench.act()
    assert not world.order().is_open, "a cancel waits for no record"
    assert world.records() == before
    result = world.trade(client_order_id="c9", symbol="KO")
    assert result is not None
    assert result.status is TradeStatus.BLOCKED
    world.crash()
    world.usual_fate = Fate.STORED
    assert world.boot()
    assert len(facts(bench, EventKind.CANCEL_REQUESTED)) == 1, "the next start takes over what was kept aside, once"
    check_chain(world)
    bench.afterwards()


@pytest.mark.parametrize("trouble", [full_disk, read_only], ids=["AUD-F41-at-start", "AUD-F42"])
def test_a_disk_that_takes_nothing_stops_the_start_before_any_request(trouble, tmp_path):
    bench = FaultBench(tmp_path, "SUB", in_memory=False)
    world = bench.world
    world.stop()
    heard, before = len(world.broker.seen), world.records()
    world.trouble, world.usual_fate = trouble, Fate.REFUSED
    started = world.boot()
    assert not started or (world.bot is not None and world.bot.manager.halted_because is not None)
    if not started:
        assert len(world.broker.seen) == heard
    world.trade(client_order_id="c9", symbol="KO")
    assert bench.sent == 0
    assert world.records() == before


@cell("F43")
def test_nothing_is_written_to_a_database_that_was_moved(fault, tmp_path):
    bench = FaultBench(tmp_path, "SUB", in_memory=False)
    world = bench.world
    change, put_back = _moved(world)
    before = world.records()
    change()
    result = world.trade(client_order_id="c9", symbol="KO")
    assert result is not None
    assert result.status is TradeStatus.BLOCKED
    assert bench.sent == 0
    assert not world.database.exists(), "no second journal is begun in its place"
    world.crash()
    put_back()
    assert world.records() == before
    bench.afterwards()


@cell("F44")
def test_a_database_that_was_cut_is_noticed_by_the_audit_log_and_kept_as_it_is(fault, tmp_path):
    bench = FaultBench(tmp_path, "SUB", in_memory=False)
    world = bench.world
    world.stop()
    earlier = world.database.read_bytes()
    assert world.boot()
    bench.act()
    world.stop()
    world.database.write_bytes(earlier)
    started = world.boot()
    assert not started or (world.bot is not None and world.bot.manager.halted_because is not None)
    world.trade(client_order_id="c9", symbol="KO")
    assert bench.sent == 1, "only the order from before"


@cell("F44")
def test_an_audit_log_that_was_cut_is_written_anew(fault, tmp_path):
    bench = FaultBench(tmp_path, "SUB", in_memory=False)
    bench.act()
    bench.world.stop()
    log = bench.folder / "logs" / "orders.jsonl"
    log.write_bytes(log.read_bytes()[:-100])
    assert bench.world.boot()
    bench.world.stop()
    lines = log.read_bytes().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [record.seq for record in bench.world.records()]


@cell("F45")
def test_a_second_process_writes_no_record(fault, tmp_path):
    bench = FaultBench(tmp_path, "SUB", in_memory=False)
    before = bench.world.records()
    bench.world.intrude()
    assert bench.world.second_holders == 0
    assert bench.world.records() == before
    bench.act()
    sessions = [record.session_id for record in bench.world.records()]
    assert len(set(sessions)) == 1
    check_chain(bench.world)


@cell("F49")
def test_a_forked_child_writes_no_record(fault, tmp_path):
    bench = FaultBench(tmp_path, "SUB", in_memory=False)
    world = bench.world
    before, aside = world.records(), beside(world)
    world.process_id += 1
    assert world.store is not None
    world.store.record_fact(OrderEvent(event=EventKind.TRADING_HALTED, reason="a child"))
    assert world.records() == before
    assert beside(world) == aside, "nor does it write over what its parent keeps aside"
    result = world.trade(client_order_id="c9", symbol="KO")
    assert result is not None
    assert result.status is TradeStatus.BLOCKED


def beside(world: SimWorld) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (world.database.parent / "side").glob("*")}
