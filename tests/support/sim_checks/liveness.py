"""What must come true once the faults have ended, and that every call ends. L1 to L3."""

from collections.abc import Iterator, Mapping

from tests.support.sim_checks.view import View
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderEnvelope, OrderState
from trading_bot.order_management.submit.halts import StoppedBy

LONGEST_CALLS_S: Mapping[str, float] = {
    "trade": 20,  # submit_deadline_s, its reads included
    "status": 10,  # request_timeout_s
    "cancel": 30 + 20,  # cancel_deadline_s, and the lists before and after
    "exit": 30 + 3 * 20,  # cancel_deadline_s and three submits
    "sync": 60,
    "boot": 90,
    "decide": 60,
    "prune": 1,
    "stop": 5,
    "flatten": 30 + 20,  # the entries are cancelled, and the positions read; each exit is one of its own
}
"""Seconds by which each call has returned or raised, whatever the broker does. One that is not here is an error."""


def l1_settles(view: View) -> Iterator[str]:
    """L1: a few minutes after the last fault nothing is in doubt, and both sides agree."""
    world = view.world
    if world.bot is None:
        return
    orders = {str(order.ref_id): order for order in world.bot.orders()}
    for order in orders.values():
        is_resembled = order.symbol in world.odd_symbols  # a row that may be it proves no absence
        if order.state in (OrderState.UNKNOWN, OrderState.PENDING_SUBMIT) and not is_resembled:
            yield f"L1 {order.client_order_id} is still {order.state}"
    for held in world.broker.book.orders:
        known = orders.get(held.ref_id)
        if known is None:
            continue
        if known.state.is_terminal == held.is_open:
            yield f"L1 {known.client_order_id} is {known.state} on record and {held.state} at the broker"
        if known.filled_quantity != held.filled:
            yield f"I7 {known.client_order_id}: {known.filled_quantity} filled on record, really {held.filled}"
    yield from _no_phantoms(view, orders)
    yield from _fired_cancels(view)
    for told in view.book.orders():
        if told.executed_quantity != told.envelope.filled_quantity:
            yield f"I7 {told.client_order_id}: executions of {told.executed_quantity} are not all that filled"
    yield from _no_needless_halt(view)


def _no_needless_halt(view: View) -> Iterator[str]:
    """Of what stops entries in the whole account, nothing is left but what this life has given a reason for."""
    world = view.world
    if world.bot is None:
        return
    halts = world.bot.manager._services.halts
    for stop in halts.stops():
        is_given = {
            StoppedBy.RECORD: True,  # each of them is judged below
            StoppedBy.CONNECTION: view.troubles.alarmed is world.life,
            StoppedBy.ARMING: world.killed,
        }
        if not is_given.get(stop.by, False):
            yield f"L1 trading is halted ({stop.by}): {stop.reason}"
    for freeze in halts.freezes():
        if freeze.symbol is None and freeze.cause not in view.troubles.given_halts:
            yield f"L1 trading is halted ({freeze.cause}): {freeze.reason}"


def _no_phantoms(view: View, orders: dict[str, OrderEnvelope]) -> Iterator[str]:
    at_broker = {order.ref_id for order in view.world.broker.book.open()}
    for ref_id, order in orders.items():
        if order.state.is_working and ref_id not in at_broker:
            yield f"I5 {order.client_order_id} is {order.state} on record and not open at the broker"


def _fired_cancels(view: View) -> Iterator[str]:
    """A cancel that was asked for is asked for again until the broker shows it, whatever came between."""
    wanted = {str(record.fact.ref_id) for record in view.records if record.fact.event is EventKind.CANCEL_REQUESTED}
    for held in view.world.broker.book.open():
        if held.ref_id in wanted and held.state != "pending_cancelled":
            yield f"L1 a cancel of {held.ref_id} was asked for, and the order is {held.state}"


def l2_flat(view: View) -> Iterator[str]:
    """L2: after a kill at a healthy broker no order of ours can trade any more."""
    ours = [order for order in view.world.broker.book.open() if order.ref_id.startswith(OUR_MARK)]
    yield from (f"L2 {order.ref_id} is {order.state} after a kill" for order in ours)


def l3_no_deadlock(view: View) -> Iterator[str]:
    """L3: every call returns or raises by its deadline."""
    for call, took in view.new_calls():
        if took > LONGEST_CALLS_S[call]:
            yield f"L3 a {call} took {took:.0f} s"
