"""What is recorded of an exchange: how far it got, how much was sent, and a reply as bounded, masked text."""

import hashlib
from contextlib import nullcontext

import pytest
import requests

from tests.support.loopback_broker.acts import reply as loopback_reply
from tests.support.loopback_broker.bench import bench
from tests.support.scripted_broker import ACCOUNT, ScriptedBroker, clock, lost, reply, unreachable
from trading_bot.order_management.outcomes import ExchangeFacts
from trading_bot.robinhood.exchange_facts import Heard, listening
from trading_bot.robinhood.session import BrokerSession, WireRequest

POST = WireRequest(method="POST", path="/orders/", body=b"symbol=AAPL")
READ = WireRequest(method="GET", path="/orders/")


def heard_of(answer, request: WireRequest = POST, *, submits: bool = True) -> Heard:
    broker = ScriptedBroker()
    broker.on(request.method, request.path, answer)
    with listening() as heard:
        permit = nullcontext() if submits else None
        BrokerSession(adapter=broker, clock=clock()).exchange(request, timeout_s=10, permit=permit)
    return heard


def test_a_reply_is_recorded_with_its_status_and_digest_and_as_one_masked_line():
    body = f'{{"detail": "account {ACCOUNT} \\n\\u001b[2J\r\n may not"}}'.encode()
    facts = heard_of(reply(403, body, Content_Type="text/html", Retry_After="3", Set_Cookie="secret")).submit
    assert (facts.phase, facts.status, facts.failure) == ("body_read", 403, None)
    assert (facts.reply_bytes, facts.reply_sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert facts.headers == "content-type: text/html; retry-after: 3"
    assert facts.excerpt is not None
    assert facts.excerpt.isprintable()
    assert ACCOUNT not in facts.excerpt


def test_an_endless_reply_and_header_are_cut():
    facts = heard_of(reply(500, b"<p>" * 100_000, Content_Type="t" * 5000)).submit
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
    facts = heard_of(answer).submit
    assert facts == ExchangeFacts(phase=phase, bytes_sent=bytes_sent, failure=failure)


def test_an_order_that_was_not_begun_sent_nothing_whatever_else_was_asked():
    heard = heard_of(reply(200, {}), submits=False)
    assert heard.submit == ExchangeFacts(phase="begun", bytes_sent=0)
    assert heard.latest is not None
    assert heard.latest.status == 200


def test_nobody_hears_of_what_came_before_or_after():
    session = BrokerSession(adapter=(broker := ScriptedBroker()), clock=clock())
    broker.always("GET", "/orders/", reply(200, {}))
    session.exchange(READ, timeout_s=10)
    with listening() as heard:
        pass
    session.exchange(READ, timeout_s=10)
    assert heard.latest is None


def test_our_own_connection_counts_the_bytes_that_it_hands_to_the_socket():
    with bench() as connected, listening() as heard:
        connected.server.on("POST", "/orders/", loopback_reply(200, {}))
        connected.exchange(POST)
        (request,) = connected.server.heard
    assert heard.latest is not None
    assert heard.latest.bytes_sent is not None
    assert heard.latest.bytes_sent > len(request.body) + sum(map(len, request.headers.values()))
