"""Follows the plans beside a running bot: one thread keeps them, one watches prices, and each exit has its own."""

import threading
from collections.abc import Callable

from trading_bot.clock import Clock, Seconds
from trading_bot.order_management.poller import Poller
from trading_bot.protection.service import Protection
from trading_bot.protection.watcher import at_once

KEEP_EVERY_S: Seconds = 3.0
"""How often the plans are compared with their orders, which costs no request where nothing changed. Chosen."""


class PlanFollower:
    """A companion of a running bot. An exit that takes long keeps no other price from being watched."""

    def __init__(self, protection: Protection, *, read_every_s: Seconds, clock: Clock) -> None:
        self._protection = protection
        self._clock = clock
        self._keeping = Poller(protection.keeper.keep, interval_s=KEEP_EVERY_S)
        self._watching = Poller(protection.watcher.look, interval_s=read_every_s)
        self._exits: list[threading.Thread] = []

    def start(self) -> None:
        """Begin; until both threads run, whoever synchronises follows the plans."""
        self._keeping.start()
        self._watching.start()
        self._protection.watcher.begin, self._protection.watcher.is_steady = self._beside, True
        self._protection.is_followed = True

    def stop(self, *, timeout_s: Seconds) -> bool:
        """End, and wait for the exits that are under way; say whether all is over."""
        until = self._clock.monotonic() + timeout_s
        for poller in (self._watching, self._keeping):
            poller.stop(timeout_s=max(0.0, until - self._clock.monotonic()))
        for thread in self._exits:
            thread.join(max(0.0, until - self._clock.monotonic()))
        self._protection.is_followed = False
        self._protection.watcher.begin, self._protection.watcher.is_steady = at_once, False
        return not any(thread.is_alive() for thread in self._exits)

    def _beside(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name="trading-bot-protection", daemon=True)
        self._exits = [*(each for each in self._exits if each.is_alive()), thread]
        thread.start()
