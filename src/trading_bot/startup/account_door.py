"""A look at one live account, over whichever interface, for a command that trades nothing."""

from datetime import timedelta
from typing import TYPE_CHECKING

from trading_bot.clock import Clock
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.gateways import RobinhoodGateway
from trading_bot.order_management.portfolio import AccountSnapshot

if TYPE_CHECKING:
    from trading_bot.agent.gateway import AgentGateway


class AccountDoor:
    """What a login is tried and examined with. Its repr shows no secret."""

    def __init__(self, *, gateway: "RobinhoodGateway | AgentGateway", clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock

    def read_account(self) -> AccountSnapshot:
        """Read the balances; a session that the broker refuses is renewed once.

        Raises:
            OrderStatusError: they cannot be read.
        """
        return self._gateway.fetch_account()

    def clock_is_off_by(self) -> timedelta | None:
        """Return how far our clock is ahead of the broker's, by its latest reply; None where none told the time."""
        theirs = self._gateway.broker_time()
        return None if theirs is None else self._clock.now() - theirs

    def not_understood(self) -> tuple[str, ...]:
        """Read positions and open orders too, and return what of all that was read could not be understood.

        Raises:
            OrderStatusError: the positions or the open orders cannot be read.
        """
        self._gateway.fetch_positions()
        listing = self._gateway.list_open_orders()
        if listing.problem is not None:
            raise OrderStatusError(f"reading the open orders: {listing.problem}")
        return self._gateway.not_understood
