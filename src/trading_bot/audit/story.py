"""The journal in plain words: each record as one sentence, and one order's whole life. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_bot.order_management.book.order_book import OrderBook
from trading_bot.order_management.book.position_watch import in_words
from trading_bot.order_management.book.tracked_order import TrackedOrder
from trading_bot.order_management.event_details import TieOutDetails, ValuationDetails
from trading_bot.order_management.events import EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderNotFoundError
from trading_bot.prose import dollars_in_words, shares_in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """What one journal record says; ``seq`` is the number of the record, so that the words can be checked."""

    seq: int
    at: datetime
    event: EventKind
    client_order_id: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLife:
    """An order from its intent to the last record about it, and where that leaves it."""

    order: TrackedOrder
    sentences: tuple[Sentence, ...]
    book: OrderBook
    """All orders and accepted positions that the records tell: what the result of this order rests on."""


def sentence_of(record: JournalRecord) -> Sentence:
    """Say what a record means."""
    fact = record.fact
    return Sentence(
        seq=record.seq,
        at=record.ts,
        event=fact.event,
        client_order_id=fact.client_order_id,
        text=_SENTENCES[fact.event](fact),
    )


def life_of(records: Iterable[JournalRecord], identifier: str) -> OrderLife:
    """Tell the life of the order that has ``identifier`` as its client order id, order id or ``ref_id``.

    Raises:
        OrderNotFoundError: no record names it.
        OrderLogDamagedError: the records tell an impossible story.
    """
    kept = tuple(records)
    book = OrderBook.replayed(kept)
    order = book.by_either_id(identifier) or book.by_ref_id(identifier)
    if order is None:
        raise OrderNotFoundError(
            f"no order {ascii(identifier)[:80]} is in the journal; 'trading-bot orders --all' lists the ids",
            order_id=identifier,
        )
    name = order.client_order_id
    return OrderLife(
        order=order,
        sentences=tuple(sentence_of(each) for each in kept if each.fact.client_order_id == name),
        book=book,
    )


def _opened(fact: OrderEvent) -> str:
    return f"the journal of the {fact.execution_mode} account ending in {_detail(fact, 'account_suffix')} was begun"


def _tail_recovered(fact: OrderEvent) -> str:
    return (
        f"an unfinished end of {_detail(fact, 'bytes')} bytes was set aside in {_detail(fact, 'kept_in')}"
        f"{_because(fact)}"
    )


def _intended(fact: OrderEvent) -> str:
    hours = ", extended hours" if fact.details.get("extended_hours") == "true" else ""
    strategy = f" for strategy {fact.strategy_name}" if fact.strategy_name else ""
    said = fact.details.get("review")
    review = f"; the broker's own review objected: {said}" if said else ""
    return (
        f"decided to {_terms(fact)}{strategy}: reference price {_detail(fact, 'reference_price')}, "
        f"{_detail(fact, 'time_in_force')}{hours}; written down before anything was sent{_because(fact)}{review}"
    )


def _attempted(fact: OrderEvent) -> str:
    took = f" after {fact.latency_ms:f} ms" if fact.latency_ms is not None else ""
    cause = f" ({fact.details['cause']})" if fact.details.get("cause") else ""
    ended = f"attempt {fact.attempt or 'of unknown number'} ended{took}"
    return f"{ended}: {_words(_detail(fact, 'outcome'))}{cause}{_exchange(fact)}"


def _exchange(fact: OrderEvent) -> str:
    """Say how much of a request was sent and what answered it; nothing where the record does not say it."""
    sent, status = fact.details.get("bytes_sent"), fact.details.get("http_status")
    written = "" if sent is None else f"; {sent} bytes were sent"
    return f"{written}; the answer was HTTP {status}" if status is not None else written


def _accepted(fact: OrderEvent) -> str:
    return f"the broker took it as order {fact.order_id or 'without an id'}{_state(fact)}"


def _adopted(fact: OrderEvent) -> str:
    return f"it was found at the broker as order {fact.order_id or 'without an id'}{_state(fact)}"


def _updated(fact: OrderEvent) -> str:
    said = fact.details.get("broker_state")
    word = f" (the broker's word: {said})" if said and said != fact.status else ""
    reached = ", its stop price reached" if fact.details.get("stop_triggered_at") else ""
    state = _words(fact.status or "without a state")
    return f"the broker reports it {state}{reached}{word}{_filled(fact)}{_because(fact)}"


def _executed(fact: OrderEvent) -> str:
    when = f" at {fact.occurred_at:%Y-%m-%d %H:%M:%S} UTC" if fact.occurred_at else ""
    return (
        f"{_shares(fact.last_quantity)} shares were {_PAST[fact.side or '']} at {_dollars(fact.last_price)}{when} "
        f"(execution {fact.execution_id})"
    )


def _cancel_answered(fact: OrderEvent) -> str:
    text = f" ({fact.details['text']})" if fact.details.get("text") else ""
    return f"the cancel was answered: {_words(_detail(fact, 'reply'))}{text}{_filled(fact)}{_exchange(fact)}"


def _carried(fact: OrderEvent) -> str:
    return f"carried over from the earlier part of the journal: {_terms(fact)}{_state(fact)}"


def _position_accepted(fact: OrderEvent) -> str:
    if "by" not in fact.details:
        return f"the position in {fact.symbol or 'every other symbol'} is taken as it is{_because(fact)}"
    held = Decimal(fact.details["held"]) if "held" in fact.details else fact.quantity
    before = Decimal(fact.details["before"]) if "before" in fact.details else None
    change = ""
    if held is not None and before is not None and held != before:
        change = f" of {in_words(held)} shares in place of {in_words(before)}"
    return (
        f"{_person(fact)} accepted the broker's position{change} in {fact.symbol}{_cost(fact, change)}{_because(fact)}"
    )


def _cost(fact: OrderEvent, change: str) -> str:
    if "ratio" in fact.details:
        return f", a split of {fact.details['ratio']} that leaves their total cost as it was"
    return ", whose cost is unknown from then on" if change else ""


def _plain(text: str) -> Callable[[OrderEvent], str]:
    return lambda fact: f"{text}{_because(fact)}"


def _on_symbol(text: str) -> Callable[[OrderEvent], str]:
    return lambda fact: f"{text.format(symbol=fact.symbol)}{_because(fact)}"


def _over_interface(fact: OrderEvent) -> str:
    return " over the agent interface" if fact.details.get("gateway") == "agent" else ""


_PAST: Mapping[str, str] = {"buy": "bought", "sell": "sold", "": "traded"}

_SENTENCES: Mapping[EventKind, Callable[[OrderEvent], str]] = {
    EventKind.JOURNAL_OPENED: _opened,
    EventKind.SESSION_STARTED: lambda fact: (
        f"a session of version {_detail(fact, 'version')} began{_over_interface(fact)}"
    ),
    EventKind.SESSION_STOPPED: _plain("the session ended cleanly"),
    EventKind.TAIL_RECOVERED: _tail_recovered,
    EventKind.JOURNAL_CONTINUED: lambda fact: (
        f"the file {_detail(fact, 'continues')} failed, and the journal went on beside it{_because(fact)}"
    ),
    EventKind.ORDER_INTENDED: _intended,
    EventKind.SUBMIT_ATTEMPTED: _attempted,
    EventKind.ORDER_ACCEPTED: _accepted,
    EventKind.ORDER_REJECTED: _plain("the broker refused it"),
    EventKind.ORDER_NOT_SENT: _plain("nothing reached the broker"),
    EventKind.ORDER_OUTCOME_UNKNOWN: _plain("it is not known whether the broker has it"),
    EventKind.ORDER_ADOPTED: _adopted,
    EventKind.ABSENCE_NOTED: _plain("a complete list of the broker's orders did not show it"),
    EventKind.ORDER_PRESUMED_ABSENT: _plain("it is presumed absent"),
    EventKind.ORDER_NEVER_ACCEPTED: _plain("the broker never took it"),
    EventKind.ORDER_RESOLVED: lambda fact: (
        f"{_person(fact)} decided that it is {_words(fact.status or 'closed')}{_because(fact)}"
    ),
    EventKind.ORDER_UPDATED: _updated,
    EventKind.APPROVAL_AWAITED: _plain(
        "it awaits the owner's approval in the broker's app, and does not work until then"
    ),
    EventKind.EXECUTION_BOOKED: _executed,
    EventKind.EXECUTION_BUSTED: lambda fact: f"execution {fact.execution_id} was taken back{_because(fact)}",
    EventKind.CANCEL_REQUESTED: _plain("a cancel was asked for"),
    EventKind.CANCEL_ANSWERED: _cancel_answered,
    EventKind.ANOMALY_FOUND: _plain("something does not fit"),
    EventKind.SYMBOL_FROZEN: _on_symbol("no entry is taken in {symbol}"),
    EventKind.SYMBOL_RELEASED: _on_symbol("entries in {symbol} are taken again"),
    EventKind.POSITION_ACCEPTED: _position_accepted,
    EventKind.POSITION_DIFFERED: lambda fact: (
        f"the broker holds {_detail(fact, 'broker')} {fact.symbol} and our fills explain {_detail(fact, 'expected')}"
    ),
    EventKind.POSITION_AGREED: _on_symbol("the difference in {symbol} is over"),
    EventKind.POSITIONS_NOTED: _plain("the positions were noted, so that old orders need not be read at a start"),
    EventKind.RECORD_REFUSED: _plain("a record could not be taken, because another order has its name"),
    EventKind.INSTRUMENT_NAMED: lambda fact: (
        f"{fact.details['was']} is called {fact.symbol} now"
        if "was" in fact.details
        else f"the broker's instrument of {fact.symbol} is {_detail(fact, 'instrument_id')}"
    ),
    EventKind.EXIT_BEGUN: lambda fact: f"{_person(fact)} began to leave {fact.symbol}{_because(fact)}",
    EventKind.EXIT_LEG_PLACED: lambda fact: f"order {_detail(fact, 'leg')} is placed to leave {fact.symbol}",
    EventKind.EXIT_ENDED: lambda fact: (
        f"the exit of {fact.symbol} ended: {_words(_detail(fact, 'ending'))}{_because(fact)}"
    ),
    EventKind.ACCOUNT_VALUED: lambda fact: _valued(ValuationDetails.of(fact)),
    EventKind.PROTECTION_SET: lambda fact: f"{_person(fact)} protected {fact.symbol}{_levels(fact)}{_because(fact)}",
    EventKind.PROTECTION_CHANGED: lambda fact: (
        f"the protection of {fact.symbol} changed: {_words(_detail(fact, 'change'))}{_because(fact)}"
    ),
    EventKind.PROTECTION_ENDED: lambda fact: (
        f"the protection of {fact.symbol} ended: {_words(_detail(fact, 'ending'))}{_because(fact)}"
    ),
    EventKind.ACCOUNT_TIED_OUT: lambda fact: f"{_tied_out(TieOutDetails.of(fact))}{_because(fact)}",
    EventKind.TRADING_HALTED: _plain("new orders were halted"),
    EventKind.TRADING_RESUMED: _plain("new orders were allowed again"),
    EventKind.ORDER_CARRIED: _carried,
    EventKind.KILL_IMPORTED: _plain("a kill was taken over into this journal"),
    EventKind.KILL_NOTED: lambda fact: f"the kill noted {_words(_detail(fact, 'note'))}: {_detail(fact, 'facts')}",
    EventKind.JOURNAL_IMPORTED: lambda fact: (
        f"the {_detail(fact, 'records')} records before this one were taken over from the journal "
        f"{_detail(fact, 'file')} of an earlier version"
    ),
}


def _valued(told: ValuationDetails | None) -> str:
    equity, cash = (None, None) if told is None else (told.equity, told.cash)
    return f"the account was worth {_dollars(equity)} dollars, {_dollars(cash)} of them cash"


def _tied_out(told: TieOutDetails | None) -> str:
    if told is None:
        return "cash was compared with the broker's"
    accepted = "" if told.by is None else f", which {told.by} accepted"
    said = "" if told.difference is None else f", {_dollars(told.difference)} dollars from what the fills explain"
    return f"the broker's cash was {_dollars(told.cash)} dollars{said}{accepted}"


def _terms(fact: OrderEvent) -> str:
    stop = f" once its price is down to {fact.details['stop_price']}" if fact.details.get("stop_price") else ""
    terms = f"{fact.side or 'trade'} {_shares(fact.quantity)} {fact.symbol}"
    return f"{terms} at {_dollars(fact.limit_price)} or better{stop}"


def _state(fact: OrderEvent) -> str:
    return f"; it is {_words(fact.status)}{_filled(fact)}" if fact.status else _filled(fact)


def _filled(fact: OrderEvent) -> str:
    if not fact.filled_quantity:
        return ""
    average = f" at {_dollars(fact.average_price)} on average" if fact.average_price is not None else ""
    return f", {_shares(fact.filled_quantity)} shares filled{average}"


def _person(fact: OrderEvent) -> str:
    return fact.details.get("by", "a person")


def _levels(fact: OrderEvent) -> str:
    named = (f"{_words(name)} {fact.details[name]}" for name in ("stop", "target", "trail_pct") if name in fact.details)
    told = ", ".join(named)
    return f" with {told}" if told else ""


def _because(fact: OrderEvent) -> str:
    return f": {fact.reason}" if fact.reason else ""


def _detail(fact: OrderEvent, name: str) -> str:
    return fact.details.get(name, "unknown")


def _words(name: str) -> str:
    return name.replace("_", " ")


def _shares(number: Decimal | None) -> str:
    return _UNKNOWN if number is None else shares_in_words(number)


def _dollars(amount: Decimal | None) -> str:
    return _UNKNOWN if amount is None else dollars_in_words(amount)


_UNKNOWN = "an unknown number"
