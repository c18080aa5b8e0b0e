"""A kill's report: as one JSON object, and as the page a person works through."""

from collections.abc import Iterator

from trading_bot.cli.text import dollars, shares
from trading_bot.kill.report import KilledOrder, KillReport
from trading_bot.order_json import JsonObject, amount_text, envelope_json
from trading_bot.order_management.models import OrderEnvelope, OrderReport


def kill_json(report: KillReport) -> JsonObject:
    """Return the report as one object."""
    return {
        "v": 1,
        "account": report.account,
        "flat": report.is_flat,
        "headline": report.headline,
        "latch_engaged": report.latch_engaged,
        "by": report.by,
        "reason": report.reason,
        "problems": list(report.problems),
        "orders": [_order_json(order) for order in report.orders],
        "may_be_live": [order.order_id for order in report.may_be_live],
        "unresolved": [envelope_json(order) for order in report.unresolved],
        "external": [_external_json(order) for order in report.external],
        "manual_procedure": list(report.manual_procedure),
        "record": str(report.side_file) if report.side_file else None,
        "record_problem": report.side_file_problem,
    }


def _order_json(order: KilledOrder) -> JsonObject:
    return {
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": order.side.value if order.side else None,
        "quantity": amount_text(order.quantity),
        "limit_price": amount_text(order.limit_price),
        "filled_quantity": amount_text(order.filled_quantity),
        "state": order.state.value if order.state else None,
        "proven_ended": order.is_proven_ended,
    }


def _external_json(order: OrderReport) -> JsonObject:
    return {
        "order_id": order.order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "quantity": amount_text(order.quantity),
        "limit_price": amount_text(order.limit_price),
    }


def kill_lines(report: KillReport) -> Iterator[str]:
    """Tell the verdict first, then what may be live, then what a person has to do."""
    yield report.headline
    yield from (f"not confirmed because {problem}" for problem in report.problems)
    yield from (f"may be live: {_order_line(order)}" for order in report.may_be_live)
    yield from (f"may be live: {_unresolved_line(order)}" for order in report.unresolved)
    yield from (f"traded before it ended: {_order_line(order)}" for order in report.with_fills)
    yield from (f"placed elsewhere and left alone: {_external_line(order)}" for order in report.external)
    yield from (f"{number}. {step}" for number, step in enumerate(report.manual_procedure, start=1))
    yield _record_line(report)


def _order_line(order: KilledOrder) -> str:
    terms = f"{order.side or 'order'} {shares(order.quantity)} {order.symbol}" if order.quantity else "order"
    limit = f" limit {dollars(order.limit_price)}" if order.limit_price is not None else ""
    filled = f", {shares(order.filled_quantity)} filled" if order.filled_quantity else ""
    return f"{terms}{limit}{filled}, broker's order id {order.order_id}"


def _unresolved_line(order: OrderEnvelope) -> str:
    return (
        f"{order.side} {order.quantity} {order.symbol} limit {dollars(order.limit_price)}, "
        f"client order id {order.client_order_id}: it is not known whether the broker has it"
    )


def _external_line(order: OrderReport) -> str:
    return f"{order.side} {shares(order.quantity)} {order.symbol} limit {dollars(order.limit_price)}, {order.order_id}"


def _record_line(report: KillReport) -> str:
    if report.side_file is None:
        return f"this kill is on record nowhere: {report.side_file_problem or 'no reason is known'}"
    doubt = f" ({report.side_file_problem})" if report.side_file_problem else ""
    return f"record of this kill: {report.side_file}{doubt}"
