from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest

from tests.support.scripted_broker import INSTRUMENT, MORNING, ORDER, REF, order_row, reply
from trading_bot.order_management.models import ClientOrderId, OrderState, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import (
    Accepted,
    CancelNotSent,
    CancelRefused,
    CancelTaken,
    CancelUnknown,
    DurableIntent,
    NotSent,
    PreparedOrder,
    Rejected,
    Unknown,
)
from trading_bot.robinhood.classify import classify_cancel, classify_submit, error_text, retry_after_s
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.sending import SendPhase
from trading_bot.robinhood.session import WireReply
from trading_bot.robinhood.wire import parse_order

BUY = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("100.10"))
STOP = replace(BUY, side=Side.SELL, stop_price=Decimal("100.20"))


def intent(terms: OrderTerms = BUY) -> DurableIntent:
    order = PreparedOrder(ref_id=RefId(REF), terms=terms, body=b"body")
    return DurableIntent(
        client_order_id=ClientOrderId("c1"),
        ref_id=order.ref_id,
        terms=terms,
        body=order.body,
        body_digest=order.digest,
        journal_seq=1,
    )


def answer(status, body=None, **headers) -> WireReply:
    scripted = reply(status, body, **headers)
    return WireReply(
        status=status, headers={name.lower(): text for name, text in scripted.headers.items()}, body=scripted.body
    )


def failed(kind, *, written, gate=None) -> WireFailure:
    return WireFailure(
        phase=SendPhase.SENT if written else SendPhase.BEGUN,
        first_byte_written=written,
        cause="why",
        kind=kind,
        security_alert=kind in (FailureKind.TLS, FailureKind.REDIRECT),
        gate=gate,
    )


def submit(result, terms: OrderTerms = BUY):
    names = {INSTRUMENT: "AAPL", INSTRUMENT[:-1] + "f": "MSFT"}
    return classify_submit(result, intent=intent(terms), parse=lambda row: parse_order(row, names.get), now=MORNING)


def test_our_order_in_a_2xx_is_accepted():
    outcome = submit(answer(201, order_row()))
    assert isinstance(outcome, Accepted)
    assert (outcome.report.order_id, outcome.mismatch) == (ORDER, None)


def test_our_ref_id_in_capitals_is_still_ours():
    upper = classify_submit(
        answer(201, order_row(ref_id=REF.upper())),
        intent=intent(),
        parse=lambda row: parse_order(row, lambda _: "AAPL"),
        now=MORNING,
    )
    assert isinstance(upper, Accepted)


@pytest.mark.parametrize(
    ("changes", "mismatch"),
    [
        ({"side": "sell"}, "side sell instead of buy"),
        ({"quantity": "100.00000000"}, "quantity 100.00000000 instead of 10"),
        ({"price": "101.10000000"}, "limit price 101.10000000 instead of 100.10"),
        ({"price": None}, "limit price None instead of 100.10"),
        ({"instrument_id": INSTRUMENT[:-1] + "f", "instrument": None}, "symbol MSFT instead of AAPL"),
        ({"time_in_force": "gtc"}, "time in force gtc instead of gfd"),
        ({"time_in_force": "fok"}, None),  # a word that we do not know says nothing
    ],
)
def test_our_order_with_other_terms_is_accepted_with_the_difference(changes, mismatch):
    outcome = submit(answer(201, order_row(**changes)))
    assert isinstance(outcome, Accepted)
    assert outcome.mismatch == mismatch


@pytest.mark.parametrize(
    ("changes", "mismatch"),
    [
        ({}, None),
        ({"stop_price": "100.30000000"}, "stop price 100.30000000 instead of 100.20"),
        ({"trigger": "immediate"}, "stop price None instead of 100.20"),
        ({"stop_price": None}, None),
        ({"trigger": "immediate", "stop_triggered_at": "2026-11-23T15:00:00Z"}, None),
    ],
)
def test_our_stop_with_another_stop_is_accepted_with_the_difference(changes, mismatch):
    row = order_row(**({"side": "sell", "trigger": "stop", "stop_price": "100.20000000"} | changes))
    outcome = submit(answer(201, row), STOP)
    assert isinstance(outcome, Accepted)
    assert outcome.mismatch == mismatch


def test_our_stop_with_an_unreadable_echo_is_tracked_with_its_stop():
    outcome = submit(answer(201, order_row(quantity="NaN")), STOP)
    assert isinstance(outcome, Accepted)
    assert (outcome.report.waits_for_stop, outcome.report.stop_price) == (True, Decimal("100.20"))


@pytest.mark.parametrize(
    "changes",
    [{"quantity": "NaN"}, {"cumulative_quantity": "-1"}, {"side": None}, {"instrument_id": INSTRUMENT[:-1] + "0"}],
)
def test_our_order_with_an_unreadable_echo_is_tracked_by_our_terms(changes):
    outcome = submit(answer(201, order_row(**changes)))
    assert isinstance(outcome, Accepted)
    report = outcome.report
    assert (report.order_id, report.ref_id, report.symbol, report.side) == (ORDER, REF, "AAPL", Side.BUY)
    assert (report.quantity, report.limit_price, report.state) == (Decimal(10), Decimal("100.10"), OrderState.CONFIRMED)
    assert not report.state_is_known
    assert outcome.mismatch is not None


@pytest.mark.parametrize(
    "body",
    [
        order_row(ref_id="99999999-2222-4333-8444-555555555555"),
        order_row(ref_id=None),
        order_row(id="../cancel"),
        order_row(id=None),
        {"detail": "Request was throttled. Expected available in 14 seconds."},
        {},
        [order_row()],
        b"",
        b"<html>",
        b'{"id": "' + ORDER.encode(),
        b'{"id": 1, "id": 2}',
    ],
    ids=lambda body: repr(body)[:40],
)
@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_2xx_that_does_not_prove_our_order_is_unknown(status, body):
    assert isinstance(submit(answer(status, body)), Unknown)


ERROR = {"detail": "Not enough shares to sell."}
REF_TAKEN = {"ref_id": ["Order with this ref_id already exists."]}
STATUS_TABLE = [
    (400, ERROR, Rejected(reason="Not enough shares to sell.", status_code=400)),
    (422, ERROR, Rejected(reason="Not enough shares to sell.", status_code=422)),
    (400, {"price": ["a", "b"]}, Rejected(reason="price: a, b", status_code=400)),
    (400, {"account": ["duplicate"]}, Rejected(reason="account: duplicate", status_code=400)),
    (403, ERROR, Rejected(reason="Not enough shares to sell.", status_code=403, freezes_symbol=True)),
    (404, ERROR, Rejected(reason="Not enough shares to sell.", status_code=404, freezes_symbol=True)),
    (
        401,
        ERROR,
        NotSent(cause="the session was not accepted: Not enough shares to sell.", may_retry=True, needs_login=True),
    ),
    (429, ERROR, NotSent(cause="throttled: Not enough shares to sell.", may_retry=True)),
]


@pytest.mark.parametrize(("status", "body", "outcome"), STATUS_TABLE)
def test_each_refusal_has_its_outcome(status, body, outcome):
    assert submit(answer(status, body)) == outcome


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (409, {"detail": "Reference ID must be unique."}),
        (409, b""),
        (400, REF_TAKEN),
        (422, REF_TAKEN),
        (400, {"detail": "Reference ID must be unique."}),
        (400, {"detail": "x" * 600, "ref_id": ["taken"]}),
        (400, {"detail": "Order already exists"}),
        (422, {"detail": "Order already exists"}),
        (400, {"non_field_errors": ["Duplicate order."]}),
        (422, {"non_field_errors": ["Not now.", "This order already exists."]}),
        (400, {"price": ["x" * 600], "detail": "Order already exists"}),
    ],
)
def test_a_reference_the_broker_already_has_means_that_the_order_is_there(status, body):
    outcome = submit(answer(status, body))
    assert isinstance(outcome, Unknown)
    assert outcome.surely_there


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *[(400, b"<html>"), (400, b""), (422, {}), (400, ["x"]), (403, b" "), (404, b"")],
        *[(403, b"<p>blocked"), (404, b"<html><h1>Not Found</h1></html>"), (403, b"Access denied"), (403, ["x"])],
        *[(404, {}), (403, b'{"detail": "cut o')],
    ],
)
def test_a_refusal_without_an_error_body_proves_nothing(status, body):
    outcome = submit(answer(status, body))
    assert isinstance(outcome, Unknown)
    assert not outcome.surely_there


def test_every_other_status_is_unknown():
    others = set(range(100, 600)) - set(range(200, 300)) - {400, 401, 403, 404, 409, 422, 429}
    outcomes = {status: submit(answer(status, ERROR)) for status in sorted(others)}
    sure = [status for status, one in outcomes.items() if not isinstance(one, Unknown) or one.surely_there]
    assert sure == []


@pytest.mark.parametrize("kind", FailureKind)
def test_a_failure_before_the_first_byte_was_not_sent(kind):
    gate = "latch" if kind is FailureKind.REFUSED_BY_GATE else None
    outcome = submit(failed(kind, written=False, gate=gate))
    if kind is FailureKind.REDIRECT:
        assert outcome == Unknown(cause="why", security_alert=True)
        return
    tls = kind is FailureKind.TLS
    assert outcome == NotSent(cause="why", may_retry=not tls and gate is None, refused_by=gate, security_alert=tls)


@pytest.mark.parametrize("kind", FailureKind)
def test_a_failure_after_the_first_byte_is_unknown(kind):
    outcome = submit(failed(kind, written=True))
    assert outcome == Unknown(cause="why", security_alert=kind in (FailureKind.TLS, FailureKind.REDIRECT))


def test_a_throttled_submit_says_how_long_to_wait():
    outcome = submit(answer(429, {"detail": "Expected available in 14 seconds."}))
    assert isinstance(outcome, NotSent)
    assert outcome.retry_after_s == 14


@pytest.mark.parametrize(
    ("result", "cancel"),
    [
        (answer(200, {}), CancelTaken()),
        (answer(202, b""), CancelTaken()),
        (answer(200, b"<html>"), CancelTaken()),
        (answer(401, ERROR), CancelNotSent(cause="HTTP 401: Not enough shares to sell.")),
        (
            answer(429, ERROR, Retry_After="7"),
            CancelNotSent(cause="HTTP 429: Not enough shares to sell.", retry_after_s=7),
        ),
        *[(answer(s, ERROR), CancelRefused(reason=ERROR["detail"], status_code=s)) for s in (400, 403, 404, 409, 422)],
        *[(answer(s, ERROR), CancelUnknown(cause=f"HTTP {s}: {ERROR['detail']}")) for s in (418, 500, 502, 503, 504)],
        (failed(FailureKind.DNS, written=False), CancelNotSent(cause="why")),
        (failed(FailureKind.TLS, written=False), CancelNotSent(cause="why")),
        (failed(FailureKind.TIMEOUT, written=True), CancelUnknown(cause="why")),
        (failed(FailureKind.REDIRECT, written=True), CancelUnknown(cause="why")),
        (failed(FailureKind.REDIRECT, written=False), CancelUnknown(cause="why")),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_each_ending_of_a_cancel_request(result, cancel):
    assert classify_cancel(result, now=MORNING) == cancel


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"detail": "No."}', "No."),
        (b'{"non_field_errors": ["One.", "Two."]}', "One., Two."),
        (b'{"price": ["Bad."], "quantity": "Worse."}', "price: Bad.; quantity: Worse."),
        (b"<html>\n down </html>", "<html> down </html>"),
        (b"\xff\x1b[2J", "\ufffd [2J"),
        (b'{"detail": "\\u001b[31mred\\ud800"}', "[31mred"),
        (b'["a"]', '["a"]'),
        (b"", "the broker gave no reason"),
        (b'{"detail": ""}', "the broker gave no reason"),
        (b'{"detail": "account 5QR12345 is closed"}', "account ****2345 is closed"),
    ],
)
def test_error_bodies_of_every_shape_become_one_safe_line(body, text):
    assert error_text(body) == text


def test_a_huge_error_body_is_cut():
    assert len(error_text(b'{"detail": "' + b"no " * 700_000 + b'"}')) <= 500


@pytest.mark.parametrize(
    ("header", "body", "seconds"),
    [
        ("14", "", 14),
        ("2.5", "", 2.5),
        ("0", "", 1),
        ("-1", "", 1),
        ("1e9", "", 300),
        ("inf", "", 300),
        ("nan", "", 300),
        (format_datetime(MORNING + timedelta(seconds=20), usegmt=True), "", 20),
        ("Mon, 23 Nov 2026 15:00:20 -0000", "", 20),
        ("Thu, 01 Jan 1970 00:00:00 GMT", "", 1),
        ("Fri, 01 Jan 2100 00:00:00 GMT", "", 300),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", "", None),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", "Expected available in 48 seconds.", 48),
        ("Fri, 31 Dec 9999 23:30:00 -0100", "", None),
        ("Fri, 31 Dec 9999 23:30:00 GMT", "", 300),
        ("soon", "Expected available in 48 seconds.", 48),
        (None, "Expected available in 1 second.", 1),
        (None, "Expected available in 1154515 seconds.", 300),
        (None, "try later", None),
        ("soon", "try later", None),
        ("9", "Expected available in 48 seconds.", 9),
    ],
)
def test_the_time_to_wait_is_the_brokers_own_within_bounds(header, body, seconds):
    headers = {} if header is None else {"Retry_After": header}
    assert retry_after_s(answer(429, {"detail": body}, **headers), MORNING) == seconds
