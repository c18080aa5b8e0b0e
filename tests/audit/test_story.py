"""The journal in words: every kind of record has its sentence, and an order's life cites its records."""

from decimal import Decimal

import pytest

from tests.support.order_story import MONDAY, Story, booked, fill, intended, now_in, order_id_of, ref_of, told
from trading_bot.audit.story import life_of, sentence_of
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderNotFoundError
from trading_bot.order_management.journal.chain import ChainHead, seal
from trading_bot.order_management.models import ExecutionId, ExecutionMode, OrderState, Side


def said(event: OrderEvent) -> str:
    record = seal(event, head=ChainHead.genesis(), ts=MONDAY, mono=Decimal(0), session_id="session-1").record
    return sentence_of(record).text


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_record_has_a_sentence_even_when_it_carries_no_facts(kind):
    """A new kind fails here until somebody decides how to say it."""
    text = said(OrderEvent(event=kind))
    assert text
    assert not text.endswith(":")


WORDS = [
    (
        OrderEvent(
            event=EventKind.JOURNAL_OPENED, execution_mode=ExecutionMode.PAPER, details={"account_suffix": "0001"}
        ),
        "the journal of the paper account ending in 0001 was begun",
    ),
    (
        OrderEvent(event=EventKind.SESSION_STARTED, details={"version": "0.1.0"}),
        "a session of version 0.1.0 began",
    ),
    (
        OrderEvent(event=EventKind.KILL_NOTED, details={"note": "kill_ended", "facts": '{"confirmed":true}'}),
        'the kill noted kill ended: {"confirmed":true}',
    ),
    (
        OrderEvent(event=EventKind.JOURNAL_IMPORTED, details={"records": "12", "file": "orders.jsonl"}),
        "the 12 records before this one were taken over from the journal orders.jsonl of an earlier version",
    ),
    (
        OrderEvent(event=EventKind.TAIL_RECOVERED, reason="torn", details={"bytes": "12", "kept_in": "x.torn-3"}),
        "an unfinished end of 12 bytes was set aside in x.torn-3: torn",
    ),
    (
        OrderEvent(event=EventKind.JOURNAL_CONTINUED, reason="moved", details={"continues": "orders.jsonl"}),
        "the file orders.jsonl failed, and the journal went on beside it: moved",
    ),
    (
        intended(),
        (
            "decided to buy 10 AAPL at 100.00 or better for strategy momentum: reference price 100.15, gfd; "
            "written down before anything was sent"
        ),
    ),
    (
        told(
            EventKind.SUBMIT_ATTEMPTED,
            attempt=2,
            latency_ms=Decimal("12.5"),
            details={"outcome": "not_sent", "cause": "no route"},
        ),
        "attempt 2 ended after 12.5 ms: not sent (no route)",
    ),
    (
        told(
            EventKind.SUBMIT_ATTEMPTED,
            attempt=1,
            details={"outcome": "unknown", "cause": "no answer", "phase": "sent", "bytes_sent": "812"},
        ),
        "attempt 1 ended: unknown (no answer); 812 bytes were sent",
    ),
    (
        told(EventKind.CANCEL_ANSWERED, details={"reply": "pending", "bytes_sent": "0", "http_status": "200"}),
        "the cancel was answered: pending; 0 bytes were sent; the answer was HTTP 200",
    ),
    (
        told(EventKind.ORDER_ACCEPTED, order_id=order_id_of("first"), status=OrderState.QUEUED),
        "the broker took it as order broker-id-of-first; it is queued",
    ),
    (told(EventKind.ORDER_REJECTED, reason="no funds"), "the broker refused it: no funds"),
    (told(EventKind.ORDER_NOT_SENT, reason="no route"), "nothing reached the broker: no route"),
    (
        told(
            EventKind.ORDER_ADOPTED,
            order_id=order_id_of("first"),
            status=OrderState.PARTIALLY_FILLED,
            filled_quantity=Decimal(4),
            average_price=Decimal("99.90"),
        ),
        (
            "it was found at the broker as order broker-id-of-first; it is partially filled, 4 shares filled at 99.90 "
            "on average"
        ),
    ),
    (
        now_in(OrderState.CONFIRMED, details={"broker_state": "unconfirmed"}),
        "the broker reports it confirmed (the broker's word: unconfirmed)",
    ),
    (now_in(OrderState.FILLED, details={"broker_state": "filled"}), "the broker reports it filled"),
    (
        booked(fill(1, 4, "99.90"), side=Side.BUY),
        "4 shares were bought at 99.90 at 2026-11-23 15:00:01 UTC (execution fill-1)",
    ),
    (
        booked(fill(1, 4, "99.90"), side=Side.SELL),
        "4 shares were sold at 99.90 at 2026-11-23 15:00:01 UTC (execution fill-1)",
    ),
    (
        booked(fill(1, "4.00000000", "99.90000000"), side=Side.BUY),
        "4 shares were bought at 99.90 at 2026-11-23 15:00:01 UTC (execution fill-1)",
    ),
    (
        told(EventKind.EXECUTION_BUSTED, execution_id=ExecutionId("fill-1"), reason="annulled"),
        "execution fill-1 was taken back: annulled",
    ),
    (
        told(EventKind.CANCEL_ANSWERED, details={"reply": "cancel_not_sent", "text": "no route"}),
        "the cancel was answered: cancel not sent (no route)",
    ),
    (
        told(EventKind.ORDER_RESOLVED, status=OrderState.NEVER_ACCEPTED, reason="seen in the app"),
        "a person decided that it is never accepted: seen in the app",
    ),
    (
        told(EventKind.ORDER_RESOLVED, status=OrderState.NEVER_ACCEPTED, reason="seen", details={"by": "alice"}),
        "alice decided that it is never accepted: seen",
    ),
    (
        OrderEvent(event=EventKind.POSITION_ACCEPTED, symbol="AAPL", reason="a split", details={"by": "alice"}),
        "alice accepted the broker's position in AAPL: a split",
    ),
    (
        OrderEvent(
            event=EventKind.POSITION_ACCEPTED,
            symbol="AAPL",
            quantity=Decimal("100.00000000"),
            reason="split",
            details={"by": "alice", "before": "10.00000000", "ratio": "10:1"},
        ),
        (
            "alice accepted the broker's position of 100 shares in place of 10 in AAPL, a split of 10:1 that leaves "
            "their total cost as it was: split"
        ),
    ),
    (
        OrderEvent(
            event=EventKind.POSITION_ACCEPTED,
            symbol="AAPL",
            details={"by": "alice", "before": "10", "held": "7", "number": "3"},
        ),
        "alice accepted the broker's position of 7 shares in place of 10 in AAPL, whose cost is unknown from then on",
    ),
    (
        OrderEvent(
            event=EventKind.POSITION_ACCEPTED,
            symbol="AAPL",
            quantity=Decimal(10),
            details={"by": "alice", "before": "10.0"},
        ),
        "alice accepted the broker's position in AAPL",
    ),
    (
        OrderEvent(event=EventKind.POSITION_ACCEPTED, symbol="AAPL", reason="held when this journal first looked"),
        "the position in AAPL is taken as it is: held when this journal first looked",
    ),
    (OrderEvent(event=EventKind.POSITION_ACCEPTED), "the position in every other symbol is taken as it is"),
    (
        OrderEvent(event=EventKind.SYMBOL_FROZEN, symbol="AAPL", reason="drift"),
        "no entry is taken in AAPL: drift",
    ),
    (
        OrderEvent(event=EventKind.POSITION_DIFFERED, symbol="F", details={"broker": "100", "expected": "10"}),
        "the broker holds 100 F and our fills explain 10",
    ),
    (
        OrderEvent(event=EventKind.POSITION_AGREED, symbol="F", reason="they agree"),
        "the difference in F is over: they agree",
    ),
    (
        OrderEvent(event=EventKind.INSTRUMENT_NAMED, symbol="METX", details={"instrument_id": "I1", "was": "FBX"}),
        "FBX is called METX now",
    ),
    (
        OrderEvent(event=EventKind.INSTRUMENT_NAMED, symbol="F", details={"instrument_id": "I1"}),
        "the broker's instrument of F is I1",
    ),
    (OrderEvent(event=EventKind.SYMBOL_RELEASED, symbol="AAPL"), "entries in AAPL are taken again"),
    (OrderEvent(event=EventKind.TRADING_HALTED, reason="a unjournaled"), "new orders were halted: a unjournaled"),
]


@pytest.mark.parametrize(("event", "text"), WORDS, ids=lambda value: str(getattr(value, "event", "")))
def test_a_record_is_told_with_its_facts(event, text):
    assert said(event) == text


def test_an_intent_for_extended_hours_says_so():
    details = {"reference_price": "100.15", "time_in_force": "gtc", "extended_hours": "true"}
    assert "gtc, extended hours; written down" in said(intended(details=details))


@pytest.fixture
def story() -> Story:
    return Story(
        OrderEvent(event=EventKind.SESSION_STARTED),
        intended("other"),
        intended(),
        told(EventKind.ORDER_ACCEPTED, order_id=order_id_of("first"), status=OrderState.CONFIRMED),
        booked(fill(1, 10, "99.90")),
        now_in(OrderState.FILLED, filled_quantity=Decimal(10), average_price=Decimal("99.90")),
    )


@pytest.mark.parametrize("name", ["first", order_id_of("first"), ref_of("first")])
def test_the_life_of_an_order_is_found_by_any_of_its_ids(story, name):
    assert life_of(story.records, name).order.client_order_id == "first"


def test_each_sentence_cites_its_record_and_no_other_orders_record_is_told(story):
    life = life_of(story.records, "first")
    assert [(each.seq, each.event) for each in life.sentences] == [
        (3, EventKind.ORDER_INTENDED),
        (4, EventKind.ORDER_ACCEPTED),
        (5, EventKind.EXECUTION_BOOKED),
        (6, EventKind.ORDER_UPDATED),
    ]
    assert {each.client_order_id for each in life.sentences} == {"first"}
    assert [each.at for each in life.sentences] == [record.ts for record in story.records[2:]]


def test_the_life_ends_where_the_records_leave_the_order(story):
    assert life_of(story.records, "first").order.state is OrderState.FILLED


def test_an_order_that_no_record_names_is_not_found_and_the_remedy_is_told(story):
    with pytest.raises(OrderNotFoundError, match="trading-bot orders --all"):
        life_of(story.records, "nobody\x1b")


def test_an_impossible_story_is_not_told():
    records = [
        seal(now_in(OrderState.FILLED), head=ChainHead.genesis(), ts=MONDAY, mono=Decimal(0), session_id="s").record
    ]
    with pytest.raises(OrderLogDamagedError):
        life_of(records, "first")


@pytest.mark.parametrize(
    ("event", "details", "text"),
    [
        (
            EventKind.ACCOUNT_VALUED,
            {"occasion": "close", "equity": "100500.5000", "equity_from": "broker", "cash": "99000"},
            "the account was worth 100500.50 dollars, 99000.00 of them cash",
        ),
        (
            EventKind.ACCOUNT_TIED_OUT,
            {"verdict": "begun", "cash": "99000", "movement": "0", "traded": "0"},
            "the broker's cash was 99000.00 dollars",
        ),
        (
            EventKind.ACCOUNT_TIED_OUT,
            {"verdict": "less", "cash": "9", "movement": "0", "traded": "0", "difference": "-500.0", "by": "ada"},
            "the broker's cash was 9.00 dollars, -500.00 dollars from what the fills explain, which ada accepted",
        ),
    ],
)
def test_what_the_account_was_worth_and_how_its_cash_compared_is_said_in_dollars(event, details, text):
    assert said(OrderEvent(event=event, details=details)) == text
