"""The two principles as they hold at every moment, and not only once all faults have ended. P1 and P2.

They are judged after each step in which the broker was quiet and the bot synchronised: what is healthy may be bought,
and what is held and free may be sold. What was troubled has its documented time to open again, counted from the end of
its trouble; see `troubles`. Nothing is read or sent for the question: it is put to the admission.
"""

from collections.abc import Iterator
from decimal import Decimal

from tests.support.sim_checks.view import View
from tests.support.stand_in_book import INSTRUMENTS
from trading_bot.order_management.exceptions import OrderError
from trading_bot.order_management.models import OrderTerms, Side

_LITTLE, _MUCH = Decimal("0.01"), Decimal(1_000_000)
"""Prices at which a buy and a sell cross no order of anybody."""


def note_troubles(view: View) -> Iterator[str]:
    """Judge nothing; keep what the checks below are to know, after each step."""
    view.troubles.note(view)
    return iter(())


def p1_open_at_once(view: View) -> Iterator[str]:
    """P1: what is healthy is open to entries as soon as the broker is."""
    troubles, since = view.troubles, quiet_since(view)
    if since is None or troubles.halt(view):
        return
    crowded = {order.envelope.symbol for order in view.known.active()}
    for symbol in _in_question(view):
        if symbol in troubles.left | troubles.lied_about | crowded or troubles.entries_by.get(symbol, 0) > since:
            continue
        refusal = _refusal(view, OrderTerms(symbol=symbol, side=Side.BUY, quantity=1, limit_price=_LITTLE))
        if refusal is not None:
            yield f"P1 {symbol} is healthy and not open to entries: {refusal}"


def p2_sellable_in_time(view: View) -> Iterator[str]:
    """P2: what is held and free can be sold once its documented time has passed."""
    since = quiet_since(view)
    if since is None:
        return
    for symbol in _in_question(view):
        free = _free(view, symbol)
        if free < 1 or view.troubles.exits_by.get(symbol, 0) > since:
            continue
        refusal = _refusal(view, OrderTerms(symbol=symbol, side=Side.SELL, quantity=free, limit_price=_MUCH))
        if refusal is not None:
            yield f"P2 {free} {symbol} are held and free and cannot be sold: {refusal}"


def quiet_since(view: View) -> float | None:
    """Return when the synchronisation of this step began that all was quiet in; None where there was none such."""
    world = view.world
    if not view.quiet_syncs or world.bot is None or world.killed or not world.knows_all() or world.life.is_over:
        return None
    began, befell, life = view.quiet_syncs[-1]
    return began if befell == len(world.broker.befell) and life is world.life else None


def _in_question(view: View) -> list[str]:
    """Return each symbol that was ever troubled or traded; of the others, one after the other stands for all."""
    eventful = view.troubles.entries_by.keys() | view.troubles.exits_by.keys()
    quiet = [symbol for symbol in INSTRUMENTS if symbol not in eventful]
    return [
        *(symbol for symbol in INSTRUMENTS if symbol in eventful),
        *quiet[len(view.records) % max(len(quiet), 1) :][:1],
    ]


def _refusal(view: View, terms: OrderTerms) -> OrderError | None:
    bot = view.world.bot
    try:
        if bot is not None:
            bot.manager._services.submit.admission.refuse_unless_open_to(terms)
    except OrderError as error:
        return error
    return None


def _free(view: View, symbol: str) -> int:
    """Return the shares that no open sell may take, ours or anybody's."""
    broker = view.world.broker
    promised = broker.book.held[symbol] - broker.for_sale(symbol)
    return int(min(view.expected.get(symbol, Decimal(0)), Decimal(broker.book.held[symbol])) - promised)
