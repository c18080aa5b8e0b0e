"""The figures as one JSON object: decimals as text, moments in UTC, unknown as null. Pure."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from trading_bot.order_json import moment_text
from trading_bot.prose import shares_in_words
from trading_bot.report.curve import Curve
from trading_bot.report.figures import Figures, Period, SymbolPrices
from trading_bot.report.fill_quality import OffsetFills
from trading_bot.report.latencies import BOUNDS_MS, Latencies
from trading_bot.report.numbers import seconds
from trading_bot.report.other_offsets import OtherOffsets, Outcome
from trading_bot.report.shortfall import Shortfall

JsonObject = dict[str, object]

_CENT = Decimal("0.01")
_FINE = Decimal("0.0001")


def figures_json(figures: Figures) -> JsonObject:
    """Return every figure; ratios are 0 to 1, basis points and ratios to four places, dollars to the cent."""
    return {
        "period": _period(figures.period),
        "orders": figures.orders,
        "orders_by_state": {state.value: count for state, count in sorted(figures.by_state.items())},
        "shares_ordered": shares_in_words(figures.ordered),
        "shares_filled": shares_in_words(figures.filled),
        "fill_ratio": _fine(figures.fill_ratio),
        "curve": _curve(figures.curve),
        "fills": {symbol: _fills(prices) for symbol, prices in figures.prices.items()},
        "shortfall": _shortfall(figures.shortfall),
        "shortfall_by_symbol": {symbol: _shortfall(one) for symbol, one in figures.shortfalls.items()},
        "offsets": [_offset(one) for one in figures.offsets],
        "other_offsets": _other_offsets(figures.other_offsets),
        "latency": _latency(figures.latencies),
        "refusals": [{"by": one.by.value, "reason": one.reason, "count": one.count} for one in figures.refusals],
        "unreadable_trade_lines": figures.unreadable_trades,
        "doubts": [
            {"about": one.about, "since": moment_text(one.since), "what": one.what, "remedy": one.remedy}
            for one in figures.doubts
        ],
    }


def _period(period: Period) -> JsonObject:
    return {
        "mode": None if period.mode is None else period.mode.value,
        "begin": moment_text(period.begin),
        "end": moment_text(period.end),
        "made_at": moment_text(period.made_at),
        "records": period.records,
    }


def _curve(curve: Curve) -> JsonObject:
    deepest = curve.deepest
    return {
        "basis": curve.basis.value,
        "change": _cents(curve.change),
        "realised": _cents(curve.realised),
        "unknown_sales": curve.unknown_sales,
        "deepest_drawdown": None if deepest is None else _cents(deepest.drawdown),
        "deepest_drawdown_at": None if deepest is None else moment_text(deepest.at),
        "deepest_drawdown_ratio": _fine(curve.deepest_ratio),
        "points": [
            {"at": moment_text(point.at), "value": _cents(point.value), "drawdown": _cents(point.drawdown)}
            for point in curve.points
        ],
    }


def _fills(prices: SymbolPrices) -> JsonObject:
    return {
        "recorded_quotes": len(prices.quotes),
        "fills": [
            {
                "at": moment_text(fill.at),
                "side": "buy" if fill.is_buy else "sell",
                "quantity": shares_in_words(fill.quantity),
                "price": f"{fill.price:f}",
            }
            for fill in prices.fills
        ],
    }


def _shortfall(one: Shortfall) -> JsonObject:
    return {
        "orders": one.orders,
        "ordered": _cents(one.ordered),
        "filled": _cents(one.filled),
        "slippage": _cents(one.slippage),
        "slippage_bps": _fine(one.slippage_bps),
        "missed": _cents(one.missed),
        "missed_shares": shares_in_words(one.missed_shares),
        "missed_unknown_shares": shares_in_words(one.missed_unknown),
        "total": _cents(one.total),
        "total_bps": _fine(one.total_bps),
    }


def _offset(one: OffsetFills) -> JsonObject:
    return {
        "offset_bps": one.offset_bps,
        "orders": one.orders,
        "filled_in_full": one.filled_in_full,
        "fill_ratio": _fine(one.fill_ratio),
        "first_fill_s": _seconds(one.to_first_fill),
        "full_fill_s": _seconds(one.to_full_fill),
    }


def _other_offsets(other: OtherOffsets) -> JsonObject:
    return {
        "compared_orders": other.compared,
        "orders_with_quotes": other.by_quotes,
        "tried": [_outcome(one) for one in other.tried],
        "as_sent": _outcome(other.as_sent),
    }


def _outcome(one: Outcome) -> JsonObject:
    return {
        "offset_bps": one.offset_bps,
        "orders": one.orders,
        "unknown": one.unknown,
        "filled_in_full": one.filled_orders,
        "least_filled_ratio": _fine(one.least_filled),
        "most_filled_ratio": _fine(one.most_filled),
        "full_fill_s": _seconds(one.to_fill),
        "shortfall_bps": _fine(one.shortfall_bps),
    }


def _latency(latencies: Latencies) -> Mapping[str, object]:
    bounds = (*map(str, BOUNDS_MS), None)
    counts = zip(bounds, latencies.counts, strict=True)
    return {
        "measured": len(latencies.measured) if latencies.is_measured else 0,
        "without_reply": latencies.without_reply,
        "clock_stood_still": bool(latencies.measured) and not latencies.is_measured,
        **{f"p{part}_ms": _fine(latencies.percentile(part)) for part in (50, 90, 99, 100)},
        "histogram": [{"up_to_ms": bound, "orders": count} for bound, count in counts] if latencies.is_measured else [],
    }


def _cents(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.quantize(_CENT, ROUND_HALF_EVEN):f}"


def _fine(number: Decimal | None) -> str | None:
    return None if number is None else f"{number.quantize(_FINE, ROUND_HALF_EVEN):f}"


def _seconds(span: timedelta | None) -> str | None:
    return None if span is None else f"{seconds(span):f}"
