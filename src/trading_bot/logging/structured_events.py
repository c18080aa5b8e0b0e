"""How an event is written: its processors and its form. This is all that needs structlog.

`trading_bot.logging.setup` loads it with the first event, since most commands write none and it brings asyncio and
rich; a bot loads it before it starts, so that no event of a long run depends on what can be loaded then.
"""

import logging
from collections.abc import MutableMapping
from datetime import UTC

import structlog
from structlog.typing import Processor

from trading_bot.clock import Clock
from trading_bot.logging.masking import SecretMasker


def bound_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return a logger whose events are masked before they reach any handler."""
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


def event_formatter(*, json: bool, masker: SecretMasker, clock: Clock) -> logging.Formatter:
    """Return what makes a line of an event, or of another library's record."""
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


def json_renderer() -> structlog.processors.JSONRenderer:
    """Return what writes an object on one line."""
    return structlog.processors.JSONRenderer()
