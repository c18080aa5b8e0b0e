"""From what a kill has found out to its report: every reason why it is not confirmed, and the shares still held."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from trading_bot.kill.broker import KillBroker
from trading_bot.kill.register import KnownOrders
from trading_bot.kill.report import HeldShares, Holdings, KilledOrder
from trading_bot.kill.run import KillRun
from trading_bot.order_management.client_ids import bears_our_mark
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.order_management.models import OrderEnvelope, OrderReport, exact_sum
from trading_bot.order_management.portfolio import Position

PROOFS_NEEDED = 2
_MOST_NAMED = 20
"""So many orders are named in one sentence; the report lists all. Chosen."""


def unjournaled_orders(run: KillRun, latest: KnownOrders) -> tuple[KilledOrder, ...]:
    """Return the orders that have our mark and are in no record of this account: another copy of the bot sent them.

    Empty if the journal could not be read to its end, because then its records prove nothing.
    """
    if latest.problem is not None:
        return ()
    orders = tuple(
        order
        for order in (target.result() for target in run.targets.values())
        if bears_our_mark(order.ref_id)
        and run.record_of(order.order_id, order.ref_id) is None
        and latest.find(order_id=order.order_id, ref_id=order.ref_id) is None
    )
    names = [name for order in orders for name in (order.order_id, order.ref_id) if name is not None]
    older = latest.look_up(names) if names else frozenset()
    return tuple(order for order in orders if older.isdisjoint((order.order_id, order.ref_id)))


def problems(
    run: KillRun, latest: KnownOrders, *, unresolved: Sequence[OrderEnvelope], unjournaled: Sequence[KilledOrder]
) -> Iterator[str]:
    """Say why it is not confirmed, one sentence each. Reasons why trading may still be on come first."""
    yield from filter(None, (run.known.elsewhere, run.latch_problem, run.lock_problem))
    if unjournaled:
        yield (
            f"{len(unjournaled)} orders with this bot's mark are in no record of this account: a copy of the bot with "
            "another state folder or on another machine may trade it still; stop that one and kill there too"
        )
    yield from filter(None, (latest.problem,))
    if run.possibly_ours:
        yield (
            f"{len(run.possibly_ours)} open orders name no sender, and without the whole journal they may be ours; "
            "look at them in the broker's app"
        )
    if unresolved:
        yield (f"nobody knows whether the broker has {_names(unresolved)}; look for them in the broker's app")
    if run.proofs < PROOFS_NEEDED:
        yield run.listing_problem or _unproven(run)
        if run.was_interrupted:
            yield "it was interrupted before the proof; kill again to verify"
    elif run.control_problem is not None:
        yield run.control_problem


def holdings(broker: KillBroker, run: KillRun) -> Holdings:
    """Read the shares that are held, and how many of them a resting stop would sell."""
    try:
        listing = broker.fetch_positions()
    except OrderStatusError as error:
        return Holdings(problem=str(error))
    shares = tuple(
        HeldShares(
            symbol=position.symbol,
            quantity=position.quantity,
            unprotected=max(position.quantity - _protected(run, position), Decimal(0)),
        )
        for position in listing.positions
    )
    unread = ", ".join(row.name for row in listing.unread)
    return Holdings(shares=shares, problem=f"the positions of {unread} could not be read" if unread else None)


def _protected(run: KillRun, position: Position) -> Decimal:
    stops = (*run.protective.values(), *(order for order in run.external.values() if order.is_protective))
    return exact_sum(stop.quantity - stop.cumulative_quantity for stop in stops if _is_for(stop, position))


def _is_for(stop: OrderReport, position: Position) -> bool:
    if position.instrument_id is not None and stop.instrument_id is not None:
        return position.instrument_id == stop.instrument_id
    return position.symbol == stop.symbol


def _names(intents: Sequence[OrderEnvelope]) -> str:
    named = ", ".join(intent.client_order_id for intent in intents[:_MOST_NAMED])
    return named if len(intents) <= _MOST_NAMED else f"{named} and {len(intents) - _MOST_NAMED} more"


def _unproven(run: KillRun) -> str:
    at_work = sum(target.is_at_work for target in run.targets.values())
    if at_work:
        return f"the broker still works {at_work} of our orders; cancel them in its app"
    unproven = len(run.open_targets())
    if run.has_nameless_rows and unproven:
        return (
            f"a row of the list names no order, and the end of {unproven} of ours is not proven; kill again to verify"
        )
    return "there was no time for two complete listings without an order of ours; kill again to verify"
