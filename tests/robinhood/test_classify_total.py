"""The table of outcomes has no hole: every status with every kind of body, every failure at every phase."""

import itertools
import json
from decimal import Decimal

import pytest

from tests.support.scripted_broker import INSTRUMENT, MORNING, REF, order_row
from trading_bot.order_management.models import ClientOrderId, OrderTerms, RefId, Side
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
from trading_bot.robinhood.classify import classify_cancel, classify_submit
from trading_bot.robinhood.failures import FailureKind, WireFailure
from trading_bot.robinhood.sending import SendPhase
from trading_bot.robinhood.session import WireReply
from trading_bot.robinhood.wire import parse_order

pytestmark = pytest.mark.no_cover  # a sweep: each line that it reaches has a test of its own

OURS = json.dumps(order_row()).encode()
FOREIGN_REF = "99999999-2222-4333-8444-555555555555"

# Whether a body proves our order, or at least an error the broker wrote itself.
BODIES = {
    "our order": OURS,
    "our order, wrong types": json.dumps(order_row(quantity=10, state=7)).encode(),
    "our order, fields missing": json.dumps({"id": order_row()["id"], "ref_id": REF}).encode(),
    "our order, unknown state": json.dumps(order_row(state="pondering")).encode(),
    "our order, absurd numbers": json.dumps(order_row(quantity="1" + "0" * 14, price="NaN")).encode(),
    "our order, negative numbers": json.dumps(order_row(cumulative_quantity="-1")).encode(),
    "somebody else's order": json.dumps(order_row(ref_id=FOREIGN_REF)).encode(),
    "an order without a reference": json.dumps(order_row(ref_id=None)).encode(),
    "an error": b'{"detail": "Not enough shares to sell."}',
    "an error of a field": b'{"price": ["Too precise."]}',
    "an error naming the reference": b'{"ref_id": ["already exists"]}',
    "truncated": OURS[:-20],
    "a key given twice": OURS[:-1] + b', "id": "' + FOREIGN_REF.encode() + b'"}',
    "NaN": b'{"detail": NaN}',
    "a huge number": b'{"detail": ' + b"9" * 400 + b"}",
    "nested deep": b'{"detail": ' + b"[" * 40 + b"]" * 40 + b"}",
    "a list": b"[1]",
    "an empty object": b"{}",
    "null": b"null",
    "malformed": b'{"detail": ',
    "HTML": b"<html><body>Bad gateway</body></html>",
    "bytes": b"\xff\xfe\x00\x01",
    "blank": b" \r\n",
    "empty": b"",
}
PROVES_OUR_ORDER = {name for name in BODIES if name.startswith("our order")}
IS_OBJECT = PROVES_OUR_ORDER | {
    "somebody else's order",
    "an order without a reference",
    "an error",
    "an error of a field",
    "an error naming the reference",
}
NAMES_REF_ID = IS_OBJECT - {"an error", "an error of a field"}


def intent() -> DurableIntent:
    terms = OrderTerms(symbol="AAPL", side=Side.BUY, quantity=10, limit_price=Decimal("100.10"))
    order = PreparedOrder(ref_id=RefId(REF), terms=terms, body=b"body")
    return DurableIntent(
        client_order_id=ClientOrderId("c1"),
        ref_id=order.ref_id,
        terms=terms,
        body=order.body,
        body_digest=order.digest,
        journal_seq=1,
    )


INTENT = intent()


def submitted(result):
    symbols = {INSTRUMENT: "AAPL"}
    return classify_submit(result, intent=INTENT, parse=lambda row: parse_order(row, symbols.get), now=MORNING)


def expected_of_submit(status: int, body: str) -> type:
    if 200 <= status < 300:
        return Accepted if body in PROVES_OUR_ORDER else Unknown
    if status in (401, 429):
        return NotSent
    if status in (400, 422):
        return Rejected if body in IS_OBJECT - NAMES_REF_ID else Unknown
    if status in (403, 404):
        return Rejected if body in IS_OBJECT else Unknown
    return Unknown


def expected_of_cancel(status: int) -> type:
    if 200 <= status < 300:
        return CancelTaken
    if status in (401, 429):
        return CancelNotSent
    return CancelRefused if status in (400, 403, 404, 409, 422) else CancelUnknown


@pytest.mark.parametrize("body", BODIES)
def test_every_status_with_this_body_has_its_outcome(body):
    for status in range(100, 600):
        reply = WireReply(status=status, headers={}, body=BODIES[body])
        assert type(submitted(reply)) is expected_of_submit(status, body), status
        assert type(classify_cancel(reply, now=MORNING)) is expected_of_cancel(status), status


@pytest.mark.parametrize("body", BODIES)
def test_a_reference_that_is_taken_means_that_the_order_is_there(body):
    conflict = submitted(WireReply(status=409, headers={}, body=BODIES[body]))
    assert conflict.surely_there
    for status in (400, 422):
        outcome = submitted(WireReply(status=status, headers={}, body=BODIES[body]))
        assert getattr(outcome, "surely_there", False) is (body in NAMES_REF_ID)


@pytest.mark.parametrize(("kind", "phase"), [*itertools.product(FailureKind, SendPhase)])
def test_only_a_failure_before_the_first_byte_is_not_sent(kind, phase):
    written = phase not in (SendPhase.BEGUN, SendPhase.CONNECTED)
    alert = kind in (FailureKind.TLS, FailureKind.REDIRECT)
    gate = "latch" if kind is FailureKind.REFUSED_BY_GATE else None
    failure = WireFailure(
        phase=phase, first_byte_written=written, cause="why", kind=kind, security_alert=alert, gate=gate
    )
    proven = not written and kind is not FailureKind.REDIRECT
    outcome = submitted(failure)
    assert type(outcome) is (NotSent if proven else Unknown)
    assert outcome.security_alert is alert
    if isinstance(outcome, NotSent):
        assert outcome.may_retry is not (alert or gate is not None)
    assert type(classify_cancel(failure, now=MORNING)) is (CancelNotSent if proven else CancelUnknown)
