"""What callers were told, and whose account and process it was. I9, I11, I13 and I14."""

from collections.abc import Iterator

from tests.support.sim_checks.view import View
from tests.support.sim_world import EXIT, REPLACE, TradeAnswer, request_of
from trading_bot.bot import TradeStatus
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.models import OrderState
from trading_bot.order_management.results import CancelResult, CancelVerdict

SUBMIT_DEADLINE_S = 20
LONGEST_EXIT_S = 30 + 3 * SUBMIT_DEADLINE_S
_DONE_FOR_ANOTHER = {EventKind.CANCEL_REQUESTED, EventKind.CANCEL_ANSWERED, EventKind.ORDER_RESOLVED}
_EXITS = {EventKind.EXIT_BEGUN, EventKind.EXIT_LEG_PLACED, EventKind.EXIT_ENDED}


def i9_honest_answers(view: View) -> Iterator[str]:
    """I9: rejected and not sent mean that no such order exists, accepted that one did, cancelled that it has ended."""
    by_name = view.memory.answers
    for answer in view.answers:
        by_name.setdefault(answer.trade.client_order_id, []).append(answer)
    for answer in (*view.answers, *_of_orders_that_came(view)):
        yield from _true_answer(view, answer)
    for _, order in view.pairs():
        if order.state in (OrderState.NOT_SENT, OrderState.NEVER_ACCEPTED):
            yield f"I9 {order.client_order_id} is {order.state} on record and exists at the broker"
    for result in view.cancels:
        yield from _true_cancel(view, result)


def _of_orders_that_came(view: View) -> Iterator[TradeAnswer]:
    """Yield the last answer of each order that has moved at the broker: it may have come after that was given."""
    for held in view.moved:
        order = view.by_ref.get(held.ref_id)
        answers = view.memory.answers.get(order.client_order_id) if order is not None else None
        if answers:
            yield answers[-1]


def _true_answer(view: View, answer: TradeAnswer) -> Iterator[str]:
    name, result = answer.trade.client_order_id, answer.result
    at_broker = view.world.broker.book.named(view.memory.ref_ids.get(name, ""))
    is_last = view.memory.answers[name][-1] is answer
    if _denies(answer) and at_broker and is_last and not _is_intended_since(view, answer):
        yield f"I9 {name} was answered {result.status} and exists at the broker"
    if result.status is TradeStatus.SUBMITTED and not at_broker:
        yield f"I9 {name} was answered {result.status} and was never at the broker"
    if result.status is TradeStatus.UNKNOWN and (result.envelope is None or result.envelope.ref_id not in view.by_ref):
        yield f"I4 {name} was answered {result.status} and is not on record"
    if result.code == "journal_damaged" and not view.world.is_journal_damaged_on_purpose:
        yield f"I12 {name} was answered that the journal cannot be true: {result.message}"


def _is_intended_since(view: View, answer: TradeAnswer) -> bool:
    """Whether what was provably not sent was asked for again, and whoever asked may have died over it."""
    name = answer.trade.client_order_id
    since = (record.fact for record in view.records if record.seq > answer.after)
    return any(fact.event is EventKind.ORDER_INTENDED and fact.client_order_id == name for fact in since)


def _denies(answer: TradeAnswer) -> bool:
    """Whether an answer says that there is no such order. Blocked, it may show the order that stands in the way."""
    shown = answer.result.envelope
    if answer.result.status is TradeStatus.BLOCKED:
        return shown is not None and shown.client_order_id == answer.trade.client_order_id
    return answer.result.status in (TradeStatus.REJECTED, TradeStatus.NOT_SENT)


def _true_cancel(view: View, result: CancelResult) -> Iterator[str]:
    held = next((order for order in view.world.broker.book.orders if order.order_id == result.order_id), None)
    if not result.is_proven_closed:
        return
    if held is None:
        if result.verdict in (CancelVerdict.CANCELLED, CancelVerdict.FILLED_BEFORE_CANCEL):
            yield f"I9 a cancel of {result.client_order_id} was answered {result.verdict}, of no order at all"
    elif held.is_open or (
        result.verdict is CancelVerdict.FILLED_BEFORE_CANCEL and held.state not in ("filled", "voided")
    ):
        yield f"I9 a cancel of {result.client_order_id} was answered {result.verdict} and it is {held.state}"


def i11_mode(view: View) -> Iterator[str]:
    """I11: the journal of an account has records of its own mode only."""
    mode = view.world.mode
    modes = {record.fact.execution_mode for record in view.fresh} - {None, mode}
    yield from (f"I11 the journal of a {mode} account has records of {other}" for other in modes)


def i13_single_writer(view: View) -> Iterator[str]:
    """I13: one process at most holds the account, and none writes on after a later one has begun to."""
    if view.world.second_holders:
        yield f"I13 a second process came to hold the account, {view.world.second_holders} times"
    runs = view.memory.runs
    if view.is_rewritten:  # what is gone was written by nobody
        kept = view.records[: len(view.records) - len(view.fresh)]
        runs[:] = dict.fromkeys(record.session_id for record in kept)
    for record in view.fresh:
        if record.session_id not in runs:
            runs.append(record.session_id)
        elif record.session_id != runs[-1]:
            yield f"I13 record {record.seq} is of run {record.session_id}, and a later one had begun to write"


def i14_deadlines(view: View) -> Iterator[str]:
    """I14: a trade is answered within the submit deadline of its intent, and an exit within its own."""
    for answer in view.answers:
        if answer.since_intent is not None and answer.since_intent > SUBMIT_DEADLINE_S:
            yield f"I14 {answer.trade.client_order_id} was answered {answer.since_intent} s after its intent"
    for left in view.world.exits:
        if left.took_s > LONGEST_EXIT_S:
            yield f"P2 leaving {left.result.symbol} took {left.took_s:.0f} s"


def i15_whose_request(view: View) -> Iterator[str]:
    """I15: each record of an order names the request that made the order, or the one that it was done for."""
    made = view.memory.made_by
    for record in view.fresh:
        fact, name = record.fact, record.fact.client_order_id or ""
        if fact.event is EventKind.ORDER_INTENDED:
            asked = REPLACE if "replaces" in fact.details else request_of(name)
            made[name] = EXIT if name in view.exit_orders else asked
        whose = made.get(name)
        is_own = fact.correlation_id == whose or (fact.event in _DONE_FOR_ANOTHER and fact.correlation_id is not None)
        if whose is not None and not is_own:
            yield f"I15 {fact.event} of order {name}, made by {whose}, carries the id {fact.correlation_id}"
        if fact.event in _EXITS and fact.correlation_id != EXIT:
            yield f"I15 {fact.event} of {fact.symbol} carries the id {fact.correlation_id}"


def p2_one_exit_at_a_time(view: View) -> Iterator[str]:
    """P2: an exit that has ended does nothing more."""
    ended = view.memory.ended_exits
    for fact in (record.fact for record in view.fresh if record.fact.event in _EXITS):
        exit_id = fact.details["exit_id"]
        if exit_id in ended:
            yield f"P2 an exit of {fact.symbol} went on after another one had ended it"
        if fact.event is EventKind.EXIT_ENDED:
            ended.add(exit_id)
