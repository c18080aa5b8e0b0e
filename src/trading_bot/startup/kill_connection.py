"""The broker as a kill needs it, over our gateway: bounded in time, and no odd row ends it."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime
from typing import TypeVar

from trading_bot.clock import Seconds
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import OrderId, OrderReport
from trading_bot.order_management.outcomes import CancelNotSent, CancelReply, Listing
from trading_bot.order_management.portfolio import PositionListing
from trading_bot.order_management.ports import BrokerCapabilities, Gateway

T = TypeVar("T")


def _ignore(_order_id: OrderId) -> None:
    """Do nothing with an answer that nobody listens to."""


class KillConnection:
    """A `KillBroker` over any gateway, whose cancels leave side by side: one slow answer holds up few others.

    ``naming`` is the same gateway, but asks for the symbols of instruments: used for the shares that are held alone.
    Both bound each request themselves, and end every call by the deadline that is set.
    """

    def __init__(self, *, gateway: Gateway, naming: Gateway | None = None) -> None:
        self._whole = (gateway, naming or gateway)
        self._gateway, self._naming = self._whole
        self._on_answer: Callable[[OrderId], None] = _ignore

    @property
    def capabilities(self) -> BrokerCapabilities:
        """What the broker's interface can do."""
        return self._gateway.capabilities

    def set_deadline(self, deadline: Seconds) -> None:
        """Let no later request wait beyond this point on the clock."""
        self._gateway, self._naming = (gateway.by(deadline) for gateway in self._whole)

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
        gateway = self._gateway
        with ThreadPoolExecutor(gateway.capabilities.cancels_at_once, thread_name_prefix="kill") as pool:
            sent = {pool.submit(gateway.cancel_order, order_id): order_id for order_id in order_ids}
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
        return _read(self._naming.fetch_positions)


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


class NoConnection:
    """A `KillBroker` for an account that cannot be reached, and why."""

    capabilities = BrokerCapabilities()

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
