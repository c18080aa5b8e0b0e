import hashlib
import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.order_story import MONDAY, intended
from trading_bot.order_management.events import EventKind, OrderEvent
from trading_bot.order_management.journal.chain import (
    GENESIS,
    MAX_LINE_BYTES,
    MAX_TEXT,
    BadRecordError,
    ChainHead,
    decode,
    encode,
    seal,
    time_text,
)
from trading_bot.order_management.models import (
    ClientOrderId,
    ExecutionId,
    ExecutionMode,
    OrderId,
    OrderState,
    RefId,
    Side,
)

FIRST = ChainHead.genesis()
WHOLE = OrderEvent(
    event=EventKind.ORDER_UPDATED,
    client_order_id=ClientOrderId("mine"),
    correlation_id="call-1",
    ref_id=RefId("ref"),
    order_id=OrderId("theirs"),
    symbol="AAPL",
    side=Side.SELL,
    quantity=Decimal(10),
    limit_price=Decimal("100.10"),
    execution_mode=ExecutionMode.LIVE,
    strategy_name="momentum",
    attempt=2,
    latency_ms=Decimal("12.345"),
    status=OrderState.PARTIALLY_FILLED,
    filled_quantity=Decimal(4),
    average_price=Decimal("100.1250"),
    execution_id=ExecutionId("fill-1"),
    last_quantity=Decimal("0.5"),
    last_price=Decimal("1E-8"),
    occurred_at=datetime(2026, 11, 23, 15, 0, 0, 1, tzinfo=UTC),
    reason="because",
    details={"b": "2", "a": "1"},
)


def chained(event=WHOLE, *, head=FIRST, ts=MONDAY):
    return seal(event, head=head, ts=ts, mono=Decimal("1.000001"), session_id="session-1").record


def sealed(body: bytes) -> bytes:
    """A line with a right hash over whatever stands in it: what only its content can give away."""
    return body[:-1] + b',"hash":"' + hashlib.sha256(body).hexdigest().encode() + b'"}'


def body_of(**changes) -> bytes:
    """The body of a plain first record; a change to ... leaves the key out."""
    plain = {
        "v": 1,
        "seq": 1,
        "ts": "2026-11-23T15:00:00.000000Z",
        "mono": "0.000000",
        "event": "order_updated",
        "session_id": "session-1",
        "prev": GENESIS,
    }
    return json.dumps({key: value for key, value in {**plain, **changes}.items() if value is not ...}).encode()


def read(line: bytes):
    return decode(line, head=FIRST)


def test_every_fact_comes_back_as_it_was_written():
    assert None not in [getattr(WHOLE, field.name) for field in fields(WHOLE)]
    record = chained()
    assert decode(encode(record)[:-1], head=FIRST) == record
    assert decode(encode(record)[:-1], head=FIRST).fact == WHOLE


def test_absent_facts_take_no_room_and_come_back_absent():
    record = chained(OrderEvent(event=EventKind.SESSION_STARTED))
    assert json.loads(encode(record)).keys() == {"v", "seq", "ts", "mono", "event", "session_id", "prev", "hash"}
    assert decode(encode(record)[:-1], head=FIRST) == record


def test_zero_and_empty_text_are_facts_and_not_absent():
    event = OrderEvent(event=EventKind.ORDER_UPDATED, filled_quantity=Decimal(0), attempt=0, reason="")
    assert decode(encode(chained(event))[:-1], head=FIRST).fact == event


def test_a_line_reads_the_same_whoever_wrote_it():
    line = encode(chained(intended(details={"z": "1", "a": "2"})))
    assert line.startswith(
        b'{"v":1,"seq":1,"ts":"2026-11-23T15:00:00.000000Z","mono":"1.000001","event":"order_intended",'
        b'"session_id":"session-1","client_order_id":"first","ref_id":"ref-of-first","symbol":"AAPL","side":"buy",'
        b'"quantity":"10","limit_price":"100.00","execution_mode":"paper","strategy_name":"momentum",'
        b'"details":{"a":"2","z":"1"},"prev":"' + GENESIS.encode() + b'","hash":"'
    )
    assert line.endswith(b'"}\n')


def test_a_right_hash_under_another_key_is_no_hash():
    line = sealed(body_of())
    assert read(line).seq == 1
    with pytest.raises(BadRecordError, match="it does not end in a hash"):
        read(line.replace(b'"hash"', b'"HASH"'))


def test_the_hash_covers_the_line_without_itself():
    record = chained()
    body, _ = encode(record).rsplit(b',"hash":"', 1)
    assert record.hash == hashlib.sha256(body + b"}").hexdigest()


def test_times_are_written_in_utc_whatever_their_zone():
    tokyo = timezone(timedelta(hours=9))
    record = chained(ts=datetime(2026, 11, 24, 0, 0, tzinfo=tokyo))
    assert record.ts == MONDAY
    assert record.ts.tzinfo is UTC
    assert b'"ts":"2026-11-23T15:00:00.000000Z"' in encode(record)


@pytest.mark.parametrize("fraction_us", [0, 7])
def test_a_time_is_written_alike_whatever_class_and_zone_it_has(fraction_us):
    """A clock that the caller gave may return a class of its own, as those of pandas and of frozen tests do."""

    class OwnTime(datetime):
        pass

    zone = timezone(timedelta(hours=1, microseconds=7))
    in_zone = (MONDAY + timedelta(microseconds=fraction_us)).astimezone(zone)
    own = OwnTime.combine(in_zone.date(), in_zone.time(), zone)
    written = f"{MONDAY.replace(tzinfo=None).isoformat()}.{fraction_us:06}Z"
    assert [time_text(in_zone), time_text(own)] == [written, written]


def test_numbers_are_written_without_an_exponent():
    event = OrderEvent(event=EventKind.ORDER_UPDATED, last_price=Decimal("1E-8"), quantity=Decimal("1E+3"))
    assert b'"quantity":"1000"' in encode(chained(event))
    assert b'"last_price":"0.00000001"' in encode(chained(event))


def test_records_are_numbered_and_name_the_one_before_them():
    first = chained()
    second = chained(head=ChainHead(seq=first.seq, hash=first.hash))
    assert (first.seq, first.prev, second.seq, second.prev) == (1, GENESIS, 2, first.hash)


@pytest.mark.parametrize(
    "head",
    [ChainHead(seq=1, hash=GENESIS), ChainHead(seq=0, hash="1" * 64), ChainHead(seq=10**30, hash=GENESIS)],
    ids=["another number", "another hash", "far ahead"],
)
def test_a_record_that_does_not_follow_is_refused(head):
    with pytest.raises(BadRecordError, match="does not follow"):
        decode(encode(chained())[:-1], head=head)


def test_no_byte_of_a_line_can_be_changed_unnoticed():
    line = encode(chained())[:-1]
    for position in range(len(line)):
        for changed in (line[position] ^ 1, line[position] ^ 0x20):
            forged = line[:position] + bytes([changed]) + line[position + 1 :]
            with pytest.raises(BadRecordError):
                read(forged)


def test_no_end_of_a_line_can_be_cut_off_unnoticed():
    line = encode(chained())[:-1]
    for length in range(len(line)):
        with pytest.raises(BadRecordError):
            read(line[:length])


def test_a_plain_sealed_record_is_readable():
    """Proves that the hostile lines below fail for their content and not for their seal."""
    assert read(sealed(body_of())).fact == OrderEvent(event=EventKind.ORDER_UPDATED)


def test_a_time_with_fewer_digits_is_read_all_the_same():
    assert read(sealed(body_of(ts="2026-11-23T15:00:00.5Z"))).ts == MONDAY + timedelta(seconds=0.5)


HOSTILE = {
    "no JSON": (b"{rubbish}", "not a JSON object"),
    "not UTF-8": (b'{"v":\xff}', "not a JSON object"),
    "nested without end": (b'{"v":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not a JSON object"),
    "a repeated key": (body_of()[:-1] + b',"seq":1}', "a key stands twice"),
    "a repeated key in the details": (body_of()[:-1] + b',"details":{"a":"1","a":"2"}}', "a key stands twice"),
    "NaN": (body_of(attempt=float("nan")), "no number"),
    "infinity": (body_of(attempt=float("inf")), "no number"),
    "an unknown key": (body_of(release_kill="yes"), "keys that no record has"),
    "a newer schema": (body_of(v=2), "schema version 2; this program reads version 1"),
    "no schema": (body_of(v=...), "schema version None"),
    "a schema in text": (body_of(v="1"), "schema version '1'"),
    "no number": (body_of(seq=...), "'seq'"),
    "a number in text": (body_of(seq="1"), "not a whole number"),
    "a number that is true": (body_of(seq=True), "not a whole number"),
    "a number beyond the machine's": (body_of(seq=2**63), "does not follow"),
    "a number of five thousand digits": (body_of(seq=...)[:-1] + b',"seq":' + b"9" * 5000 + b"}", "not a JSON object"),
    "no time": (body_of(ts=...), "'ts'"),
    "a local time": (body_of(ts="2026-11-23T15:00:00.000000"), "does not match format"),
    "a day that no calendar has": (body_of(ts="2026-02-30T15:00:00.000000Z"), "malformed"),
    "no monotonic time": (body_of(mono=...), "'mono'"),
    "a monotonic time in JSON": (body_of(mono=1), "not text"),
    "no event": (body_of(event=...), "'event'"),
    "an unknown event": (body_of(event="money_printed"), "money_printed"),
    "no session": (body_of(session_id=...), "'session_id'"),
    "a session of another type": (body_of(session_id=5), "not text"),
    "no predecessor": (body_of(prev=...), "'prev'"),
    "a quantity in JSON": (body_of(quantity=10), "not text"),
    "a quantity that is none": (body_of(quantity="NaN"), "not finite"),
    "an endless price": (body_of(limit_price="Infinity"), "not finite"),
    "a price in words": (body_of(last_price="ten"), "malformed"),
    "a null": (body_of(symbol=None), "not text"),
    "a side of another kind": (body_of(side="hold"), "hold"),
    "a state of another kind": (body_of(status="maybe"), "maybe"),
    "a mode of another kind": (body_of(execution_mode="LIVE "), "LIVE"),
    "an attempt in text": (body_of(attempt="1"), "not a whole number"),
    "a fill without a zone": (body_of(occurred_at="2026-11-23"), "does not match format"),
    "details in a list": (body_of(details=["a"]), "details are an object"),
    "details with numbers": (body_of(details={"a": 1}), "not text"),
}


@pytest.mark.parametrize(("body", "problem"), HOSTILE.values(), ids=HOSTILE)
def test_a_line_that_no_writer_of_ours_makes_is_refused(body, problem):
    with pytest.raises(BadRecordError, match=problem):
        read(sealed(body))


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"\0" * 500, sealed(body_of()) + b"\r", sealed(body_of()).upper(), b"\x1f\x8b" + b"rubbish" * 50],
    ids=["nothing", "an empty object", "NULs", "a carriage return", "capital hash", "gzip"],
)
def test_a_line_without_its_hash_is_refused(line):
    with pytest.raises(BadRecordError, match="does not end in a hash"):
        read(line)


def test_a_record_longer_than_a_line_may_be_is_never_written():
    many = {str(number): "x" * MAX_TEXT for number in range(MAX_LINE_BYTES // MAX_TEXT + 1)}
    with pytest.raises(BadRecordError, match="shorten its texts"):
        encode(chained(OrderEvent(event=EventKind.ANOMALY_FOUND, details=many)))


def test_long_texts_are_cut_so_that_no_reply_can_fill_the_journal():
    endless = "\U0001f680" * (MAX_TEXT + 1)
    event = OrderEvent(event=EventKind.ANOMALY_FOUND, reason=endless, details={"body": endless})
    fact = decode(encode(chained(event))[:-1], head=FIRST).fact
    assert fact.reason == endless[:MAX_TEXT]
    assert fact.details == {"body": endless[:MAX_TEXT]}


def test_a_record_with_a_long_text_is_the_same_in_memory_and_on_disk():
    """Anomalies are told apart by their text: a restart must not know them by another one."""
    record = chained(OrderEvent(event=EventKind.ANOMALY_FOUND, reason="x" * (MAX_TEXT + 1)))
    assert decode(encode(record)[:-1], head=FIRST) == record


any_text = st.text(max_size=60) | st.sampled_from(
    ["\n", "\r\n", "\u2028", "\x1b[2J", '","hash":"', '\n{"event":"x"}', "\0"]
)


@given(reason=any_text, symbol=any_text, key=any_text, value=any_text)
def test_whatever_stands_in_its_texts_a_record_is_one_line_of_printable_ascii(reason, symbol, key, value):
    record = chained(replace(WHOLE, reason=reason, symbol=symbol, details={key: value}))
    line = encode(record)
    assert line.count(b"\n") == 1
    assert line[:-1].decode("ascii").isprintable()
    assert decode(line[:-1], head=FIRST) == record


@given(st.text(max_size=40), st.datetimes(timezones=st.just(UTC)), st.dictionaries(st.text(max_size=9), st.text()))
def test_a_record_is_written_as_json_writes_it(text, moment, details):
    """Its hash covers this text: another way to write the same fact would be another record."""
    event = OrderEvent(event=EventKind.ORDER_UPDATED, reason=text, occurred_at=moment, attempt=3, details=details)
    record = seal(event, head=ChainHead.genesis(), ts=moment, mono=Decimal("1.5"), session_id=text).record
    time = f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
    told = {"v": 1, "seq": 1, "ts": time, "mono": "1.5", "event": "order_updated", "session_id": text}
    told |= {"attempt": 3, "occurred_at": time, "reason": text}
    told |= {"details": dict(sorted(details.items()))} if details else {}
    told |= {"prev": GENESIS, "hash": record.hash}
    assert encode(record) == json.dumps(told, separators=(",", ":")).encode() + b"\n"
