"""What stands above the lists of a live view: the mode, the money, what stops entries, what is old or missing."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from rich.text import Text

from trading_bot.cli.render.answers import Answer, amount, listed, part, parts, text
from trading_bot.cli.render.text import cents, printable, signed
from trading_bot.cli.render.view_rows import BAD, result_text
from trading_bot.clock import Seconds

SLOW_AFTER_S: Seconds = 3.0
"""How old a view is when its age turns yellow. Chosen: two questions a second apart were not answered."""

SILENT_AFTER_S: Seconds = 5.0
"""How old a view is when its age turns red and is said in words. Chosen."""

LONGEST_S: Mapping[str, Seconds] = {"orders": 60.0, "positions": 90.0, "balances": 120.0}
"""How old each part may be at the bot before the view says so. Chosen: a few rounds of the default poll interval."""

PAPER, LIVE = " PAPER ", " LIVE, REAL MONEY "
_MINUTE_S: Seconds = 60
_HOUR_S: Seconds = 3600


def age_text(age_s: Seconds) -> Text:
    """Say how old the view is: red and in words once the bot does not answer."""
    if age_s >= SILENT_AFTER_S:
        return Text(f" NO ANSWER FOR {_span(age_s)} ", style="bold white on red")
    return Text(f"seen {age_s:.0f} s ago", style="bold yellow" if age_s >= SLOW_AFTER_S else "")


def mode_text(view: Answer) -> Text:
    """Say whether this is real money; a mode that is not known here may be."""
    if view.get("mode") == "paper":
        return Text(PAPER, style="bold black on green")
    return Text(LIVE, style="bold white on red")


def money_line(view: Answer) -> Text:
    """Say what is in the account and what today brought."""
    today = part(view, "today") or {}
    realised, unrealised = amount(today, "realised"), amount(today, "unrealised")
    line = Text.assemble("cash ", (cents(amount(view, "cash")), "bold"), "   today ", _today(realised, unrealised))
    if realised is not None or unrealised is not None:
        line.append(f" ({signed(realised)} realised, {signed(unrealised)} on held shares)")
    return line


def _today(realised: Decimal | None, unrealised: Decimal | None) -> Text:
    # Half of a sum is not the day's result: it stands in brackets beside it.
    return result_text(None if realised is None or unrealised is None else realised + unrealised)


def notes(view: Answer) -> tuple[Text, ...]:
    """Say what stops entries, what may be missing from the view, and what a figure leaves out, one line each."""
    return (*_halts(view), *_doubts(view), *_left_out(view))


def _halts(view: Answer) -> Iterable[Text]:
    if view.get("halted"):
        yield Text(printable(f"NO ENTRY IS TAKEN: {text(view, 'halted')}"), style=BAD)
    if frozen := [each for each in parts(view, "freezes") if each.get("symbol")]:
        named = ", ".join(f"{text(each, 'symbol')} ({text(each, 'cause')})" for each in frozen)
        yield Text(printable(f"no entries in {named}; 'trading-bot frozen' says what ends it"), style="yellow")


def _doubts(view: Answer) -> Iterable[Text]:
    if view.get("problem"):
        yield Text(printable(f"ORDERS MAY BE MISSING: {text(view, 'problem')}"), style=BAD)
    if view.get("external") is None:
        yield Text("orders placed elsewhere are not known: the broker's list was not read in full yet", style=BAD)
    old = [f"{what} {_age(view, what)}" for what, longest in LONGEST_S.items() if _is_old(view, what, longest)]
    if old:
        yield Text(f"read of the broker: {', '.join(old)}", style="yellow")


def _is_old(view: Answer, what: str, longest: Seconds) -> bool:
    age = view.get(f"{what}_age_s")
    return not isinstance(age, int) or age > longest


def _age(view: Answer, what: str) -> str:
    age = view.get(f"{what}_age_s")
    return f"{_span(age)} ago" if isinstance(age, int) else "not in this session"


def _left_out(view: Answer) -> Iterable[Text]:
    today = part(view, "today") or {}
    without = [str(symbol) for symbol in listed(today, "left_out")]
    sales = today.get("unknown_sales")
    if isinstance(sales, int) and sales:
        without.append(f"{sales} sale{'' if sales == 1 else 's'} of unknown cost")
    if without:
        yield Text(printable(f"today is without {', '.join(without)}"), style="dim")


def _span(age_s: Seconds) -> str:
    if age_s < 2 * _MINUTE_S:
        return f"{age_s:.0f} s"
    return f"{age_s // _MINUTE_S:.0f} min" if age_s < 2 * _HOUR_S else f"{age_s // _HOUR_S:.0f} h"
