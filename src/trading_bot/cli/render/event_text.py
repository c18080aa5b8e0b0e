"""Events as lines for people. They are JSON objects, because another process tells them."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from trading_bot.cli.render.answers import Answer, amount, text
from trading_bot.cli.render.text import dollars, exchange_time, printable, stop_words
from trading_bot.halt_watch import Condition

_MAY_STOP_EXITS = frozenset({Condition.NOT_ARMED, Condition.JOURNAL_FAILED, Condition.LOGIN_NEEDED})


def event_line(event: Answer, zone: ZoneInfo) -> str:
    """Return one line, safe to show at a terminal: when, what, and of which order."""
    kind = str(event.get("event"))
    word, said = _LINES.get(kind, _unknown)(event)
    return f"{exchange_time(datetime.fromisoformat(str(event['at'])), zone)}  {printable(word):<15} {printable(said)}"


def _submitted(event: Answer) -> tuple[str, str]:
    stop = amount(event, "stop_price")
    terms = f"{_traded(event)}{stop_words(stop)} limit {dollars(amount(event, 'limit_price'))}"
    return "submitted", f"{terms} [{text(event, 'strategy_name')}] {_name(event)}"


def _filled(event: Answer) -> tuple[str, str]:
    so_far = f"{text(event, 'cumulative_quantity')} filled, {text(event, 'remaining_quantity')} left"
    price = amount(event, "price")
    at = "at a price that is not listed yet" if price is None else f"at {dollars(price)}"
    return "filled", f"{_traded(event)} {at}{_told_before(event)}: {so_far} {_name(event)}"


def _told_before(event: Answer) -> str:
    quantity, new = amount(event, "quantity"), amount(event, "new_quantity")
    if new == quantity:
        return ""
    return f" ({text(event, 'new_quantity')} of them new)" if new else " (told before)"


def _ended(event: Answer) -> tuple[str, str]:
    average = amount(event, "average_price")
    at = "" if average is None else f" at {dollars(average)} on average"
    why = "" if event.get("reason") is None else f": {text(event, 'reason')}"
    filled = f"{text(event, 'filled_quantity')} filled{at}"
    return text(event, "ending").replace(
        "_", " "
    ), f"{text(event, 'side')} {text(event, 'symbol')} {filled}{why} {_name(event)}"


def _alert(event: Answer) -> tuple[str, str]:
    named = "" if event.get("client_order_id") is None else f" {_name(event)}"
    return "ALERT", f"{text(event, 'code')}: {text(event, 'message')}{named}"


def _halted(event: Answer) -> tuple[str, str]:
    what = "" if event.get("cause") in _MAY_STOP_EXITS else f"no entries in {_where(event)}: "
    return "halted", f"{what}{text(event, 'reason')}; {text(event, 'remedy')}"


def _resumed(event: Answer) -> tuple[str, str]:
    return "resumed", f"entries in {_where(event)}, by {text(event, 'by')}: {text(event, 'reason')}"


def _missed(event: Answer) -> tuple[str, str]:
    count = text(event, "count")
    return "MISSED", f"{count} events were not read in time; 'trading-bot audit tail' has what happened"


def _unknown(event: Answer) -> tuple[str, str]:
    return text(event, "event"), json.dumps(dict(event))


def _traded(event: Answer) -> str:
    return f"{text(event, 'side')} {text(event, 'quantity')} {text(event, 'symbol')}"


def _name(event: Answer) -> str:
    return f"({text(event, 'client_order_id')})"


def _where(event: Answer) -> str:
    return "the account" if event.get("symbol") is None else text(event, "symbol")


_LINES: Mapping[str, Callable[[Answer], tuple[str, str]]] = {
    "order_submitted": _submitted,
    "order_filled": _filled,
    "order_ended": _ended,
    "alert": _alert,
    "trading_halted": _halted,
    "trading_resumed": _resumed,
    "events_missed": _missed,
}
