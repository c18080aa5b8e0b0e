"""Results as JSON: amounts and shares as text with every digit, dates of the exchange, null for what is not known."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from trading_bot.account_summary import AccountSummary
from trading_bot.order_json import (
    FORM_VERSION,
    JsonObject,
    moment_text,
    money_text,
    shares_text,
)
from trading_bot.order_management.models import EXACT, exact_sum
from trading_bot.results.history import TradeFill, Valuation
from trading_bot.results.lots import ClosedLot, OpenLot, Term
from trading_bot.results.realised import Realised
from trading_bot.results.tie_out import TieOut, Verdict


def fill_json(fill: TradeFill, closed: Sequence[ClosedLot] = ()) -> JsonObject:
    """Return one fill; ``closed`` are the lots that it closed, if it is one of a sell."""
    return {
        "executed_at": moment_text(fill.executed_at),
        "symbol": fill.symbol,
        "side": fill.side.value,
        "quantity": shares_text(fill.quantity),
        "price": money_text(fill.price),
        "amount": money_text(fill.amount),
        "fees": money_text(fill.fees),
        "result": money_text(known_result(closed)),
        "unknown_quantity": shares_text(exact_sum(lot.quantity for lot in closed if lot.cost is None)),
        "reference_price": money_text(fill.reference_price),
        "client_order_id": fill.client_order_id,
        "order_id": fill.order_id,
        "execution_id": fill.execution_id,
        "strategy_name": fill.strategy_name,
        "is_estimate": fill.is_estimate,
    }


def closed_lot_json(lot: ClosedLot) -> JsonObject:
    """Return shares that were bought together and sold together."""
    return {
        "symbol": lot.symbol,
        "quantity": shares_text(lot.quantity),
        "acquired_on": _date_text(lot.acquired_on),
        "sold_on": _date_text(lot.sold_on),
        "cost": money_text(lot.cost),
        "proceeds": money_text(lot.proceeds),
        "result": money_text(lot.result),
        "buy_fees": money_text(lot.buy_fees),
        "sell_fees": money_text(lot.sell_fees),
        "term": lot.term,
        "wash_sale": None if lot.repurchase is None else _repurchase_json(lot.repurchase),
        "bought_by": None if lot.bought is None else lot.bought.client_order_id,
        "sold_by": lot.sold.client_order_id,
        "strategy_name": lot.sold.strategy_name,
        "is_estimate": lot.sold.is_estimate or (lot.bought is not None and lot.bought.is_estimate),
    }


def _repurchase_json(fill: TradeFill) -> JsonObject:
    return {"bought_at": moment_text(fill.executed_at), "client_order_id": fill.client_order_id}


def open_lot_json(lot: OpenLot) -> JsonObject:
    """Return shares that are held."""
    average = None if lot.cost is None else EXACT.divide(lot.cost, lot.quantity).quantize(Decimal("0.0001"))
    return {
        "symbol": lot.symbol,
        "quantity": shares_text(lot.quantity),
        "acquired_on": _date_text(lot.acquired_on),
        "cost": money_text(lot.cost),
        "average": money_text(average),
        "bought_by": None if lot.bought is None else lot.bought.client_order_id,
        "since": moment_text(lot.since),
    }


def summary_json(summary: AccountSummary) -> JsonObject:
    """Return what an account comes to."""
    return {
        "v": FORM_VERSION,
        "as_of": moment_text(summary.as_of),
        "cash": money_text(summary.cash),
        "buying_power": money_text(summary.buying_power),
        "equity": money_text(summary.equity),
        "equity_from": summary.equity_from,
        "realised_today": money_text(summary.realised_today),
        "unrealised_today": money_text(summary.unrealised_today),
        "realised": money_text(summary.realised),
        "unrealised": money_text(summary.unrealised),
        "unknown_sales_today": summary.unknown_sales_today,
        "unknown_sales": summary.unknown_sales,
        "unmarked": list(summary.unmarked),
        "unknown_cost": list(summary.unknown_cost),
        "problems": list(summary.problems),
    }


def recorded_account_json(valuation: Valuation | None, realised: Realised) -> JsonObject:
    """Return what the journal alone says of an account, under the keys of `summary_json`."""
    worth = valuation
    return {
        "v": FORM_VERSION,
        "as_of": None if worth is None else moment_text(worth.at),
        "cash": None if worth is None else money_text(worth.cash),
        "buying_power": None if worth is None else money_text(worth.buying_power),
        "equity": None if worth is None else money_text(worth.equity),
        "equity_from": None if worth is None else worth.equity_from,
        "realised_today": money_text(realised.today),
        "unrealised_today": None,
        "realised": money_text(realised.total),
        "unrealised": None,
        "unknown_sales_today": realised.unknown_today,
        "unknown_sales": realised.unknown,
        "unmarked": [],
        "unknown_cost": [],
        "problems": [] if worth is not None else ["no worth of the account is on record yet"],
    }


def tie_out_json(found: TieOut) -> JsonObject:
    """Return how cash and shares compare with the broker's."""
    return {
        "v": FORM_VERSION,
        "verdict": found.verdict.value,
        "as_of": moment_text(found.reading.at),
        "since": moment_text(found.since),
        "cash": money_text(found.reading.cash),
        "expected": money_text(found.expected),
        "difference": money_text(found.difference),
        "tolerated": money_text(found.tolerated),
        "explained": money_text(found.explained),
        "reason": found.reason if found.verdict in (Verdict.LESS, Verdict.NOT_TOLD) else None,
        "shares": [
            {"symbol": one.symbol, "broker": shares_text(one.broker), "expected": shares_text(one.expected)}
            for one in found.reading.shares
        ],
    }


def closed_totals_json(lots: Sequence[ClosedLot]) -> JsonObject:
    """Return what closed lots add up to; a result covers the lots whose cost is known."""
    return {
        "v": FORM_VERSION,
        "lots": len(lots),
        "proceeds": money_text(exact_sum(lot.proceeds for lot in lots)),
        "result": money_text(known_result(lots)),
        "short_term": money_text(known_result([lot for lot in lots if lot.term is not Term.LONG])),
        "long_term": money_text(known_result([lot for lot in lots if lot.term is Term.LONG])),
        "unknown_cost": sum(lot.cost is None for lot in lots),
        "fees": money_text(known_fees(lots)),
        "unknown_fees": sum(None in (lot.buy_fees, lot.sell_fees) for lot in lots),
        "flagged": sum(lot.repurchase is not None for lot in lots),
    }


def known_result(lots: Iterable[ClosedLot]) -> Decimal | None:
    """Add up the results that are known; None where there are lots and none is known, or there are none."""
    known = [lot.result for lot in lots if lot.result is not None]
    return exact_sum(known) if known else None


def known_fees(lots: Iterable[ClosedLot]) -> Decimal | None:
    """Add up the fees that are known, of buying and selling; None where none is known."""
    known = [fees for lot in lots for fees in (lot.buy_fees, lot.sell_fees) if fees is not None]
    return exact_sum(known) if known else None


def _date_text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
