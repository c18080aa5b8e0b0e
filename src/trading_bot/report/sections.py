"""The figures in words and tables, part by part: what the summary prints and what stands beside each chart. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from trading_bot.order_management.models import EXACT, OrderState, exact_sum
from trading_bot.report import words
from trading_bot.report.curve import Basis
from trading_bot.report.figures import Figures, Period, ReportedFill
from trading_bot.report.numbers import ratio
from trading_bot.report.other_offsets import Outcome
from trading_bot.report.refusals import RefusedBy
from trading_bot.report.shortfall import Shortfall


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a report."""

    key: str
    """What its chart is found by."""
    title: str
    explains: str = ""
    """What the figures mean, in short."""
    notes: tuple[str, ...] = ()
    """What is unknown, or was not counted."""
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    """Under their headings; the first column is what a row is about."""


def headline(figures: Figures) -> tuple[tuple[str, str], ...]:
    """Return the few figures that stand above all others, by name."""
    deepest = figures.curve.deepest
    latency = figures.latencies.percentile(50)
    kept_away = sum(one.count for one in figures.refusals if one.by is not RefusedBy.DUPLICATE)
    return (
        (_CHANGE[figures.curve.basis], words.dollars(figures.curve.change)),
        ("Deepest drawdown", words.dollars(deepest.drawdown) if deepest else words.NONE),
        ("Orders", f"{figures.orders}"),
        ("Shares filled", words.per_cent(figures.fill_ratio)),
        ("Slippage of fills", words.basis_points(figures.shortfall.slippage_bps)),
        ("Median latency", words.milliseconds(latency) if latency is not None else words.UNKNOWN),
        ("Refused", f"{kept_away}"),
        ("Open doubts", f"{len(figures.doubts)}"),
    )


def period_in_words(period: Period, *, zone: ZoneInfo) -> str:
    """Return the account's mode, the period and how much is on record."""
    mode = "the account" if period.mode is None else f"the {period.mode} account"
    if period.begin is None:
        return f"Report of {mode}: nothing is on record"
    begin, end = words.moment(period.begin, zone), words.moment(period.end, zone)
    records = f"{period.records} record{'' if period.records == 1 else 's'}"
    return f"Report of {mode}, {begin} to {end}, from {records} of its journal"


def sections(figures: Figures, *, zone: ZoneInfo) -> tuple[Section, ...]:
    """Return every part of a report, in order."""
    return (
        _doubts(figures, zone),
        _curve(figures, zone),
        _fills(figures),
        _shortfall(figures),
        _offsets(figures),
        _other_offsets(figures),
        _latencies(figures),
        _refusals(figures),
    )


_CHANGE = {
    Basis.ACCOUNT: "Change of equity",
    Basis.MARKED: "Result, open positions included",
    Basis.REALISED: "Realised result",
}


def _doubts(figures: Figures, zone: ZoneInfo) -> Section:
    rows = tuple((doubt.about, words.moment(doubt.since, zone), doubt.what, doubt.remedy) for doubt in figures.doubts)
    return Section(
        key="doubts",
        title="Open doubts",
        explains="What is not settled at the end of the journal, whatever the period.",
        notes=() if rows else ("Nothing is in doubt, and nothing is frozen.",),
        headings=("About", "Since", "What", "What to do"),
        rows=rows,
    )


_CURVE_SAYS = {
    Basis.ACCOUNT: "The account's value on record. A deposit or a withdrawal moves it like a gain or a loss.",
    Basis.MARKED: (
        "The result of what was traded through this journal, from zero: sells by average cost, and open positions by "
        "the last recorded quote. Fees are not in it."
    ),
    Basis.REALISED: (
        "The realised result of what was traded through this journal, from zero, by average cost. Open positions are "
        "not in it, because no recorded quotes value all of them; fees are not either."
    ),
}


def _curve(figures: Figures, zone: ZoneInfo) -> Section:
    curve = figures.curve
    if not curve.points:
        return Section(key="curve", title="Equity and drawdown", notes=("Nothing is on record yet.",))
    unknown = _counted(curve.unknown_sales, "sell")
    deepest = curve.deepest or curve.points[0]
    highest = max(point.value for point in curve.points)
    rows = [
        ("At the begin", words.dollars(curve.points[0].value)),
        ("At the end", words.dollars(curve.points[-1].value)),
        ("Highest", words.dollars(highest)),
        ("Deepest drawdown", words.dollars(deepest.drawdown)),
        ("Reached", words.moment(deepest.at, zone)),
        ("Realised by sells", words.dollars(curve.realised)),
    ]
    if curve.deepest_ratio is not None:
        rows.insert(4, ("In per cent of the peak", words.per_cent(curve.deepest_ratio)))
    return Section(
        key="curve",
        title="Equity and drawdown",
        explains=_CURVE_SAYS[curve.basis],
        notes=(f"{unknown} had shares of unknown cost, which are in no amount.",) if curve.unknown_sales else (),
        headings=("Figure", "Amount"),
        rows=tuple(rows),
    )


def _fills(figures: Figures) -> Section:
    rows = []
    for symbol, prices in figures.prices.items():
        bought = [fill for fill in prices.fills if fill.is_buy]
        sold = [fill for fill in prices.fills if not fill.is_buy]
        rows.append((symbol, *_side(bought), *_side(sold)))
    with_quotes = sum(bool(prices.quotes) for prices in figures.prices.values())
    return Section(
        key="fills",
        title="Fills on the price",
        explains="The line is the middle of bid and ask where quotes were recorded, else our reference prices.",
        notes=(f"Quotes were recorded of {with_quotes} of {_counted(len(figures.prices), 'symbol')}.",),
        headings=("Symbol", "Bought", "at", "Sold", "at"),
        rows=tuple(rows),
    )


def _side(fills: Sequence[ReportedFill]) -> tuple[str, str]:
    quantity = exact_sum(fill.quantity for fill in fills)
    paid = exact_sum(EXACT.multiply(fill.quantity, fill.price) for fill in fills)
    return (words.shares(quantity), words.price(ratio(paid, quantity))) if fills else (words.NONE, words.NONE)


def _shortfall(figures: Figures) -> Section:
    total, notes = figures.shortfall, []
    if total.missed_unknown:
        notes.append(
            f"Of {words.shares(total.missed_unknown)} shares that never traded no later price is known: the missed "
            "part leaves them out, and the total of their symbols is unknown."
        )
    rows = [_shortfall_row(symbol, one) for symbol, one in figures.shortfalls.items()]
    if len(rows) > 1:
        rows.append(_shortfall_row("All", total))
    return Section(
        key="shortfall",
        title="Slippage against the reference price",
        explains=(
            "What it cost not to trade at the reference price; negative is a gain. Filled: the shares that traded. "
            "Missed: the shares that never did, at a later price. In basis points of what was filled, and of what was "
            "ordered. Fees are not in it, nor trades that a rule refused before there was an order."
        ),
        notes=tuple(notes),
        headings=("Symbol", "Filled", "in bps", "Missed", "Total", "in bps"),
        rows=tuple(rows),
    )


def _shortfall_row(name: str, one: Shortfall) -> tuple[str, ...]:
    return (
        name,
        words.dollars(one.slippage),
        words.basis_points(one.slippage_bps).removesuffix(" bps"),
        words.dollars(one.missed) if one.missed_shares or not one.missed_unknown else words.UNKNOWN,
        words.dollars(one.total),
        words.basis_points(one.total_bps).removesuffix(" bps") if one.total is not None else words.UNKNOWN,
    )


def _offsets(figures: Figures) -> Section:
    rows = tuple(
        (
            f"{one.offset_bps} bps",
            f"{one.orders}",
            words.per_cent(one.fill_ratio),
            words.span(one.to_first_fill),
            words.span(one.to_full_fill),
        )
        for one in figures.offsets
    )
    return Section(
        key="offsets",
        title="Fill ratio and time to fill, by offset",
        explains=(
            "The offset is how far the limit was from the reference price when it was sent, to the nearest whole basis "
            "point; negative crosses the market. Of orders that the broker took and that have ended. Times are medians."
        ),
        headings=("Offset", "Orders", "Filled", "First fill", "All filled"),
        rows=rows,
    )


def _other_offsets(figures: Figures) -> Section:
    other = figures.other_offsets
    note = f"Recorded quotes cover {other.by_quotes} of {_counted(other.as_sent.orders, 'order')}."
    if other.compared:
        note += f" The shortfall is of {_counted(other.compared, 'order')} whose outcome is known at every offset."
    elif other.as_sent.orders:
        note += " Of less than half of them the outcome is known at every offset: no shortfall is told."
    return Section(
        key="other_offsets",
        title="What other offsets would have given",
        explains=(
            "An estimate: each order is tried again at other offsets from its reference price, resting until it ended, "
            "or until the close where it was filled. It fills when the recorded quotes come to its limit; without "
            "quotes only what our own executions prove counts, and the rest is a range. It assumes that all shares "
            "fill at once, first in the queue. A negative shortfall is a gain."
        ),
        notes=(note,),
        headings=("Offset", "Known", "Filled", "All filled", "Shortfall"),
        rows=(*map(_outcome_row, other.tried), _outcome_row(other.as_sent)) if other.as_sent.orders else (),
    )


def _outcome_row(one: Outcome) -> tuple[str, ...]:
    return (
        "As sent" if one.offset_bps is None else f"{one.offset_bps} bps",
        f"{one.orders}/{one.orders + one.unknown}",
        _filled(one),
        words.span(one.to_fill),
        words.UNKNOWN if one.shortfall_bps is None else words.basis_points(one.shortfall_bps),
    )


def _filled(one: Outcome) -> str:
    if one.least_filled is None:
        return words.UNKNOWN
    least, most = words.per_cent(one.least_filled), words.per_cent(one.most_filled)
    return least if least == most else words.per_cent_range(one.least_filled, one.most_filled or one.least_filled)


def _latencies(figures: Figures) -> Section:
    latencies = figures.latencies
    notes = []
    if latencies.without_reply:
        notes.append(f"{_counted(latencies.without_reply, 'order')} had no reply to measure.")
    if latencies.measured and not latencies.is_measured:
        notes.append("In a replay the clock stands still during a request, so that nothing is measured.")
    names = (("Median", 50), ("90 %", 90), ("99 %", 99), ("Longest", 100))
    return Section(
        key="latencies",
        title="Latency of orders",
        explains=(
            "From the intent on record to the broker's reply on record, by the clock of the process that wrote both."
        ),
        notes=tuple(notes),
        headings=("Percentile", "Time"),
        rows=tuple((name, words.milliseconds(latencies.percentile(part))) for name, part in names)
        if latencies.is_measured
        else (),
    )


_KEPT_BY = {
    RefusedBy.RULE: "a rule of ours",
    RefusedBy.DUPLICATE: "duplicate",
    RefusedBy.BROKER: "the broker",
    RefusedBy.NOT_SENT: "not sent",
    RefusedBy.NEVER_ACCEPTED: "never accepted",
}


def _refusals(figures: Figures) -> Section:
    notes = []
    if figures.unreadable_trades:
        notes.append(f"{_counted(figures.unreadable_trades, 'line')} of the trade log could not be read.")
    unknown = sum(figures.by_state.get(state, 0) for state in OrderState if state.is_unresolved)
    if unknown:
        notes.append(f"The outcome of {_counted(unknown, 'order')} is not known: see the open doubts.")
    rows = tuple((one.reason, _KEPT_BY[one.by], f"{one.count}") for one in figures.refusals)
    if not rows:
        notes.append("Nothing was refused.")
    return Section(
        key="refusals",
        title="Refusals by reason",
        explains="Trades that did not become an order at the broker. Those refused by a rule are from the trade log.",
        notes=tuple(notes),
        headings=("Reason", "By", "Times"),
        rows=rows,
    )


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
