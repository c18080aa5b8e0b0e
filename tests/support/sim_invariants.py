"""What must hold after every step, judged against the stand-in's own book and the bytes on disk.

The numbers are those of the invariants in the specification. Each check names what it found, never only that it did.
"""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

from tests.support.broker_stand_in import BID, Route
from tests.support.growing_book import GrowingBook
from tests.support.sim_account import ACCOUNT
from tests.support.sim_world import EXIT, REPLACE, Post, SimWorld, TradeAnswer, request_of
from tests.support.stand_in_book import HeldOrder
from trading_bot.bot import TradeStatus
from trading_bot.order_management.book.order_book import OrderBook, TrackedOrder
from trading_bot.order_management.client_ids import OUR_MARK
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import GENESIS
from trading_bot.order_management.models import OrderEnvelope, OrderState, Side
from trading_bot.order_management.results import CancelResult, CancelVerdict

MAX_ATTEMPTS = 3
SUBMIT_DEADLINE_S = 20
OLDEST_VIEW_S = 75
"""A view carries an order for a minute, and an intent lives ten seconds."""
SLIPPAGE = Decimal("0.005")
LEAST_OF_BID = Decimal("0.05")
"""How far below the bid an exit may go."""
LONGEST_EXIT_S = 30 + 3 * SUBMIT_DEADLINE_S
_ENDED_AT_BROKER = {
    OrderState.FILLED: {"filled"},
    OrderState.CANCELLED: {"cancelled", "partially_filled_rest_cancelled", "voided"},
    OrderState.REJECTED: {"rejected", "failed"},
}


_EXITS = {EventKind.EXIT_BEGUN, EventKind.EXIT_LEG_PLACED, EventKind.EXIT_ENDED}
_DONE_FOR_ANOTHER = {EventKind.CANCEL_REQUESTED, EventKind.CANCEL_ANSWERED, EventKind.ORDER_RESOLVED}
_SECRETS = (ACCOUNT, "access-", "refresh-")
_NO_GOOD_HALTS = ("not in the journal", "not been compared", "cancel-all")
"""Reasons for a halt that only a defect can bring about once everything is calm."""


class BrokenInvariantError(AssertionError):
    """A promise of the product does not hold."""


class Invariants:
    """Remembers enough of the past to see what may never change, and judges the present."""

    def __init__(self, world: SimWorld) -> None:
        self._world = world
        self._stored: dict[int, str] = {}
        self._most_filled: dict[str, Decimal] = {}
        self._ended: dict[str, OrderState] = {}
        self._posts_judged = 0
        self._book, self._standing = GrowingBook(), GrowingBook()

    def check(self) -> None:
        """Raise `BrokenInvariantError` with everything that is wrong now."""
        self._raise(self._problems())

    def check_settled(self) -> None:
        """After the faults have stopped and some minutes of synchronising: nothing is in doubt, both sides agree."""
        self._raise(self._unsettled())

    def check_flat(self) -> None:
        """After a kill at a healthy broker no order of ours can trade any more."""
        ours = [order for order in self._world.broker.book.open() if order.ref_id.startswith(OUR_MARK)]
        self._raise(f"L2 {order.ref_id} is {order.state} after a kill" for order in ours)
        self.check()

    @staticmethod
    def _raise(found: Iterator[str]) -> None:
        problems = list(found)
        if problems:
            raise BrokenInvariantError("\n".join(problems))

    def _problems(self) -> Iterator[str]:
        world = self._world
        records = world.records()
        if not records:
            return
        yield from self._journal(records)
        book = self._replayed(self._book, records)
        if book is None:
            yield "I12 the journal tells an impossible story"
            return
        standing = self._replayed(self._standing, world.stored.standing())
        if standing is None:
            yield "I12 the records that count tell an impossible story"
            return
        yield from _stands(book, standing)
        known = _with_kept_aside(world, book, records)
        by_ref = {str(order.envelope.ref_id): order for order in known.orders()}
        yield from _at_most_once(world, records)
        yield from _of_this_account(world, records)
        yield from _of_their_requests(world, records)
        yield from self._write_ahead()
        yield from self._register(known, standing, by_ref)
        for answer in world.answers:
            yield from _honest(world, answer, by_ref)
        for result in world.cancels:
            yield from _honest_cancel(world, result)
        yield from self._transitions(book)
        yield from _left_alone(world)
        yield from _one_way_out(world, records)
        yield from (f"I2 a listener heard of {told} before it was on record" for told in world.told_early)
        yield from _kept(world, records)

    @staticmethod
    def _replayed(book: GrowingBook, records: tuple[JournalRecord, ...]) -> OrderBook | None:
        try:
            return book.of(records)
        except OrderLogError:
            return None

    def _journal(self, records: tuple[JournalRecord, ...]) -> Iterator[str]:
        hashes = {record.seq: record.hash for record in records}
        is_lasting = self._world.stored.is_lasting
        if any(hashes.get(seq) != digest for seq, digest in self._stored.items() if is_lasting(seq)):
            yield "I12 a committed record was altered or lost"
        self._stored = hashes
        before = GENESIS
        for number, record in enumerate(records, start=1):
            if (record.seq, record.prev) != (number, before):
                yield f"I12 record {record.seq} does not follow the one before it"
            before = record.hash

    def _write_ahead(self) -> Iterator[str]:
        fresh = self._world.posts[self._posts_judged :]
        self._posts_judged = len(self._world.posts)
        for post in fresh:
            form = post.request.form
            ref_id = form["ref_id"]
            if not ref_id.startswith(OUR_MARK):
                yield f"I1 {ref_id} does not bear our mark"
            yield from _sent_in_time_and_bounds(self._world, post)
            if not post.intents:
                yield f"I2 {ref_id} was sent without an intent on disk"
                continue
            for intent in post.intents[1:]:
                yield from _same_terms(intent, form)
            is_exit = form["side"] == Side.SELL.value
            if post.list_age_s > OLDEST_VIEW_S and not is_exit:
                yield f"I4 {ref_id} was sent on a view of the broker that was {post.list_age_s:.0f} s old"
            if not post.had_listed and not is_exit:
                yield f"I4 {ref_id} was sent before the broker's orders had been read"
            if post.was_terminal:
                yield f"I2 {ref_id} was sent although it had ended on record"
            yield from _same_terms(post.intents[0], form)
            if post.intents[0].fact.client_order_id in self._world.exit_orders():
                yield from _above_floor(post.intents[0])
            elif form["trigger"] == "immediate":
                yield from _inside_collar(post.intents[0])

    def _register(self, book: OrderBook, standing: OrderBook, by_ref: dict[str, TrackedOrder]) -> Iterator[str]:
        world = self._world
        if world.bot is not None:
            yield from _remembered(world, book, standing)
        for held in world.broker.book.orders:
            order = by_ref.get(held.ref_id)
            if order is None:
                if held.ref_id.startswith(OUR_MARK):
                    yield f"I4 the broker has {held.ref_id} and the journal does not"
                continue
            yield from self._one_order(held, order)
        for side in Side:
            yield from _exposure(world, book, side)
        money = world.broker.book
        if money.set_aside > money.cash:
            yield f"I6 open buys may cost {money.set_aside}, and there are {money.cash}"

    def _one_order(self, held: HeldOrder, order: TrackedOrder) -> Iterator[str]:
        name, filled = order.client_order_id, order.envelope.filled_quantity
        if held.is_open and order.state.is_terminal:
            yield f"I4 {name} is {order.state} on record and {held.state} at the broker"
        ends = _ENDED_AT_BROKER.get(order.state)
        if ends is not None and held.state not in ends and not held.is_open:
            yield f"I5 {name} is {order.state} on record and {held.state} at the broker"
        if order.state in (OrderState.NOT_SENT, OrderState.NEVER_ACCEPTED):
            yield f"I9 {name} is {order.state} on record and exists at the broker"
        most = max(Decimal(str(row["cumulative_quantity"])) for row in held.versions)
        if not 0 <= filled <= most:
            yield f"I7 {name}: {filled} filled on record, at most {most} at the broker"
        if order.executed_quantity > most:
            yield f"I7 {name}: executions of {order.executed_quantity} booked, at most {most} at the broker"
        if filled < self._most_filled.get(name, Decimal(0)) and held.state != "voided":
            yield f"I7 {name}: the filled quantity fell to {filled}"
        self._most_filled[name] = filled
        ids = [fill.execution_id for fill in order.executions]
        if len(ids) != len(set(ids)):
            yield f"I7 {name}: an execution is booked twice"

    def _transitions(self, book: OrderBook) -> Iterator[str]:
        for order in book.orders():
            before = self._ended.get(order.client_order_id)
            # An order that was provably not sent may be sent after all, as the same one.
            if before is not None and order.state is not before and before is not OrderState.NOT_SENT:
                yield f"I8 {order.client_order_id} had ended as {before} and is {order.state}"
            if order.state.is_terminal:
                self._ended[order.client_order_id] = order.state

    def _unsettled(self) -> Iterator[str]:
        world = self._world
        if world.bot is None:
            yield "L1 the bot does not start although all faults have ended"
            return
        yield from self._problems()
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
        yield from _no_phantoms(world, orders)
        yield from _fired_cancels(world)
        for told in world.book_on_disk().orders():
            if told.executed_quantity != told.envelope.filled_quantity:
                yield f"I7 {told.client_order_id}: executions of {told.executed_quantity} are not all that filled"
        halt = world.bot.manager.halted_because or ""
        yield from (f"L1 trading is halted: {halt}" for word in _NO_GOOD_HALTS if word in halt)
        yield from _secrets(world)


def _sent_in_time_and_bounds(world: SimWorld, post: Post) -> Iterator[str]:
    form = post.request.form
    if post.was_killed:
        yield f"I3 {form['ref_id']} was sent after the kill"
    elif post.had_lapsed:
        yield f"I3 {form['ref_id']} was decided before a kill and sent after it"
    symbol, quantity = form["symbol"], int(form["quantity"])
    if post.is_second_in_doubt:
        yield f"I1 {form['ref_id']} was asked for anew while nobody knew what had become of it"
    if form["side"] == Side.SELL.value and quantity > post.for_sale and symbol not in world.unsure:
        yield f"P2 {form['ref_id']} sells {quantity} {symbol}, and {post.for_sale} are held and free"


def _of_this_account(world: SimWorld, records: tuple[JournalRecord, ...]) -> Iterator[str]:
    modes = {record.fact.execution_mode for record in records} - {None, world.mode}
    yield from (f"I11 the journal of a {world.mode} account has records of {mode}" for mode in modes)
    if world.second_holders:
        yield f"I13 a second process came to hold the account, {world.second_holders} times"


def _of_their_requests(world: SimWorld, records: tuple[JournalRecord, ...]) -> Iterator[str]:
    """Each record of an order carries the id of the request that made the order, or of the one that it was done for."""
    exits, made = world.exit_orders(), dict[str, str]()
    for record in records:
        fact, name = record.fact, record.fact.client_order_id or ""
        if fact.event is EventKind.ORDER_INTENDED:
            asked = REPLACE if "replaces" in fact.details else request_of(name)
            made[name] = EXIT if name in exits else asked
        whose = made.get(name)
        is_own = fact.correlation_id == whose or (fact.event in _DONE_FOR_ANOTHER and fact.correlation_id is not None)
        if whose is not None and not is_own:
            yield f"I15 {fact.event} of order {name}, made by {whose}, carries the id {fact.correlation_id}"
        if fact.event in _EXITS and fact.correlation_id != EXIT:
            yield f"I15 {fact.event} of {fact.symbol} carries the id {fact.correlation_id}"


def _stands(book: OrderBook, standing: OrderBook) -> Iterator[str]:
    """The next start refolds what stands only, so that has to tell all that has not ended, as the whole does."""
    told = {order.client_order_id: order for order in standing}
    for order in book:
        name = order.client_order_id
        if name not in told and not order.state.is_terminal:
            yield f"I4 {name} is {order.state} and no record of it stands"
        elif name in told and told[name] != order:
            yield f"I12 the standing records tell another {name} than all do: {told[name]} / {order}"
    if standing.standing_facts() != book.standing_facts():
        yield "I12 the standing records tell of other halts or freezes than all do"
    if set(standing.exits.all()) != set(book.exits.all()):
        yield "I12 the standing records tell of other exits than all do"
    if standing.positions != book.positions:
        yield "I12 the standing records tell of other positions than all do"


def _kept(world: SimWorld, records: tuple[JournalRecord, ...]) -> Iterator[str]:
    """What was told is on record, waits in a side file, or was taken over from there as something that cannot be."""
    unproven = []
    for told in world.told:
        seq = next((one.seq for one in reversed(records) if one.fact == told or _is_about(one, told)), None)
        if seq is None and not world.side.has(told):
            yield f"I4 {told.event} of {told.client_order_id} was told, and is nowhere on record"
        elif seq is None or not world.stored.is_lasting(seq):
            unproven.append(told)
    world.told[:] = unproven


def _is_about(record: JournalRecord, told: OrderEvent) -> bool:
    return record.fact.event is EventKind.ANOMALY_FOUND and record.fact.details.get("fact") == str(told)


def _with_kept_aside(world: SimWorld, book: OrderBook, records: tuple[JournalRecord, ...]) -> OrderBook:
    """Return the book with what a failed journal left in side files."""
    waiting = world.side.facts(records)
    refused = world.side.refused()
    if not waiting and not refused:
        return book
    known = OrderBook.replayed(record for record in records if record.fact.client_order_id not in refused)
    for record in waiting:
        known.apply(record)
    return known


def _remembered(world: SimWorld, book: OrderBook, standing: OrderBook) -> Iterator[str]:
    assert world.store is not None
    with world.store.open_book() as memory:
        in_memory = {order.client_order_id: order for order in memory}
        stands = memory.pointers.all() == standing.pointers.all()
        is_equal = memory == standing
    on_disk = {order.client_order_id: order for order in book}
    differing = [name for name, order in in_memory.items() if on_disk.get(name) != order]
    if differing:
        first = differing[0]
        yield f"I12 memory and journal differ: {in_memory[first]} / {on_disk.get(first)}"
    missing = {name for name, order in on_disk.items() if not order.state.is_terminal} - in_memory.keys()
    yield from (f"I4 {name} is on record, and the process does not know it" for name in missing)
    if world.knows_all() and not is_equal:
        yield "I12 a start would know something else than the process does"
    if world.knows_all() and not stands:
        yield "I12 other records stand than the process rests on"


def _at_most_once(world: SimWorld, records: tuple[JournalRecord, ...]) -> Iterator[str]:
    counts = Counter(order.ref_id for order in world.broker.book.orders if order.ref_id.startswith(OUR_MARK))
    yield from (f"I1 {count} orders bear {ref_id}" for ref_id, count in counts.items() if count > 1)
    names: dict[str, str] = {}
    for record in records:
        fact = record.fact
        if fact.client_order_id is not None and names.setdefault(fact.client_order_id, str(fact.ref_id)) != fact.ref_id:
            yield f"I1 {fact.client_order_id} has two ref_ids"
    # What was provably not sent may be asked for anew, which has attempts of its own.
    sends = Counter((post.request.form["ref_id"], len(post.intents)) for post in world.posts)
    yield from (f"I14 {ref_id} was sent {count} times" for (ref_id, _), count in sends.items() if count > MAX_ATTEMPTS)


def _same_terms(intent: JournalRecord, form) -> Iterator[str]:
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
    if not low <= price <= high or (fact.side is Side.BUY and price > reference):
        yield f"I10 {fact.client_order_id}: a {fact.side} at {price} for a reference of {reference}"


def _above_floor(intent: JournalRecord) -> Iterator[str]:
    fact = intent.fact
    if (fact.limit_price or Decimal(0)) < BID * (1 - LEAST_OF_BID):
        yield f"P2 {fact.client_order_id}: an exit at {fact.limit_price}, and the bid is {BID}"


def _one_way_out(world: SimWorld, records: tuple[JournalRecord, ...]) -> Iterator[str]:
    for left in world.exits:
        if left.took_s > LONGEST_EXIT_S:
            yield f"P2 leaving {left.result.symbol} took {left.took_s:.0f} s"
    ended: set[str] = set()
    for fact in (record.fact for record in records if record.fact.event in _EXITS):
        exit_id = fact.details["exit_id"]
        if exit_id in ended:
            yield f"P2 an exit of {fact.symbol} went on after another one had ended it"
        ended |= {exit_id} if fact.event is EventKind.EXIT_ENDED else set()


def _honest(world: SimWorld, answer: TradeAnswer, by_ref: dict[str, TrackedOrder]) -> Iterator[str]:
    name, result = answer.trade.client_order_id, answer.result
    at_broker = world.orders_at_broker_of(result.envelope)
    answers = [other for other in world.answers if other.trade.client_order_id == name]
    # What was provably not sent may have been asked for again since, and sent.
    is_last = answers[-1] is answer
    if result.status in (TradeStatus.REJECTED, TradeStatus.NOT_SENT) and at_broker and is_last:
        yield f"I9 {name} was answered {result.status} and exists at the broker"
    if result.status is TradeStatus.SUBMITTED and not at_broker:
        yield f"I9 {name} was answered {result.status} and was never at the broker"
    if result.status is TradeStatus.UNKNOWN and (result.envelope is None or result.envelope.ref_id not in by_ref):
        yield f"I4 {name} was answered {result.status} and is not on record"
    if result.code == "journal_damaged" and not world.is_journal_damaged_on_purpose:
        yield f"I12 {name} was answered that the journal cannot be true: {result.message}"
    if answer.since_intent is not None and answer.since_intent > SUBMIT_DEADLINE_S:
        yield f"I14 {name} was answered {answer.since_intent} s after its intent"


def _honest_cancel(world: SimWorld, result: CancelResult) -> Iterator[str]:
    held = next((order for order in world.broker.book.orders if order.order_id == result.order_id), None)
    if not result.is_proven_closed:
        return
    if held is None:
        if result.verdict in (CancelVerdict.CANCELLED, CancelVerdict.FILLED_BEFORE_CANCEL):
            yield f"I9 a cancel of {result.client_order_id} was answered {result.verdict}, of no order at all"
    elif held.is_open or (
        result.verdict is CancelVerdict.FILLED_BEFORE_CANCEL and held.state not in ("filled", "voided")
    ):
        yield f"I9 a cancel of {result.client_order_id} was answered {result.verdict} and it is {held.state}"


def _exposure(world: SimWorld, book: OrderBook, side: Side) -> Iterator[str]:
    true = sum(
        (
            held.price * held.remaining
            for held in world.broker.book.open()
            if held.side == side and held.ref_id.startswith(OUR_MARK)
        ),
        Decimal(0),
    )
    ours = sum(
        (
            order.envelope.limit_price * order.remaining_quantity
            for order in book.active()
            if order.envelope.side is side
        ),
        Decimal(0),
    )
    if true > ours:
        yield f"I6 {side}s worth {true} are open at the broker and {ours} are reserved"


def _no_phantoms(world: SimWorld, orders: dict[str, OrderEnvelope]) -> Iterator[str]:
    at_broker = {order.ref_id for order in world.broker.book.open()}
    for ref_id, order in orders.items():
        if order.state.is_working and ref_id not in at_broker:
            yield f"I5 {order.client_order_id} is {order.state} on record and not open at the broker"


def _fired_cancels(world: SimWorld) -> Iterator[str]:
    """A cancel that was asked for is asked for again until the broker shows it, whatever came between."""
    wanted = {str(record.fact.ref_id) for record in world.records() if record.fact.event is EventKind.CANCEL_REQUESTED}
    for held in world.broker.book.open():
        if held.ref_id in wanted and held.state != "pending_cancelled":
            yield f"L1 a cancel of {held.ref_id} was asked for, and the order is {held.state}"


def _left_alone(world: SimWorld) -> Iterator[str]:
    for request in world.broker.seen:
        if request.route is Route.CANCEL:
            held = world.broker.book.by_id(request.path.split("/")[2])
            if held is not None and not held.ref_id.startswith(OUR_MARK):
                yield f"I5 a cancel was sent for {held.ref_id}, which somebody else placed"


def _secrets(world: SimWorld) -> Iterator[str]:
    journal = "".join(repr(record.fact) for record in world.records())
    yield from (f"I15 the journal holds {word}" for word in _SECRETS if word in journal)
    for path in world.config.logs_dir.iterdir():
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from (f"I15 {path.name} holds {word}" for word in _SECRETS if word in text)
