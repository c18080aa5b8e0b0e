"""What leaves for the broker: once, on record first, as recorded, and not after a kill. I1, I2, I3, I10 and I14."""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal

from tests.support.broker_stand_in import BID
from tests.support.sim_account import ACCOUNT
from tests.support.sim_checks.view import View
from tests.support.sim_world import Post
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.models import Side

MAX_ATTEMPTS = 3
OLDEST_VIEW_S = 75
"""A view carries an order for a minute, and an intent lives ten seconds."""
SLIPPAGE = Decimal("0.005")
LEAST_OF_BID = Decimal("0.05")
"""How far below the bid an exit may go."""


def i1_at_most_once(view: View) -> Iterator[str]:
    """I1: an intent has one ref_id for life, no two share one, and the broker has at most one order of it."""
    if view.moved:
        counts = Counter(one.ref_id for one in view.world.broker.book.orders if one.ref_id.startswith(OUR_MARK))
        yield from (f"I1 {count} orders bear {ref_id}" for ref_id, count in counts.items() if count > 1)
    ref_ids = view.memory.ref_ids
    for fact in (record.fact for record in view.fresh if record.fact.client_order_id is not None):
        if ref_ids.setdefault(str(fact.client_order_id), str(fact.ref_id)) != fact.ref_id:
            yield f"I1 {fact.client_order_id} has two ref_ids"
    for post in view.posts:
        ref_id = post.request.form["ref_id"]
        if not ref_id.startswith(OUR_MARK):
            yield f"I1 {ref_id} does not bear our mark"
        if post.is_second_in_doubt:
            yield f"I1 {ref_id} was asked for anew while nobody knew what had become of it"


def i2_write_ahead(view: View) -> Iterator[str]:
    """I2: when an order's first byte leaves, its intent is on record, and no end of it is."""
    for post in view.posts:
        ref_id = post.request.form["ref_id"]
        if not post.intents:
            yield f"I2 {ref_id} was sent without an intent on disk"
        elif post.was_terminal:
            yield f"I2 {ref_id} was sent although it had ended on record"
    yield from (f"I2 a listener heard of {told} before it was on record" for told in view.world.told_early)


def i3_kill(view: View) -> Iterator[str]:
    """I3: no order leaves after a kill, and none that was decided before one, armed again or not; cancels go on."""
    yield from (f"I3 after the kill, {held_up}" for held_up in view.cancels_held_up)
    for post in view.posts:
        ref_id = post.request.form["ref_id"]
        if post.was_killed:
            yield f"I3 {ref_id} was sent after the kill"
        elif post.had_lapsed:
            yield f"I3 {ref_id} was decided before a kill and sent after it"


def i4_fresh_view(view: View) -> Iterator[str]:
    """I4: an entry leaves only on a view of the broker's orders that the process has read, and lately."""
    for post in view.posts:
        form = post.request.form
        if form["side"] == Side.SELL.value or not post.intents:
            continue
        if post.list_age_s > OLDEST_VIEW_S:
            yield f"I4 {form['ref_id']} was sent on a view of the broker that was {post.list_age_s:.0f} s old"
        if not post.had_listed:
            yield f"I4 {form['ref_id']} was sent before the broker's orders had been read"


def i10_fidelity(view: View) -> Iterator[str]:
    """I10: what is sent is what was recorded, inside the collar around the price that it was decided on."""
    for post in view.posts:
        form = post.request.form
        for intent in post.intents:
            yield from _same_terms(intent, form)
        if not post.intents:
            continue
        if post.intents[0].fact.client_order_id in view.exit_orders:
            yield from _above_floor(post.intents[0])
        elif form["trigger"] == "immediate":
            yield from _inside_collar(post.intents[0])


def i14_attempts(view: View) -> Iterator[str]:
    """I14: one intent is attempted a bounded number of times."""
    sends = view.memory.sends
    for post in view.posts:
        # What was provably not sent may be asked for anew, which has attempts of its own.
        name = post.request.form["ref_id"], len(post.intents)
        sends[name] += 1
        if sends[name] > MAX_ATTEMPTS:
            yield f"I14 {name[0]} was sent {sends[name]} times"


def p2_no_shorting(view: View) -> Iterator[str]:
    """P2: a sell is of shares that are held and free."""
    for post in view.posts:
        yield from _of_what_is_free(view, post)


def _of_what_is_free(view: View, post: Post) -> Iterator[str]:
    form = post.request.form
    symbol, quantity = form["symbol"], int(form["quantity"])
    if post.is_there:
        return  # asked for again under one ref_id, it is the order whose shares are no longer free
    if form["side"] == Side.SELL.value and quantity > post.for_sale and symbol not in view.world.unsure:
        yield f"P2 {form['ref_id']} sells {quantity} {symbol}, and {post.for_sale} are held and free"


def _same_terms(intent: JournalRecord, form: Mapping[str, str]) -> Iterator[str]:
    fact = intent.fact
    recorded = (
        fact.symbol,
        fact.side,
        fact.quantity,
        fact.limit_price,
        fact.details["time_in_force"],
        fact.details["extended_hours"],
        Decimal(fact.details.get("stop_price", 0)),
    )
    sent = (
        form["symbol"],
        form["side"],
        Decimal(form["quantity"]),
        Decimal(form["price"]),
        form["time_in_force"],
        form["extended_hours"].lower(),
        Decimal(form.get("stop_price", 0)),
    )
    if recorded != sent:
        yield f"I10 {fact.client_order_id}: recorded {recorded} and sent {sent}"
    if (form["type"], form["trigger"], form["account"].rstrip("/").rpartition("/")[2]) != (
        "limit",
        "stop" if "stop_price" in fact.details else "immediate",
        ACCOUNT,
    ):
        yield f"I10 {fact.client_order_id}: not the limit or stop-limit order of this account that is on record"


def _inside_collar(intent: JournalRecord) -> Iterator[str]:
    fact = intent.fact
    reference, price = Decimal(fact.details["reference_price"]), fact.limit_price or Decimal(0)
    low, high = reference * (1 - SLIPPAGE), reference * (1 + SLIPPAGE)
    is_worse = price > reference if fact.side is Side.BUY else price < reference
    if is_worse or not low <= price <= high:
        yield f"I10 {fact.client_order_id}: a {fact.side} at {price} for a reference of {reference}"


def _above_floor(intent: JournalRecord) -> Iterator[str]:
    fact = intent.fact
    if (fact.limit_price or Decimal(0)) < BID * (1 - LEAST_OF_BID):
        yield f"P2 {fact.client_order_id}: an exit at {fact.limit_price}, and the bid is {BID}"
