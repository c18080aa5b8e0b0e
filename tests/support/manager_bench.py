"""An order manager on a bench: the fake broker at one end, a journal in memory at the other, no time but our own."""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from tests.support.broker_positions import BrokerPositions
from tests.support.fake_gateway import FakeGateway, nothing
from tests.support.memory_journal import MemoryJournal, MemoryStorage
from trading_bot.clock import Clock, Seconds, VirtualClock
from trading_bot.config import OrderManagementConfig
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.broker_review import ReviewEntry, review_nothing
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.identity import JournalIdentity, first_record
from trading_bot.order_management.journal.port import Commit
from trading_bot.order_management.manager import ManagerIdentity, OrderManager
from trading_bot.order_management.models import ClientOrderId, ExecutionMode, OrderEnvelope, OrderTerms, Side
from trading_bot.order_management.order_store import OrderChange, OrderStore
from trading_bot.order_management.ports import ArmingId, LatchLook, MarketCheck, SendLockError
from trading_bot.order_management.results import SyncSummary
from trading_bot.order_management.submit.market_quotes import allow_at_any_market
from trading_bot.reads_together import Begin, in_turn

MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
CLOSE = MONDAY + timedelta(hours=6)
REFERENCE = Decimal(100)
BUY_LIMIT = Decimal("99.85")
SELL_LIMIT = Decimal("100.10")
ACCOUNT_KEY = "0123456789abcdef"


IDENTITY = JournalIdentity(mode=ExecutionMode.PAPER, account_key=ACCOUNT_KEY, account_suffix="0001")


class BenchJournal(MemoryJournal):
    """A journal in memory that refuses a commit with one of the kinds in ``failing``, or every one while ``broken``.

    ``after_intent`` runs once an intent is on record and before anybody hears of it.
    """

    def __init__(self, clock: Clock, storage: MemoryStorage | None = None) -> None:
        super().__init__(
            storage,
            identity=IDENTITY,
            first_record=lambda: first_record(IDENTITY, clock=clock, session_id="s1"),
        )
        self.failing: set[EventKind] = set()
        self.broken = False
        self.after_intent: Callable[[], object] = nothing

    @property
    def records(self) -> list[JournalRecord]:
        """What was recorded since the journal began."""
        return [self._record(seq) for seq in sorted(self.storage.records)[1:]]

    @property
    def kinds(self) -> list[EventKind]:
        return [record.fact.event for record in self.records]

    def facts(self, kind: EventKind) -> list[OrderEvent]:
        return [record.fact for record in self.records if record.fact.event is kind]

    def commit(self, commit: Commit) -> None:
        kinds = {one.record.fact.event for one in commit.records}
        if self.broken or kinds & self.failing:
            raise OrderLogError("no space left on device; repair the disk")
        super().commit(commit)
        if EventKind.ORDER_INTENDED in kinds:
            self.after_intent()


class KeptAside:
    """A side file in memory."""

    def __init__(self) -> None:
        self.facts: list[JournalRecord] = []
        self.refused: list[JournalRecord] = []
        self.is_full = False

    def open(self) -> None:
        """Hold nothing: there is room in memory."""

    def close(self) -> None:
        """Let go of nothing."""

    def write(self, record: JournalRecord) -> None:
        if self.is_full:
            raise OSError("no space left on device")
        (self.refused if record.fact.event is EventKind.ORDER_INTENDED else self.facts).append(record)

    @property
    def kinds(self) -> list[EventKind]:
        return [record.fact.event for record in self.facts]


class FakeLatch:
    """Armed while ``reason`` is None; with one, ``only_expired`` still lets held shares be sold."""

    reason: str | None = None
    only_expired = False
    in_force: ArmingId | None = ArmingId("first arming")

    def look(self) -> LatchLook:
        return LatchLook(
            arming=self.in_force,
            not_armed=self.reason,
            not_reducing=None if self.only_expired else self.reason,
        )

    def kill_and_arm(self) -> None:
        """Be armed as before, by an arming after a kill."""
        self.in_force = ArmingId("second arming")


class FakeSendLock:
    """A real lock between threads; ``problem`` refuses it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.problem: str | None = None
        self.patience: list[float] = []

    @property
    def is_held(self) -> bool:
        return self._lock.locked()

    def acquire(self, timeout_s: float) -> None:
        self.patience.append(timeout_s)
        if self.problem is not None:
            raise SendLockError(self.problem)
        assert self._lock.acquire(timeout=10)

    def release(self) -> None:
        self._lock.release()


class ManagerBench:
    """A manager that has recovered, unless told otherwise. ``restart`` knows nothing but the journal.

    With ``shares`` it also reads positions, which start with these.
    """

    def __init__(
        self,
        *,
        recovered: bool = True,
        shares: Mapping[str, int] | None = None,
        clock: VirtualClock | None = None,
        mode: ExecutionMode = ExecutionMode.PAPER,
        **settings: object,
    ) -> None:
        self._mode = mode
        self.is_shared = False
        self.clock = clock or VirtualClock(MONDAY)
        self.gateway = FakeGateway(self.clock)
        self.positions = BrokerPositions(self.gateway, shares or {})
        self._account = None if shares is None else self.positions
        self.before_sync: list[Callable[[], object]] = []
        self.begin: Begin = in_turn
        self.check_market: MarketCheck = allow_at_any_market
        self.review: ReviewEntry = review_nothing
        self.journal = BenchJournal(self.clock)
        self.side = KeptAside()
        self.latch = FakeLatch()
        self.lock = FakeSendLock()
        self.settings = OrderManagementConfig.from_dict(settings)
        self._ids = count(1)
        self.session_end: Callable[[OrderEnvelope], datetime] = lambda order: CLOSE
        self.changes: list[OrderChange] = []
        self._build()
        if recovered:
            self.manager.recover()

    def watch_positions(self) -> None:
        """Read positions from the next restart on."""
        self._account = self.positions

    def restart(self) -> None:
        """Forget everything but the journal, as a new process would."""
        self.journal = BenchJournal(self.clock, self.journal.storage)
        self._build()

    def _build(self) -> None:
        self.store = OrderStore(journal=self.journal, clock=self.clock, session_id="s1", side_file=self.side)
        self.store.load(self.journal.open())
        self.manager = OrderManager(
            gateway=self.gateway,
            store=self.store,
            settings=self.settings,
            identity=ManagerIdentity(mode=self._mode, account_key=ACCOUNT_KEY, is_shared=self.is_shared),
            latch=self.latch,
            send_lock=self.lock,
            clock=self.clock,
            new_id=lambda: f"generated-{next(self._ids)}",
            session_end=self._session_end,
            account=self._account,
            before_sync=lambda: [call() for call in self.before_sync],
            begin=self.begin,
            check_market=self._check_market,
            review=self._review,
        )
        self.manager.subscribe(self.changes.append)

    def _check_market(self, order: OrderTerms, by: Seconds) -> Callable[[OrderTerms], None]:
        return self.check_market(order, by)

    def _review(self, entry: OrderTerms, by: Seconds) -> str | None:
        return self.review(entry, by)

    def _session_end(self, order: OrderEnvelope) -> datetime:
        return self.session_end(order)

    def place_known_order(self) -> None:
        """Fill an order, which from then on stands in every list of what changed."""
        self.buy("known", symbol="KO")
        self.gateway.order().fill()
        self.sync()

    def buy(
        self,
        client_order_id: str | None = "c1",
        *,
        symbol: str = "AAPL",
        quantity: int = 10,
        price: Decimal = REFERENCE,
        time_in_force: str = "gfd",
    ) -> OrderEnvelope:
        return self.manager.place_limit_buy(
            symbol, quantity, price, client_order_id=client_order_id, time_in_force=time_in_force
        )

    def sell(
        self, client_order_id: str | None = "s1", *, quantity: int = 10, price: Decimal = REFERENCE
    ) -> OrderEnvelope:
        return self.manager.place_limit_sell("AAPL", quantity, price, client_order_id=client_order_id)

    def sync(self, *, after: float = 0) -> SyncSummary:
        self.clock.sleep(after)
        return self.manager.synchronize_open_orders()

    def tracked(self, client_order_id: str = "c1") -> TrackedOrder:
        with self.store.open_book() as book:
            order = book.get(ClientOrderId(client_order_id))
        assert order is not None, f"no order {client_order_id}"
        return order

    def state(self, client_order_id: str = "c1") -> str:
        return self.tracked(client_order_id).state.value


def terms(symbol: str = "AAPL", side: Side = Side.BUY, quantity: int = 10, price: Decimal = BUY_LIMIT) -> OrderTerms:
    return OrderTerms(symbol=symbol, side=side, quantity=quantity, limit_price=price)
