"""Our orders beside the broker's: none lost, none invented, nothing forgotten of what they may cost. I4 to I8."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal

from tests.support.broker_stand_in import Route
from tests.support.sim_checks.view import View
from tests.support.sim_limits import CODES
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.models import OrderState, Side

_ENDED_AT_BROKER = {
    OrderState.FILLED: {"filled"},
    OrderState.CANCELLED: {"cancelled", "partially_filled_rest_cancelled", "voided"},
    OrderState.REJECTED: {"rejected", "failed"},
}

_ENDS = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED})
_WORKING = frozenset({OrderState.QUEUED, OrderState.CONFIRMED, OrderState.PARTIALLY_FILLED})
_SHOWN = _ENDS | _WORKING | {OrderState.PENDING_CANCEL}
"""What a broker can say of an order that it has."""
_EDGES: Mapping[OrderState | None, frozenset[OrderState]] = {
    None: frozenset({OrderState.PENDING_SUBMIT}),
    # A submit ends in exactly one of: the broker has it, or refused it; it was provably not sent; nobody knows.
    OrderState.PENDING_SUBMIT: _SHOWN | {OrderState.NOT_SENT, OrderState.UNKNOWN},
    # Evidence alone ends a doubt: it was found, or complete listings do not show it.
    OrderState.UNKNOWN: _SHOWN | {OrderState.PRESUMED_ABSENT, OrderState.NEVER_ACCEPTED},
    OrderState.PRESUMED_ABSENT: _SHOWN | {OrderState.NEVER_ACCEPTED},
    # At the broker an order goes forwards only.
    OrderState.QUEUED: _SHOWN - {OrderState.QUEUED},
    OrderState.CONFIRMED: _ENDS | {OrderState.PARTIALLY_FILLED, OrderState.PENDING_CANCEL},
    OrderState.PARTIALLY_FILLED: _ENDS | {OrderState.PENDING_CANCEL},
    # Back to work where the broker refused the cancel, and only by its answer.
    OrderState.PENDING_CANCEL: _SHOWN - {OrderState.PENDING_CANCEL},
    # The same intent once more: provably nothing is there. Every other end is final.
    OrderState.NOT_SENT: frozenset({OrderState.PENDING_SUBMIT}),
}
"""The states that may follow each. Written from the specification, not taken from the product."""


def i4_no_lost_order(view: View) -> Iterator[str]:
    """I4: every order of ours that the broker has and that has not ended is known, in memory or on disk."""
    for held in view.world.broker.book.orders:
        if held.ref_id not in view.by_ref and held.ref_id.startswith(OUR_MARK):
            yield f"I4 the broker has {held.ref_id} and the journal does not"
    for held, order in view.pairs():
        if held.is_open and order.state.is_terminal:
            yield f"I4 {order.client_order_id} is {order.state} on record and {held.state} at the broker"
    yield from _told_and_kept(view)


def _told_and_kept(view: View) -> Iterator[str]:
    """What was told is on record, waits in a side file, or was taken over from there as something that cannot be."""
    world, unproven = view.world, []
    for told in world.told:
        seq = next((one.seq for one in reversed(view.records) if one.fact == told or _is_about(one, told)), None)
        if seq is None and not world.side.has(told):
            yield f"I4 {told.event} of {told.client_order_id} was told, and is nowhere on record"
        elif seq is None or not world.stored.is_lasting(seq):
            unproven.append(told)
    world.told[:] = unproven


def _is_about(record: JournalRecord, told: OrderEvent) -> bool:
    return record.fact.event is EventKind.ANOMALY_FOUND and record.fact.details.get("fact") == str(told)


def i5_no_phantom(view: View) -> Iterator[str]:
    """I5: an end on record is the end at the broker, and nobody else's order is touched."""
    for held, order in view.pairs():
        ends = _ENDED_AT_BROKER.get(order.state)
        if ends is not None and held.state not in ends and not held.is_open:
            yield f"I5 {order.client_order_id} is {order.state} on record and {held.state} at the broker"
    for request in view.new_requests():
        if request.route is Route.CANCEL:
            held_order = view.world.broker.book.by_id(request.path.split("/")[2])
            if held_order is not None and not held_order.ref_id.startswith(OUR_MARK):
                yield f"I5 a cancel was sent for {held_order.ref_id}, which somebody else placed"


def i6_exposure(view: View) -> Iterator[str]:
    """I6: what is open at the broker costs at most what is reserved for it, and what the account can pay."""
    if not (view.moved or view.fresh or view.known is not view.book):
        return
    money, active = view.world.broker.book, view.known.active()
    held = [one for one in money.open() if one.ref_id.startswith(OUR_MARK)]
    at_broker: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    reserved: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for one in held:
        at_broker[one.symbol, one.side] += one.price * one.remaining
    for order in active:
        terms = order.envelope
        reserved[terms.symbol, terms.side.value] += terms.limit_price * order.remaining_quantity
    for (symbol, side), true in at_broker.items():
        ours = reserved[symbol, side]
        if true > ours:
            yield f"I6 {side}s of {symbol} worth {true} are open at the broker and {ours} are reserved"
    if money.set_aside > money.cash:
        yield f"I6 open buys may cost {money.set_aside}, and there are {money.cash}"


def i6_limits(view: View) -> Iterator[str]:
    """I6: no buy brings the account over a limit, by what was sent; and no limit binds a sell."""
    for post in view.posts:
        yield from (f"I6 {post.request.form['ref_id']} was sent over a limit: {over}" for over in post.over)
    for answer in view.answers:
        if answer.trade.side == Side.SELL.value and answer.result.code in CODES:
            yield f"P2 a sell of {answer.trade.symbol} was held up by a limit: {answer.result.message}"


def i7_fills(view: View) -> Iterator[str]:
    """I7: of each order, at most what was filled is booked, each execution once, and a booked fill stays."""
    for held, order in view.pairs():
        name, filled = order.client_order_id, order.envelope.filled_quantity
        most = max(Decimal(str(row["cumulative_quantity"])) for row in held.versions)
        if not 0 <= filled <= most:
            yield f"I7 {name}: {filled} filled on record, at most {most} at the broker"
        if order.executed_quantity > most:
            yield f"I7 {name}: executions of {order.executed_quantity} booked, at most {most} at the broker"
        if filled < view.memory.most_filled.get(name, Decimal(0)) and held.state != "voided":
            yield f"I7 {name}: the filled quantity fell to {filled}"
        view.memory.most_filled[name] = filled
        ids = [fill.execution_id for fill in order.executions]
        if len(ids) != len(set(ids)):
            yield f"I7 {name}: an execution is booked twice"


def i8_lifecycle(view: View) -> Iterator[str]:
    """I8: every recorded change of state is an edge of the table, and an order that has ended stays as it ended."""
    yield from _off_the_table(view)
    ended = view.memory.ended
    for order in view.book.orders():
        if not (view.is_rewritten or order.client_order_id in view.changed):
            continue
        before = ended.get(order.client_order_id)
        # An order that was provably not sent may be sent after all, as the same one.
        if before is not None and order.state is not before and before is not OrderState.NOT_SENT:
            yield f"I8 {order.client_order_id} had ended as {before} and is {order.state}"
        if order.state.is_terminal:
            ended[order.client_order_id] = order.state


def _off_the_table(view: View) -> Iterator[str]:
    states = view.memory.states
    if view.is_rewritten:
        states.clear()
    for record in view.records if view.is_rewritten else view.fresh:
        fact, name = record.fact, record.fact.client_order_id
        is_intent = fact.event is EventKind.ORDER_INTENDED
        after = OrderState.PENDING_SUBMIT if is_intent else fact.status
        if name is None or after is None:
            continue
        before = states.get(name)
        if (after is not before or is_intent) and after not in _EDGES.get(before, frozenset()):
            yield f"I8 {fact.event} takes {name} from {before or 'nothing'} to {after}"
        if before is OrderState.PENDING_CANCEL and after in _WORKING and fact.event is not EventKind.CANCEL_ANSWERED:
            yield f"I8 {fact.event} takes {name} back to {after}, and no cancel of it was refused"
        states[name] = after
