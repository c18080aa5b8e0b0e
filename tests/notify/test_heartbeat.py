"""A heartbeat beats while the bot is well, and is silent otherwise."""

import socket
import threading

import pytest
from pydantic import SecretStr

from tests.support.notify_bench import loopback_service
from trading_bot.notify.heartbeat import Heartbeat
from trading_bot.notify.heartbeat_request import beat_to


class Bench:
    def __init__(self, *, interval_s: float = 60) -> None:
        self.reason: str | None = None
        self.failure: str | None = None
        self.beats = 0
        self.has_beaten = threading.Event()
        self.heartbeat = Heartbeat(self._beat, unwell=lambda: self.reason, interval_s=interval_s)

    def _beat(self) -> str | None:
        self.beats += 1
        self.has_beaten.set()
        return self.failure


def test_it_beats_while_all_is_well_and_not_while_it_is_not(caplog):
    bench = Bench()
    bench.heartbeat.look()
    bench.reason = "not armed"
    bench.heartbeat.look()
    bench.heartbeat.look()
    assert bench.beats == 1
    assert caplog.text.count("heartbeat_withheld") == 1
    bench.reason = None
    bench.heartbeat.look()
    assert bench.beats == 2


def test_a_beat_that_does_not_arrive_is_logged_once_until_one_does(caplog):
    bench = Bench()
    bench.failure = "hc.example answered 500"
    bench.heartbeat.look()
    bench.heartbeat.look()
    bench.failure = None
    bench.heartbeat.look()
    bench.failure = "hc.example answered 404"
    bench.heartbeat.look()
    assert caplog.text.count("heartbeat_not_delivered") == 2
    assert bench.beats == 4


def test_it_beats_on_a_thread_of_its_own_until_it_is_stopped():
    bench = Bench(interval_s=0.01)
    bench.heartbeat.start()
    assert bench.has_beaten.wait(20)
    bench.heartbeat.stop(timeout_s=20)
    beats = bench.beats
    bench.heartbeat.stop(timeout_s=20)
    assert bench.beats == beats


def test_a_beat_is_one_get_of_the_whole_address():
    with loopback_service() as there:
        assert beat_to(SecretStr(f"http://127.0.0.1:{there.port}/ping/uuid?rid=1"))() is None
        assert beat_to(SecretStr(f"http://127.0.0.1:{there.port}"))() is None
    assert [each[:2] for each in there.got] == [("GET", "/ping/uuid?rid=1"), ("GET", "/")]


@pytest.mark.parametrize("status", [301, 404, 500])
def test_any_answer_but_a_good_one_is_a_failure_that_shows_the_host_alone(status):
    with loopback_service(secret=status) as there:
        assert beat_to(SecretStr(f"http://127.0.0.1:{there.port}/secret"))() == f"127.0.0.1 answered {status}"
    assert len(there.got) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_host_that_is_not_there_is_a_failure_that_shows_the_host_alone(scheme):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    said = beat_to(SecretStr(f"{scheme}://127.0.0.1:{port}/secret"))()
    assert said == "127.0.0.1 could not be reached (ConnectionRefusedError)"


def test_a_host_that_does_not_answer_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = beat_to(SecretStr(f"http://127.0.0.1:{silent.getsockname()[1]}/"), timeout_s=0.05)()
    assert said == "127.0.0.1 could not be reached (TimeoutError)"


def test_what_is_no_http_is_a_failure():
    def talk(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"nonsense\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=talk, args=(server,), daemon=True)
        thread.start()
        said = beat_to(SecretStr(f"http://127.0.0.1:{server.getsockname()[1]}/"))()
        thread.join(20)
    assert said == "127.0.0.1 could not be reached (BadStatusLine)"
