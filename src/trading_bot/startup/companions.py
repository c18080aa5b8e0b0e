"""What goes beside a running bot: messages, figures, heartbeats, watchers. None can hold up an order."""

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeAlias, TypeVar

from trading_bot.clock import Seconds
from trading_bot.config import ConfigError
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
    """All companions of one bot, made when it starts; ``listeners`` begin before it logs in and books what happened."""

    def __init__(self, make: MakeCompanions, *, patience_s: Seconds, listeners: MakeCompanions = dict) -> None:
        self._make = make
        self._listeners = listeners
        self._patience_s = patience_s
        self._begun: dict[str, Companion] = {}

    def listen(self) -> None:
        """Begin each that has to hear of the very first events, as `start` does."""
        self._begin(self._listeners)

    def start(self) -> None:
        """Begin each; one that cannot is logged as ``companion_not_started`` and keeps nobody else from beginning."""
        self._begin(self._make)

    def _begin(self, make: MakeCompanions) -> None:
        try:
            made = make()
        except Exception:  # noqa: BLE001 - a defect beside the bot; the bot trades without its companions
            _log.exception("companions_not_made")
            return
        for name, companion in made.items():
            try:
                companion.start()
            except CompanionError as error:
                _log.error("companion_not_started", companion=name, problem=str(error))
                continue
            except Exception:  # noqa: BLE001 - the same
                _log.exception("companion_not_started", companion=name)
            self._begun[name] = companion  # one that failed half-way has to be ended too

    def stop(self) -> None:
        """End each, the last one first; one that fails is logged as ``companion_not_stopped``."""
        begun, self._begun = self._begun, {}
        for name, companion in reversed(begun.items()):
            try:
                companion.stop(timeout_s=self._patience_s)
            except Exception:  # noqa: BLE001 - the rest of the bot, its journal above all, is closed all the same
                _log.exception("companion_not_stopped", companion=name)


C = TypeVar("C", bound=Companion)


class Late(Generic[C]):
    """A companion that is made when it begins; ``make`` returns None where there is nothing to do."""

    def __init__(self, make: Callable[[], C | None]) -> None:
        self._make = make
        self.made: C | None = None
        """The companion, once it has begun."""

    def start(self) -> None:
        """Make it and begin.

        Raises:
            CompanionError: a setting that it needs is wrong, or it cannot begin.
        """
        try:
            made = self._make()
        except ConfigError as error:
            raise CompanionError(str(error)) from error
        if made is not None:
            made.start()
        self.made = made

    def stop(self, *, timeout_s: Seconds) -> None:
        """End it, if it was made."""
        if self.made is not None:
            self.made.stop(timeout_s=timeout_s)
