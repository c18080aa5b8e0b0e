"""What a kill needs of the world: a broker over a connection of its own, and the latch."""

from collections.abc import Callable
from typing import Protocol

from trading_bot.clock import Seconds
from trading_bot.order_management.cancel.step import CancelBroker
from trading_bot.order_management.models import OrderId
from trading_bot.order_management.outcomes import Listing
from trading_bot.order_management.portfolio import PositionListing


class KillBroker(CancelBroker, Protocol):
    """The broker as a kill needs it: each call bounded in time, and none stopped by one odd row."""

    @property
    def is_reachable(self) -> bool:
        """Whether more time may help; False where no connection could even be built."""
        ...

    def set_deadline(self, deadline: Seconds) -> None:
        """Let no later request wait beyond this point on the clock."""
        ...

    def set_answer_listener(self, listener: Callable[[OrderId], None]) -> None:
        """Tell ``listener`` of each answer to a cancel as it comes, from one thread."""
        ...

    def list_open_orders(self) -> Listing:
        """Read all open orders of the account. Never raises; an incomplete listing says why."""
        ...

    def confirm_account(self) -> None:
        """Read the account afresh.

        Raises:
            OrderStatusError: it could not be read, or is another one.
        """
        ...

    def fetch_positions(self) -> PositionListing:
        """Read the shares that are held.

        Raises:
            OrderStatusError: they could not be read.
        """
        ...


class KillLatch(Protocol):
    """The account's armed latch, as far as a kill uses it."""

    def engage(self) -> None:
        """Stop new orders in every process.

        Raises:
            LatchError: other processes may still trade.
        """
        ...
