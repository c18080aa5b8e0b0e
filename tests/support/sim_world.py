"""A whole bot over the real HTTP path and a real journal, the stand-in broker at the far end, and lives that end.

The world keeps what a single bot cannot: every answer ever given, every life, and what the disk would hold.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from requests.adapters import BaseAdapter

from tests.support.broker_stand_in import BrokerStandIn, Request, Route
from tests.support.growing_book import GrowingBook
from tests.support.jumpy_clock import JumpyClock
from tests.support.mortal import DiedError, Disk, Life, MortalFiles, MortalLine
from tests.support.sim_account import ACCOUNT, ARMED_HOURS, SimAccount
from tests.support.sim_agent_broker import AgentBrokerStandIn
from tests.support.sim_journal import Fate, InMemory, MortalJournal, SimSide, Stored
from tests.support.sim_limits import OF_SHARES, Account, Limits, leaving, over_limits, sent_by_us
from tests.support.sim_sqlite import FiledSide, InSqlite
from tests.support.sim_threads import SimThreads
from tests.support.stand_in_book import HeldOrder
from trading_bot.bot import StartError, TradeResult, TradingBot
from trading_bot.config import PaperWire
from trading_bot.error_handling.retry import no_jitter
from trading_bot.latch import Latch
from trading_bot.order_management.book.housekeeping import Housekeeping
from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.decisions.operator_decisions import OperatorDecisions
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import (
    OrderCancellationError,
    OrderError,
    OrderLogError,
    TradingHaltedError,
)
from trading_bot.order_management.journal.side_files import SIDE_FOLDER
from trading_bot.order_management.models import ExecutionMode, OrderEnvelope, OrderState
from trading_bot.order_management.order_store import OrderChange, OrderStore
from trading_bot.order_management.results import CancelResult, SyncSummary
from trading_bot.order_management.stop_orders import StopRequest
from trading_bot.order_management.submit.exit_run import ExitResult
from trading_bot.startup.account import AccountParts
from trading_bot.startup.journal import JournalParts
from trading_bot.startup.surroundings import Surroundings
from trading_bot.state_folder import StateFolder, account_key
from trading_bot.threads import Threads

MORNING = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
CLOSE = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
SETTLED = CLOSE + timedelta(minutes=5)
LAST_WEEK = MORNING - timedelta(days=3)
"""A trading day of which, on the morning after, nothing is recent any more."""


_BROKERS: Mapping[PaperWire, type[BrokerStandIn]] = {
    PaperWire.PRIVATE: BrokerStandIn,
    PaperWire.AGENT: AgentBrokerStandIn,
}
_WORKING = frozenset({OrderState.QUEUED, OrderState.CONFIRMED, OrderState.PARTIALLY_FILLED})


def session_end(moment: datetime) -> datetime:
    close = datetime.combine(moment.date(), CLOSE.timetz())
    return close if moment < close else close + timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Trade:
    """One trade that somebody asks for."""

    client_order_id: str = "c1"
    symbol: str = "AAPL"
    side: str = "buy"
    quantity: int = 10
    reference: Decimal = Decimal(100)
    time_in_force: str = "gfd"


@dataclass(frozen=True, kw_only=True)
class TradeAnswer:
    trade: Trade
    result: TradeResult
    since_intent: float | None
    """Seconds from the order's intent to this answer; None where there is none, or an earlier call made it."""
    after: int = 0
    """The number of the last record when it was given."""


@dataclass(frozen=True, kw_only=True)
class Post:
    """What the disk would hold at the instant at which an order's first byte left."""

    request: Request
    intents: tuple[JournalRecord, ...]
    was_terminal: bool
    was_killed: bool
    had_lapsed: bool
    """Whether the account had been killed since the intent was written, armed again or not."""
    list_age_s: float
    """Since a page of the broker's orders was last served readable."""
    had_listed: bool
    """Whether the process that sent it had read one page at least of the broker's orders."""
    for_sale: int
    """The shares of the symbol that the broker held and that no open sell promised."""
    is_there: bool
    """Whether the broker had an order of this ref_id already."""
    is_second_in_doubt: bool
    """Whether an earlier intent of the same order had ended in doubt."""
    over: tuple[str, ...]
    """The limits that it exceeds, beside all that was sent before it."""


@dataclass(frozen=True, kw_only=True)
class Left:
    """An exit that somebody asked for, how it ended, and how long the answer took."""

    result: ExitResult
    took_s: float


CANCEL, EXIT, REPLACE = "a-cancel", "an-exit", "a-replace"
"""The correlation ids that cancels, exits and replaces are asked for under."""


def request_of(client_order_id: str) -> str:
    """Return the correlation id that the trade of this name is asked for under."""
    return f"trade-{client_order_id}"


@dataclass
class SimWorld:
    """One account, one broker, one disk, and bots that come and go."""

    folder: Path
    order_management: dict[str, object] = field(default_factory=dict)
    clock: JumpyClock = field(default_factory=lambda: JumpyClock(MORNING))
    mode: ExecutionMode = ExecutionMode.PAPER
    in_memory: bool = True
    """Whether the journal is in memory, or in SQLite."""
    wire: PaperWire = PaperWire.PRIVATE
    """Which of the broker's interfaces is spoken."""
    limits: Limits = field(default_factory=dict)
    """The limits in force, none by default."""
    threads: Threads = field(default_factory=SimThreads)
    line_to: Callable[[BrokerStandIn], BaseAdapter] | None = None
    """How the stand-in is reached over sockets; None where it is within the process."""

    cancels_held_up: list[str] = field(default_factory=list, init=False)
    """What became of cancels during a kill that no fault of the broker excuses."""

    def __post_init__(self) -> None:
        self.account = SimAccount(
            folder=self.folder,
            mode=self.mode,
            order_management=self.order_management,
            wire=self.wire,
            limits=self.limits,
        )
        self.config = self.account.config
        self.broker = _BROKERS[self.wire](clock=self.clock, account=ACCOUNT, session_end=session_end)
        self.broker.before_submit = self._note_post
        self.disk = Disk()
        self.life = Life()
        self.files = MortalFiles(self.life, self.disk)
        self.bot: TradingBot | None = None
        self.housekeeping: Housekeeping | None = None
        self.store: OrderStore | None = None
        self.killed = False
        self.lapsed: set[int] = set()
        """The ref_ids of every order that had been decided when a kill came."""
        self.process_id = 4711
        self.end: Callable[[], None] | None = None
        """How a life ends, where it is not merely by an exception."""
        self.trouble: Callable[[str], None] | None = None
        """What the disk does to every later process."""
        self.prunings_cut_short = 0
        self.left = 0
        """How many orders have left a book."""
        self.fates: list[Fate] = []
        """What becomes of the next commits."""
        self.usual_fate = Fate.STORED
        self.met: set[Fate] = set()
        self.told_early: list[str] = []
        self.second_holders = 0
        self.posts: list[Post] = []
        self.answers: list[TradeAnswer] = []
        self.is_journal_damaged_on_purpose = False
        self.cancels: list[CancelResult] = []
        self.took: list[tuple[str, float]] = []
        """The calls that were made, and the seconds that each took."""
        self.exits: list[Left] = []
        self.unsure: set[str] = set()
        """Symbols whose shares were moved without an order of ours: there no bot can know what is held."""
        self.odd_symbols: set[str] = set()
        """Symbols of which the broker has shown a row that nobody can read in full."""
        self.syncs: list[SyncSummary] = []
        self.quiet_syncs: list[tuple[float, int, Life]] = []
        """When each began during which the broker served all as it should, the faults before it, and whose it was."""
        self._ids = itertools.count(1)
        self.told: list[OrderEvent] = []
        """What listeners have heard: it is on record, or waits in a side file."""
        self.side = SimSide(self.clock) if self.in_memory else FiledSide(self._state().root / SIDE_FOLDER)
        self.stored: Stored = InMemory() if self.in_memory else self._in_sqlite()
        self._book_on_disk = GrowingBook()
        if self.mode is ExecutionMode.LIVE:
            self.account.log_in()
            self.arm()

    def records(self) -> tuple[JournalRecord, ...]:
        """Every record of the journal as it is stored now."""
        return self.stored.records()

    def _in_sqlite(self) -> InSqlite:
        return InSqlite(self.database, MortalFiles(Life(), self.disk), account_key(self.mode, ACCOUNT))

    def _state(self) -> StateFolder:
        return self.account.state(self.files)

    @property
    def database(self) -> Path:
        return self._state().database

    def knows_all(self) -> bool:
        """Whether the living process has lost no record."""
        return self.store is not None and self.store.failure is None

    def book_on_disk(self) -> OrderBook:
        return self._book_on_disk.of(self.records())

    def exit_orders(self) -> set[str]:
        """Return the client order ids that exits have given their orders."""
        placed = (record.fact for record in self.records() if record.fact.event is EventKind.EXIT_LEG_PLACED)
        return {fact.details["leg"] for fact in placed}

    def order(self, client_order_id: str = "c1") -> HeldOrder:
        """The one order that the broker has of this client order id."""
        (order,) = self.orders_at_broker(client_order_id)
        return order

    def orders_at_broker(self, client_order_id: str = "c1") -> list[HeldOrder]:
        return [order for order in self.broker.book.orders if order.ref_id == self.ref_id(client_order_id)]

    @staticmethod
    def is_ours(order: HeldOrder) -> bool:
        return order.ref_id.startswith(OUR_MARK)

    def expected(self, symbol: str) -> Decimal:
        """Return the shares of a symbol that the journal explains."""
        return self.book_on_disk().expected_positions().get(symbol, Decimal(0))

    def ref_id(self, client_order_id: str) -> str:
        return next(
            (
                str(record.fact.ref_id)
                for record in self.records()
                if record.fact.event is EventKind.ORDER_INTENDED and record.fact.client_order_id == client_order_id
            ),
            "never intended",
        )

    def _new_id(self) -> str:
        return f"{next(self._ids):032x}"

    # Lives.

    def boot(self, *, die_at: int | None = None) -> bool:
        """Start a new process; whether it came up."""
        self.life = Life(die_at=die_at, end=self.end)
        self._lists_before_life = self.broker.readable_lists
        self.files = MortalFiles(self.life, self.disk)
        if self.trouble is not None:
            self.files.fault = self.trouble
        if isinstance(self.side, SimSide):
            self.side.life = self.life
        parts = self._parts(self.life, self.files)
        self.housekeeping, self.store = parts._own.journal.housekeeping, parts._store
        self.store.subscribe(self._note_change)
        self.bot = bot = parts.bot(background_sync=False)
        with self._mortal("boot"):
            try:
                bot.start()
            except StartError:
                self.bot = None
        return self.bot is not None

    def intrude(self) -> None:
        """Start a second process on the account while one holds it, as at another terminal."""
        life = Life()
        other = self._parts(life, MortalFiles(life, self.disk)).bot(background_sync=False)
        if self.bot is not None:
            with contextlib.suppress(StartError):
                other.start()
                self.second_holders += 1
                other.stop()

    def _parts(self, life: Life, files: MortalFiles) -> AccountParts:
        around = Surroundings(
            clock=self.clock,
            files=files,
            new_id=self._new_id,
            jitter=no_jitter,
            process_id=lambda: self.process_id,
            threads=self.threads,
            open_journal=lambda path, identity, first: MortalJournal(
                self.stored.journal(identity, first, process_id=lambda: self.process_id),
                life,
                self._fate,
                path=path,
                stored=self.stored,
            ),
        )
        parts = None
        if isinstance(self.side, SimSide):
            parts = JournalParts(side_file=self.side, import_side_files=self.side.take_over)
        line = self.broker if self.line_to is None else self.line_to(self.broker)
        return self.account.parts(around, MortalLine(life, line), parts)

    def _fate(self) -> Fate:
        fate = self.fates.pop(0) if self.fates else self.usual_fate
        self.met.add(fate)
        return fate

    def _note_change(self, change: OrderChange) -> None:
        if not self.stored.holds(change.event) and not self.side.has(change.event) and not self.life.is_over:
            self.told_early.append(f"{change.event.event} of {change.event.client_order_id}")
        elif not self.life.is_over:
            self.told.append(change.event)

    def boot_if_none_lives(self) -> None:
        if self.bot is None:
            self.boot()

    def started(self) -> "SimWorld":
        assert self.boot(), "the bot does not start"
        return self

    def restart(self) -> bool:
        self.stop()
        return self.boot()

    def stop(self) -> None:
        bot, self.bot = self.bot, None
        if bot is not None:
            with self._mortal("stop"):
                bot.stop()

    def crash(self, *, power_loss: bool = False) -> None:
        """End the process on the spot; a power loss also takes names of files that were never flushed."""
        self.life.is_over = True
        bot, self.bot = self.bot, None
        if bot is not None:
            bot.stop()  # its writes and requests lead nowhere; only the operating system's locks are given back
        if power_loss:
            self.disk.lose_power()
            self.stored.lose_power()

    @contextlib.contextmanager
    def _mortal(self, call: str) -> Iterator[None]:
        began = self.clock.monotonic()
        try:
            yield
        except DiedError:
            self.crash()
        self.took.append((call, self.clock.monotonic() - began))

    # What callers do.

    def trade(self, trade: Trade | None = None, **terms: object) -> TradeResult | None:
        """Ask for a trade; None where no process is there to ask, or it died over it."""
        asked = trade or Trade(**terms)  # type: ignore[arg-type]  # a test writes what the field takes
        result: TradeResult | None = None
        began = self.clock.monotonic()
        with self._mortal("trade"):
            if self.bot is not None:
                result = self.bot.execute_trade(
                    asked.symbol,
                    asked.side,
                    asked.quantity,
                    asked.reference,
                    "a simulation",
                    client_order_id=asked.client_order_id,
                    time_in_force=asked.time_in_force,
                    correlation_id=request_of(asked.client_order_id),
                )
                self._note_answer(asked, result, began)
        return result

    def _note_answer(self, trade: Trade, result: TradeResult, began: float) -> None:
        intent = next(
            (
                record
                for record in reversed(self.records())
                if record.fact.event is EventKind.ORDER_INTENDED and record.mono >= began
                if record.fact.client_order_id == trade.client_order_id
            ),
            None,
        )
        since = float(Decimal(self.clock.monotonic()) - intent.mono) if intent is not None else None
        after = self.records()[-1].seq if self.records() else 0
        self.answers.append(TradeAnswer(trade=trade, result=result, since_intent=since, after=after))

    def cancel(self, order_id: str = "c1") -> CancelResult | None:
        meant = (order_id, self.ref_id(order_id))
        results = self._cancelling(
            lambda bot: (bot.cancel_order(order_id, correlation_id=CANCEL),),
            lambda held: held.order_id in meant or held.ref_id in meant,
        )
        return results[0] if results else None

    def protect(self, symbol: str, quantity: int, *, name: str) -> OrderEnvelope | None:
        """Let a stop rest well below the bid; None where none came of it."""
        stop = StopRequest(
            symbol=symbol,
            quantity=quantity,
            stop_price=Decimal(90),
            limit_price=Decimal(89),
            client_order_id=name,
            correlation_id=request_of(name),
        )
        with self._mortal("trade"), contextlib.suppress(OrderError):
            return None if self.bot is None else self.bot.manager.place_stop_sell(stop)
        return None

    def cancel_all(self) -> tuple[CancelResult, ...]:
        return self._cancelling(
            lambda bot: bot.cancel_all_open_orders(correlation_id=CANCEL), lambda held: not held.waits_for_stop
        )

    def sync(self) -> SyncSummary | None:
        with self._mortal("sync"):
            if self.bot is not None:
                began, before = self.clock.monotonic(), len(self.broker.befell)
                self.syncs.append(self.bot.synchronize_open_orders())
                if len(self.broker.befell) == before and self.broker.is_calm:
                    self.quiet_syncs.append((began, before, self.life))
                return self.syncs[-1]
        return None

    def status(self, order_id: str = "c1") -> object:
        with self._mortal("status"):
            if self.bot is not None:
                with contextlib.suppress(OrderError):
                    return self.bot.order_status(order_id)
        return None

    def exit(self, symbol: str, quantity: int | None = None, *, is_stop: bool = True) -> ExitResult | None:
        """Leave a position; None where no process is there to do it, or it died over it."""
        began = self.clock.monotonic()
        with self._mortal("exit"):
            if self.bot is not None:
                result = self.bot.exit_position(symbol, quantity, is_stop=is_stop, correlation_id=EXIT)
                self.exits.append(Left(result=result, took_s=self.clock.monotonic() - began))
                return result
        return None

    def flatten(self) -> None:
        """Leave every position, as ``flatten --all`` does; one after the other, so that it is the same each time."""
        symbols: tuple[str, ...] = ()
        with self._mortal("flatten"):
            if self.bot is not None:
                ways_out = self.bot.manager.ways_out
                with contextlib.suppress(OrderError):
                    ways_out.cancel_entries(everything=True, by="simulation", reason="a flatten")
                symbols = ways_out.held_symbols(everything=True)
        for symbol in symbols:
            self.exit(symbol)

    def decide(self, decision: Callable[[OperatorDecisions], object]) -> None:
        """Let a person decide; what there is nothing to decide about is refused."""
        with self._mortal("decide"):
            if self.bot is not None:
                with contextlib.suppress(OrderError):
                    decision(self.bot.manager.decisions)

    def resume(self, symbol: str | None = None) -> None:
        self.decide(lambda decisions: decisions.resume(symbol, by="simulation", reason="entries are wanted again"))

    def release(self, symbol: str) -> None:
        self.decide(lambda decisions: decisions.release(symbol, by="simulation", reason="the orders were compared"))

    def move_by_hand(self, symbol: str, shares: int) -> None:
        self.unsure.add(symbol)
        self.broker.book.move_by_hand(symbol, shares, self.clock.now())

    def kill(self) -> None:
        """Engage the latch as the kill command does, from outside of the bot."""
        self._other_latch().engage()
        self.killed = True
        self.lapsed |= {record.seq for record in self.records() if record.fact.event is EventKind.ORDER_INTENDED}

    def arm(self) -> None:
        self._other_latch().arm(by="simulation", hours=ARMED_HOURS if self.mode is ExecutionMode.LIVE else None)
        self.killed = False

    def _other_latch(self) -> Latch:
        return self.account.latch(self.clock, self._new_id, MortalFiles(Life(), self.disk))

    def prune(self) -> None:
        """Let the old orders leave the book now, as the bot does when there are enough of them."""
        with self._mortal("prune"):
            if self.bot is not None and self.housekeeping is not None:
                with contextlib.suppress(OrderLogError):
                    self.left += self.housekeeping.let_old_orders_go(at_least=1)

    def wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.broker.pass_time()

    def settle(
        self, seconds: float = 300, *, every: float = 60, is_settled: Callable[[], bool] = lambda: False
    ) -> None:
        """End all faults, and let the bot synchronise for a while as its poller would, or until it has settled."""
        self.broker.calm_down()
        self.broker.meanwhile = lambda request: None
        self.life.die_at = None
        self.fates.clear()
        self.usual_fate = Fate.STORED
        if self.bot is not None and not self.knows_all():
            self.restart()
        deadline = self.clock.monotonic() + seconds
        while self.clock.monotonic() < deadline:
            self.boot_if_none_lives()
            self.sync()
            self.wait(every)
            if is_settled():
                return

    def _cancelling(
        self, ask: Callable[[TradingBot], tuple[CancelResult, ...]], meant: Callable[[HeldOrder], bool]
    ) -> tuple[CancelResult, ...]:
        results: tuple[CancelResult, ...] = ()
        before = len(self.broker.seen), len(self.broker.befell)
        working = self._to_be_cancelled(meant) if self.killed else []
        with self._mortal("cancel"):
            if self.bot is not None:
                try:
                    results = ask(self.bot)
                except OrderCancellationError as error:
                    results = error.results
                except OrderError as error:
                    results = ()
                    if self.killed and isinstance(error, TradingHaltedError):
                        self.cancels_held_up.append(f"a cancel was refused: {error}")
        self.cancels += results
        self._note_held_up(working, before)
        return results

    def _to_be_cancelled(self, meant: Callable[[HeldOrder], bool]) -> list[HeldOrder]:
        """Return the open orders that somebody means to cancel, and that the bot knows to be working."""
        known = {str(order.envelope.ref_id): order for order in self.book_on_disk().active()}
        found = [(held, known.get(held.ref_id)) for held in self.broker.book.open() if meant(held)]
        return [held for held, order in found if order is not None and order.state in _WORKING]

    def _note_held_up(self, working: Sequence[HeldOrder], before: tuple[int, int]) -> None:
        """Note what no cancel was sent for although the broker served every request as it should."""
        seen, befell = before
        if self.bot is None or self.life.is_over or len(self.broker.befell) > befell or not self.broker.is_calm:
            return
        requests = self.broker.seen[seen:]
        asked = {request.path.split("/")[2] for request in requests if request.route is Route.CANCEL}
        for held in working:
            if held.is_open and held.order_id not in asked:
                self.cancels_held_up.append(f"no cancel of {held.ref_id} was sent, and it is {held.state}")

    def _note_post(self, request: Request) -> None:
        found = self.records()
        ours = [record for record in found if record.fact.ref_id == request.form["ref_id"]]
        intents = tuple(record for record in ours if record.fact.event is EventKind.ORDER_INTENDED)
        # What was provably not sent may be asked for again: what counts is what became of the latest intent.
        latest = intents[-1].seq if intents else 0
        since = [record for record in ours if record.seq > latest]
        self.posts.append(
            Post(
                request=request,
                intents=intents,
                was_terminal=any(record.fact.status is not None and record.fact.status.is_terminal for record in since),
                was_killed=self.killed,
                had_lapsed=latest in self.lapsed,
                list_age_s=(self.clock.now() - self.broker.last_list_at).total_seconds(),
                had_listed=self.broker.readable_lists > self._lists_before_life,
                for_sale=self.broker.for_sale(request.form["symbol"]),
                is_there=bool(self.broker.book.named(request.form["ref_id"])),
                is_second_in_doubt=any(record.seq < latest and _ended_in_doubt(record) for record in ours),
                over=tuple(self._over_limits(request, intents)),
            )
        )

    def _over_limits(self, request: Request, intents: Sequence[JournalRecord]) -> Iterator[str]:
        """Judge a buy at the first byte of its intent. The same bytes once more ask for nothing new."""
        order = leaving(request.form, self.clock.now())
        is_again = any(
            (post.request.form["ref_id"], len(post.intents)) == (order.ref_id, len(intents)) for post in self.posts
        )
        if not self.limits or order.side != "buy" or not intents or is_again:
            return
        before = {
            post.request.form["ref_id"]: post.intents[0].ts
            for post in self.posts
            if post.request.form["side"] == "buy" and post.intents
        }
        before.pop(order.ref_id, None)
        others = [one for one in sent_by_us(self.broker) if one.ref_id != order.ref_id]
        account = Account(now=intents[-1].ts, others=others, entries=before.values())
        # Where shares came or went by another hand, nobody can tell from our orders what is held.
        limits = {
            name: limit
            for name, limit in self.limits.items()
            if order.symbol not in self.unsure or name not in OF_SHARES
        }
        yield from over_limits(limits, account, order)


def _ended_in_doubt(record: JournalRecord) -> bool:
    return record.fact.event is EventKind.ORDER_OUTCOME_UNKNOWN


def trade_a_known_order(world: SimWorld) -> None:
    """Fill an order that every later list shows: without one, no list proves that another is not there."""
    world.trade(Trade(client_order_id="known", symbol="KO", quantity=1))
    for order in world.orders_at_broker("known"):
        world.broker.book.fill(order, 1, world.clock.now())
    world.sync()
