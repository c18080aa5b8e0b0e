"""Starting a run as the standby of another machine: wait, however long that takes, until it has been silent enough."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trading_bot.account_in_use import HeldElsewhereError
from trading_bot.bot import StartError
from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.exceptions import OrderLogError

if TYPE_CHECKING:
    from trading_bot.bot import TradingBot

_LOOK_EVERY_S: Seconds = 1.0


class StandbyStart:
    """Starts ``bot`` once the account is free in the shared journal.

    That is when the lease of its holder has run out and his last bytes have arrived or never will. The start itself
    then compares every order with the broker before it takes a new one. A database that is away is waited for too.
    """

    def __init__(self, bot: "TradingBot", *, clock: Clock, say: Callable[[str], None]) -> None:
        self._bot = bot
        self._clock = clock
        self._say = say

    def __call__(self, should_stop: Callable[[], bool]) -> bool:
        """Start it; whether that was done before somebody asked to stop.

        Raises:
            StartError: another process of this machine holds the account, or another step failed.
        """
        said: type[Exception] | None = None
        while not should_stop():
            try:
                self._bot.start()
            except StartError as error:
                if not isinstance(error.cause, HeldElsewhereError | OrderLogError):
                    raise
                if type(error.cause) is not said:
                    self._say(f"standing by: {error.cause}")
                    said = type(error.cause)
                self._clock.sleep(_LOOK_EVERY_S)
            else:
                return True
        return False
