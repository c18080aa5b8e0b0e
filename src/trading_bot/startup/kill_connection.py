"""The broker as a kill needs it, over our gateway: bounded in time, and no odd row ends it."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime
from typing import TypeVar

from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.models import OrderId, OrderReport
from trading_bot.order_management.outcomes import CancelNotSent, CancelReply, Listing
from trading_bot.order_management.portfolio import PositionListing
from trading_bot.order_management.ports import SendPermit
from trading_bot.robinhood.failures import WireFailure
from trading_bot.robinhood.rate_budget import CANCELS_AT_ONCE
from trading_bot.robinhood.reads import Wire
from trading_bot.robinhood.session import WireReply, WireRequest

T = TypeVar("T")


def _ignore(_order_id: OrderId) -> None:
    """Do nothing with an answer that nobody listens to."""


class KillConnection:
    """A `KillBroker` that starts several cancels at once, so that one slow answer holds up few others.

    ``naming`` is the same gateway, but asks for the symbols of instruments: used for the shares that are held alone.
    """

    def __init__(
        self, *, gateway: RobinhoodGateway, wire: "BoundedWire", naming: RobinhoodGateway | None = None
    ) -> None:
        self._gateway = gateway
        self._naming = naming
        self._wire = wire
        self._on_answer: Callable[[OrderId], None] = _ignore

    def set_deadline(self, deadline: Seconds) -> None:
        """Let no later request wait beyond this point on the clock."""
        self._wire.deadline = deadline

    @property
    def is_reachable(self) -> bool:
        """Whether more time may help."""
        return True

    def set_answer_listener(self, listener: Callable[[OrderId], None]) -> None:
        """Tell ``listener`` of each answer to a cancel as it comes."""
        self._on_answer = listener

    def list_open_orders(self) -> Listing:
        """Read all open orders, once."""
        return _listing_of(self._gateway.list_open_orders)

    def list_orders_since(self, changed_after: datetime) -> Listing:
        """Read every order that changed since, once."""
        return _listing_of(lambda: self._gateway.list_orders_since(changed_after))

    def cancel_all_equity_orders(self, order_ids: Sequence[OrderId]) -> Mapping[OrderId, CancelReply]:
        """Send each cancel, beginning in the order given."""
        with ThreadPoolExecutor(CANCELS_AT_ONCE, thread_name_prefix="kill") as pool:
            sent = {pool.submit(self._gateway.cancel_order, order_id): order_id for order_id in order_ids}
            for answered in as_completed(sent):
                self._on_answer(sent[answered])
        return {order_id: answered.result() for answered, order_id in sent.items()}

    def fetch_order_status(self, order_id: OrderId) -> OrderReport:
        """Read one order; raises `OrderStatusError`."""
        return _read(lambda: self._gateway.fetch_order_status(order_id))

    def confirm_account(self) -> None:
        """Read the account afresh; raises `OrderStatusError`."""
        _read(self._gateway.fetch_account)

    def fetch_positions(self) -> PositionListing:
        """Read the shares that are held; raises `OrderStatusError`."""
        return _read((self._naming or self._gateway).fetch_positions)


def _read(read: Callable[[], T]) -> T:
    # Whatever a row or a link holds that nobody foresaw, it ends this one read and never the kill.
    try:
        return read()
    except ValueError as error:
        raise OrderStatusError(f"the broker's reply makes no sense ({error}); look into its app") from error


def _listing_of(read: Callable[[], Listing]) -> Listing:
    try:
        return _read(read)
    except OrderStatusError as error:
        return Listing(reports=(), complete=False, problem=str(error))


class BoundedWire:
    """A wire whose requests all end by ``deadline``, a point on the clock, once one is set."""

    def __init__(self, *, wire: Wire, clock: Clock) -> None:
        self._wire = wire
        self._clock = clock
        self.deadline: Seconds | None = None

    def exchange(
        self, request: WireRequest, *, timeout_s: Seconds, permit: SendPermit | None = None
    ) -> WireReply | WireFailure:
        """Send once, within the time that is left."""
        return self._wire.exchange(request, timeout_s=self.left_s(timeout_s), permit=permit)

    def left_s(self, wanted_s: Seconds) -> Seconds:
        """Return how much of that time there still is."""
        return wanted_s if self.deadline is None else min(wanted_s, self.deadline - self._clock.monotonic())


class NoConnection:
    """A `KillBroker` for an account that cannot be reached, and why."""

    def __init__(self, problem: str) -> None:
        self._problem = problem

    def set_deadline(self, deadline: Seconds) -> None:
        """Do nothing: no request is sent."""

    @property
    def is_reachable(self) -> bool:
        """Whether more time may help: it does not."""
        return False

    def set_answer_listener(self, listener: Callable[[OrderId], None]) -> None:
        """Do nothing: no answer comes."""

    def list_open_orders(self) -> Listing:
        """Return a listing that proves nothing."""
        return Listing(reports=(), complete=False, problem=self._problem)

    def list_orders_since(self, changed_after: datetime) -> Listing:
        """Return a listing that proves nothing."""
        del changed_after
        return self.list_open_orders()

    def cancel_all_equity_orders(self, order_ids: Sequence[OrderId]) -> Mapping[OrderId, CancelReply]:
        """Say of each that it is still live."""
        return {order_id: CancelNotSent(cause=self._problem) for order_id in order_ids}

    def fetch_order_status(self, order_id: OrderId) -> OrderReport:
        """Raise `OrderStatusError`."""
        raise OrderStatusError(self._problem, order_id=order_id)

    def confirm_account(self) -> None:
        """Raise `OrderStatusError`."""
        raise OrderStatusError(self._problem)

    def fetch_positions(self) -> PositionListing:
        """Raise `OrderStatusError`."""
        raise OrderStatusError(self._problem)
