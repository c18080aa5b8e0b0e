"""One account and its orders: a real manager over a real gateway, and every trouble that there is."""

import random
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

from tests.simulation.ambiguous.brokers import AmbiguousAgentBroker, AmbiguousBroker
from tests.simulation.ambiguous.troubles import OF_LISTS, Place, Trouble, troubles_of
from tests.support.broker_stand_in import Request, Route
from tests.support.manager_bench import BenchJournal, FakeLatch, FakeSendLock, KeptAside
from tests.support.memory_journal import MemoryStorage
from tests.support.stand_in_book import MORE
from trading_bot.agent.endpoint import AGENT_BASE_URL
from trading_bot.agent.gateway import AgentGateway
from trading_bot.agent.json_rpc import AgentSession
from trading_bot.agent.rate import PacedWire
from trading_bot.clock import VirtualClock
from trading_bot.config import OrderManagementConfig, PaperWire
from trading_bot.order_management.book.order_book import TrackedOrder
from trading_bot.order_management.context import ManagerIdentity
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import (
    DuplicateOrderError,
    OrderError,
    OrderNotSentError,
    OrderOutcomeUnknownError,
    OrderRejectedError,
    TradingHaltedError,
)
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.manager import OrderManager
from trading_bot.order_management.models import ClientOrderId, ExecutionMode
from trading_bot.order_management.order_store import OrderChange, OrderStore
from trading_bot.order_management.ports import Gateway
from trading_bot.order_management.send_horizon import Carrier
from trading_bot.robinhood.session import BrokerSession

SUBMITTED, REJECTED, NOT_SENT, UNKNOWN, BLOCKED = "submitted", "rejected", "not sent", "unknown", "blocked"
ANSWERS = (SUBMITTED, REJECTED, NOT_SENT, UNKNOWN, BLOCKED)

ORDERS = 40
"""So many are placed in a life: more make each list longer, fewer more lives."""

MORNING = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
CLOSE = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
ACCOUNT, ACCOUNT_KEY = "5QR12345", "0123456789abcdef"
SYMBOLS = MORE[:24]
HELD = SYMBOLS[:6]
"""Shares of which the account has enough for every sell."""

_SHARES = 100_000
_AFTER_THE_HORIZON_S = 20 * 60
_OVER_S = 61


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One order that the caller asked for, what befell it, and what the caller was told."""

    name: str
    symbol: str
    side: str
    quantity: int
    trouble: Trouble
    is_again: bool = False
    """Whether it was asked for before."""
    answer: str = ""
    told: str = ""
    was_there: bool = False
    """Whether the broker had the order, or it was on its way, when the caller got the answer."""


@dataclass(kw_only=True)
class AmbiguousLife:
    """One seed lives in one place; `live` returns when the day is over."""

    seed: int
    place: Place
    orders: int = ORDERS
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.clock = VirtualClock(MORNING)
        kind = AmbiguousBroker if self.place.wire is PaperWire.PRIVATE else AmbiguousAgentBroker
        self.broker = kind(clock=self.clock, account=ACCOUNT, session_end=lambda now: CLOSE)
        self.broker.ref_ids = self.place.ref_ids
        self.broker.book.held = dict.fromkeys(HELD, _SHARES)
        self.broker.meanwhile = self._trade_perhaps
        self.broker.vary(self.seed)
        self._ids = count(1)
        self._storage = MemoryStorage()
        self._settings = self._some_settings()
        self.manager, self.store = self._manager()
        self.doubted: set[str] = set()
        """The orders whose submit ended in doubt."""
        self.twice_at_work: list[str] = []
        """The ``ref_id`` of which two orders still worked when the faults had been over for a while."""

    def _manager(self) -> tuple[OrderManager, OrderStore]:
        journal = BenchJournal(self.clock, self._storage)
        store = OrderStore(journal=journal, clock=self.clock, session_id="s1", side_file=KeptAside())
        store.load(journal.open())
        gateway = self._gateway()
        manager = OrderManager(
            gateway=gateway,
            store=store,
            settings=self._settings,
            identity=ManagerIdentity(mode=ExecutionMode.PAPER, account_key=ACCOUNT_KEY),
            latch=FakeLatch(),
            send_lock=FakeSendLock(),
            clock=self.clock,
            new_id=lambda: f"generated-{next(self._ids)}",
            session_end=lambda order: CLOSE,
            account=gateway,
            carrier=Carrier.LINGERING_SOCKET,
        )
        manager.subscribe(self._hear)
        return manager, store

    def _hear(self, change: OrderChange) -> None:
        if change.event.event is EventKind.ORDER_OUTCOME_UNKNOWN:
            self.doubted.add(str(change.event.client_order_id))

    def _some_settings(self) -> OrderManagementConfig:
        waits = {
            "retry_initial_delay_s": self.chance.choice((0.5, 2, 2, 4)),
            "submit_deadline_s": self.chance.choice((12, 12, 20)),
        }
        again = {"broker_dedupes_ref_id": True, "request_timeout_s": 2} if self.place.resends else {}
        rarely = {"poll_interval_seconds": self.chance.choice((15, 1200, 1200, 1200))}
        many = {"max_pending_per_side": 100, "duplicate_window_s": 0}
        return OrderManagementConfig.from_dict({**many, **waits, **rarely, **again})

    def _gateway(self) -> Gateway:
        is_private = self.place.wire is PaperWire.PRIVATE
        http = (
            BrokerSession(adapter=self.broker, clock=self.clock)
            if is_private
            else BrokerSession(adapter=self.broker, clock=self.clock, base_url=AGENT_BASE_URL)
        )
        http.set_bearer("access-0")

        def renew(_within_s: float) -> bool:
            http.set_bearer(f"access-{next(self._ids)}")
            return True

        if is_private:
            return RobinhoodGateway(session=http, clock=self.clock, account_number=ACCOUNT, renew=renew)
        session = AgentSession(http, self.clock)
        return AgentGateway(
            wire=PacedWire(wire=session, clock=self.clock),
            clock=self.clock,
            account_number=ACCOUNT,
            renew=renew,
            broker_clock=session.broker_clock,
        )

    def live(self) -> None:
        """Place every order, end the faults, and let the session close."""
        self.manager.recover()
        self._trade_a_known_order()
        for number, trouble in enumerate(self._troubles()):
            self._place(number, trouble)
            if number % 12 == 11:
                self._sync()
        self._settle()

    def _troubles(self) -> Sequence[Trouble]:
        """Every trouble in turn, seed after seed."""
        every = troubles_of(self.place)
        begin = self.seed * self.orders
        mine = [every[number % len(every)] for number in range(begin, begin + self.orders)]
        self.chance.shuffle(mine)
        return mine

    def _trade_a_known_order(self) -> None:
        self.manager.place_limit_buy("KO", 1, Decimal(100), client_order_id="known")
        self.broker.book.fill(self.broker.book.orders[0], 1, self.clock.now())
        self.manager.synchronize_open_orders()

    def _place(self, number: int, trouble: Trouble) -> None:
        is_buy = self.chance.random() < 0.85
        asked = Asked(
            name=f"c{number}",
            symbol=self.chance.choice(SYMBOLS if is_buy else HELD),
            side="buy" if is_buy else "sell",
            quantity=self.chance.choice((1, 5, 10)),
            trouble=trouble,
        )
        self.clock.sleep(self.chance.choice((0, 1, 15)))
        self.broker.strike(trouble, self.chance.choice((1, 1, 1, 2)))
        if self.chance.random() < 0.3:
            self.broker.acts[Route.LIST].extend([self.chance.choice(OF_LISTS)] * self.chance.choice((1, 3, 12)))
        answered = self._answer(asked)
        self.asked.append(answered)
        self.broker.calm_submits()
        if answered.answer == BLOCKED or self.manager.halted_because is not None:
            self._look_after()
        elif self.chance.random() < 0.15:
            self.asked.append(self._answer(replace(asked, is_again=True)))

    def _look_after(self) -> None:
        """Let a person look into what stops the entries; after a doubtful certificate the bot is started anew."""
        self.broker.acts.clear()
        decide, said = self.manager.decisions, {"by": "a person", "reason": "the orders were compared"}
        with self.store.open_book() as book:
            frozen = book.frozen_symbols()
        for symbol in frozen:
            with suppress(OrderError):
                decide.release(symbol, **said)
        with suppress(OrderError):
            decide.resume(None, **said)
        if self.manager.halted_because is not None:
            self.manager, self.store = self._manager()
            self.manager.recover()

    def _answer(self, asked: Asked) -> Asked:
        place = self.manager.place_limit_buy if asked.side == "buy" else self.manager.place_limit_sell
        told = ""
        try:
            place(asked.symbol, asked.quantity, Decimal(100), client_order_id=asked.name)
            answer = SUBMITTED
        except OrderRejectedError as error:
            answer, told = REJECTED, str(error)
        except OrderOutcomeUnknownError as error:
            answer, told = UNKNOWN, str(error)
        except OrderNotSentError as error:
            answer, told = NOT_SENT, str(error)
        except (DuplicateOrderError, TradingHaltedError) as error:
            answer, told = BLOCKED, str(error)
        return replace(asked, answer=answer, told=told, was_there=self._is_there(asked.name))

    def _is_there(self, name: str) -> bool:
        with self.store.open_book() as book:
            order = book.get(ClientOrderId(name))
        return order is not None and self.broker.has_heard_of(str(order.envelope.ref_id))

    def _trade_perhaps(self, request: Request) -> None:
        """Let the newest order move before its reply is given."""
        if request.route is not Route.SUBMIT or not self.broker.book.orders:
            return
        order, now = self.broker.book.orders[-1], self.clock.now()
        match self.chance.randrange(10):
            case 0 | 1 | 2:
                self.broker.book.fill(order, order.quantity, now)
            case 3:
                self.broker.book.fill(order, max(1, order.quantity // 2), now)
            case 4 | 5:
                self.broker.book.cancel(order, now)
            case 6 | 7:
                self.broker.book.confirm(order, now)

    def _sync(self) -> None:
        self.manager.synchronize_open_orders()
        self.broker.acts.pop(Route.LIST, None)
        self.broker.acts.pop(Route.READ, None)

    def _settle(self) -> None:
        self.broker.calm_down()
        self._pass(_AFTER_THE_HORIZON_S)
        self._pass(_OVER_S)
        at_work = Counter(order.ref_id for order in self.broker.book.open())
        self.twice_at_work = [ref_id for ref_id, orders in at_work.items() if orders > 1]
        self._pass((CLOSE - self.clock.now()).total_seconds() + _OVER_S)

    def _pass(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.broker.pass_time()
        self.manager.synchronize_open_orders()

    def known(self) -> tuple[TrackedOrder, ...]:
        """Return the orders that the manager has on record."""
        with self.store.open_book() as book:
            return tuple(book.orders())
