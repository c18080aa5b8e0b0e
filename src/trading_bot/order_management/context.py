"""What every service of the order layer stands on: one frozen value, made once by whoever builds a manager.

It holds what is shared and never replaced: the broker, the journal with its book, the settings, the latch, the clocks.
What changes while a manager runs belongs to one service each, but for the submits that are under way (`InFlight`).
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from trading_bot.clock import Clock, Seconds
from trading_bot.error_handling.retry import Jitter
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.broker_review import ReviewEntry
from trading_bot.order_management.correlation import validate_correlation_id
from trading_bot.order_management.exceptions import OrderNotFoundError
from trading_bot.order_management.models import ClientOrderId, ExecutionMode, OrderEnvelope
from trading_bot.order_management.order_store import OrderStore
from trading_bot.order_management.ports import AccountGateway, BrokerGateway, MarketCheck, SendLock, TradingLatch
from trading_bot.order_management.send_horizon import Carrier
from trading_bot.reads_together import Begin

if TYPE_CHECKING:
    from trading_bot.config import OrderManagementConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagerIdentity:
    """Whose orders these are: the mode, and a key that stands for the account without naming it.

    An account that ``is_shared`` may have had a holder on another machine, who was stopped and may go on.
    """

    mode: ExecutionMode
    account_key: str
    is_shared: bool = False


class InFlight:
    """The submits that are under way in this process, by client order id.

    Ask under the store's lock where the answer decides something. One that is not here and has no answer on record was
    interrupted.
    """

    def __init__(self) -> None:
        self._ended: dict[ClientOrderId, threading.Event | None] = {}  # an event where somebody waits
        self._lock = threading.Lock()

    def __contains__(self, client_order_id: ClientOrderId) -> bool:
        return client_order_id in self._ended

    def end_of(self, client_order_id: ClientOrderId) -> threading.Event | None:
        """Return what is set once this submit has ended; None if it is not under way."""
        with self._lock:
            if client_order_id not in self._ended:
                return None
            ended = self._ended[client_order_id] = self._ended[client_order_id] or threading.Event()
            return ended

    def begin(self, client_order_id: ClientOrderId) -> None:
        """Note that a submit begins."""
        self._ended[client_order_id] = None

    def finish(self, client_order_id: ClientOrderId) -> None:
        """Let everybody go on who waits for this submit's end."""
        with self._lock:
            ended = self._ended.pop(client_order_id)
        if ended is not None:
            ended.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderContext:
    """What the services share. ``account`` is None where no positions are read: then no sell is bounded by them."""

    gateway: BrokerGateway
    account: AccountGateway | None
    store: OrderStore
    """The journal and the book folded from it, behind one lock."""
    settings: "OrderManagementConfig"
    identity: ManagerIdentity
    latch: TradingLatch
    send_lock: SendLock
    clock: Clock
    new_id: Callable[[], str]
    jitter: Jitter
    session_end: Callable[[OrderEnvelope], datetime]
    """The close, in UTC, of the session that a good-for-day order created then could rest in."""
    before_sync: Callable[[], object]
    """Runs before each synchronisation."""
    before_booking: Callable[[], object]
    """Runs once a synchronisation has read the open orders, and before anything of them is booked; may raise."""
    begin: Begin
    """How reads are begun that do not depend on each other."""
    carrier: Carrier
    """What the gateway's bytes travel on."""
    check_market: MarketCheck
    """Looks at the market of an entry, and refuses one that it does not allow."""
    review: ReviewEntry
    """Asks for the broker's own review of an entry."""
    approval_wait_s: Seconds
    """How long an entry may await the approval of the account's owner before it is cancelled."""
    hurry: Callable[[], object]
    """Called as each request begins: a session that the broker refused is renewed sooner for it than for a read."""

    def request(self, given: str | None = None) -> AbstractContextManager[str]:
        """Let what this thread records in a block belong to one request of a caller; the block gets the request's id.

        Without an id of the caller's, it is part of the request that the thread is at work for, or else a new one.

        Raises:
            OrderValidationError: the id cannot be used.
        """
        named = self.store.at_work.correlation_id if given is None else validate_correlation_id(given)
        correlation_id = self.new_id() if named is None else named
        self.hurry()
        return self.store.at_work.on_behalf_of(correlation_id)


def order_on_record(store: OrderStore, identifier: str) -> TrackedOrder:
    """Return the order that has this client order id or this id of the broker's.

    Raises:
        OrderNotFoundError: the journal has none.
    """
    with store.open_book() as book:
        order = book.by_either_id(identifier)
    if order is None:
        raise OrderNotFoundError(
            f"no order {ascii(identifier)[:80]} is in the journal; list the orders to see the ids", order_id=identifier
        )
    return order
