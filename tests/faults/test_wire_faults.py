"""What happens on the wire, struck at each step: the answer, the requests that were sent, and the end of it all."""

import pytest

from tests.faults.grid import CELLS, OURS, calls_for
from tests.faults.steps import FaultBench
from tests.support.broker_stand_in import Act, CancelMode, Route
from tests.support.sim_world import SimWorld
from trading_bot.bot import TradeResult, TradeStatus
from trading_bot.order_management.models import OrderState
from trading_bot.order_management.results import CancelResult, CancelVerdict

ACTS: dict[str, tuple[Act, ...]] = {
    "F01": (Act.DNS,),
    "F02": (Act.REFUSED,),
    "F03": (Act.CONNECT_TIMEOUT,),
    "F04": (Act.TLS,),
    "F05": (Act.RESET_BEFORE,),
    "F06": (Act.RESET_BEFORE_ACTING, Act.RESET_AFTER_ACTING, Act.HALF_WRITTEN),
    "F07": (Act.REPLY_LOST,),
    "F08": (Act.REQUEST_LOST,),
    "F09": (Act.DRIP,),
    "F10": (Act.REDIRECT,),
    "F11": (Act.BAD_400,),
    "F12": (Act.UNAUTHORIZED,),
    "F13": (Act.FORBIDDEN,),
    "F14": (Act.NOT_FOUND,),
    "F15": (Act.CONFLICT,),
    "F16": (Act.UNPROCESSABLE,),
    "F17": (Act.THROTTLED,),
    "F18": (Act.THROTTLED_ABSURDLY,),
    "F19": (Act.E500_BEFORE, Act.E500_AFTER),
    "F20": (Act.E502_BEFORE, Act.E502_AFTER),
    "F21": (Act.E503_BEFORE, Act.E503_AFTER),
    "F22": (Act.E504_BEFORE, Act.E504_AFTER),
    "F23": (Act.MALFORMED,),
    "F24": (Act.HTML,),
    "F25": (Act.EMPTY,),
    "F26": (Act.TRUNCATED,),
    "F27": (Act.WRONG_TYPES, Act.FOREIGN_ORDER),
    "F28": (Act.MISSING_FIELDS,),
    "F29": (Act.UNKNOWN_STATE,),
    "F30": (Act.NEGATIVE, Act.NOT_A_NUMBER),
    "F31": (Act.HUGE,),
    "F32": (Act.DUPLICATE_ROWS, Act.DUPLICATE_FILLS),
    "F33": (Act.PAGE_LOOP, Act.FOREIGN_PAGE),
    "F34": (Act.VANISHED,),
    "F35": (Act.STALE,),
}
CANCEL_MODES = {"F36": CancelMode.FILL_WINS, "F37": CancelMode.PART_FILLS}
ABOUT_THE_ORDER = {"F29", "F30", "F31", "F34", "F35"}
"""The reply to a cancel says nothing of the order, so these strike the read that follows it."""

TESTED = {cell for cell in CELLS if cell[:3] in OURS and cell[4:] in {*ACTS, *CANCEL_MODES}}

T = TradeStatus
ANSWERS: dict[str, set[TradeStatus]] = {
    "N": {T.SUBMITTED, T.NOT_SENT},
    "D": {T.REJECTED},
    "U": {T.UNKNOWN, T.SUBMITTED},
    "O": {T.SUBMITTED},
    "K": {T.SUBMITTED},
}
SPENT = 12
"""More repetitions than any policy allows, so that a fault outlasts its step."""


def cells(step: str, *, modes: bool = True, leg_of: str | None = None) -> list[object]:
    faults = {**ACTS, **{fault: (None,) for fault in CANCEL_MODES if modes}}
    return [
        pytest.param(fault, act, id=f"{leg_of or step}-{fault}" + (f"-{act}" if len(acts) > 1 else ""))
        for fault, acts in faults.items()
        if f"{step}-{fault}" in CELLS
        for act in acts
    ]


def strike(bench: FaultBench, fault: str, act: Act | None, *, times: int = 1) -> None:
    broker = bench.world.broker
    if act is None:
        broker.cancels = CANCEL_MODES[fault]
        return
    route = Route.READ if fault in ABOUT_THE_ORDER and bench.route is Route.CANCEL else bench.route
    broker.acts[route].extend([act] * times)


@pytest.mark.parametrize("times", [1, SPENT])
@pytest.mark.parametrize(("fault", "act"), cells("SUB", modes=False))
def test_submit(fault, act, times, tmp_path):
    bench = FaultBench(tmp_path, "SUB")
    strike(bench, fault, act, times=times)
    bench.act()
    assert isinstance(bench.answer, TradeResult)
    kind = "U" if act is Act.FOREIGN_ORDER else calls_for(f"SUB-{fault}")
    assert bench.answer.status in ANSWERS[kind]
    assert bench.sent <= (3 if kind == "N" else 1), "only what provably was not sent is sent again"
    if act is Act.CONFLICT:
        return  # the broker says that it has an order which it has not: only a person can end that
    bench.afterwards()


@pytest.mark.parametrize("fault", CANCEL_MODES, ids=lambda fault: f"SUB-{fault}")
def test_submit_whose_reply_carries_fills(fault, tmp_path):
    bench = FaultBench(tmp_path, "SUB")
    broker = bench.world.broker

    def trade_at_once(request):
        if request.route is Route.SUBMIT:
            order = broker.book.orders[-1]
            broker.book.fill(order, 10 if fault == "F36" else 4, bench.clock.now())
            broker.book.cancel(order, bench.clock.now())

    broker.meanwhile = trade_at_once
    broker.acts[Route.SUBMIT].append(Act.REPLY_LOST)
    bench.act()
    assert isinstance(bench.answer, TradeResult)
    assert bench.answer.envelope is not None
    envelope = bench.answer.envelope
    assert envelope.state is (OrderState.FILLED if fault == "F36" else OrderState.CANCELLED)
    assert envelope.filled_quantity == (10 if fault == "F36" else 4)
    bench.afterwards()


@pytest.mark.parametrize("times", [1, SPENT])
@pytest.mark.parametrize(("fault", "act"), cells("CAN"))
def test_cancel(fault, act, times, tmp_path):
    bench = FaultBench(tmp_path, "CAN")
    strike(bench, fault, act, times=times)
    bench.act()
    assert isinstance(bench.answer, CancelResult)
    if bench.world.order().is_open:
        assert not bench.answer.is_proven_closed
    if fault == "F36":
        assert bench.answer.verdict is CancelVerdict.FILLED_BEFORE_CANCEL
    if fault == "F37":
        assert bench.answer.verdict is CancelVerdict.CANCELLED
        assert bench.answer.filled_quantity == 5
    bench.world.broker.calm_down()
    bench.world.cancel()
    assert not bench.world.order().is_open, "asking again is safe and works"
    bench.afterwards()


@pytest.mark.parametrize("times", [1, SPENT])
@pytest.mark.parametrize(("fault", "act"), cells("ALL"))
def test_cancel_all(fault, act, times, tmp_path):
    bench = FaultBench(tmp_path, "ALL")
    strike(bench, fault, act, times=times)
    bench.act()
    verdicts = {str(result.client_order_id): result for result in bench.world.cancels}
    assert set(verdicts) == {"c1", "c2"}, "one order's trouble never hides another"
    for name, result in verdicts.items():
        assert result.is_proven_closed <= (not bench.world.order(name).is_open)
    if times == 1:
        assert verdicts["c2"].is_proven_closed, "trouble with the first never stops the rest"
    bench.world.broker.calm_down()
    bench.world.cancel_all()
    assert bench.open_at_broker() == 0
    bench.afterwards()


@pytest.mark.parametrize(("fault", "act"), cells("ALL", modes=False))
def test_cancel_all_without_a_listing(fault, act, tmp_path):
    bench = FaultBench(tmp_path, "ALL")
    bench.world.broker.acts[Route.LIST].extend([act] * SPENT)
    bench.act()
    assert bench.open_at_broker() == 0, "what is on record is cancelled, whatever the listing is worth"
    bench.afterwards()


@pytest.mark.parametrize("times", [1, SPENT])
@pytest.mark.parametrize(("fault", "act"), cells("REP"))
def test_replace_whose_first_leg_is_struck(fault, act, times, tmp_path):
    bench = FaultBench(tmp_path, "REP")
    strike(bench, fault, act, times=times)
    bench.act()
    old = bench.world.order()
    if old.is_open:
        assert bench.sent == 0, "no new order while the old one may be live"
        assert bench.error is not None
    else:
        new = [post.request.form["quantity"] for post in bench.world.posts[bench.sent_before :]]
        assert new in ([], [str(10 - old.filled)])
        assert new != ["0"]
    bench.afterwards()


@pytest.mark.parametrize("times", [1, SPENT])
@pytest.mark.parametrize(("fault", "act"), cells("SUB", modes=False, leg_of="REP"))
def test_replace_whose_second_leg_is_struck(fault, act, times, tmp_path):
    bench = FaultBench(tmp_path, "REP")
    bench.world.broker.acts[Route.SUBMIT].extend([act] * times)
    bench.act()
    assert not bench.world.order().is_open
    assert bench.sent <= 3
    assert bench.open_at_broker() <= 2, "the other order, and at most one new one"
    if act is not Act.CONFLICT:
        bench.afterwards()


def states(world: SimWorld) -> dict[str, OrderState]:
    assert world.bot is not None
    return {str(order.client_order_id): order.state for order in world.bot.orders()}


@pytest.mark.parametrize("times", [1, SPENT])
@pytest.mark.parametrize(("fault", "act"), cells("SYN"))
def test_synchronize(fault, act, times, tmp_path):
    bench = FaultBench(tmp_path, "SYN")
    world, now = bench.world, bench.clock.now()
    if act is None:
        world.broker.book.fill(world.order(), 10 if fault == "F36" else 4, now)
        world.broker.book.cancel(world.order(), now)
    else:
        strike(bench, fault, act, times=times)
    bench.act()
    if act is None:
        assert states(world)["c1"] is (OrderState.FILLED if fault == "F36" else OrderState.CANCELLED)
    assert states(world)["c2"].is_working, "a list that says nothing of an order is no news of it"
    bench.afterwards()


@pytest.mark.parametrize(("fault", "act"), cells("SYN", modes=False))
def test_synchronize_with_an_order_in_doubt(fault, act, tmp_path):
    """Whatever the list is like, an order that is there is never given up."""
    bench = FaultBench(tmp_path, "SYN")
    world = bench.world
    world.broker.acts[Route.LIST].extend([Act.E500_BEFORE] * 60)
    world.broker.acts[Route.SUBMIT].append(Act.REPLY_LOST)
    world.trade(client_order_id="c3", symbol="KO")
    world.broker.acts.clear()
    world.broker.standing[Route.LIST] = act
    for _ in range(3):
        world.wait(61)
        bench.act()
    assert not states(world)["c3"].is_terminal
    bench.afterwards()


@pytest.mark.parametrize("times", [1, SPENT])
@pytest.mark.parametrize(("fault", "act"), cells("REC"))
def test_recover(fault, act, times, tmp_path):
    bench = FaultBench(tmp_path, "REC")
    if act is None:
        bench.world.broker.book.cancel(bench.world.order(), bench.clock.now())
    else:
        strike(bench, fault, act, times=times)
    bench.act()
    bench.world.trade(client_order_id="c3", symbol="KO")
    if calls_for(f"REC-{fault}") == "H" and times == SPENT and act not in _STILL_A_LIST:
        assert bench.sent == 0, "nothing is sent before the broker's orders are known"
    bench.invariants.check()
    bench.afterwards()
    assert bench.world.book_on_disk().get("c1").envelope.filled_quantity == 4  # type: ignore[arg-type, union-attr]  # it is there


_ODD_ROWS = {Act.WRONG_TYPES, Act.MISSING_FIELDS, Act.NEGATIVE, Act.NOT_A_NUMBER, Act.HUGE}
_STILL_A_LIST = {Act.UNKNOWN_STATE, Act.DUPLICATE_ROWS, Act.DUPLICATE_FILLS, Act.FOREIGN_ORDER, *_ODD_ROWS}
"""Each order can still be read cleanly, or is not ours, or holds up nothing but itself."""
