"""Shows quotes and bars."""

import csv
import sys
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import click

from trading_bot import startup
from trading_bot.cli.errors import CommandError, notice
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render.answers import Answer, amount, listed, parts
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.cli.render.table import print_table
from trading_bot.cli.render.text import dollars
from trading_bot.cli.session import AccountSession
from trading_bot.operations import ShowHistory, ShowQuotes, new_command

_QUOTE_HEADINGS = ("symbol", "bid", "size", "ask", "size", "last", "change", "age", "note")
_BAR_HEADINGS = ("begins", "open", "high", "low", "close", "volume", "note")
_CSV_COLUMNS = ("begins_at", "open", "high", "low", "close", "volume", "interpolated")
_UNKNOWN = "not known"
_NOT_REAL: Mapping[str, str] = {
    "generated": "these are generated prices of the paper market; a symbol has some from its first order on",
    "recorded": "these are recorded prices of the paper market, from paper.quotes_file",
}
_HOUR_S, _MINUTE_S = 3600, 60
_BY_DATE = ("day", "week")


def quote(invocation: Invocation, *, symbols: tuple[str, ...]) -> None:
    """Show the market of each symbol.

    Raises:
        CommandError: a symbol has no quote; the others were shown.
    """
    session = AccountSession(invocation)
    command = new_command(ShowQuotes, symbols=symbols)
    answer = startup.price_look_up(session.config).perform(command)
    if invocation.json:
        print_json(answer)
    else:
        _say_whose(answer, invocation)
        if rows := [_quote_row(each) for each in parts(answer, "quotes")]:
            print_table(_QUOTE_HEADINGS, rows, invocation=invocation)
    if missing := listed(answer, "missing"):
        raise CommandError(
            f"no quote of {', '.join(map(str, missing))}: there is no such symbol, or no price to buy and to sell it "
            "at now; check the symbol",
            exit_code=ExitCode.NOT_SENT,
            code="no_quote",
        )


def history(invocation: Invocation, *, symbol: str, interval: str, span: str, as_csv: bool) -> None:
    """Show the bars of a symbol."""
    if as_csv and invocation.json:
        raise click.UsageError("--csv and --json are two forms of the same bars; give one of them")
    session = AccountSession(invocation)
    command = new_command(ShowHistory, symbol=symbol, interval=interval, span=span)
    answer = startup.price_look_up(session.config).perform(command)
    if invocation.json:
        print_json(answer)
        return
    _say_whose(answer, invocation)
    if as_csv:
        _write_csv(answer)
    else:
        show_bars(answer, session.zone, invocation)


def show_bars(answer: Answer, zone: ZoneInfo, invocation: Invocation) -> None:
    """Write the bars as a table, times in ``zone``."""
    rows = [_bar_row(bar, zone, str(answer["interval"])) for bar in parts(answer, "bars")]
    if rows:
        print_table(_BAR_HEADINGS, rows, invocation=invocation)
    else:
        print_line(f"no bars of {answer['symbol']}: nothing of that interval and span has ended yet")


def _say_whose(answer: Answer, invocation: Invocation) -> None:
    told = _NOT_REAL.get(str(answer.get("source")))
    if told is not None and not invocation.quiet:
        notice(told, invocation)


def _quote_row(quote: Answer) -> tuple[str, ...]:
    return (
        str(quote["symbol"]),
        _price(quote, "bid"),
        _count(quote, "bid_size"),
        _price(quote, "ask"),
        _count(quote, "ask_size"),
        _price(quote, "last"),
        _change(quote),
        _age(quote),
        "HALTED" if quote.get("halted") else "",
    )


def _price(answer: Answer, key: str) -> str:
    price = amount(answer, key)
    return _UNKNOWN if price is None else dollars(price)


def _count(answer: Answer, key: str) -> str:
    value = answer.get(key)
    return f"{value:,}" if isinstance(value, int) else "?"


def _change(quote: Answer) -> str:
    change, per_cent = amount(quote, "change"), amount(quote, "change_pct")
    if change is None or per_cent is None:
        return _UNKNOWN
    return f"{_signed(change)} ({_signed(per_cent)} %)"


def _signed(number: Decimal) -> str:
    return f"{number:+,.2f}"


def _age(quote: Answer) -> str:
    age_s = quote.get("age_s")
    if not isinstance(age_s, int | float):
        return _UNKNOWN
    if age_s >= 2 * _HOUR_S:
        return f"{age_s / _HOUR_S:.0f} h"
    return f"{age_s:.0f} s" if age_s < 2 * _MINUTE_S else f"{age_s / _MINUTE_S:.0f} min"


def _bar_row(bar: Answer, zone: ZoneInfo, interval: str) -> tuple[str, ...]:
    begins = datetime.fromisoformat(str(bar["begins_at"]))
    # A bar of a day begins at midnight UTC of its date, which is the evening before in New York.
    shown = f"{begins:%Y-%m-%d}" if interval in _BY_DATE else f"{begins.astimezone(zone):%Y-%m-%d %H:%M %Z}"
    prices = (_price(bar, key) for key in ("open", "high", "low", "close"))
    return (shown, *prices, _count(bar, "volume"), "no trade" if bar.get("interpolated") else "")


def _write_csv(answer: Answer) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(_CSV_COLUMNS)
    for bar in parts(answer, "bars"):
        out.writerow(["" if bar[name] is None else bar[name] for name in _CSV_COLUMNS])
