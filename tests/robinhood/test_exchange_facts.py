"""What is recorded of an exchange: how far it got, how much was sent, and a reply as bounded, masked text."""

import hashlib
from contextlib import nullcontext

import pytest
import requests

from tests.support.loopback_broker.acts import close
from tests.support.loopback_broker.acts import reply as loopback_reply
from tests.support.loopback_broker.bench import bench
from tests.support.scripted_broker import ACCOUNT, ScriptedBroker, clock, lost, reply, unreachable
from trading_bot.order_management.outcomes import ExchangeFacts, NotSent
from trading_bot.robinhood.exchange_facts import facts_of, submit_on_record
from trading_bot.robinhood.session import BrokerSession, WireRequest

POST = WireRequest(method="POST", path="/orders/", body=b"symbol=AAPL")


def facts_after(answer) -> ExchangeFacts:
    broker = ScriptedBroker()
    broker.on("POST", "/orders/", answer)
    return facts_of(BrokerSession(adapter=broker, clock=clock()).exchange(POST, timeout_s=10, permit=nullcontext()))


def test_a_reply_is_recorded_with_its_status_and_digest_and_as_one_masked_line():
    body = f'{{"detail": "account {ACCOUNT} \\n\\u001b[2J\r\n may not"}}'.encode()
    facts = facts_after(reply(403, body, Content_Type="text/html", Retry_After="3", Set_Cookie="secret"))
    assert (facts.phase, facts.status, facts.failure) == ("body_read", 403, None)
    assert (facts.reply_bytes, facts.reply_sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert facts.headers == "content-type: text/html; retry-after: 3"
    assert facts.excerpt is not None
    assert facts.excerpt.isprintable()
    assert ACCOUNT not in facts.excerpt


def test_an_endless_reply_and_header_are_cut():
    facts = facts_after(reply(500, b"<p>" * 100_000, Content_Type="t" * 5000))
    assert len(facts.excerpt or "") <= 500
    assert len(facts.headers or "") <= 100


@pytest.mark.parametrize(
    ("answer", "phase", "bytes_sent", "failure"),
    [
        (unreachable(), "begun", 0, "connect"),
        (unreachable(requests.exceptions.SSLError("bad certificate")), "begun", 0, "tls"),
        (lost(), "sent", None, "timeout"),  # this transport counts no bytes
    ],
)
def test_a_failure_is_recorded_with_how_far_it_got(answer, phase, bytes_sent, failure):
    facts = facts_after(answer)
    assert facts == ExchangeFacts(phase=phase, bytes_sent=bytes_sent, failure=failure)


def test_an_order_that_was_not_begun_sent_nothing():
    outcome = submit_on_record(NotSent(cause="no session", may_retry=True), None)
    assert outcome.exchange == ExchangeFacts(phase="begun", bytes_sent=0)


@pytest.mark.parametrize("answers", [[loopback_reply(200, {})], [close]])
def test_our_own_connection_counts_the_bytes_that_it_hands_to_the_socket(answers):
    with bench() as connected:
        connected.server.on("POST", "/orders/", *answers)
        facts = facts_of(connected.exchange(POST))
        (request,) = connected.server.heard
    assert facts.bytes_sent is not None
    assert facts.bytes_sent > len(request.body) + sum(map(len, request.headers.values()))
