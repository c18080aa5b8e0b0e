"""The limits of an account as text for people."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from trading_bot.cli.render.answers import Answer, amount, listed, part, parts, text
from trading_bot.cli.render.text import dollars

LIMIT_HEADINGS = ("setting", "value", "used now", "set in", "last refused")
SYMBOL_HEADINGS = ("no entry in", "cause", "reason", "what ends it")
_STATES = {
    "active": "ACTIVE: entries and exits go",
    "reducing": "REDUCING: only exits go",
    "halted": "HALTED: nothing goes but cancels",
}
_SAY_THEIR_END = frozenset({"not_armed", "limit_reached", "entries_stopped"})
"""The causes whose reason has its remedy in it."""
_FEW = 3
"""So many symbols of a list are shown; --json and `config show` have them all."""


def state_lines(answer: Answer) -> Iterator[str]:
    """Say what the account may do, and each reason with its end."""
    account = f" account {answer['account']}" if answer.get("account") else " account"
    yield f"{text(answer, 'mode').upper()}{account}, {_STATES.get(text(answer, 'state'), text(answer, 'state'))}"
    for reason in parts(answer, "reasons"):
        ends = "" if reason.get("cause") in _SAY_THEIR_END else f"; {text(reason, 'ends')}"
        yield f"- {text(reason, 'reason')}{ends}"
    if (held := answer.get("held_because")) is not None:
        yield f"- {held}"


def limit_rows(limits: Sequence[Answer], zone: ZoneInfo) -> list[tuple[str, ...]]:
    """Return a row for each limit."""
    return [
        (text(each, "name"), _value(each), _used(each), text(each, "set_in"), _fired(part(each, "last_fired"), zone))
        for each in limits
    ]


def symbol_rows(freezes: Sequence[Answer]) -> list[tuple[str, ...]]:
    """Return a row for each symbol in which entries are stopped."""
    return [tuple(text(each, key) for key in ("symbol", "cause", "reason", "remedy")) for each in freezes]


def notes(answer: Answer, zone: ZoneInfo) -> Iterator[str]:
    """Say what the figures leave out, and whether a canary has passed."""
    if at_cost := listed(answer, "at_cost"):
        yield f"counted at what they cost, because there is no fresh price: {', '.join(map(str, at_cost))}"
    if unpriced := listed(answer, "not_counted"):
        yield f"not counted, because neither a price nor a cost is known: {', '.join(map(str, unpriced))}"
    canary = part(answer, "canary")
    if canary is not None:
        when, version = _moment(text(canary, "passed_at"), zone), text(canary, "version")
        yield f"canary: passed {when}, version {version}, {', '.join(map(str, listed(canary, 'symbols')))}"
    elif answer.get("mode") == "live":
        yield "canary: none has passed on this account; 'trading-bot canary SYMBOL' runs one"


def _value(limit: Answer) -> str:
    value = limit.get("value")
    if isinstance(value, list):
        return _symbols(value)
    if value is None:
        return "every symbol" if limit["unit"] == "symbols" else "no limit"
    shown = _figure(limit, "value")
    return f"{shown} (held)" if limit.get("is_held") else shown


def _symbols(names: Sequence[object]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return f"{', '.join(map(str, names[:_FEW]))}{more}" or "none"


def _used(limit: Answer) -> str:
    if limit.get("used") is None:
        return "-"
    symbol = f" {limit['symbol']}" if limit.get("symbol") is not None else ""
    per_cent = f" ({limit['used_pct']} %)" if limit.get("used_pct") is not None else ""
    return f"{_figure(limit, 'used')}{symbol}{per_cent}"


def _figure(limit: Answer, key: str) -> str:
    if limit["unit"] != "dollars":
        return text(limit, key)
    figure = amount(limit, key)
    return "-" if figure is None else f"${dollars(figure.quantize(_CENT))}"


_CENT = Decimal("0.01")


def _fired(fired: Answer | None, zone: ZoneInfo) -> str:
    return "-" if fired is None else _moment(text(fired, "at"), zone)


def _moment(told: str, zone: ZoneInfo) -> str:
    if "T" not in told:
        return told  # a day: the breaker keeps no time of a daily loss
    return datetime.fromisoformat(told).astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
