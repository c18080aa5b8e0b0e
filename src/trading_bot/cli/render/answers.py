"""The answers of operations as text for people. They are JSON objects, whichever process gave them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias
from zoneinfo import ZoneInfo

from trading_bot.cli.render.text import average, cents, dollars, exchange_time, shares, signed, stop_words
from trading_bot.prose import typed

Answer: TypeAlias = Mapping[str, object]

ORDER_HEADINGS = ("client order id", "symbol", "side", "state", "filled", "limit", "average", "strategy", "placed")
EXTERNAL_HEADINGS = ("placed elsewhere", "symbol", "side", "state", "left", "limit", "what is not understood")
_ENDS = frozenset({"filled", "cancelled", "rejected", "not_sent", "never_accepted"})
_SYNC_FIRST = "run 'trading-bot sync', because a fill may not be booked yet; if they still differ and "
_IN_DOUBT = frozenset({"pending_submit", "unknown", "presumed_absent"})
POSITION_HEADINGS = ("symbol", "held", "free", "average", "price", "value", "result", "cost by")


def part(answer: Answer, key: str) -> Answer | None:
    """Return the object under ``key``, or None where there is none."""
    value = answer.get(key)
    return value if isinstance(value, Mapping) else None


def parts(answer: Answer, key: str) -> tuple[Answer, ...]:
    """Return the objects of the list under ``key``."""
    value = answer.get(key)
    return tuple(each for each in value if isinstance(each, Mapping)) if isinstance(value, Sequence) else ()


def listed(answer: Answer, key: str) -> list[object]:
    """Return the list under ``key``; an empty one where there is none."""
    value = answer.get(key)
    return value if isinstance(value, list) else []


def text(answer: Answer, key: str) -> str:
    """Return a value as text; an absent one as a dash."""
    value = answer.get(key)
    return "-" if value is None else str(value)


def amount(answer: Answer, key: str) -> Decimal | None:
    """Return a figure, which the answers carry as text."""
    value = answer.get(key)
    return None if value is None else Decimal(str(value))


def trade_lines(answer: Answer) -> tuple[str, ...]:
    """Say what became of a trade; why it did not reach the broker is the error's to tell."""
    said = (text(answer, "message"),) if answer.get("status") == "submitted" else ()
    order = part(answer, "order")
    return (*said, *_order_names(order)) if order else said


def _order_names(order: Answer) -> tuple[str, ...]:
    stop = f"stop {_dollars(order, 'stop_price')}, " if order.get("stop_price") else ""
    prices = f"{stop}limit {_dollars(order, 'limit_price')}, reference {_dollars(order, 'reference_price')}"
    return (
        f"client order id {text(order, 'client_order_id')}, broker's order id {text(order, 'order_id')}",
        f"{prices}, {text(order, 'time_in_force')}, {_words(order, 'state')}",
        *_approval_lines(order),
    )


def order_rows(orders: Iterable[Answer], zone: ZoneInfo) -> tuple[tuple[str, ...], ...]:
    """Return one row an order under `ORDER_HEADINGS`."""
    return tuple(
        (
            text(order, "client_order_id"),
            symbol_text(order),
            text(order, "side"),
            state_text(order),
            filled_text(order),
            _dollars(order, "limit_price"),
            average(amount(order, "average_price")),
            text(order, "strategy_name"),
            moment(order, "created_at", zone),
        )
        for order in orders
    )


def status_lines(order: Answer, zone: ZoneInfo) -> tuple[str, ...]:
    """Tell one order and its fills."""
    reason = f" ({order['reason']})" if order.get("reason") else ""
    return (
        f"{wanted(order)} limit {_dollars(order, 'limit_price')}: {state_text(order)}{reason}",
        f"client order id {text(order, 'client_order_id')}, broker's order id {text(order, 'order_id')}",
        f"filled {filled_text(order)}, average {average(amount(order, 'average_price'))}",
        *_outstanding_lines(order),
        *(_fill_line(fill, zone) for fill in parts(order, "executions")),
        *_approval_lines(order),
        *_puzzle(order),
    )


def _approval_lines(order: Answer) -> tuple[str, ...]:
    said = "it does not work until you approve it in the Robinhood app; its shares or its money are reserved"
    return (said,) if awaits_approval(order) else ()


def _outstanding_lines(order: Answer) -> tuple[str, ...]:
    missing = amount(order, "executions_outstanding")
    if not missing:
        return ()
    meanwhile = "they count by total and average until the broker lists them"
    return (f"the executions of {shares(missing)} shares are outstanding: {meanwhile}",)


def _puzzle(order: Answer) -> tuple[str, ...]:
    if not _is_puzzling(order):
        return ()
    name = text(order, "client_order_id")
    word = text(order, "broker_state")
    said = f"the broker's word '{word}' is not known here, so the order counts as working"
    return (said, f"if it has ended, run {typed('resolve', name, '--as', 'cancelled')} (or filled)")


def _is_puzzling(order: Answer) -> bool:
    return order.get("state_is_known") is False and order.get("state") not in _ENDS


def state_text(order: Answer) -> str:
    """Return an order's state, with the broker's own word where that is not known here."""
    said = f" (the broker says {text(order, 'broker_state')!r})" if _is_puzzling(order) else ""
    if awaits_approval(order):
        return f"awaits approval{said}"
    if order.get("stop_price") is None or order.get("state") in {*_IN_DOUBT, *_ENDS}:
        return f"{_words(order, 'state')}{said}"
    if is_waiting(order):
        return f"waiting for {_dollars(order, 'stop_price')}{said}"
    return f"{_words(order, 'state')}, stop reached{said}"


def is_waiting(order: Answer) -> bool:
    """Whether an order certainly rests until its stop price is reached."""
    is_there = order.get("state") not in _IN_DOUBT and not awaits_approval(order)
    return order.get("waits_for_stop") is True and is_there


def awaits_approval(order: Answer) -> bool:
    """Whether an order does not work until the account's owner approves it, and no cancel of it is under way."""
    return order.get("awaits_approval") is True and order.get("state") != "pending_cancel"


def symbol_text(answer: Answer) -> str:
    """Return the symbol, and its former name if it was renamed."""
    was = answer.get("symbol_was")
    return f"{text(answer, 'symbol')} (was {was})" if was else text(answer, "symbol")


def external_rows(orders: Iterable[Answer]) -> tuple[tuple[str, ...], ...]:
    """Return one row an order placed elsewhere under `EXTERNAL_HEADINGS`."""
    return tuple(
        (
            text(order, "order_id"),
            text(order, "symbol") if order.get("symbol") else text(order, "instrument_id"),
            text(order, "side"),
            _state_elsewhere(order),
            text(order, "remaining_quantity"),
            _dollars(order, "limit_price"),
            not_understood(order),
        )
        for order in orders
    )


def _state_elsewhere(order: Answer) -> str:
    return (
        f"waiting for {_dollars(order, 'stop_price')}" if order.get("waits_for_stop") else text(order, "broker_state")
    )


def not_understood(order: Answer) -> str:
    """Return what is not understood of an order placed elsewhere; a dash where it is understood."""
    may_be = order.get("may_be")
    if isinstance(may_be, Sequence) and may_be:
        return f"may be our order {may_be[0]}"
    return text(order, "problem")


def orders_notes(answer: Answer) -> tuple[str, ...]:
    """Say how many open orders of the account were placed elsewhere, where they are not listed."""
    if "external_orders" not in answer or "external" in answer or "recorded_until" in answer:
        return ()
    count = answer["external_orders"]
    if count is None:
        return ("whether orders placed elsewhere are open is not known: the broker's list was not read in full",)
    listed = "list them with --all-origins"
    return (f"{count} open order{'s were' if count != 1 else ' was'} placed elsewhere; {listed}",) if count else ()


def _fill_line(fill: Answer, zone: ZoneInfo) -> str:
    quantity, price = amount(fill, "quantity") or Decimal(0), amount(fill, "price")
    return f"  {moment(fill, 'executed_at', zone)}  {shares(quantity)} at {average(price)}"


def cancel_line(result: Answer) -> str:
    """Say how one order's cancel ended, or how far it is with many."""
    if "cancels_wanted" in result:
        asked = f"{result['cancels_asked']} of {result['cancels_wanted']} cancels asked for, the largest first"
        return f"{asked}; all is over within {result['over_within_s']:.0f} s"
    reason = f" ({result['reason']})" if result.get("reason") else ""
    filled = amount(result, "filled_quantity")
    kept = f", {shares(filled)} filled" if filled else ""
    name = text(result, "client_order_id") if result.get("client_order_id") else text(result, "order_id")
    return f"{_words(result, 'verdict')}: {text(result, 'symbol')} order {name}{kept}{reason}"


def sync_lines(summary: Answer) -> tuple[str, ...]:
    """Say what a synchronisation found, and what concerns single orders or symbols."""
    notes = summary.get("notes")
    return (
        _sync_line(summary),
        *(str(note) for note in (notes if isinstance(notes, Sequence) else ())),
        *(difference_line(each) for each in parts(summary, "differences")),
    )


def difference_line(each: Answer, *, first: str = "") -> str:
    """Say how the broker's position differs from ours, what to do ``first``, and what accepts it."""
    return (
        f"{text(each, 'symbol')}: the broker shows {text(each, 'broker')}, our fills explain {text(each, 'expected')}; "
        f"{first or 'if '}the broker is right, run {typed('accept-position', text(each, 'symbol'))}"
    )


def _sync_line(summary: Answer) -> str:
    return (
        f"{text(summary, 'open_orders')} open, {text(summary, 'fills_booked')} fills booked, "
        f"{text(summary, 'orders_closed')} closed, {text(summary, 'external_orders')} placed elsewhere"
    )


def position_rows(positions: Iterable[Answer]) -> tuple[tuple[str, ...], ...]:
    """Return one row a position under `POSITION_HEADINGS`."""
    return tuple(
        (
            symbol_text(each),
            shares(amount(each, "quantity") or Decimal(0)),
            shares(amount(each, "free") or Decimal(0)),
            average(amount(each, "average_buy_price")),
            average(amount(each, "price")),
            cents(amount(each, "value")),
            signed(amount(each, "result")),
            str(each.get("cost_from") or "unknown"),
        )
        for each in positions
    )


def position_notes(answer: Answer) -> tuple[str, ...]:
    """Say which positions our fills do not explain, and which could not be read."""
    differing = (each for each in parts(answer, "positions") if each.get("differs"))
    return (
        *((text(answer, "problem"),) if answer.get("problem") else ()),
        *_price_notes(answer),
        *(difference_line({**each, "broker": each.get("quantity")}, first=_SYNC_FIRST) for each in differing),
        *(
            f"{text(row, 'name')} cannot be read ({text(row, 'problem')}); it is neither bought nor sold here"
            for row in parts(answer, "unread")
        ),
    )


def _price_notes(answer: Answer) -> tuple[str, ...]:
    if answer.get("price_problem"):
        return (f"the prices could not be read: {text(answer, 'price_problem')}",)
    positions = parts(answer, "positions")
    is_recorded = "recorded_until" in answer and any(each.get("quantity") != "0" for each in positions)
    return ("what they are worth needs the broker's prices: a running bot reads them",) if is_recorded else ()


def recorded_note(answer: Answer, zone: ZoneInfo) -> str | None:
    """Say of an answer from the journal alone how old it is; None of any other, and of a journal without a record."""
    if answer.get("recorded_until") is None:
        return None
    until = moment(answer, "recorded_until", zone)
    return f"no bot was asked: this is what was on record at {until}; 'trading-bot sync' asks the broker"


def filled_text(order: Answer) -> str:
    """Return filled shares over all shares."""
    return f"{shares(amount(order, 'filled_quantity') or Decimal(0))} / {text(order, 'quantity')}"


def moment(answer: Answer, key: str, zone: ZoneInfo) -> str:
    """Return a time as day and exchange time with its zone; an absent one as a dash."""
    value = answer.get(key)
    if value is None:
        return "-"
    instant = datetime.fromisoformat(str(value))
    return f"{instant.astimezone(zone):%Y-%m-%d} {exchange_time(instant, zone)}"


def replaced_lines(answer: Answer) -> tuple[str, ...]:
    """Say which order stands for a replaced one."""
    order = part(answer, "order") or {}
    if not answer.get("is_new"):
        return (f"{symbol_text(order)}: order {text(answer, 'replaced')} has filled, so nothing was left to replace",)
    said = f"{wanted(order)} in place of order {text(answer, 'replaced')}, which is cancelled"
    return (said, *_order_names(order))


def kept_lines(answer: Answer) -> tuple[str, ...]:
    """Name the stops that a cancel of everything left at the broker."""
    return tuple(
        f"left in place: {wanted(order)} limit {_dollars(order, 'limit_price')}, {state_text(order)} "
        f"({text(order, 'client_order_id')}); it protects the position: 'trading-bot cancel-all --all' takes it too"
        for order in parts(answer, "kept")
    )


def wanted(order: Answer) -> str:
    """Return side, shares and symbol, with the stop price where there is one."""
    stop = stop_words(amount(order, "stop_price"))
    return f"{text(order, 'side')} {text(order, 'quantity')} {text(order, 'symbol')}{stop}"


def _dollars(answer: Answer, key: str) -> str:
    return dollars(amount(answer, key))


def _words(answer: Answer, key: str) -> str:
    return text(answer, key).replace("_", " ")
