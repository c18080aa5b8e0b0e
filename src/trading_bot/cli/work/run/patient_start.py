"""Starts a run while another command holds the account: waits for a short command, and fails if a run holds it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from trading_bot.account_in_use import AccountInUseError
from trading_bot.bot import StartError
from trading_bot.clock import Clock, Seconds
from trading_bot.control.client import HolderSilentError, send_to_holder
from trading_bot.operations import Ping
from trading_bot.order_management.exceptions import OrderError

if TYPE_CHECKING:
    from trading_bot.bot import TradingBot

PATIENCE_S: Seconds = 60.0
"""Longer than a command takes: its reads, one submit and its cancels."""

_LOOK_EVERY_S: Seconds = 0.25
_PING_S: Seconds = 2.0


class PatientStart:
    """Starts ``bot`` once the account is free. ``is_served`` tells whether a run holds it, which is not waited for."""

    def __init__(
        self,
        bot: "TradingBot",
        *,
        is_served: Callable[[], bool],
        clock: Clock,
        say: Callable[[str], None],
        patience_s: Seconds = PATIENCE_S,
    ) -> None:
        self._bot = bot
        self._is_served = is_served
        self._clock = clock
        self._say = say
        self._patience_s = patience_s

    def __call__(self, should_stop: Callable[[], bool]) -> bool:
        """Start it; whether that was done before somebody asked to stop.

        Raises:
            StartError: another run holds the account, it did not become free in time, or another step failed.
        """
        give_up_at = self._clock.monotonic() + self._patience_s
        has_said_so = False
        while not should_stop():
            try:
                self._bot.start()
            except StartError as error:
                in_use = error.cause
                if not isinstance(in_use, AccountInUseError) or self._clock.monotonic() >= give_up_at:
                    raise
                if self._is_served():
                    raise
                if not has_said_so:
                    self._say(self._waiting_for(in_use))
                    has_said_so = True
                self._clock.sleep(_LOOK_EVERY_S)
            else:
                return True
        return False

    def _waiting_for(self, in_use: AccountInUseError) -> str:
        who = "another trading-bot command" if in_use.pid is None else f"the trading-bot command with pid {in_use.pid}"
        return f"waiting for {who} to finish with this account, {self._patience_s:.0f} seconds at most"


def answers_at(control_socket: Path, clock: Clock) -> bool:
    """Whether a running bot takes the commands of other processes there."""
    try:
        send_to_holder(control_socket, Ping(), clock=clock, timeout_s=_PING_S)
    except (HolderSilentError, OrderError):
        return False
    return True
