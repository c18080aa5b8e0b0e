"""The public JSON forms of events, as `order_json` has those of orders. ``event`` says which one a line is.

``docs/events.md`` lists the words and the keys; a test compares it with this module.
"""

from collections.abc import Callable, Mapping

from trading_bot.bot_events import (
    Alert,
    BotEvent,
    OrderEnded,
    OrderFilled,
    OrderSubmitted,
    TradingHalted,
    TradingResumed,
)
from trading_bot.event_feeds import EventsMissed
from trading_bot.order_json import FORM_VERSION, JsonObject, amount_text, moment_text, shares_text

SIGNAL_RESULT = "signal_result"
"""The ``event`` of a line of ``--json run`` that says what came of a signal."""

RUN_ENDED = "run_ended"
"""The ``event`` of the last line of ``--json run``: its summary."""

REPLAY_COMPARED = "replay_compared"
"""The ``event`` of the line before it after a replay: its figures, and those of earlier replays of the same input."""


def event_json(event: BotEvent | EventsMissed) -> JsonObject:
    """Return an event as one JSON object."""
    word, form = _FORMS[type(event)]
    return {"v": FORM_VERSION, "event": word, "at": moment_text(event.at), **form(event)}


def _names(event: OrderSubmitted | OrderFilled | OrderEnded | Alert) -> JsonObject:
    return {
        "client_order_id": event.client_order_id,
        "order_id": event.order_id,
        "symbol": event.symbol,
        "correlation_id": event.correlation_id,
    }


def _submitted(event: OrderSubmitted) -> JsonObject:
    return {
        **_names(event),
        "side": event.side.value,
        "quantity": event.quantity,
        "limit_price": amount_text(event.limit_price),
        "stop_price": amount_text(event.stop_price),
        "strategy_name": event.strategy_name,
    }


def _filled(event: OrderFilled) -> JsonObject:
    return {
        **_names(event),
        "side": event.side.value,
        "quantity": shares_text(event.quantity),
        "price": amount_text(event.price),
        "execution_id": event.execution_id,
        "executed_at": moment_text(event.executed_at),
        "new_quantity": shares_text(event.new_quantity),
        "cumulative_quantity": shares_text(event.cumulative_quantity),
        "remaining_quantity": shares_text(event.remaining_quantity),
    }


def _ended(event: OrderEnded) -> JsonObject:
    return {
        **_names(event),
        "side": event.side.value,
        "ending": event.ending.value,
        "reason": event.reason,
        "filled_quantity": shares_text(event.filled_quantity),
        "average_price": amount_text(event.average_price),
    }


def _alert(event: Alert) -> JsonObject:
    return {**_names(event), "code": event.code.value, "message": event.message}


def _halted(event: TradingHalted) -> JsonObject:
    return {**_stop(event), "until": moment_text(event.until), "remedy": event.remedy}


def _stop(event: TradingHalted | TradingResumed) -> JsonObject:
    return {
        "symbol": event.symbol,
        "correlation_id": event.correlation_id,
        "cause": event.cause,
        "reason": event.reason,
        "by": event.by,
    }


def _missed(event: EventsMissed) -> JsonObject:
    return {"count": event.count}


_FORMS: Mapping[type[BotEvent | EventsMissed], tuple[str, Callable[..., JsonObject]]] = {
    OrderSubmitted: ("order_submitted", _submitted),
    OrderFilled: ("order_filled", _filled),
    OrderEnded: ("order_ended", _ended),
    Alert: ("alert", _alert),
    TradingHalted: ("trading_halted", _halted),
    TradingResumed: ("trading_resumed", _stop),
    EventsMissed: ("events_missed", _missed),
}
