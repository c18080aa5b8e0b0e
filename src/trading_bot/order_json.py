"""The public JSON forms of orders and answers: decimals as text, times in UTC, absent facts as null, ``v`` in each."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:  # a form needs no more of what it shows than its attributes
    from trading_bot.bot import TradePreview, TradeResult
    from trading_bot.order_management.book.freezes import Freeze
    from trading_bot.order_management.cancel.cancel_all import CancelProgress
    from trading_bot.order_management.models import Execution, OrderEnvelope, OrderStatus, OrderTerms
    from trading_bot.order_management.portfolio import Position, UnreadPosition
    from trading_bot.order_management.results import CancelResult, SyncSummary
    from trading_bot.order_management.submit.pricing import PricePreview
    from trading_bot.order_management.sync.account_view import ShownPosition, ShownPositions
    from trading_bot.order_management.sync.external_orders import ExternalOrder
    from trading_bot.results.positions import PositionValue, ValuedPositions
    from trading_bot.risk.order_result import OrderResult
    from trading_bot.trades import ShownReview

from trading_bot.prose import dollars_in_words

JsonObject: TypeAlias = dict[str, object]

FORM_VERSION = 1
"""The ``v`` of every form; it rises when a key changes its meaning or goes."""


def amount_text(amount: Decimal | None) -> str | None:
    """Return every digit of an amount, never in scientific notation."""
    return None if amount is None else f"{amount:f}"


def money_text(amount: Decimal | None) -> str | None:
    """Return an amount with its cents and every further digit that counts."""
    return None if amount is None else dollars_in_words(amount)


def shares_text(quantity: Decimal) -> str:
    """Return a number of shares without the zeros that only say how finely the broker counts."""
    text = f"{quantity:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def moment_text(moment: datetime | None) -> str | None:
    """Return a time in UTC, to the microsecond, with a trailing Z."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def envelope_json(order: "OrderEnvelope") -> JsonObject:
    """Return an order as this program knows it."""
    return {
        "v": FORM_VERSION,
        "client_order_id": order.client_order_id,
        "order_id": order.order_id,
        "ref_id": order.ref_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "quantity": order.quantity,
        "limit_price": amount_text(order.limit_price),
        "stop_price": amount_text(order.stop_price),
        "waits_for_stop": order.waits_for_stop,
        "stop_triggered_at": moment_text(order.stop_triggered_at),
        "awaits_approval": order.awaits_approval,
        "approval_awaited_since": moment_text(order.approval_awaited_since),
        "reference_price": amount_text(order.reference_price),
        "time_in_force": order.time_in_force.value,
        "extended_hours": order.extended_hours,
        "state": order.state.value,
        "filled_quantity": shares_text(order.filled_quantity),
        "average_price": amount_text(order.average_price),
        "execution_mode": order.execution_mode.value,
        "strategy_name": order.strategy_name,
        "created_at": moment_text(order.created_at),
        "duplicate_of": order.duplicate_of,
        "reason": order.reason,
        "latency_ms": amount_text(order.latency_ms),
        "broker_state": order.broker_state,
        "state_is_known": order.state_is_known,
        "symbol_was": order.symbol_was,
        "correlation_id": order.correlation_id,
    }


def status_json(status: "OrderStatus") -> JsonObject:
    """Return an order as the broker last told it, with its executions."""
    return {
        "v": FORM_VERSION,
        "client_order_id": status.client_order_id,
        "order_id": status.order_id,
        "symbol": status.symbol,
        "side": status.side.value,
        "state": status.state.value,
        "quantity": shares_text(status.quantity),
        "filled_quantity": shares_text(status.filled_quantity),
        "remaining_quantity": shares_text(status.remaining_quantity),
        "average_price": amount_text(status.average_price),
        "limit_price": amount_text(status.limit_price),
        "stop_price": amount_text(status.stop_price),
        "waits_for_stop": status.waits_for_stop,
        "awaits_approval": status.awaits_approval,
        "reason": status.reason,
        "last_transaction_at": moment_text(status.last_transaction_at),
        "executions_outstanding": shares_text(status.executions_outstanding),
        "executions": [_execution_json(execution) for execution in status.executions],
        "broker_state": status.broker_state,
        "state_is_known": status.state_is_known,
    }


def _execution_json(execution: "Execution") -> JsonObject:
    return {
        "execution_id": execution.execution_id,
        "quantity": shares_text(execution.quantity),
        "price": amount_text(execution.price),
        "executed_at": moment_text(execution.executed_at),
    }


def order_result_json(result: "OrderResult | None") -> JsonObject | None:
    """Return what a sell order earned; null where it has sold nothing."""
    if result is None:
        return None
    return {
        "realised": amount_text(result.realised),
        "unknown_quantity": shares_text(result.unknown_quantity),
        "estimated_quantity": shares_text(result.estimated_quantity),
    }


def cancel_result_json(result: "CancelResult") -> JsonObject:
    """Return one order's end of a cancel request."""
    return {
        "v": FORM_VERSION,
        "client_order_id": result.client_order_id,
        "order_id": result.order_id,
        "symbol": result.symbol,
        "verdict": result.verdict.value,
        "proven_closed": result.is_proven_closed,
        "state": result.state.value,
        "filled_quantity": shares_text(result.filled_quantity),
        "reason": result.reason,
    }


def cancel_progress_json(progress: "CancelProgress") -> JsonObject:
    """Return how far a cancel of many orders is; it has no verdict, which a result has."""
    return {
        "v": FORM_VERSION,
        "cancels_asked": progress.asked,
        "cancels_wanted": progress.many,
        "over_within_s": round(progress.within_s, 1),
    }


def cancel_results_json(results: "Iterable[CancelResult]") -> JsonObject:
    """Return the end of a cancel request for many orders."""
    return {"v": FORM_VERSION, "results": [cancel_result_json(result) for result in results]}


def orders_json(orders: "Iterable[OrderEnvelope]") -> JsonObject:
    """Return several orders, in their order."""
    return {"v": FORM_VERSION, "orders": [envelope_json(order) for order in orders]}


def external_order_json(order: "ExternalOrder") -> JsonObject:
    """Return an open order placed elsewhere, as far as it can be read; ``problem`` says what cannot."""
    return {
        "v": FORM_VERSION,
        "order_id": order.order_id,
        "symbol": order.symbol,
        "instrument_id": order.instrument_id,
        "side": None if order.side is None else order.side.value,
        "remaining_quantity": None if order.remaining is None else shares_text(order.remaining),
        "limit_price": amount_text(order.limit_price),
        "stop_price": amount_text(order.stop_price),
        "waits_for_stop": order.waits_for_stop,
        "broker_state": order.broker_state,
        "problem": order.problem,
        "may_be": list(order.may_be),
    }


def position_json(position: "Position") -> JsonObject:
    """Return the shares of one symbol."""
    return {
        "v": FORM_VERSION,
        "symbol": position.symbol,
        "quantity": shares_text(position.quantity),
        "average_buy_price": amount_text(position.average_buy_price),
        "held_for_sells": shares_text(position.held_for_sells),
        "sellable": shares_text(position.sellable),
        "as_of": moment_text(position.as_of),
        "instrument_id": position.instrument_id,
    }


def positions_json(shown: "ShownPositions") -> JsonObject:
    """Return all positions by symbol, each with what our fills explain and what may be sold."""
    return {
        "v": FORM_VERSION,
        "positions": [shown_position_json(each) for each in shown.positions],
        "unread": [unread_json(row) for row in shown.unread],
    }


def valued_positions_json(valued: "ValuedPositions") -> JsonObject:
    """Return all positions with what they are worth; ``price_problem`` says why there are no prices."""
    rows = [{**shown_position_json(value.shown), **_value_json(value)} for value in valued.values]
    return {**positions_json(valued.shown), "positions": rows, "price_problem": valued.problem}


def _value_json(value: "PositionValue") -> JsonObject:
    return {
        "price": money_text(value.price),
        "value": money_text(value.value),
        "cost": None if value.cost is None else money_text(value.cost.dollars),
        "cost_from": None if value.cost is None else value.cost.source.value,
        "result": money_text(value.result),
    }


def unread_json(row: "UnreadPosition") -> JsonObject:
    """Return the row of a position that could not be read."""
    return {"name": row.name, "symbol": row.symbol, "instrument_id": row.instrument_id, "problem": row.problem}


def shown_position_json(shown: "ShownPosition") -> JsonObject:
    """Return one position with what our fills explain and what may be sold."""
    nothing = {"v": FORM_VERSION, "symbol": shown.symbol, "quantity": "0", "instrument_id": shown.instrument_id}
    return {
        **(nothing if shown.position is None else position_json(shown.position)),
        "symbol_was": shown.symbol_was,
        "expected": shares_text(shown.expected),
        "free": shares_text(shown.free.quantity),
        "differs": shown.differs,
    }


def sync_summary_json(summary: "SyncSummary") -> JsonObject:
    """Return what one synchronisation found and changed."""
    return {
        "v": FORM_VERSION,
        "complete": summary.complete,
        "open_orders": summary.open_orders,
        "fills_booked": summary.fills_booked,
        "orders_closed": summary.orders_closed,
        "external_orders": summary.external_orders,
        "problem": summary.problem,
        "is_view": summary.is_view,
        "notes": list(summary.notes),
        "differences": [
            {"symbol": each.symbol, "broker": shares_text(each.broker), "expected": shares_text(each.expected)}
            for each in summary.differences
        ],
    }


def trade_result_json(result: "TradeResult") -> JsonObject:
    """Return what became of a trade; ``order`` is null where there was no intent."""
    return {
        "v": FORM_VERSION,
        "status": result.status.value,
        "code": result.code,
        "message": result.message,
        "correlation_id": result.correlation_id,
        "order": envelope_json(result.envelope) if result.envelope else None,
    }


def preview_json(preview: "TradePreview") -> JsonObject:
    """Return the terms a trade would be sent with, and what would hold it up: null if nothing would."""
    return {
        "v": FORM_VERSION,
        "would_send": preview.refusal is None,
        "terms": _terms_json(preview.terms),
        **({"tick": _tick_json(preview.step)} if preview.step else {}),
        "refusal": trade_result_json(preview.refusal) if preview.refusal else None,
        **({"broker_review": _review_json(preview.review)} if preview.review else {}),
    }


def _review_json(review: "ShownReview") -> JsonObject:
    said = review.said
    alerts = () if said is None else said.alerts
    quote = None if said is None else said.quote
    return {
        "problem": review.problem,
        "alerts": [{"kind": each.kind, "details": [list(pair) for pair in each.details]} for each in alerts],
        "bid": None if quote is None else amount_text(quote.bid_price),
        "ask": None if quote is None else amount_text(quote.ask_price),
        "last": None if quote is None else amount_text(quote.last_price),
        "disclosure": None if said is None else said.disclosure,
    }


def _tick_json(step: "PricePreview") -> JsonObject:
    return {
        "size": amount_text(step.tick),
        "source": "instrument" if step.is_own_tick else "sec_rule_612",
        "problem": step.tick_problem,
    }


def _terms_json(terms: "OrderTerms") -> JsonObject:
    return {
        "symbol": terms.symbol,
        "side": terms.side.value,
        "quantity": terms.quantity,
        "limit_price": amount_text(terms.limit_price),
        "stop_price": amount_text(terms.stop_price),
        "notional": amount_text(terms.notional),
        "time_in_force": terms.time_in_force.value,
        "extended_hours": terms.extended_hours,
    }


def freeze_json(freeze: "Freeze") -> JsonObject:
    """Return one reason why entries are stopped; ``symbol`` is null for the whole account."""
    return {
        "v": FORM_VERSION,
        "symbol": freeze.symbol,
        "cause": freeze.cause and freeze.cause.value,
        "reason": freeze.reason,
        "by": freeze.by,
        "since": moment_text(freeze.since),
        "until": moment_text(freeze.until),
        "ended_by": freeze.ended_by.value,
        "remedy": freeze.remedy,
    }


def freezes_json(freezes: "Iterable[Freeze]", *, halted: str | None) -> JsonObject:
    """Return all that stops entries; ``halted`` is the first reason that stops them everywhere, or null."""
    return {"v": FORM_VERSION, "freezes": [freeze_json(freeze) for freeze in freezes], "halted": halted}
