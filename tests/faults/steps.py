"""The steps of the grid as a test does them: what is there before, the step itself, and what is true ever after."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from requests.adapters import BaseAdapter

from tests.support.broker_stand_in import BrokerStandIn, Request, Route
from tests.support.jumpy_clock import JumpyClock, PatientClock
from tests.support.mortal import DiedError
from tests.support.sim_agent_broker import AgentBrokerStandIn
from tests.support.sim_invariants import Invariants
from tests.support.sim_world import MORNING, REPLACE, SimWorld, trade_a_known_order
from trading_bot.bot import TradePreview
from trading_bot.config import PaperWire
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.models import ExecutionMode, OrderEnvelope, OrderRequest, OrderStatus, Side
from trading_bot.order_management.results import CancelResult


@dataclass
class FaultBench:
    """A world with the orders that a step needs, and what came of the step."""

    folder: Path
    step: str
    in_memory: bool = True
    wire: PaperWire = PaperWire.PRIVATE
    mode: ExecutionMode = ExecutionMode.PAPER
    line_to: Callable[[BrokerStandIn], BaseAdapter] | None = None
    """How the stand-in is reached over sockets; None where it is within the process."""
    loses_sessions: bool = False
    """Whether the server of the agent interface loses its sessions now and then."""
    answer: object = None
    error: OrderError | None = None
    world: SimWorld = field(init=False)
    clock: JumpyClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = JumpyClock(MORNING) if self.line_to is None else PatientClock(MORNING)
        self.world = SimWorld(
            self.folder,
            clock=self.clock,
            in_memory=self.in_memory,
            wire=self.wire,
            mode=self.mode,
            line_to=self.line_to,
        )
        if isinstance(self.world.broker, AgentBrokerStandIn):
            self.world.broker.loses_sessions = self.loses_sessions
        self.invariants = Invariants(self.world)
        self.world.started()
        trade_a_known_order(self.world)
        if self.step != "SUB":
            self.world.trade()
            self.world.trade(client_order_id="c2", symbol="MSFT")
        if self.step in {"EXI", "EXS"}:
            self.world.protect("AAPL", 10, name="p1")
            self.world.broker.is_liquid = self.step == "EXS"
        self.invariants.check()
        self.sent_before = len(self.world.posts)
        if self.step == "REC":
            self.world.broker.book.fill(self.world.order(), 4, self.clock.now())
            self.world.crash()

    @property
    def sent(self) -> int:
        """Orders sent by the step itself."""
        return len(self.world.posts) - self.sent_before

    @property
    def route(self) -> Route:
        """The request in which the step meets its fault."""
        routes = {"SUB": Route.SUBMIT, "STA": Route.READ, "SYN": Route.LIST, "REC": Route.LIST}
        return routes.get(self.step, Route.CANCEL)

    def act(self) -> "FaultBench":
        """Do the step; what it raises to the caller is kept."""
        try:
            self.answer = _DO[self.step](self.world)
        except OrderError as error:
            self.error = error
        self.invariants.check()
        return self

    def afterwards(self) -> None:
        """Faults stop: in the end both sides agree, nothing is in doubt, and nothing was sent twice."""
        self.clock.sleep(0)
        self.world.settle()
        self.invariants.check_settled()

    def open_at_broker(self) -> int:
        return len(self.world.broker.book.open())


def replace_order(world: SimWorld) -> OrderEnvelope | None:
    """Ask for 10 at another price in place of the first order."""
    assert world.bot is not None
    try:
        return world.bot.replace_order("c1", reference_price=Decimal("99.5"), correlation_id=REPLACE)
    except DiedError:
        world.crash()
        return None


def read_status(world: SimWorld) -> OrderStatus | None:
    """Read the first order by its id."""
    assert world.bot is not None
    try:
        return world.bot.order_status("c1")
    except DiedError:
        world.crash()
        return None


def preview(world: SimWorld) -> TradePreview | None:
    """Ask what would be sent, and for the broker's own review of it."""
    assert world.bot is not None
    try:
        return world.bot.preview_trade(
            OrderRequest(symbol="KO", side=Side.BUY, quantity=10, reference_price=Decimal(100))
        )
    except DiedError:
        world.crash()
        return None


def kill(world: SimWorld) -> tuple[CancelResult, ...]:
    """Kill from outside, and cancel what is open."""
    world.kill()
    return world.cancel_all()


def meanwhile(bench: FaultBench, route: Route, do: Callable[[SimWorld], object]) -> list[object]:
    """Let another caller do something once, while the answer to the step's own request is still out."""
    came_of_it: list[object] = []

    def once(request: Request) -> None:
        if request.route is route:
            bench.world.broker.meanwhile = lambda request: None
            other = threading.Thread(target=lambda: came_of_it.append(do(bench.world)))
            other.start()
            other.join(0.3)

    bench.world.broker.meanwhile = once
    return came_of_it


_DO: dict[str, Callable[[SimWorld], object]] = {
    "SUB": lambda world: world.trade(),
    "STA": read_status,
    "CAN": lambda world: world.cancel(),
    "ALL": lambda world: world.cancel_all(),
    "REP": replace_order,
    "SYN": lambda world: world.sync(),
    "REC": lambda world: world.boot(),
    "EXI": lambda world: world.exit("AAPL", 50),
    "EXS": lambda world: world.exit("AAPL", 50),
    "PRO": lambda world: world.protect("AAPL", 10, name="p1"),
    "PRE": preview,
    "KIL": kill,
}
