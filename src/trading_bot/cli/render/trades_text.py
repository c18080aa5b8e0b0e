"""Fills and lots as rows for people, and closed lots as CSV.

Dollars are to the cent, and what is not known is said to be unknown.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from trading_bot.cli.render.text import average, cents, exchange_time, shares, signed
from trading_bot.order_management.models import EXACT
from trading_bot.results.history import TradeFill
from trading_bot.results.lots import ClosedLot, OpenLot
from trading_bot.results_json import known_result
from trading_bot.risk.exchange_day import exchange_day

FILL_HEADINGS = ("executed", "side", "quantity", "symbol", "price", "amount", "fees", "result", "strategy", "order")
CLOSED_HEADINGS = ("symbol", "quantity", "acquired", "sold", "cost", "proceeds", "result", "term", "flag")
OPEN_HEADINGS = ("symbol", "quantity", "acquired", "cost", "average", "order")
CSV_COLUMNS = (
    *("symbol", "quantity", "date_acquired", "date_sold", "proceeds", "cost", "gain_or_loss", "term"),
    *("net_of_fees", "buy_fees", "sell_fees"),
    *("wash_sale_flag", "repurchased_on", "note", "buy_order", "sell_order", "strategy"),
)
_CENT = Decimal("0.01")
_UNKNOWN = "unknown"
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t")


def _rounded(amount: Decimal) -> Decimal:
    rounded = amount.quantize(_CENT, ROUND_HALF_EVEN, EXACT)
    return rounded or abs(rounded)  # no "-0.00"


def fill_row(fill: TradeFill, closed: Sequence[ClosedLot], zone: ZoneInfo) -> tuple[str, ...]:
    """Return one row of `FILL_HEADINGS`; ``closed`` are the lots that it closed."""
    return (
        f"{fill.executed_at.astimezone(zone):%Y-%m-%d} {exchange_time(fill.executed_at, zone)}",
        fill.side.value,
        shares(fill.quantity),
        fill.symbol,
        f"{average(fill.price)}{' (not listed yet)' if fill.is_estimate else ''}",
        cents(fill.amount),
        cents(fill.fees),
        _result(closed),
        fill.strategy_name or "-",
        fill.client_order_id,
    )


def _result(closed: Sequence[ClosedLot]) -> str:
    if not closed:
        return "-"
    is_in_part = any(lot.cost is None for lot in closed) and any(lot.cost is not None for lot in closed)
    return f"{signed(known_result(closed))}{' in part' if is_in_part else ''}"


def closed_row(lot: ClosedLot) -> tuple[str, ...]:
    """Return one row of `CLOSED_HEADINGS`."""
    return (
        lot.symbol,
        shares(lot.quantity),
        _UNKNOWN if lot.acquired_on is None else lot.acquired_on.isoformat(),
        lot.sold_on.isoformat(),
        cents(lot.cost),
        cents(lot.proceeds),
        signed(lot.result),
        _UNKNOWN if lot.term is None else lot.term.value,
        "" if lot.repurchase is None else "wash?",
    )


def open_row(lot: OpenLot) -> tuple[str, ...]:
    """Return one row of `OPEN_HEADINGS`."""
    return (
        lot.symbol,
        shares(lot.quantity),
        _UNKNOWN if lot.acquired_on is None else lot.acquired_on.isoformat(),
        cents(lot.cost),
        _UNKNOWN if lot.cost is None else average(EXACT.divide(lot.cost, lot.quantity)),
        "-" if lot.bought is None else lot.bought.client_order_id,
    )


def open_notes(lots: Iterable[OpenLot]) -> tuple[str, ...]:
    """Say why a cost is unknown, where one is."""
    unknown = sorted({lot.symbol for lot in lots if lot.cost is None})
    if not unknown:
        return ()
    why = "they were held at the first look at the account, or taken over by accept-position"
    return (f"the cost of shares of {', '.join(unknown)} is unknown: {why}",)


def totals_lines(totals: Mapping[str, object]) -> tuple[str, ...]:
    """Say what the closed lots add up to; ``totals`` is what `closed_totals_json` returns."""
    if not totals["lots"]:
        return ("nothing was sold",)
    terms = f"{_amount(totals, 'short_term')} short-term, {_amount(totals, 'long_term')} long-term"
    count = f"{totals['lots']} closed lot{'' if totals['lots'] == 1 else 's'}"
    said = [f"{count}, result {_amount(totals, 'result')} without fees: {terms}"]
    if totals["unknown_cost"]:
        said.append(f"the cost of {totals['unknown_cost']} of them is unknown, and they are in no result")
    said.append(_fees_line(totals))
    if totals["flagged"]:
        why = "shares were bought within 30 days of the loss"
        said.append(f"{totals['flagged']} may be a wash sale ({why}): flagged, not judged")
    return tuple(said)


def _fees_line(totals: Mapping[str, object]) -> str:
    unknown, fees = totals["unknown_fees"], totals["fees"]
    if fees is None:
        return "their fees are unknown"
    said = f"known fees of buying and selling are {cents(Decimal(str(fees)))}, and they are in no result"
    return said if not unknown else f"{said}; {unknown} of the lots have fees that are unknown"


def _amount(totals: Mapping[str, object], key: str) -> str:
    value = totals[key]
    if value is None:
        return "none" if key != "result" else _UNKNOWN
    return signed(Decimal(str(value)))


def csv_of(lots: Iterable[ClosedLot]) -> str:
    """Return closed lots under `CSV_COLUMNS`, one a line.

    A figure that is not known is empty, and the note says why.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    writer.writerow(CSV_COLUMNS)
    writer.writerows(_csv_row(lot) for lot in lots)
    return out.getvalue()


def _csv_row(lot: ClosedLot) -> tuple[str, ...]:
    return (
        _text(lot.symbol),
        shares(lot.quantity),
        "" if lot.acquired_on is None else lot.acquired_on.isoformat(),
        lot.sold_on.isoformat(),
        _plain(lot.proceeds),
        _plain(lot.cost),
        _gain(lot),
        "" if lot.term is None else lot.term.value,
        "no",
        _plain(lot.buy_fees),
        _plain(lot.sell_fees),
        "" if lot.repurchase is None else "flagged",
        "" if lot.repurchase is None else exchange_day(lot.repurchase.executed_at).date.isoformat(),
        "; ".join(_notes(lot)),
        "" if lot.bought is None else _text(lot.bought.client_order_id),
        _text(lot.sold.client_order_id),
        _text(lot.sold.strategy_name or ""),
    )


def _notes(lot: ClosedLot) -> Iterable[str]:
    if lot.cost is None:
        yield "cost unknown"
    if lot.sold.is_estimate or (lot.bought is not None and lot.bought.is_estimate):
        yield "executions not listed yet"


def _gain(lot: ClosedLot) -> str:
    # The difference of the two figures beside it, as a tax form wants it.
    return "" if lot.cost is None else _plain(_rounded(lot.proceeds) - _rounded(lot.cost))


def _plain(amount: Decimal | None) -> str:
    return "" if amount is None else f"{_rounded(amount):.2f}"


def _text(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_STARTS_A_FORMULA) else text
