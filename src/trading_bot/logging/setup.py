"""Where events go. Importing the package decides nothing: only a program that owns its streams calls this."""

import logging
from collections.abc import MutableMapping
from datetime import UTC
from typing import TextIO

import structlog
from structlog.typing import Processor

from trading_bot.clock import Clock, SystemClock
from trading_bot.logging.masking import SecretMasker

_ROOT = "trading_bot"


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger of events; ``name`` is the module's.

    Until `configure_logging` or the host program sets up handlers, nothing is written. Events are masked before they
    reach any handler, and their names are constant and in the past tense (``order_submitted``).
    """
    _silence_by_default()
    bound: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.format_exc_info,
            SecretMasker(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
    )
    return bound


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
    handler.setFormatter(_formatter(json=json, masker=masker or SecretMasker(), clock=clock or SystemClock()))
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(_ROOT).setLevel(level)


class _EventHandler(logging.StreamHandler[TextIO]):
    """Told apart from handlers of the host program."""


def _formatter(*, json: bool, masker: SecretMasker, clock: Clock) -> logging.Formatter:
    # Both renderers escape what they print, so that no value can add a line or a terminal command.
    renderer: Processor = (
        structlog.processors.JSONRenderer(default=str)
        if json
        else structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    )

    def stamp(_logger: object, _method: str, event: MutableMapping[str, object]) -> MutableMapping[str, object]:
        now = clock.now().astimezone(UTC).isoformat(timespec="microseconds")
        return {"timestamp": now, "level": event.pop("level", None), "event": event.pop("event", None), **event}

    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            stamp,
            masker,
            renderer,
        ],
    )


def _silence_by_default() -> None:
    ours = logging.getLogger(_ROOT)
    if not ours.handlers:
        ours.addHandler(logging.NullHandler())
