"""The stand-in at the end of a long line, without a socket and on a clock of the test's own."""

import heapq
import itertools
import ssl
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.benchmarks.network.broker_book import ACCOUNT
from tests.benchmarks.network.broker_process import DEAF, HANG_UP, Broker
from tests.benchmarks.network.exchanges import CONNECT, Exchange, in_turn, requests_in
from tests.support.loopback_broker.authority import HOST
from tests.support.loopback_broker.bench import authority

ROUND_TRIP_S = 100.0
READ = f"GET /accounts/{ACCOUNT}/ HTTP/1.1\r\nAuthorization: Bearer first\r\n\r\n".encode()


class Timers:
    """Time that passes only while something is waited for."""

    def __init__(self) -> None:
        self.now = 0.0
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []

    def later(self, delay_s, call) -> None:
        heapq.heappush(self._due, (self.now + delay_s, next(self._order), call))

    def run_out(self) -> None:
        while self._due:
            self.now, _, call = heapq.heappop(self._due)
            call()


class TlsClient:
    """The near end of a connection: what it sends goes to the stand-in at once, as over loopback."""

    def __init__(self, broker: Broker, timers: Timers) -> None:
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust.load_verify_locations(cafile=authority().ca_file)
        self.encrypted, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = trust.wrap_bio(self.encrypted, self.out, server_hostname=HOST)
        self.answered_at: list[float] = []
        self.is_cut = False
        self.timers = timers
        self.waiting: list[bytes] = []
        self.connection = broker.connection()
        self.connection.connected(self)
        self.shake()

    def ask(self, *requests: bytes) -> None:
        self.waiting += requests
        self.shake()

    def shake(self) -> None:
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        else:
            while self.waiting:
                self.tls.write(self.waiting.pop(0))
        if self.out.pending:
            self.connection.data_received(self.out.read())

    def write(self, data: bytes) -> None:
        self.encrypted.write(data)
        self.shake()
        try:
            while self.tls.read(65536):
                self.answered_at.append(self.timers.now)
        except ssl.SSLWantReadError:
            pass

    def abort(self) -> None:
        self.is_cut = True

    def is_closing(self) -> bool:
        return self.is_cut


@pytest.fixture
def timers():
    return Timers()


@pytest.fixture
def broker(timers):
    made = Broker(authority().certify().file, ahead=timedelta(), later=timers.later, now=lambda: timers.now)
    made.fresh(round_trip_s=ROUND_TRIP_S)
    return made


def heard(broker):
    return [Exchange(what=what, began=began, ended=ended) for what, began, ended in broker.exchanges()]


def test_connecting_takes_two_round_trips_and_a_request_one(broker, timers):
    client = TlsClient(broker, timers)
    client.ask(READ)
    timers.run_out()
    assert client.answered_at == [3 * ROUND_TRIP_S]
    assert in_turn(heard(broker)) == 3


def test_requests_of_many_connections_do_not_wait_for_each_other(broker, timers):
    clients = [TlsClient(broker, timers) for _ in range(5)]
    for client in clients:
        client.ask(READ)
    timers.run_out()
    assert [client.answered_at for client in clients] == [[3 * ROUND_TRIP_S]] * 5
    exchanges = heard(broker)
    assert requests_in(exchanges) == 5
    assert in_turn(exchanges) == 3


def test_requests_of_one_connection_keep_their_order(broker, timers):
    client = TlsClient(broker, timers)
    client.ask(READ, READ.replace(b"/accounts/", b"/portfolios/"))
    timers.run_out()
    assert [each.what.split("/")[1] for each in heard(broker) if each.what != CONNECT] == ["accounts", "portfolios"]


def test_an_exchange_lasts_from_the_sending_to_the_answer_of_the_client(broker, timers):
    client = TlsClient(broker, timers)
    client.ask(READ)
    timers.run_out()
    connect, read = heard(broker)
    assert (connect.began, connect.ended) == (0, 2 * ROUND_TRIP_S)
    assert (read.began, read.ended) == (2 * ROUND_TRIP_S, 3 * ROUND_TRIP_S)


def test_what_is_hung_up_on_has_been_acted_upon(broker, timers):
    client = TlsClient(broker, timers)
    broker.mishap("GET /accounts/*", HANG_UP)
    client.ask(READ)
    timers.run_out()
    assert client.is_cut
    assert client.answered_at == []


def test_a_deaf_stand_in_answers_others(broker, timers):
    broker.mishap("GET /accounts/*", DEAF)
    client = TlsClient(broker, timers)
    client.ask(READ, READ.replace(b"/accounts/", b"/portfolios/"))
    timers.run_out()
    assert client.answered_at == [3 * ROUND_TRIP_S]
    assert requests_in(heard(broker)) == 2


def exchange(began: float, ended: float, what: str = "GET /orders/") -> Exchange:
    return Exchange(what=what, began=began, ended=ended)


@pytest.mark.parametrize(
    ("exchanges", "expected"),
    [
        ([], 0),
        ([exchange(0, 1), exchange(0, 1)], 1),
        ([exchange(0, 1), exchange(1, 2)], 2),
        ([exchange(0, 3), exchange(0, 1), exchange(1, 2)], 2),
        ([exchange(0, 2, CONNECT), exchange(2, 3)], 3),
        ([exchange(0, 2, CONNECT), exchange(0, 1), exchange(1, 2), exchange(2, 3)], 3),
    ],
)
def test_in_turn_is_the_longest_row_of_round_trips(exchanges, expected):
    assert in_turn(exchanges) == expected
