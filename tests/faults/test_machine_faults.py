"""What happens to the machine, struck at each step: deaths, disks, clocks, other processes, threads and signals."""

import errno
import os
import re
from collections.abc import Callable

import pytest

from tests.faults.grid import CELLS, OURS
from tests.faults.steps import FaultBench, meanwhile
from tests.faults.wire_checks import EVERY_CELL
from tests.support.broker_stand_in import Route
from tests.support.sim_journal import Fate
from tests.support.sim_sqlite import InSqlite
from tests.support.sim_world import SimWorld
from trading_bot.bot import TradeResult, TradeStatus
from trading_bot.config import PaperWire
from trading_bot.order_management.models import OrderState

MOST_EFFECTS = 80
PAGE = 4096
ON_EACH_WIRE = pytest.mark.parametrize("wire", list(PaperWire) if EVERY_CELL else [PaperWire.PRIVATE], ids=str)
"""The build strikes the private wire. Both of them: EVERY_CELL=1, as `make prove` does."""


def cells(*faults: str) -> list[object]:
    struck = [cell for cell in CELLS if cell[:3] in OURS and cell[4:] in faults]
    return [pytest.param(cell[:3], cell[4:], id=cell) for cell in sorted(struck)]


# Death at every effect.


@ON_EACH_WIRE
@pytest.mark.parametrize(("step", "fault"), cells("F39", "F40"))
def test_death_at_every_effect(step, fault, wire, tmp_path_factory):
    """Killed at any point and started again, everything is found, nothing is sent twice, and both sides agree."""
    # A journal in a file costs more: the build strikes each third effect, `make prove` all of them.
    for effects in range(1, MOST_EFFECTS, 3 if fault == "F40" and not EVERY_CELL else 1):
        folder = tmp_path_factory.mktemp(f"{step}-{effects}-")
        # Only a journal in a file can lose what was not flushed.
        bench = FaultBench(folder, step, wire=wire, in_memory=fault == "F39")
        world, lives = bench.world, bench.world.life
        if step == "SYN":
            world.broker.book.fill(world.order(), 4, bench.clock.now())
        if step == "REC":
            world.boot(die_at=effects)
            lives = world.life
        else:
            lives.die_in(effects)
            bench.act()
        if not lives.is_over:
            assert effects > 4, "the step has effects to die at"
            return
        if fault == "F40":
            world.disk.lose_power()
            world.stored.lose_power()
        bench.invariants.check()
        sent = len(world.posts)
        world.boot()
        assert len(world.posts) == sent, "a start sends no order"
        bench.afterwards()
    pytest.fail(f"{step} has more than {MOST_EFFECTS} effects; raise the bound")


@ON_EACH_WIRE
@pytest.mark.parametrize(("step", "fault"), cells("F47", "F48"))
def test_interrupt_at_every_effect(step, fault, wire, tmp_path_factory):
    """An interrupt is no worse than a death, and the process that lives on to stop cleanly hides nothing."""
    kind = SystemExit if fault == "F47" else KeyboardInterrupt

    for effects in range(1, MOST_EFFECTS, 4 if step == "REC" else 2):
        bench = FaultBench(tmp_path_factory.mktemp(f"{step}-{effects}-"), step, wire=wire)
        struck: list[int] = []

        def interrupt(world: SimWorld = bench.world, struck: list[int] = struck, effects: int = effects) -> None:
            struck.append(effects)
            world.life.is_over = False  # what the process does while it stops is done
            raise kind

        if step == "SYN":
            bench.world.broker.book.fill(bench.world.order(), 4, bench.clock.now())
        try:
            _act_until(bench, effects, interrupt)
        except kind:
            pass
        else:
            assert not struck, "whoever asks is told of an interrupt"
            assert effects > 4, "the step has effects to be interrupted at"
            return
        bench.world.restart()
        bench.invariants.check()
        bench.afterwards()
    pytest.fail(f"{step} has more than {MOST_EFFECTS} effects; raise the bound")


def _act_until(bench: FaultBench, effects: int, end: Callable[[], None]) -> None:
    """Do the step, and end the process so at that effect of it."""
    if bench.step == "REC":
        bench.world.end = end
        bench.world.boot(die_at=effects)
        return
    bench.world.life._end = end
    bench.world.life.die_in(effects)
    bench.act()


# The disk.


def full_disk(operation: str) -> None:
    if operation in ("write", "write_new", "replace"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def read_only(operation: str) -> None:
    if operation in ("write", "write_new", "replace", "open_append", "link", "rename"):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def check_disk_step(bench: FaultBench) -> None:
    """Safety beats audit: a cancel goes out without a record, an order never does."""
    world = bench.world
    first = world.broker.book.orders[:1]
    match bench.step:
        case "SUB":
            assert isinstance(bench.answer, TradeResult)
            assert bench.answer.status is TradeStatus.BLOCKED
        case "CAN" | "REP":
            assert not first[0].is_open or bench.error is not None
        case "ALL":
            assert bench.open_at_broker() == 0
        case "REC":
            halted = world.bot is None or world.bot.manager.halted_because is not None
            assert halted, "what cannot be recorded is not begun, or only for cancels"
    if bench.step == "CAN":
        assert not first[0].is_open
    assert bench.sent == 0
    world.trade(client_order_id="c9", symbol="KO")
    assert bench.sent == 0, "no order without a record"


@ON_EACH_WIRE
@pytest.mark.parametrize(("step", "fault"), cells("F41", "F42"))
def test_disk_that_takes_nothing(step, fault, wire, tmp_path):
    bench = FaultBench(tmp_path, step, wire=wire)
    world, trouble = bench.world, full_disk if fault == "F41" else read_only
    if step == "SYN":
        world.broker.book.fill(world.order(), 10, bench.clock.now())
    if step == "REC":
        world.trouble = trouble
    world.files.fault = trouble
    world.usual_fate = Fate.REFUSED
    bench.act()
    if step == "SYN":
        assert world.bot is not None
        assert {str(o.client_order_id): o.state for o in world.bot.orders()}["c1"] is OrderState.FILLED
    check_disk_step(bench)
    world.trouble = None
    world.crash()
    bench.afterwards()


@ON_EACH_WIRE
@pytest.mark.parametrize(("step", "fault"), cells("F43"))
def test_journal_moved_underneath(step, fault, wire, tmp_path):
    bench = FaultBench(tmp_path, step, wire=wire, in_memory=False)
    world = bench.world
    change, put_back = _moved(world)
    change()
    act_unjudged(bench)
    check_disk_step(bench)
    world.crash()
    put_back()
    bench.afterwards()


def act_unjudged(bench: FaultBench) -> None:
    """Do the step while what would be judged is away."""
    bench.invariants.check = lambda: None  # type: ignore[method-assign]
    bench.act()
    del bench.invariants.check


def _moved(world: SimWorld) -> tuple[Callable[[], object], Callable[[], object]]:
    path = world.database
    away = path.with_suffix(".away")
    return (lambda: path.rename(away)), (lambda: away.replace(path))


@ON_EACH_WIRE
@pytest.mark.parametrize("cut", ["", "-wal"], ids=["database", "its log"])
@pytest.mark.parametrize(("step", "fault"), [cell for cell in cells("F44") if cell.values[0] != "REC"])  # type: ignore[attr-defined]
def test_journal_cut_under_a_running_process(step, fault, cut, wire, tmp_path):
    """The process itself notices before it writes on: nothing is added to what is left, and no order goes out."""
    bench = FaultBench(tmp_path, step, wire=wire, in_memory=False)
    world = bench.world
    if step == "SYN":
        world.broker.book.fill(world.order(), 10, bench.clock.now())
    path = world.database.with_name(world.database.name + cut)
    whole = path.read_bytes()
    os.truncate(path, len(whole) - PAGE)
    assert isinstance(world.stored, InSqlite)
    world.stored.is_cut = True
    act_unjudged(bench)
    check_disk_step(bench)
    assert path.stat().st_size == len(whole) - PAGE, "what is left is kept as it is"
    assert world.store is not None
    assert world.store.failure is not None
    world.crash()
    path.write_bytes(whole)
    world.stored.is_cut = False
    bench.afterwards()


@ON_EACH_WIRE
@pytest.mark.parametrize(("step", "fault"), [cell for cell in cells("F44") if cell.values[0] == "REC"])  # type: ignore[attr-defined]
def test_older_copy_of_the_journal_is_for_cancels_only(step, fault, wire, tmp_path):
    """It is whole in itself; that it lacks an order is known from the audit log alone, and the operator is told."""
    bench = FaultBench(tmp_path, step, wire=wire, in_memory=False)
    world = bench.world
    world.boot()
    world.stop()
    older, records = world.database.read_bytes(), len(world.records())
    world.boot()
    world.trade(client_order_id="c8", symbol="KO")
    world.stop()
    newest, known = world.database.read_bytes(), len(world.records())
    bench.sent_before = len(world.posts)
    world.database.write_bytes(older)
    world.is_journal_damaged_on_purpose = True
    act_unjudged(bench)
    assert world.bot is not None, "it starts, for cancels"
    told = world.bot.manager.halted_because
    assert told is not None
    assert {str(records), str(known)} <= set(re.findall(r"\d+", told)), "what is there, and what there was"
    check_disk_step(bench)
    world.cancel_all()
    assert bench.open_at_broker() == 0, "those that the copy does not know have our mark"
    assert world.database.read_bytes() == older
    world.crash()
    world.database.write_bytes(newest)
    world.boot()
    world.resume()  # the order that was not in the copy has halted entries, and no program knows why it was not
    bench.afterwards()


# Another process, a fork.


@ON_EACH_WIRE
@pytest.mark.parametrize(("step", "fault"), cells("F45"))
def test_second_process_on_the_account(step, fault, wire, tmp_path):
    bench = FaultBench(tmp_path, step, wire=wire)
    first = bench.world
    if step == "SYN":  # an order without our mark is somebody else's: counted, never touched
        form = {**first.posts[0].request.form, "ref_id": "00000000-0000-4000-8000-000000000001"}
        first.broker.book.take(form, now=bench.clock.now(), expires_at=first.order().expires_at)
        summary = first.sync()
        assert summary is not None
        assert summary.external_orders == 1
        first.cancel_all()
        assert bench.open_at_broker() == 1
        return
    if step == "REC":
        first.boot()
    second = SimWorld(tmp_path, clock=bench.clock, wire=wire)
    second.broker = first.broker
    assert not second.boot(), "one writer an account"
    sent = len(first.posts)
    second.trade(client_order_id="c9", symbol="KO")
    second.cancel()
    second.cancel_all()
    assert (len(first.posts), bench.open_at_broker()) == (sent, 2 if step != "SUB" else 0)
    bench.afterwards()


@ON_EACH_WIRE
@pytest.mark.parametrize(("step", "fault"), cells("F49"))
def test_forked_child_sends_nothing(step, fault, wire, tmp_path):
    bench = FaultBench(tmp_path, step, wire=wire)
    _fork(bench)
    bench.act()
    assert bench.sent == 0
    if step == "REC":
        assert bench.world.bot is None, "a start that finds itself in a child has failed"
        bench.world.process_id -= 1
        bench.afterwards()
        return
    heard = len(bench.world.broker.seen)
    result = bench.world.trade(client_order_id="c9", symbol="KO")
    assert result is not None
    assert result.status in (TradeStatus.BLOCKED, TradeStatus.NOT_SENT)
    assert not any(cancelled.is_proven_closed for cancelled in bench.world.cancel_all())
    summary = bench.world.sync()
    assert summary is not None
    assert not summary.complete
    assert len(bench.world.broker.seen) == heard, "no cancel and no read leaves a forked child either"
    if step == "ALL":
        bench.world.kill()
        bench.world.process_id -= 1
        bench.world.trade(client_order_id="c10", symbol="KO")
    assert bench.sent == 0


def _fork(bench: FaultBench) -> None:
    """Go on as a child of the process; where the step is a start, as one that was made in the middle of it."""
    if bench.step == "REC":
        meanwhile(bench, Route.LIST, _fork_now)
    else:
        _fork_now(bench.world)


def _fork_now(world: SimWorld) -> None:
    world.process_id += 1
