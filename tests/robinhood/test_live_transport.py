"""Whom the live transport talks to, whom it trusts, and who may use it."""

import logging
import ssl

import pytest
import requests

from tests.support.loopback_broker import acts
from tests.support.loopback_broker.authority import TestAuthority
from tests.support.loopback_broker.bench import authority, bench
from tests.support.loopback_broker.server import LoopbackServer
from trading_bot.clock import SystemClock
from trading_bot.robinhood.connection import broker_trust
from trading_bot.robinhood.failures import FailureKind
from trading_bot.robinhood.live_transport import ForkedTransportError, build_live_transport
from trading_bot.robinhood.sending import SendContext, SendPhase, current_send_context, sending
from trading_bot.robinhood.session import BrokerSession, WireRequest


def test_every_certificate_is_verified_from_tls_1_2_on():
    trust = broker_trust(str(authority().ca_file))
    assert (trust.verify_mode, trust.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert trust.minimum_version is ssl.TLSVersion.TLSv1_2


def bad_certificates(tmp_path):
    return {
        "another host's": authority().certify("evil.example"),
        "an unknown authority's": TestAuthority(tmp_path / "other").certify(),
        "an expired one": authority().certify(days=-1),
    }


@pytest.mark.parametrize("which", ["another host's", "an unknown authority's", "an expired one"])
def test_a_certificate_that_proves_nothing_is_an_alert_and_nothing_is_sent(which, tmp_path):
    server = LoopbackServer(bad_certificates(tmp_path)[which].server_context())
    with bench(server) as desk:
        desk.session.set_bearer("token")
        result = desk.failure()
    assert (result.kind, result.security_alert, result.first_byte_written) == (FailureKind.TLS, True, False)
    assert (server.heard, server.connections) == ([], 1)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_authorities_come_from_certifi_whatever_the_environment_says(monkeypatch, name):
    monkeypatch.setenv(name, str(authority().ca_file))
    with bench(trusts_test_authority=False) as desk:
        assert desk.failure().kind is FailureKind.TLS


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_proxies_of_the_environment_are_not_used(monkeypatch, name):
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    with bench() as desk:
        desk.server.on("GET", "/orders/", acts.reply())
        assert desk.reply().status == 200


def test_keys_of_the_session_are_not_logged_for_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    with bench() as desk:
        desk.server.on("GET", "/orders/", acts.reply())
        desk.reply()
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    "url",
    [
        "http://api.robinhood.com/orders/",
        "https://api.robinhood.com.evil.example/",
        "https://evil.example/",
        "https://api.robinhood.com:8443/",
        "https://user@api.robinhood.com/",
        "https://API.robinhood.com@evil.example/",
        "https://127.0.0.1/",
    ],
)
def test_only_the_brokers_own_address_is_served(url):
    request = requests.PreparedRequest()
    request.method, request.url = "GET", url
    with bench() as desk:
        context = SendContext(deadline=SystemClock().monotonic() + 5)
        with sending(context), pytest.raises(requests.exceptions.InvalidURL):
            desk.transport.send(request)
        assert desk.server.connections == 0
    assert context.phase is SendPhase.BEGUN


def test_verification_cannot_be_switched_off_by_a_caller(tmp_path):
    server = LoopbackServer(TestAuthority(tmp_path / "other").certify().server_context())
    request = requests.Request("GET", "https://api.robinhood.com/").prepare()
    with (
        bench(server) as desk,
        sending(SendContext(deadline=SystemClock().monotonic() + 5)),
        pytest.raises(requests.exceptions.SSLError),
    ):
        desk.transport.send(request, verify=False, proxies={"https": "http://127.0.0.1:9"}, cert="/nowhere")


def test_outside_of_a_session_nothing_is_sent():
    with bench() as desk, pytest.raises(RuntimeError, match="broker session"):
        desk.transport.send(requests.Request("GET", "https://api.robinhood.com/").prepare())


def test_a_forked_child_may_not_use_its_parents_connections():
    process = [100]
    with bench(process_id=lambda: process[0]) as desk:
        desk.server.on("GET", "/orders/", acts.reply(), acts.reply())
        desk.reply()
        process[0] = 101
        with pytest.raises(ForkedTransportError, match="process 100"):
            desk.exchange()
        desk.transport.close()
        process[0] = 100
        desk.reply()
        assert [heard.connection for heard in desk.server.heard] == [1, 1]


def test_building_connects_to_nobody():
    with bench() as desk:
        assert desk.server.connections == 0
    transport = build_live_transport(clock=SystemClock())
    assert {pool.num_connections for pool in transport._pools.values()} == {0}


def test_an_account_number_in_an_address_reaches_no_log(caplog):
    caplog.set_level(logging.DEBUG)
    with bench() as desk:
        strange = acts.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n no header\r\n\r\n")
        desk.server.on("GET", "/accounts/5QR12345/", acts.reply(), strange, acts.hang)
        for _ in range(3):
            desk.exchange(WireRequest(method="GET", path="/accounts/5QR12345/"), timeout_s=0.2)
    assert "5QR12345" not in caplog.text


class Watched(requests.adapters.BaseAdapter):
    def __init__(self, transport, contexts):
        super().__init__()
        self.transport, self.contexts = transport, contexts

    def send(self, request, *_, **options):
        self.contexts.append(current_send_context())
        return self.transport.send(request)

    def close(self):
        """Nothing of its own is open."""


def test_the_session_sees_the_body_to_its_end():
    contexts: list[SendContext] = []
    with bench() as desk:
        desk.server.on("GET", "/orders/", acts.reply())
        BrokerSession(adapter=Watched(desk.transport, contexts), clock=SystemClock()).exchange(
            WireRequest(method="GET", path="/orders/"), timeout_s=5
        )
    assert [context.phase for context in contexts] == [SendPhase.BODY_READ]
