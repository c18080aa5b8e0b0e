"""The charts of the page, as plotly's figures in plain dicts. Pure.

A chart draws what its section says as text: the text is exact, the drawing is a binary fraction of it. What differs by
colour differs by its place, its shape or its dashes as well.

plotly reads a small part of HTML in its texts, so that text from outside is escaped here, as in the page.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from html import escape
from zoneinfo import ZoneInfo

from trading_bot.order_management.models import EXACT
from trading_bot.report import words
from trading_bot.report.curve import Basis, Curve
from trading_bot.report.drawing import (
    BLUE,
    ORANGE,
    PALE,
    PAPER,
    SKY,
    TALL,
    Chart,
    Json,
    axis,
    bars,
    chart,
    dots,
    level,
    line,
    number,
    time,
)
from trading_bot.report.figures import Figures, ReportedFill, SymbolPrices
from trading_bot.report.latencies import BOUNDS_MS
from trading_bot.report.prices import LONGEST_GAP, Quote

MOST_SYMBOLS = 12
"""Symbols that get a chart of their own, those with the most fills. Chosen: a page that is scrolled through."""

_MOST_QUOTES = 1_500
"""Quotes that a line is drawn through. Chosen: more than a chart is pixels wide."""

_MOST_REASONS = 12
_MOST_BARS = 24
"""Symbols that have bars, those with the largest amounts. Chosen: their names can be read."""
_LONGEST_LABEL = 28


def charts(figures: Figures, *, zone: ZoneInfo) -> Mapping[str, tuple[Chart, ...]]:
    """Return the charts of each section that has something to draw."""
    made = {
        "curve": _curve(figures.curve, zone),
        "shortfall": _shortfall(figures),
        "offsets": _offsets(figures),
        "other_offsets": _other_offsets(figures),
        "latencies": _latencies(figures),
        "refusals": _refusals(figures),
    }
    found = {key: (chart,) for key, chart in made.items() if chart is not None}
    fills = tuple(_fills(symbol, prices, zone) for symbol, prices in most_filled(figures))
    return {**found, "fills": fills} if fills else found


def most_filled(figures: Figures) -> Sequence[tuple[str, SymbolPrices]]:
    """Return the symbols that are drawn, in the order of the alphabet."""
    filled = [each for each in figures.prices.items() if each[1].fills]
    filled.sort(key=lambda each: (-len(each[1].fills), each[0]))
    return sorted(filled[:MOST_SYMBOLS])


_CURVE = {
    Basis.ACCOUNT: "Account value",
    Basis.MARKED: "Result, open positions included",
    Basis.REALISED: "Realised result",
}


def _curve(curve: Curve, zone: ZoneInfo) -> Chart | None:
    if not curve.points:
        return None
    times = [time(point.at, zone) for point in curve.points]
    shape = "linear" if curve.basis is not Basis.REALISED else "hv"
    value = {
        "type": "scatter",
        "mode": "lines",
        "name": _CURVE[curve.basis],
        "x": times,
        "y": [number(point.value) for point in curve.points],
        "line": {"color": BLUE, "width": 2, "shape": shape},
        "hovertemplate": "%{x|%b %d %H:%M}<br>$%{y:,.2f}<extra></extra>",
    }
    drawdown = {
        **value,
        "name": "Drawdown",
        "y": [number(point.drawdown) for point in curve.points],
        "yaxis": "y2",
        "fill": "tozeroy",
        "fillcolor": "rgba(213,94,0,0.25)",
        "line": {"color": ORANGE, "width": 1, "shape": shape},
    }
    return chart(
        [value, drawdown],
        f"{_CURVE[curve.basis]}, and drawdown",
        height=TALL,
        xaxis=axis("Time at the exchange", type="date", anchor="y2"),
        yaxis=axis("Dollars", domain=[0.4, 1]),
        yaxis2=axis("Dollars", domain=[0, 0.3], rangemode="tozero"),
    )


def _fills(symbol: str, prices: SymbolPrices, zone: ZoneInfo) -> Chart:
    line = _quote_line(prices.quotes, zone) if prices.quotes else _reference_line(prices, zone)
    buys = [fill for fill in prices.fills if fill.is_buy]
    sells = [fill for fill in prices.fills if not fill.is_buy]
    marks = [("Bought", buys, "triangle-up", BLUE), ("Sold", sells, "triangle-down", ORANGE)]
    return chart(
        [
            line,
            *(_marks(name, fills, zone, symbol=shape, color=colour) for name, fills, shape, colour in marks if fills),
        ],
        symbol,
        xaxis=axis("Time at the exchange", type="date"),
        yaxis=axis("Dollars a share"),
    )


def _quote_line(quotes: Sequence[Quote], zone: ZoneInfo) -> Json:
    shown = quotes[:: max(1, len(quotes) // _MOST_QUOTES)]
    longest = LONGEST_GAP * max(1, len(quotes) // _MOST_QUOTES)
    times, values = list[str | None](), list[float | None]()
    before: datetime | None = None
    for quote in shown:
        if before is not None and quote.at - before > longest:
            times.append(None)
            values.append(None)
        times.append(time(quote.at, zone))
        values.append(number(quote.middle))
        before = quote.at
    return line("Middle of bid and ask", times, values)


def _reference_line(prices: SymbolPrices, zone: ZoneInfo) -> Json:
    times = [time(at, zone) for at, _ in prices.references]
    return line("Reference prices", times, [number(price) for _, price in prices.references])


def _marks(name: str, fills: Iterable[ReportedFill], zone: ZoneInfo, **marker: str) -> Json:
    those = list(fills)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [time(fill.at, zone) for fill in those],
        "y": [number(fill.price) for fill in those],
        "text": [f"{name} {words.shares(fill.quantity)} at {words.price(fill.price)}" for fill in those],
        "hovertemplate": "%{text}<br>%{x|%b %d %H:%M:%S}<extra></extra>",
        "marker": {"size": 11, "line": {"color": PAPER, "width": 1}, **marker},
    }


def _shortfall(figures: Figures) -> Chart | None:
    if not figures.shortfalls:
        return None
    largest = sorted(figures.shortfalls.items(), key=lambda each: -abs(each[1].slippage) - abs(each[1].missed))
    shown = sorted(largest[:_MOST_BARS], key=lambda each: each[0])
    labels, those = [escape(symbol) for symbol, _ in shown], [one for _, one in shown]
    texts: list[tuple[str, list[Decimal], str]] = [
        ("Filled", [one.slippage for one in those], BLUE),
        ("Missed", [one.missed for one in those], ORANGE),
    ]
    return chart(
        [
            bars(
                name,
                labels,
                values=[number(amount) for amount in amounts],
                colour=colour,
                hovertemplate="%{x}<br>$%{y:,.2f}",
            )
            for name, amounts, colour in texts
        ],
        "Cost by symbol; below zero is a gain",
        barmode="group",
        xaxis=axis("Symbol", type="category"),
        yaxis=axis("Dollars"),
    )


def _offsets(figures: Figures) -> Chart | None:
    if not figures.offsets:
        return None
    labels = [f"{one.offset_bps}" for one in figures.offsets]
    ratios = bars(
        "Filled",
        labels,
        values=[number(one.fill_ratio * 100) for one in figures.offsets],
        colour=BLUE,
        hovertemplate="%{x} bps<br>%{y:.1f} %<extra></extra>",
    )
    spans = [one.to_full_fill for one in figures.offsets]
    times = {
        "type": "scatter",
        "mode": "markers",
        "name": "Time until all was filled, median",
        "x": labels,
        "y": [None if span is None else span.total_seconds() for span in spans],
        "text": [words.span(span) for span in spans],
        "hovertemplate": "%{x} bps<br>%{text}<extra></extra>",
        "yaxis": "y2",
        "marker": {"size": 11, "color": ORANGE, "symbol": "diamond"},
    }
    return chart(
        [ratios, times],
        "Shares filled, and time to fill",
        height=TALL,
        xaxis=axis("Offset in basis points", type="category", anchor="y2"),
        yaxis=axis("Per cent", domain=[0.55, 1], range=[0, 105]),
        yaxis2=axis("Seconds", domain=[0, 0.42], rangemode="tozero"),
    )


def _other_offsets(figures: Figures) -> Chart | None:
    other = figures.other_offsets
    if not any(one.orders for one in other.tried):
        return None
    offsets = [f"{one.offset_bps}" for one in other.tried]
    least = [_per_cent(one.least_filled) for one in other.tried]
    most = [_per_cent(one.most_filled) for one in other.tried]
    drawn = [
        dots("Filled at least" if least != most else "Filled, estimated", offsets, values=least, colour=BLUE),
        *(
            [{**dots("Filled at most", offsets, values=most, colour=SKY), "fill": "tonexty", "fillcolor": PALE}]
            if least != most
            else []
        ),
        level("Filled as sent", offsets, value=_per_cent(other.as_sent.least_filled), colour=BLUE),
    ]
    axis_x = axis("Offset in basis points", type="category")
    if not other.compared:
        return chart(drawn, "Shares filled, by offset", xaxis=axis_x, yaxis=axis("Per cent", range=[0, 105]))
    costs = [number(one.shortfall_bps) for one in other.tried]
    drawn += [
        {**dots("Shortfall, estimated", offsets, values=costs, colour=ORANGE), "yaxis": "y2"},
        {
            **level("Shortfall as sent", offsets, value=number(other.as_sent.shortfall_bps), colour=ORANGE),
            "yaxis": "y2",
        },
    ]
    return chart(
        drawn,
        "Shares filled and shortfall, by offset",
        height=TALL,
        xaxis={**axis_x, "anchor": "y2"},
        yaxis=axis("Per cent", domain=[0.55, 1], range=[0, 105]),
        yaxis2=axis("Basis points", domain=[0, 0.42]),
    )


def _per_cent(ratio: Decimal | None) -> float | None:
    return number(None if ratio is None else EXACT.multiply(ratio, Decimal(100)))


def _latencies(figures: Figures) -> Chart | None:
    if not figures.latencies.is_measured:
        return None
    bounds = [f"{bound:f}" for bound in BOUNDS_MS]
    labels = [f"to {bound}" for bound in bounds] + [f"over {bounds[-1]}"]
    counts = figures.latencies.counts
    used = [place for place, count in enumerate(counts) if count]
    first, last = used[0], used[-1] + 1
    return chart(
        [
            bars(
                "Orders",
                labels[first:last],
                values=[float(count) for count in counts[first:last]],
                colour=BLUE,
                hovertemplate="%{x} ms<br>%{y} orders<extra></extra>",
            )
        ],
        "Orders by latency",
        xaxis=axis("Milliseconds", type="category"),
        yaxis=axis("Orders", rangemode="tozero"),
    )


def _refusals(figures: Figures) -> Chart | None:
    if not figures.refusals:
        return None
    shown = figures.refusals[:_MOST_REASONS]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [one.count for one in shown],
        "y": [f"{place}" for place in range(len(shown))],
        "text": [f"{one.count}" for one in shown],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": BLUE},
        "hovertemplate": "%{x} times<extra></extra>",
    }
    labels = [_label(one.reason) for one in shown]
    places = [f"{place}" for place in range(len(shown))]
    return chart(
        [bars],
        "Refusals by reason",
        height=120 + 34 * len(shown),
        xaxis=axis("Times", rangemode="tozero", tick0=0, dtick=max(1, shown[0].count // 5)),
        yaxis=axis("", type="category", tickvals=places, ticktext=labels, autorange="reversed"),
    )


def _label(reason: str) -> str:
    """Return a reason that is short enough to stand beside its bar; the table has the whole of it."""
    return escape(reason if len(reason) <= _LONGEST_LABEL else f"{reason[: _LONGEST_LABEL - 3]}...")
