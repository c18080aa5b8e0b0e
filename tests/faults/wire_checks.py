"""What is true at each step that the wire strikes: the answer, the requests that were sent, and the end of it all.

A `Case` is one fault at one step. `test_wire_faults`, `test_agent_faults` and `test_socket_faults` go through them over
either interface, within the process and over sockets.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.grid import CELLS, calls_for
from tests.faults.steps import FaultBench
from tests.support.broker_stand_in import Act, CancelMode, Route
from tests.support.sim_world import SimWorld
from trading_bot.bot import TradeResult, TradeStatus
from trading_bot.config import PaperWire
from trading_bot.order_management.models import OrderState
from trading_bot.order_management.results import CancelResult, CancelVerdict

EVERY_CELL = bool(os.environ.get("EVERY_CELL"))
"""Whether all cases are gone through everywhere, as `make prove` does."""

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

T = TradeStatus
ANSWERS: Mapping[str, set[TradeStatus]] = {
    "N": {T.SUBMITTED, T.NOT_SENT},
    "D": {T.REJECTED},
    "U": {T.UNKNOWN, T.SUBMITTED},
    "O": {T.SUBMITTED},
    "K": {T.SUBMITTED},
}
SPENT = 12
"""More repetitions than any policy allows, so that a fault outlasts its step."""

IN_DOUBT = {"F17", "F18"}
"""Whether a throttled place was refused before the broker saw it is not known on the agent wire, so it is in doubt."""

Check = Callable[[FaultBench, "Case"], None]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A fault that strikes a step so many times; ``act`` is None where the broker's way with cancels is the fault."""

    step: str
    fault: str
    act: Act | None
    times: int
    check: Check

    @property
    def acts(self) -> list[Act]:
        return [] if self.act is None else [self.act] * self.times

    @property
    def cell(self) -> str:
        return f"{self.step}-{self.fault}"

    def __str__(self) -> str:
        named = () if self.act is None else (self.act, self.times)
        return "-".join(map(str, (self.cell, self.check.__name__, *named)))


def strike(bench: FaultBench, case: Case) -> None:
    """Do the step while its fault strikes."""
    broker = bench.world.broker
    if case.act is None:
        broker.cancels = CANCEL_MODES[case.fault]
        bench.act()
        return
    route = Route.READ if case.fault in ABOUT_THE_ORDER and bench.route is Route.CANCEL else bench.route
    strike_at(bench, case, route)


def strike_at(bench: FaultBench, case: Case, route: Route) -> None:
    """Do the step while its fault strikes requests of a kind."""
    left = bench.world.broker.acts[route]
    left.extend(case.acts)
    bench.act()
    assert len(left) < case.times, "the fault has struck"


def end(bench: FaultBench, case: Case) -> None:
    """Faults stop. That the broker has an order which it has not is its own word: only a person can end that."""
    if case.act is not Act.CONFLICT:
        bench.afterwards()


def submit(bench: FaultBench, case: Case) -> None:
    strike(bench, case)
    assert isinstance(bench.answer, TradeResult)
    is_throttled = bench.wire is PaperWire.AGENT and case.fault in IN_DOUBT
    kind = "U" if case.act is Act.FOREIGN_ORDER or is_throttled else calls_for(case.cell)
    assert bench.answer.status in ANSWERS[kind]
    assert bench.sent <= (3 if kind == "N" else 1), "only what provably was not sent is sent again"
    end(bench, case)


def submit_that_trades(bench: FaultBench, case: Case) -> None:
    """The reply that would have told of the fills is lost."""
    broker = bench.world.broker

    def trade_at_once(request):
        if request.route is Route.SUBMIT:
            order = broker.book.orders[-1]
            broker.book.fill(order, 10 if case.fault == "F36" else 4, bench.clock.now())
            broker.book.cancel(order, bench.clock.now())

    broker.meanwhile = trade_at_once
    broker.acts[Route.SUBMIT].append(Act.REPLY_LOST)
    bench.act()
    assert isinstance(bench.answer, TradeResult)
    assert bench.answer.envelope is not None
    envelope = bench.answer.envelope
    assert envelope.state is (OrderState.FILLED if case.fault == "F36" else OrderState.CANCELLED)
    assert envelope.filled_quantity == (10 if case.fault == "F36" else 4)
    bench.afterwards()


def cancel(bench: FaultBench, case: Case) -> None:
    strike(bench, case)
    assert isinstance(bench.answer, CancelResult)
    if bench.world.order().is_open:
        assert not bench.answer.is_proven_closed
    if case.fault == "F36":
        assert bench.answer.verdict is CancelVerdict.FILLED_BEFORE_CANCEL
    if case.fault == "F37":
        assert bench.answer.verdict is CancelVerdict.CANCELLED
        assert bench.answer.filled_quantity == 5
    bench.world.broker.calm_down()
    bench.world.cancel()
    assert not bench.world.order().is_open, "asking again is safe and works"
    bench.afterwards()


def cancel_all(bench: FaultBench, case: Case) -> None:
    strike(bench, case)
    verdicts = {str(result.client_order_id): result for result in bench.world.cancels}
    assert set(verdicts) == {"c1", "c2"}, "one order's trouble never hides another"
    for name, result in verdicts.items():
        assert result.is_proven_closed <= (not bench.world.order(name).is_open)
    if case.times == 1:
        assert verdicts["c2"].is_proven_closed, "trouble with the first never stops the rest"
    bench.world.broker.calm_down()
    bench.world.cancel_all()
    assert bench.open_at_broker() == 0
    bench.afterwards()


def cancel_all_without_a_list(bench: FaultBench, case: Case) -> None:
    strike_at(bench, case, Route.LIST)
    assert bench.open_at_broker() == 0, "what is on record is cancelled, whatever the listing is worth"
    bench.afterwards()


def replace(bench: FaultBench, case: Case) -> None:
    strike(bench, case)
    old = bench.world.order()
    if old.is_open:
        assert bench.sent == 0, "no new order while the old one may be live"
        assert bench.error is not None
    else:
        new = [post.request.form["quantity"] for post in bench.world.posts[bench.sent_before :]]
        assert new in ([], [str(10 - old.filled)])
        assert new != ["0"]
    bench.afterwards()


def second_leg(bench: FaultBench, case: Case) -> None:
    """The new order of a replace is struck, after the old one has ended."""
    strike_at(bench, case, Route.SUBMIT)
    assert not bench.world.order().is_open
    assert bench.sent <= 3
    assert bench.open_at_broker() <= 2, "the other order, and at most one new one"
    end(bench, case)


def states(world: SimWorld) -> dict[str, OrderState]:
    assert world.bot is not None
    return {str(order.client_order_id): order.state for order in world.bot.orders()}


def synchronize(bench: FaultBench, case: Case) -> None:
    world, now = bench.world, bench.clock.now()
    if case.act is None:
        world.broker.book.fill(world.order(), 10 if case.fault == "F36" else 4, now)
        world.broker.book.cancel(world.order(), now)
        bench.act()
        assert states(world)["c1"] is (OrderState.FILLED if case.fault == "F36" else OrderState.CANCELLED)
    else:
        strike(bench, case)
    assert states(world)["c2"].is_working, "a list that says nothing of an order is no news of it"
    bench.afterwards()


def synchronize_in_doubt(bench: FaultBench, case: Case) -> None:
    """Whatever the list is like, an order that is there is never given up."""
    world = bench.world
    world.broker.acts[Route.LIST].extend([Act.E500_BEFORE] * 60)
    world.broker.acts[Route.SUBMIT].append(Act.REPLY_LOST)
    world.trade(client_order_id="c3", symbol="KO")
    world.broker.acts.clear()
    world.broker.standing[Route.LIST] = case.acts[0]
    for _ in range(3):
        world.wait(61)
        bench.act()
    assert not states(world)["c3"].is_terminal
    bench.afterwards()


def recover(bench: FaultBench, case: Case) -> None:
    if case.act is None:
        bench.world.broker.book.cancel(bench.world.order(), bench.clock.now())
        bench.act()
    else:
        strike(bench, case)
    bench.world.trade(client_order_id="c3", symbol="KO")
    if calls_for(case.cell) == "H" and case.times == SPENT and case.act not in _STILL_A_LIST:
        assert bench.sent == 0, "nothing is sent before the broker's orders are known"
    bench.invariants.check()
    bench.afterwards()
    assert bench.world.book_on_disk().get("c1").envelope.filled_quantity == 4  # type: ignore[arg-type, union-attr]  # it is there


_ODD_ROWS = {Act.WRONG_TYPES, Act.MISSING_FIELDS, Act.NEGATIVE, Act.NOT_A_NUMBER, Act.HUGE}
_STILL_A_LIST = {Act.UNKNOWN_STATE, Act.DUPLICATE_ROWS, Act.DUPLICATE_FILLS, Act.FOREIGN_ORDER, *_ODD_ROWS}
"""Each order can still be read cleanly, or is not ours, or holds up nothing but itself."""


def _cases(
    step: str, check: Check, *, modes: bool = True, acts: bool = True, times: Sequence[int] = (1, SPENT)
) -> list[Case]:
    struck: list[tuple[str, Act | None, int]] = []
    if acts:
        struck += [(fault, act, count) for fault, found in ACTS.items() for act in found for count in times]
    if modes:
        struck += [(fault, None, 1) for fault in CANCEL_MODES]
    cases = [Case(step=step, fault=fault, act=act, times=count, check=check) for fault, act, count in struck]
    return [case for case in cases if case.cell in CELLS]


CASES: Sequence[Case] = (
    *_cases("SUB", submit, modes=False),
    *_cases("SUB", submit_that_trades, acts=False),
    *_cases("CAN", cancel),
    *_cases("ALL", cancel_all),
    *_cases("ALL", cancel_all_without_a_list, modes=False, times=(SPENT,)),
    *_cases("REP", replace),
    *_cases("REP", second_leg, modes=False),
    *_cases("SYN", synchronize),
    *_cases("SYN", synchronize_in_doubt, modes=False, times=(SPENT,)),
    *_cases("REC", recover),
)


def a_part_of(cases: Sequence[Case]) -> list[Case]:
    """Return each fault once, the checks in turn; all cases where every cell is asked for."""
    if EVERY_CELL:
        return list(cases)
    chosen: dict[tuple[str, Act | None], Case] = {}
    used: Counter[tuple[str, int]] = Counter()
    for struck in dict.fromkeys((case.fault, case.act) for case in cases):
        able = [case for case in cases if (case.fault, case.act) == struck]
        chosen[struck] = min(able, key=lambda case: used[case.check.__name__, case.times])
        used[chosen[struck].check.__name__, chosen[struck].times] += 1
    return list(chosen.values())
