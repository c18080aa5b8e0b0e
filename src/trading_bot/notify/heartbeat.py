"""Tells a service elsewhere that the bot is well, and nothing otherwise: the service alarms when it hears nothing.

This is the one message that a crash, a power cut or a lost network cannot keep from arriving.
"""

from collections.abc import Callable
from typing import TypeAlias

from trading_bot.clock import Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.poller import Poller

Beat: TypeAlias = Callable[[], str | None]
"""Sends once, and returns why it did not arrive, if so."""

_GIVEN_UP_AFTER_S: Seconds = 5.0
_log = get_logger(__name__)


class Heartbeat:
    """Beats every ``interval_s`` while ``unwell`` gives no reason not to."""

    def __init__(self, beat: Beat, *, unwell: Callable[[], str | None], interval_s: Seconds) -> None:
        self._beat = beat
        self._unwell = unwell
        self._poller = Poller(self.look, interval_s=interval_s)
        self._silent_because: str | None = None
        self._failed_because: str | None = None

    def start(self) -> None:
        """Beat from now on."""
        self._poller.start()

    def stop(self, *, timeout_s: Seconds) -> None:
        """Beat no more; a beat under way is given up after a few seconds."""
        self._poller.stop(timeout_s=min(timeout_s, _GIVEN_UP_AFTER_S))

    def look(self) -> None:
        """Beat once if all is well; what has changed since the last look is logged."""
        silent = self._unwell()
        if silent is not None and self._silent_because is None:
            _log.warning("heartbeat_withheld", reason=silent)
        self._silent_because = silent
        if silent is not None:
            return
        failed = self._beat()
        if failed is not None and self._failed_because is None:
            _log.warning("heartbeat_not_delivered", problem=failed)
        self._failed_because = failed
