"""Reading one order, struck by each fault: silence and nonsense move nothing, and what was read moves it once."""

import os
import threading
from collections.abc import Callable

import pytest

from tests.faults.grid import CELLS, calls_for
from tests.faults.steps import FaultBench, read_status
from tests.faults.test_machine_faults import MOST_EFFECTS, PAGE, _moved, full_disk, read_only
from tests.faults.wire_checks import ACTS, SPENT
from tests.support.broker_stand_in import Act, Request, Route
from tests.support.mortal import Life
from tests.support.sim_journal import Fate
from tests.support.sim_sqlite import InSqlite
from tests.support.sim_world import SimWorld
from trading_bot.bot import TradeStatus
from trading_bot.config import PaperWire
from trading_bot.order_management.book.anomalies import AnomalyKind, anomaly_of
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import OrderNotFoundError, OrderStatusError
from trading_bot.order_management.models import OrderEnvelope, OrderState, OrderStatus

pytestmark = pytest.mark.no_cover  # tracing makes it three times as slow, and each line has a test of its own

WIRES = tuple(PaperWire)
READ_FIRST = 4
"""Shares that had filled, and that we knew of, before the fault."""
FILLED_SINCE = 3
PASSING = {"F01", "F02", "F03", "F05", "F06", "F17", "F18", "F19", "F20", "F21", "F22"}
"""After one of these, asking again within the call helps; a silence takes all of its time."""
ANSWERED = {"F29", "F32"}
"""The odd part is not needed, so that the rest counts."""


def status_bench(folder, wire: PaperWire = PaperWire.PRIVATE, *, in_memory: bool = True) -> FaultBench:
    return with_fills(FaultBench(folder, "STA", wire=wire, in_memory=in_memory))


def with_fills(bench: FaultBench) -> FaultBench:
    """Let four shares be filled that are known to be, and three more since."""
    world = bench.world
    world.broker.book.fill(world.order(), READ_FIRST, bench.clock.now())
    read_status(world)
    world.broker.book.fill(world.order(), FILLED_SINCE, bench.clock.now())
    return bench


def known(bench: FaultBench) -> OrderEnvelope:
    assert bench.world.bot is not None
    return next(order for order in bench.world.bot.orders() if order.client_order_id == "c1")


def wire_cells() -> list[object]:
    return [
        pytest.param(fault, act, id=f"STA-{fault}" + (f"-{act}" if len(acts) > 1 else ""))
        for fault, acts in ACTS.items()
        if f"STA-{fault}" in CELLS
        for act in acts
    ]


def machine_cells(*faults: str) -> list[object]:
    return [pytest.param(fault, id=f"STA-{fault}") for fault in faults]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("fault", "act"), wire_cells())
def test_a_read_that_is_struck_once_and_for_good(fault, act, wire, tmp_path):
    """Nothing is inferred from silence, no default stands in for what cannot be read, and no fill falls or doubles."""
    check_struck_reads(status_bench(tmp_path, wire), fault, act)


def check_struck_reads(bench: FaultBench, fault: str, act: Act) -> None:
    broker, before = bench.world.broker, known(bench)
    for times in (1, SPENT):
        broker.acts[Route.READ].extend([act] * times)
        began, heard = bench.clock.monotonic(), len(broker.seen)
        bench.answer, bench.error = None, None
        bench.act()
        assert len(broker.acts[Route.READ]) < times, "the fault has struck"
        broker.acts.clear()
        assert bench.clock.monotonic() - began <= 10, "a read is over within its own time"
        check_requests(fault, [request.route for request in broker.seen[heard:]])
        check_read(bench, fault, is_passing=times == 1 and fault in {*PASSING, "F12"}, before=before)
    assert bench.sent == 0
    assert bench.open_at_broker() == 2
    status = read_status(bench.world)
    assert status is not None
    assert status.filled_quantity == READ_FIRST + FILLED_SINCE
    bench.afterwards()


def check_requests(fault: str, routes: list[Route]) -> None:
    assert routes.count(Route.READ) <= 3, "a read is repeated within bounds"
    assert routes.count(Route.LOGIN) <= 1, "and a session is renewed once"
    if fault in {"F04", "F10"}:
        assert len(routes) <= 1, "whoever stands in the middle gets no second try"
    assert set(routes) <= {Route.READ, Route.LOGIN}


def check_read(bench: FaultBench, fault: str, *, is_passing: bool, before: OrderEnvelope) -> None:
    kind = calls_for(f"STA-{fault}")
    after = known(bench)
    if fault == "F35":
        assert isinstance(bench.answer, OrderStatus)
        assert (after.state, after.filled_quantity) == (OrderState.PARTIALLY_FILLED, before.filled_quantity)
    elif bench.error is None:
        assert is_passing or kind == "R" or fault in ANSWERED or _is_read_again(bench, fault)
        assert isinstance(bench.answer, OrderStatus)
        assert after.filled_quantity == READ_FIRST + FILLED_SINCE
        assert after.state.is_working
    else:
        assert not is_passing
        assert isinstance(bench.error, OrderStatusError)
        assert isinstance(bench.error, OrderNotFoundError) == (fault in {"F14", "F34"})
        seen = known(bench)
        assert (seen.state, seen.quantity, seen.side) == (before.state, before.quantity, before.side)
        assert seen.filled_quantity in (READ_FIRST, READ_FIRST + FILLED_SINCE)


def _is_read_again(bench: FaultBench, fault: str) -> bool:
    """Whether an answer that cannot be taken apart may be asked for once more: on the agent wire it may.

    A socket tells besides that a reply was cut.
    """
    if bench.wire is PaperWire.AGENT:
        return fault in {"F23", "F24", "F25", "F26"}
    return bench.line_to is not None and fault == "F26"


# What the order did meanwhile.


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("fault", machine_cells("F36", "F37"))
def test_a_fill_and_a_cancel_at_once(fault, wire, tmp_path):
    """A fill beats a cancel; after a part of one, only the rest is released."""
    check_fill_and_cancel(status_bench(tmp_path, wire), fault)


def check_fill_and_cancel(bench: FaultBench, fault: str) -> None:
    book, order, now = bench.world.broker.book, bench.world.order(), bench.clock.now()
    book.begin_cancel(order, now)
    if fault == "F36":
        book.fill(order, order.remaining, now)
    else:
        book.cancel(order, now)
    bench.act()
    filled = 10 if fault == "F36" else READ_FIRST + FILLED_SINCE
    assert isinstance(bench.answer, OrderStatus)
    assert bench.answer.state is (OrderState.FILLED if fault == "F36" else OrderState.CANCELLED)
    assert bench.answer.filled_quantity == filled
    assert bench.answer.remaining_quantity == 0
    assert bench.world.expected("AAPL") == 100 + filled, "and the rest is released"
    bench.afterwards()


@pytest.mark.parametrize("seconds", [pytest.param(-3600, id="STA-F38-back"), pytest.param(3600, id="STA-F38-forth")])
def test_an_older_reply_is_known_by_the_order_and_not_by_our_clock(seconds, tmp_path):
    bench = status_bench(tmp_path)
    bench.act()
    bench.clock.jump(seconds)
    bench.world.broker.acts[Route.READ].append(Act.STALE)
    bench.act()
    assert known(bench).filled_quantity == READ_FIRST + FILLED_SINCE
    bench.afterwards()


@pytest.mark.parametrize("fault", machine_cells("F46"))
def test_a_late_reply_overwrites_no_newer_one(fault, tmp_path):
    bench = status_bench(tmp_path)
    world = bench.world

    def overtake(request: Request) -> None:
        if request.route is Route.READ:
            world.broker.meanwhile = lambda request: None
            world.broker.book.fill(world.order(), world.order().remaining, bench.clock.now())
            newer = threading.Thread(target=world.sync)
            newer.start()
            newer.join(10)
            assert not newer.is_alive()

    world.broker.meanwhile = overtake
    bench.act()
    assert known(bench).state is OrderState.FILLED
    assert known(bench).filled_quantity == 10
    bench.afterwards()


@pytest.mark.parametrize("fault", machine_cells("F50"))
def test_a_reply_that_spans_a_sleep_is_read_again(fault, tmp_path):
    bench = status_bench(tmp_path)
    world, heard = bench.world, len(bench.world.broker.seen)

    def sleep(request: Request) -> None:
        if request.route is Route.READ:
            world.broker.meanwhile = lambda request: None
            bench.clock.jump(3600)
            world.broker.book.fill(world.order(), world.order().remaining, bench.clock.now())

    world.broker.meanwhile = sleep
    bench.act()
    assert [request.route for request in world.broker.seen[heard:]] == [Route.READ, Route.READ]
    assert isinstance(bench.answer, OrderStatus)
    assert bench.answer.state is OrderState.FILLED, "what was so before the sleep is no answer after it"
    bench.afterwards()


# The machine.


@pytest.mark.parametrize("fault", machine_cells("F39", "F40"))
def test_death_at_every_effect_of_a_read(fault, tmp_path_factory):
    """Nothing is lost: the same facts are read again after the restart."""
    for effects in range(1, MOST_EFFECTS):
        # Only a journal in a file can lose what was not flushed.
        bench = status_bench(tmp_path_factory.mktemp(f"{effects}-"), in_memory=fault == "F39")
        life = bench.world.life
        life.die_in(effects)
        bench.act()
        if not life.is_over:
            assert effects > 2, "a read has effects to die at"
            return
        if fault == "F40":
            bench.world.disk.lose_power()
            bench.world.stored.lose_power()
        bench.world.boot()
        assert read_status(bench.world) is not None
        assert known(bench).filled_quantity == READ_FIRST + FILLED_SINCE
        bench.afterwards()
    pytest.fail(f"more than {MOST_EFFECTS} effects; raise the bound")


@pytest.mark.parametrize("fault", machine_cells("F47", "F48"))
def test_an_interrupt_at_every_effect_of_a_read(fault, tmp_path_factory):
    """The last state is kept, and whoever reads again reads all of it."""
    kind = SystemExit if fault == "F47" else KeyboardInterrupt

    for effects in range(1, MOST_EFFECTS):
        bench = status_bench(tmp_path_factory.mktemp(f"{effects}-"))
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
            pass
        else:
            assert not struck, "an interrupt is passed on"
            assert effects > 2, "there are effects to be interrupted at"
            return
        assert known(bench).filled_quantity in (READ_FIRST, READ_FIRST + FILLED_SINCE)
        bench.world.restart()
        bench.afterwards()
    pytest.fail(f"more than {MOST_EFFECTS} effects; raise the bound")


def _cut(world: SimWorld) -> tuple[Callable[[], object], Callable[[], object]]:
    """The last page of the database goes, and comes back."""
    whole = world.database.read_bytes()
    assert isinstance(world.stored, InSqlite)
    stored = world.stored

    def change() -> None:
        os.truncate(world.database, len(whole) - PAGE)
        stored.is_cut = True

    def put_back() -> None:
        world.database.write_bytes(whole)
        stored.is_cut = False

    return change, put_back


@pytest.mark.parametrize("fault", machine_cells("F41", "F42", "F43", "F44"))
def test_a_fill_that_cannot_be_recorded_is_read_and_halts_entries(fault, tmp_path):
    """Reading goes on in memory."""
    bench = status_bench(tmp_path, in_memory=fault not in {"F43", "F44"})
    world = bench.world
    put_back: Callable[[], object] = dict  # the disk itself is whole
    if fault in {"F41", "F42"}:
        world.files.fault = full_disk if fault == "F41" else read_only
        world.usual_fate = Fate.REFUSED
    else:
        change, put_back = (_moved if fault == "F43" else _cut)(world)
        change()
        bench.invariants.check = lambda: None  # type: ignore[method-assign]  # what would be judged is away
    bench.act()
    assert known(bench).filled_quantity == READ_FIRST + FILLED_SINCE
    result = world.trade(client_order_id="c9", symbol="KO")
    assert result is not None
    assert result.status is TradeStatus.BLOCKED
    assert bench.sent == 0
    vars(bench.invariants).pop("check", None)
    world.crash()
    put_back()
    bench.afterwards()


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("fault", machine_cells("F45"))
def test_an_order_of_somebody_else_is_never_adopted(fault, wire, tmp_path):
    bench = status_bench(tmp_path, wire)
    world = bench.world
    theirs = {**world.posts[0].request.form, "ref_id": "00000000-0000-4000-8000-000000000001"}
    order = world.broker.book.take(theirs, now=bench.clock.now(), expires_at=world.order().expires_at)
    assert world.bot is not None
    before = len(world.bot.orders())
    with pytest.raises(OrderNotFoundError):
        world.bot.order_status(order.order_id)
    bench.act()
    assert isinstance(bench.answer, OrderStatus)
    assert len(world.bot.orders()) == before
    bench.afterwards()


@pytest.mark.parametrize("fault", machine_cells("F49"))
def test_a_forked_child_reads_nothing(fault, tmp_path):
    bench = status_bench(tmp_path)
    bench.world.process_id += 1
    heard = len(bench.world.broker.seen)
    bench.act()
    assert isinstance(bench.error, OrderStatusError)
    assert len(bench.world.broker.seen) == heard


def test_an_order_that_vanished_is_an_anomaly_and_counts_in_full(tmp_path):
    """What is known of it is kept, and the absence procedure alone may end it."""
    bench = status_bench(tmp_path)
    bench.world.broker.acts[Route.READ].append(Act.VANISHED)
    bench.act()
    (found,) = [anomaly_of(r.fact) for r in bench.world.records() if r.fact.event is EventKind.ANOMALY_FOUND]
    assert found.kind is AnomalyKind.VANISHED
    envelope = known(bench)
    assert envelope.quantity - envelope.filled_quantity == 10 - READ_FIRST
