"""What goes beside a running bot: messages, figures, heartbeats, watchers. None can hold up an order."""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from trading_bot.clock import Seconds
from trading_bot.logging.setup import get_logger

_log = get_logger(__name__)


class CompanionError(Exception):
    """A companion cannot begin; the bot trades without it. The message says what to correct."""


class Companion(Protocol):
    """Begins once a bot has started in the background, and ends before its journal is closed."""

    def start(self) -> object:
        """Begin; what takes long has a thread of its own.

        Raises:
            CompanionError: it cannot, such as for a port that is taken.
        """
        ...

    def stop(self, *, timeout_s: Seconds) -> object:
        """End, and wait for that no longer than ``timeout_s``. Ending what never began is harmless."""
        ...


MakeCompanions: TypeAlias = Callable[[], Mapping[str, Companion]]


class Companions:
    """All companions of one bot, made when it starts."""

    def __init__(self, make: MakeCompanions, *, patience_s: Seconds) -> None:
        self._make = make
        self._patience_s = patience_s
        self._begun: dict[str, Companion] = {}

    def start(self) -> None:
        """Begin each; one that cannot is logged as ``companion_not_started`` and keeps nobody else from beginning."""
        for name, companion in self._make().items():
            try:
                companion.start()
            except CompanionError as error:
                _log.error("companion_not_started", companion=name, problem=str(error))
            else:
                self._begun[name] = companion

    def stop(self) -> None:
        """End each, the last one first."""
        begun, self._begun = self._begun, {}
        for companion in reversed(begun.values()):
            companion.stop(timeout_s=self._patience_s)
