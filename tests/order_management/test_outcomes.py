from dataclasses import replace
from decimal import Decimal

import pytest

from tests.support.order_story import report
from trading_bot.order_management.models import ClientOrderId, OrderState, OrderTerms, RefId, Side
from trading_bot.order_management.outcomes import Accepted, DurableIntent, NotSent, PreparedOrder, Rejected, Unknown
from trading_bot.order_management.results import CancelResult, CancelVerdict

BODY = b'{"price":"249.93"}'
PREPARED = PreparedOrder(
    ref_id=RefId("ref"),
    terms=OrderTerms(symbol="TSLA", side=Side.BUY, quantity=50, limit_price=Decimal("249.93")),
    body=BODY,
)


def intent(**changes) -> DurableIntent:
    facts = {
        "client_order_id": ClientOrderId("mine"),
        "ref_id": PREPARED.ref_id,
        "terms": PREPARED.terms,
        "body": PREPARED.body,
        "body_digest": PREPARED.digest,
        "journal_seq": 7,
    }
    return DurableIntent(**{**facts, **changes})


def test_the_digest_is_the_bodys_sha_256():
    assert replace(PREPARED, body=b"abc").digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_an_intent_stands_for_the_recorded_bytes():
    assert intent().body == BODY


@pytest.mark.parametrize(
    "changes",
    [{"body": BODY + b" "}, {"body": b""}, {"body_digest": ""}, {"body_digest": PREPARED.digest.upper()}],
    ids=["other bytes", "no bytes", "no digest", "a digest in other letters"],
)
def test_an_intent_for_other_bytes_than_the_recorded_ones_cannot_be_made(changes):
    with pytest.raises(ValueError, match="not the ones in the journal; nothing was sent"):
        intent(**changes)


def test_an_outcome_claims_no_more_than_was_proven():
    assert Accepted(report=report()).mismatch is None
    assert not Rejected(reason="no", status_code=400).freezes_symbol
    assert not Unknown(cause="timeout").surely_there
    not_sent = NotSent(cause="dns", may_retry=True)
    assert (not_sent.needs_login, not_sent.refused_by, not_sent.security_alert) == (False, None, False)


PROVEN = {
    CancelVerdict.CANCELLED: True,
    CancelVerdict.FILLED_BEFORE_CANCEL: True,
    CancelVerdict.ALREADY_CLOSED: True,
    CancelVerdict.PENDING: False,
    CancelVerdict.REFUSED: False,
    CancelVerdict.CANCEL_NOT_SENT: False,
    CancelVerdict.UNKNOWN: False,
    CancelVerdict.DEFERRED: False,
    CancelVerdict.NEVER_SENT: True,
}


@pytest.mark.parametrize("verdict", CancelVerdict)
def test_a_cancel_is_proven_only_where_the_order_cannot_trade_any_more(verdict):
    result = CancelResult(
        client_order_id=None,
        order_id=None,
        symbol="AAPL",
        verdict=verdict,
        state=OrderState.PENDING_CANCEL,
        filled_quantity=Decimal(0),
    )
    assert result.is_proven_closed is PROVEN[verdict]


@pytest.mark.parametrize("value", [PREPARED, intent()], ids=["prepared", "durable"])
def test_the_bytes_for_the_broker_are_not_shown_because_they_name_the_account(value):
    assert "249.93" in repr(value)
    assert " body=" not in repr(value)
    assert BODY.decode() not in repr(value)
