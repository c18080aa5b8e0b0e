"""Lists fills and lots, and writes closed lots as CSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import click

from trading_bot.cli.account_place import recorded_reader
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.render import trades_text as words
from trading_bot.cli.render.output import print_json, print_line
from trading_bot.cli.render.table import print_table
from trading_bot.cli.session import AccountSession
from trading_bot.files import LocalFiles
from trading_bot.order_json import moment_text
from trading_bot.results.history import AccountHistory, TradeFill
from trading_bot.results.lots import ClosedLot, Lots, OpenLot, lots_of
from trading_bot.results.on_record import account_history
from trading_bot.results_json import closed_lot_json, closed_totals_json, fill_json, open_lot_json
from trading_bot.risk.exchange_day import exchange_day

_STDOUT = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """Which trades are shown."""

    since: date | None
    symbol: str | None

    def fills(self, history: AccountHistory) -> list[TradeFill]:
        return [fill for fill in history.fills if self._has(fill.symbol, exchange_day(fill.executed_at).date)]

    def closed(self, lots: Lots) -> list[ClosedLot]:
        return [lot for lot in lots.closed if self._has(lot.symbol, lot.sold_on)]

    def _has(self, symbol: str, day: date) -> bool:
        return self.symbol in (None, symbol) and (self.since is None or day >= self.since)


def trades(
    invocation: Invocation, *, since: date | None, symbol: str | None, open_lots: bool, csv_file: str | None
) -> None:
    """List fills and the lots they closed."""
    _refuse_together(invocation, open_lots=open_lots, csv_file=csv_file, since=since)
    session = AccountSession(invocation)
    history = account_history(recorded_reader(session.config))
    lots, chosen = lots_of(history.fills, history.restated), _Chosen(since=since, symbol=symbol)
    if csv_file is not None:
        _write_csv(invocation, csv_file, chosen.closed(lots))
    elif open_lots:
        _show_open(session, history, [lot for lot in lots.open if symbol in (None, lot.symbol)])
    else:
        _show_trades(session, history, chosen=chosen, lots=lots)


def _refuse_together(invocation: Invocation, *, open_lots: bool, csv_file: str | None, since: date | None) -> None:
    if open_lots and csv_file is not None:
        raise click.UsageError("--csv writes the closed lots; leave out --lots, which lists the open ones")
    if open_lots and since is not None:
        raise click.UsageError("--lots lists all that is held now; leave out --since")
    if invocation.json and csv_file == _STDOUT:
        raise click.UsageError("CSV and JSON cannot both go to stdout; leave out --json, or name a file")


def _show_trades(session: AccountSession, history: AccountHistory, *, chosen: _Chosen, lots: Lots) -> None:
    fills, closed, of_sales = chosen.fills(history), chosen.closed(lots), lots.of_sales()
    totals = closed_totals_json(closed)
    if session.invocation.json:
        print_json(
            {
                "v": 1,
                "fills": [fill_json(fill, of_sales.get(fill.rank, ())) for fill in fills],
                "closed_lots": [closed_lot_json(lot) for lot in closed],
                "totals": totals,
                "recorded_until": moment_text(history.last_record_at),
            }
        )
        return
    if not fills and not closed:
        print_line("no trades")
        return
    rows = [words.fill_row(fill, of_sales.get(fill.rank, ()), session.zone) for fill in fills]
    print_table(words.FILL_HEADINGS, rows, invocation=session.invocation)
    if closed:
        print_line("")
        print_table(words.CLOSED_HEADINGS, [words.closed_row(lot) for lot in closed], invocation=session.invocation)
    for line in words.totals_lines(totals):
        print_line(line)


def _show_open(session: AccountSession, history: AccountHistory, lots: Sequence[OpenLot]) -> None:
    if session.invocation.json:
        until = moment_text(history.last_record_at)
        print_json({"v": 1, "open_lots": [open_lot_json(lot) for lot in lots], "recorded_until": until})
        return
    if not lots:
        print_line("no open lots")
        return
    print_table(words.OPEN_HEADINGS, [words.open_row(lot) for lot in lots], invocation=session.invocation)
    for line in words.open_notes(lots):
        print_line(line)


def _write_csv(invocation: Invocation, csv_file: str, lots: Sequence[ClosedLot]) -> None:
    text = words.csv_of(lots)
    if csv_file == _STDOUT:
        click.echo(text, nl=False)
        return
    path = Path(csv_file).absolute()
    try:
        LocalFiles().replace(path, text.encode())
    except OSError as error:
        raise CommandError(
            f"cannot write {path}: {error.strerror or error}; name a file in a folder where you may write",
            exit_code=ExitCode.USAGE,
            code="csv_not_written",
        ) from error
    if invocation.json:
        print_json({"v": 1, "file": str(path), "lots": len(lots)})
    else:
        print_line(f"{len(lots)} closed lot{'' if len(lots) == 1 else 's'} written to {path}")
