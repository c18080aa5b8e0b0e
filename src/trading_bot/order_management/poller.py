"""The background thread that synchronises at a steady interval."""

import threading
from collections.abc import Callable

from trading_bot.clock import Seconds
from trading_bot.logging.setup import get_logger
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.ports import TradingLatch

_SUCCESSORS = 1
"""How often a thread that died is replaced; what kills two of them would kill the third."""

_log = get_logger(__name__)


class Poller:
    """Calls ``task`` every ``interval_s`` seconds until stopped. No error of one round ever ends the next.

    A thread that dies all the same starts its successor, once; see `problem` for what comes after that. With a
    ``latch`` it also logs, once each, that somebody killed or armed the account meanwhile.
    """

    def __init__(
        self,
        task: Callable[[], object],
        *,
        interval_s: Seconds,
        stop: threading.Event | None = None,
        latch: TradingLatch | None = None,
    ) -> None:
        self._task = task
        self._latch = latch
        self._disarmed_because: str | None = None
        self._interval_s = interval_s
        self._stop = stop or threading.Event()
        self._thread: threading.Thread | None = None
        self._beginning = threading.RLock()
        """Held until a thread runs: one that does not run yet looks like one that has died."""
        self._successors_left = _SUCCESSORS
        self._died_because: str | None = None
        self._failures = 0

    @property
    def failures(self) -> int:
        """How many steps met something that is no order error, and so most likely a defect."""
        return self._failures

    @property
    def is_running(self) -> bool:
        """Whether the thread is alive."""
        with self._beginning:
            return self._thread is not None and self._thread.is_alive()

    def problem(self) -> str | None:
        """Return why nobody follows the open orders although somebody should, or None."""
        with self._beginning:
            if self._thread is None or self.is_running or self._stop.is_set():
                return None
        return (
            f"the thread that follows the orders has died ({self._died_because or 'without a trace'}): no fill and no "
            "end of an order is noticed by itself; restart the bot, exits and cancels go on meanwhile"
        )

    def start(self) -> None:
        """Start the thread; a second call changes nothing while it runs.

        One that was asked to end and is still in a long round ends by itself; a new one takes its place.
        """
        with self._beginning:
            if self.is_running and not self._stop.is_set():
                return
            self._stop = threading.Event()
            self._successors_left = _SUCCESSORS
            self._begin()

    def stop(self, *, timeout_s: Seconds) -> bool:
        """Tell the thread to end and wait for it; say whether it did."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        return not self.is_running

    def run(self) -> None:
        """Poll on the calling thread until stopped."""
        stop = self._stop
        while not stop.wait(self._interval_s):
            self._poll_once()

    def _begin(self) -> None:
        with self._beginning:
            self._thread = threading.Thread(target=self._live, name="trading-bot-poller", daemon=True)
            self._thread.start()

    def _live(self) -> None:
        stop = self._stop
        try:
            self.run()
        except BaseException as error:  # noqa: BLE001 - whatever ended it, orders are to be followed or entries to halt
            self._died_because = type(error).__name__
            _log.critical("poller_died", error_type=self._died_because, exc_info=True)
            if self._successors_left and not stop.is_set():
                self._successors_left -= 1
                self._begin()

    def _poll_once(self) -> None:
        self._guarded(self._watch_latch)
        self._guarded(self._task)

    def _guarded(self, step: Callable[[], object]) -> None:
        try:
            step()
        except OrderError as error:
            _log.warning("synchronisation_failed", code=error.code, message=str(error))
        except Exception:  # noqa: BLE001 - a dead poller follows no order; one bad round must not end the rest
            self._failures += 1
            _log.exception("poller_failed", failures=self._failures)

    def _watch_latch(self) -> None:
        reason = self._latch.look().not_armed if self._latch is not None else None
        if reason == self._disarmed_because:
            return
        self._disarmed_because = reason
        if reason is None:
            _log.warning("trading_armed")
        else:
            _log.error("trading_disarmed", reason=reason)
