import gzip
import socket
import ssl
from contextlib import AbstractContextManager, contextmanager

import pytest
import requests
import urllib3

from tests.support.scripted_broker import Answer, ScriptedBroker, clock, lost, reply, response, unreachable
from trading_bot.order_management.ports import SendRefusedError
from trading_bot.robinhood.sending import SendPhase, current_send_context
from trading_bot.robinhood.session import (
    FORM,
    MAX_BODY_BYTES,
    BrokerSession,
    FailureKind,
    UnreadableReplyError,
    WireFailure,
    WireReply,
    WireRequest,
)

READ = WireRequest(method="GET", path="/orders/")


@pytest.fixture
def broker():
    return ScriptedBroker()


@pytest.fixture
def session(broker):
    return BrokerSession(adapter=broker, clock=clock())


def failure(session, request=READ, **options) -> WireFailure:
    result = session.exchange(request, **({"timeout_s": 10} | options))
    assert isinstance(result, WireFailure)
    return result


def test_a_reply_has_status_lower_case_headers_and_the_whole_body(broker, session):
    broker.on("GET", "/orders/", reply(201, {"a": "1"}, Retry_After="3"))
    result = session.exchange(READ, timeout_s=10)
    assert (result.status, result.headers["retry-after"], result.json()) == (201, "3", {"a": "1"})


def test_a_forked_child_finds_the_session_shut(broker):
    process = [1]
    session = BrokerSession(adapter=broker, clock=clock(), process_id=lambda: process[0])
    broker.on("GET", "/orders/", reply(200, {}))
    process[0] = 2
    failed = failure(session)
    assert (failed.kind, failed.phase, failed.first_byte_written) == (FailureKind.FORKED, SendPhase.BEGUN, False)
    assert broker.seen == []
    process[0] = 1
    assert isinstance(session.exchange(READ, timeout_s=10), WireReply)


def test_a_reply_that_is_not_json_is_refused_when_read(broker, session):
    broker.on("GET", "/orders/", reply(200, b"<html>"))
    with pytest.raises(UnreadableReplyError):
        session.exchange(READ, timeout_s=10).json()


def test_a_request_goes_to_the_pinned_base_with_our_headers_and_bearer(broker, session):
    session.set_bearer("tok")
    broker.on("POST", "/orders/", reply())
    request = WireRequest(method="POST", path="/orders/", query=(("a[gte]", "1 2"),), body=b"x=1", content_type=FORM)
    session.exchange(request, timeout_s=10)
    [seen] = broker.seen
    assert (seen.query, seen.body) == ({"a[gte]": "1 2"}, b"x=1")
    assert seen.headers["host"] == "api.robinhood.com"
    assert seen.headers["Authorization"] == "Bearer tok"
    assert seen.headers["Content-Type"] == FORM
    assert seen.headers["X-Robinhood-API-Version"] == "1.431.4"


def test_an_unauthenticated_request_carries_no_bearer(broker, session):
    session.set_bearer("tok")
    broker.on("POST", "/oauth2/token/", reply())
    session.exchange(WireRequest(method="POST", path="/oauth2/token/", authenticated=False), timeout_s=10)
    assert "Authorization" not in broker.seen[0].headers


def test_environment_proxies_and_netrc_are_not_used(broker, session, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.robinhood.com login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    broker.on("GET", "/orders/", reply())
    session.exchange(READ, timeout_s=10)
    assert "Authorization" not in broker.seen[0].headers


@pytest.mark.parametrize(
    "path",
    ["orders/", "//evil/", "/a/../b/", "/a?x=1", "/a#b", "/a b/", "/a\n/", "/.hidden/", "/%2e%2e/", "/a\\b/", ""],
)
def test_a_path_that_could_lead_elsewhere_is_refused(path):
    with pytest.raises(ValueError, match="plain segments"):
        WireRequest(method="GET", path=path)


def test_a_request_says_how_long_its_body_is_and_a_read_says_nothing(broker, session):
    broker.on("POST", "/orders/", reply(), reply())
    broker.on("GET", "/orders/", reply())
    session.exchange(WireRequest(method="POST", path="/orders/", body=b"x=1"), timeout_s=10)
    session.exchange(WireRequest(method="POST", path="/orders/"), timeout_s=10)
    session.exchange(READ, timeout_s=10)
    assert [seen.headers.get("Content-Length") for seen in broker.seen] == ["3", "0", None]


def test_a_header_with_a_line_break_sends_nothing(broker, session):
    broker.on("GET", "/orders/", reply())
    session.set_bearer("tok\r\nHost: elsewhere.example")
    result = failure(session)
    assert (result.kind, result.first_byte_written) == (FailureKind.OTHER, False)
    assert broker.seen == []


def test_a_redirect_is_a_security_failure_and_is_not_followed(broker, session):
    session.set_bearer("tok")
    broker.on("GET", "/orders/", reply(307, None, Location="https://evil.example/orders/"))
    result = failure(session)
    assert (result.kind, result.security_alert, result.first_byte_written) == (FailureKind.REDIRECT, True, True)
    assert len(broker.seen) == 1


def test_a_redirects_body_is_never_read(broker, session):
    class Bottomless(requests.adapters.BaseAdapter):
        def send(self, request, *_, **options):
            built = broker.send(request)
            built.raw.stream = lambda *_, **__: pytest.fail("read")
            return built

        def close(self):
            """Nothing is open."""

    broker.on("GET", "/orders/", reply(302, None, Location="/elsewhere/"))
    assert failure(BrokerSession(adapter=Bottomless(), clock=clock())).kind is FailureKind.REDIRECT


@pytest.mark.parametrize("packed", [False, True])
def test_a_body_beyond_the_cap_is_refused_even_when_it_is_small_on_the_wire(broker, session, packed):
    body = b" " * (MAX_BODY_BYTES + 1)
    answer = reply(200, gzip.compress(body), Content_Encoding="gzip") if packed else reply(200, body)
    broker.on("GET", "/orders/", answer)
    assert failure(session).kind is FailureKind.OVERSIZED


def test_a_body_of_exactly_the_cap_is_read(broker, session):
    broker.on("GET", "/orders/", reply(200, b" " * MAX_BODY_BYTES))
    assert isinstance(session.exchange(READ, timeout_s=10), WireReply)


def test_a_body_that_outlives_the_deadline_is_a_timeout_after_the_first_byte(broker):
    time = clock()
    session = BrokerSession(adapter=broker, clock=time)
    broker.on("GET", "/orders/", Answer(body=b"x", then=lambda: time.sleep(10.5)))
    result = failure(session)
    assert (result.kind, result.first_byte_written, result.phase) == (FailureKind.TIMEOUT, True, SendPhase.HEADERS_READ)


def test_no_time_left_sends_nothing(broker, session):
    result = failure(session, timeout_s=0)
    assert (result.kind, result.first_byte_written, broker.seen) == (FailureKind.TIMEOUT, False, [])


def test_the_connection_gets_at_most_five_seconds_and_the_read_the_whole_time(broker, session):
    broker.always("GET", "/orders/", reply())
    session.exchange(READ, timeout_s=10)
    session.exchange(READ, timeout_s=2)
    assert [seen.timeout for seen in broker.seen] == [(5, 10), (2, 2)]


pool = urllib3.HTTPSConnectionPool("api.robinhood.com")
conn = urllib3.connection.HTTPConnection("api.robinhood.com")
ERRORS = [
    (requests.ConnectionError(urllib3.exceptions.NameResolutionError("h", conn, socket.gaierror())), FailureKind.DNS),
    (requests.ConnectionError(urllib3.exceptions.NewConnectionError(conn, "refused")), FailureKind.CONNECT),
    (requests.ConnectionError("anything"), FailureKind.CONNECT),
    (requests.ConnectTimeout("slow"), FailureKind.CONNECT_TIMEOUT),
    (requests.exceptions.SSLError("bad certificate"), FailureKind.TLS),
    (requests.ConnectionError(urllib3.exceptions.MaxRetryError(pool, "/", ssl.SSLError("bad"))), FailureKind.TLS),
    (requests.ConnectionError(urllib3.exceptions.ProtocolError("x", ConnectionResetError())), FailureKind.RESET),
    (BrokenPipeError(), FailureKind.RESET),
    (requests.exceptions.ChunkedEncodingError("cut"), FailureKind.RESET),
    (requests.ReadTimeout("slow"), FailureKind.TIMEOUT),
    (requests.ConnectionError(urllib3.exceptions.ReadTimeoutError(pool, "/", "slow")), FailureKind.TIMEOUT),
    (urllib3.exceptions.DecodeError("rubbish"), FailureKind.OTHER),
    (requests.exceptions.InvalidURL("unknown"), FailureKind.OTHER),
]


@pytest.mark.parametrize(("error", "kind"), ERRORS)
def test_a_failure_before_writing_is_named_and_says_that_nothing_left(broker, session, error, kind):
    broker.on("GET", "/orders/", unreachable(error))
    result = failure(session)
    assert (result.kind, result.first_byte_written, result.phase) == (kind, False, SendPhase.BEGUN)
    assert result.security_alert is (kind is FailureKind.TLS)


@pytest.mark.parametrize(("error", "kind"), ERRORS)
def test_a_failure_after_writing_never_says_that_nothing_left(broker, session, error, kind):
    broker.on("GET", "/orders/", lost(error))
    result = failure(session)
    late = FailureKind.RESET if kind in (FailureKind.TLS, FailureKind.CONNECT) else kind
    assert (result.kind, result.first_byte_written, result.security_alert) == (late, True, False)


class CutOff(requests.adapters.BaseAdapter):
    """The line breaks while bytes are written, so that nobody knows how many have left."""

    def send(self, *_args, **_options):
        with current_send_context().writing():
            raise BrokenPipeError

    def close(self):
        """Nothing is open."""


def test_a_failure_while_writing_never_says_that_nothing_left():
    result = failure(BrokerSession(adapter=CutOff(), clock=clock()))
    assert (result.kind, result.first_byte_written, result.phase) == (FailureKind.RESET, True, SendPhase.WRITING)


def test_a_cause_never_quotes_the_address(broker, session):
    broker.on("GET", "/orders/", unreachable(requests.ConnectionError("url: /accounts/5QR12345/")))
    assert "5QR" not in failure(session).cause


def test_a_permit_is_held_exactly_while_writing(broker, session):
    log = []

    @contextmanager
    def permit():
        log.append("taken")
        yield
        log.append("given back")

    broker.on("POST", "/orders/", Answer(then=lambda: log.append("written")))
    session.exchange(WireRequest(method="POST", path="/orders/"), timeout_s=10, permit=permit())
    assert log == ["taken", "written", "given back"]


def test_a_refused_permit_sends_nothing_and_names_the_gate(broker, session):
    class Refusing(AbstractContextManager[None]):
        def __enter__(self):
            raise SendRefusedError("latch", "not armed")

        def __exit__(self, *_):
            """Never entered."""

    broker.on("GET", "/orders/", Answer(then=lambda: pytest.fail("written")))
    result = failure(session, permit=Refusing())
    assert (result.kind, result.gate, result.first_byte_written) == (FailureKind.REFUSED_BY_GATE, "latch", False)


def test_a_transport_that_asks_for_no_permit_proves_nothing():
    class Rogue(requests.adapters.BaseAdapter):
        def send(self, request, *_, **options):
            return response(request, reply())

        def close(self):
            """Nothing is open."""

    result = failure(BrokerSession(adapter=Rogue(), clock=clock()))
    assert (result.kind, result.first_byte_written) == (FailureKind.OTHER, True)


def test_a_401_marks_the_bearer_in_use_as_refused(broker, session):
    assert session.bearer_is_refused  # there is none
    session.set_bearer("old")
    assert not session.bearer_is_refused
    broker.always("GET", "/orders/", reply(401))
    session.exchange(READ, timeout_s=10)
    assert session.bearer_is_refused
    session.set_bearer("new")
    assert not session.bearer_is_refused


def test_a_401_of_an_older_bearer_does_not_mark_the_newer_one(broker, session):
    session.set_bearer("old")
    broker.on("GET", "/orders/", Answer(status=401, then=lambda: session.set_bearer("new")))
    session.exchange(READ, timeout_s=10)
    assert not session.bearer_is_refused


def test_cookies_of_the_broker_are_not_kept(broker, session):
    broker.on("GET", "/orders/", reply(200, None, Set_Cookie="a=b; Path=/"), reply())
    session.exchange(READ, timeout_s=10)
    session.exchange(READ, timeout_s=10)
    assert "Cookie" not in broker.seen[-1].headers


def test_reprs_show_no_secret():
    request = WireRequest(method="POST", path="/accounts/5QR12345/", query=(("n", "5QR12345"),), body=b"password=x")
    answer = WireReply(status=200, headers={"set-cookie": "5QR"}, body=b"5QR access_token")
    assert "5QR" not in repr(request) + repr(answer)
    assert "password" not in repr(request)


def test_a_request_for_one_access_token_is_not_sent_with_another(broker, session):
    session.set_bearer("token-1")
    broker.on("GET", "/orders/", reply(), reply())
    number = session.exchange(READ, timeout_s=10).bearer_number
    same = WireRequest(method="GET", path="/orders/", bearer_number=number)
    session.set_bearer("token-1")
    assert isinstance(session.exchange(same, timeout_s=10), WireReply)
    session.set_bearer("token-2")
    refused = failure(session, same)
    assert (refused.kind, refused.first_byte_written) == (FailureKind.OTHER_BEARER, False)
    assert len(broker.seen) == 2
