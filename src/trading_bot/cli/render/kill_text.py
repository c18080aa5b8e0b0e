"""A kill's report and its progress: as one JSON object, and as the page a person works through."""

from collections.abc import Iterator

from trading_bot.cli.render.text import dollars, shares, stop_words
from trading_bot.kill.progress import KillProgress, Stage
from trading_bot.kill.report import HeldShares, Holdings, KilledOrder, KillReport
from trading_bot.order_json import JsonObject, amount_text, envelope_json
from trading_bot.order_management.models import OrderEnvelope, OrderReport


def kill_json(report: KillReport) -> JsonObject:
    """Return the report as one object."""
    return {
        "v": 1,
        "account": report.account,
        "verdict": report.verdict.lower().replace(" ", "_"),
        "confirmed": report.is_confirmed,
        "covers": report.covers,
        "headline": report.headline,
        "latch_engaged": report.latch_engaged,
        "by": report.by,
        "reason": report.reason,
        "problems": list(report.problems),
        "orders": [_order_json(order) for order in report.orders],
        "may_be_live": [order.order_id for order in report.may_be_live],
        "unresolved": [envelope_json(order) for order in report.unresolved],
        "unjournaled": [order.order_id for order in report.unjournaled],
        "protective": [_external_json(order) for order in report.protective],
        "external": [_external_json(order) for order in report.external],
        "external_unread": list(report.external_ids),
        "possibly_ours": list(report.possibly_ours),
        "held": [_held_json(held) for held in report.holdings.shares],
        "held_problem": report.holdings.problem,
        "notes": list(report.notes),
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
        "awaits_approval": order.awaits_approval,
    }


def _external_json(order: OrderReport) -> JsonObject:
    return {
        "order_id": order.order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "quantity": amount_text(order.quantity),
        "limit_price": amount_text(order.limit_price),
        "stop_price": amount_text(order.stop_price),
    }


def _held_json(held: HeldShares) -> JsonObject:
    return {
        "symbol": held.symbol,
        "quantity": amount_text(held.quantity),
        "unprotected": amount_text(held.unprotected),
    }


def kill_lines(report: KillReport) -> Iterator[str]:
    """Tell the verdict first, then what may be live, then what a person has to do."""
    yield report.headline
    if report.is_confirmed:
        yield report.covers
    yield from (f"not confirmed because {problem}" for problem in report.problems)
    yield from (f"may be live: {_order_line(order)}" for order in report.may_be_live)
    yield from (f"may be live: {_unresolved_line(order)}" for order in report.unresolved)
    yield from (f"traded before it ended: {_order_line(order)}" for order in report.with_fills)
    yield from (f"with our mark and in no record of ours: {_order_line(order)}" for order in report.unjournaled)
    yield from (f"may be ours, names no sender, and left alone: {order_id}" for order_id in report.possibly_ours)
    yield from (f"protective, and left in place: {_external_line(order)}" for order in report.protective)
    yield from (f"placed elsewhere and left alone: {_external_line(order)}" for order in report.external)
    yield from (f"placed elsewhere, unreadable and left alone: {order_id}" for order_id in report.external_ids)
    yield from _held_lines(report.holdings)
    yield from (f"note: {note}" for note in report.notes)
    yield from (f"{number}. {step}" for number, step in enumerate(report.manual_procedure, start=1))
    yield _record_line(report)


def _order_line(order: KilledOrder) -> str:
    terms = f"{order.side or 'order'} {shares(order.quantity)} {order.symbol}" if order.quantity else "order"
    limit = f" limit {dollars(order.limit_price)}" if order.limit_price is not None else ""
    filled = f", {shares(order.filled_quantity)} filled" if order.filled_quantity else ""
    decline = "; decline it in the Robinhood app on your phone" if order.awaits_approval else ""
    return f"{terms}{limit}{filled}, broker's order id {order.order_id}{decline}"


def _unresolved_line(order: OrderEnvelope) -> str:
    return (
        f"{order.side} {order.quantity} {order.symbol} limit {dollars(order.limit_price)}, "
        f"client order id {order.client_order_id}: it is not known whether the broker has it"
    )


def _external_line(order: OrderReport) -> str:
    terms = f"{order.side} {shares(order.quantity)} {order.symbol}{stop_words(order.stop_price)}"
    return f"{terms} limit {dollars(order.limit_price)}, {order.order_id}"


def _held_lines(holdings: Holdings) -> Iterator[str]:
    for held in holdings.shares:
        bare = f", {shares(held.unprotected)} of them without a resting stop" if held.unprotected else ""
        yield f"still held: {shares(held.quantity)} {held.symbol}{bare}"
    if holdings.problem is not None:
        yield f"shares still held are not known in full: {holdings.problem}"


def progress_text(progress: KillProgress) -> str:
    """Put one step of a kill into words."""
    within = "" if progress.verdict_within_s is None else f"; a verdict comes within {progress.verdict_within_s:.0f} s"
    asking = f"asking for {progress.total} cancels, entries before exits and the largest first{within}"
    texts = {
        Stage.TRADING_OFF: f"trading is off{within}, and some more for each order that is open",
        Stage.ASKING: f"{progress.count} of {progress.total} cancels answered" if progress.count else asking,
        Stage.OPEN: f"{progress.count} of our orders are open at the broker",
    }
    return texts[progress.stage]


def _record_line(report: KillReport) -> str:
    if report.side_file is None:
        return f"this kill is on record nowhere: {report.side_file_problem or 'no reason is known'}"
    doubt = f" ({report.side_file_problem})" if report.side_file_problem else ""
    return f"record of this kill: {report.side_file}{doubt}"
