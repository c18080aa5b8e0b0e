"""Where events go. Importing the package decides nothing: only a program that owns its streams calls this."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, TextIO, cast

from trading_bot.clock import Clock, SystemClock
from trading_bot.logging.masking import SecretMasker

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

_ROOT = "trading_bot"


def get_logger(name: str) -> "BoundLogger":
    """Return a logger of events; ``name`` is the module's.

    Until `configure_logging` or the host program sets up handlers, nothing is written. Events are masked before they
    reach any handler, and their names are constant and in the past tense (``order_submitted``).
    """
    _silence_by_default()
    return cast("BoundLogger", _LateLogger(name))


class _LateLogger:
    """A `BoundLogger` that is made when it is first used."""

    def __init__(self, name: str) -> None:
        self._name = name

    @cached_property
    def _bound(self) -> "BoundLogger":
        from trading_bot.logging.structured_events import bound_logger

        return bound_logger(self._name)

    def __getattr__(self, method: str) -> object:
        return getattr(self._bound, method)


def configure_logging(
    *,
    stream: TextIO,
    level: int | str,
    json: bool,
    masker: SecretMasker | None = None,
    clock: Clock | None = None,
) -> None:
    """Send our events from ``level`` on, and other libraries' warnings, to ``stream``, one masked line each.

    Calling it again replaces the earlier choice. ``masker`` knows the account numbers and user names to hide.
    """
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _EventHandler)]:
        root.removeHandler(handler)
    handler = _EventHandler(stream)
    handler.setFormatter(_LateFormatter(json=json, masker=masker or SecretMasker(), clock=clock or SystemClock()))
    handler.setLevel(level)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(_ROOT).setLevel(level)


@contextmanager
def logging_to(file: logging.Handler, *, level: int | str, masker: SecretMasker, clock: Clock) -> Iterator[None]:
    """Also write our events from ``level`` on, and other libraries' warnings, to ``file``, as JSON, while inside."""
    root, ours = logging.getLogger(), logging.getLogger(_ROOT)
    earlier = ours.level
    file.setFormatter(_LateFormatter(json=True, masker=masker, clock=clock))
    file.setLevel(level)
    root.addHandler(file)
    ours.setLevel(min(file.level, ours.getEffectiveLevel()))
    try:
        yield
    finally:
        ours.setLevel(earlier)
        root.removeHandler(file)
        file.close()


class _EventHandler(logging.StreamHandler[TextIO]):
    """Told apart from handlers of the host program."""


class _LateFormatter(logging.Formatter):
    """An `event_formatter` that is made with the first line."""

    def __init__(self, *, json: bool, masker: SecretMasker, clock: Clock) -> None:
        super().__init__()
        self._json = json
        self._masker = masker
        self._clock = clock

    @cached_property
    def _whole(self) -> logging.Formatter:
        from trading_bot.logging.structured_events import event_formatter

        return event_formatter(json=self._json, masker=self._masker, clock=self._clock)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        return self._whole.format(record)


def _silence_by_default() -> None:
    ours = logging.getLogger(_ROOT)
    if not ours.handlers:
        ours.addHandler(logging.NullHandler())
