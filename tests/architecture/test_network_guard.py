"""The guard that keeps the tests on this machine."""

import socket
from pathlib import Path

import pytest

import tests
from tests.support.command_line import REPOSITORY, child_environment, run_python
from tests.support.guard.network_guard import NetworkForbiddenError, is_local_host

OUTSIDE = "192.0.2.1"  # RFC 5737: an address for documentation, routed nowhere


@pytest.mark.parametrize(
    "host", [OUTSIDE, "::2", "0.0.0.0", "api.robinhood.com", b"api.robinhood.com", "localhost.example"]
)
def test_a_host_elsewhere_is_not_local(host):
    assert not is_local_host(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", b"localhost", None, ""])
def test_this_machine_is_local(host):
    assert is_local_host(host)


@pytest.mark.parametrize("connect", [socket.socket.connect, socket.socket.connect_ex])
@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, (OUTSIDE, 443)), (socket.AF_INET6, ("2001:db8::1", 443, 0, 0))]
)
def test_a_connection_that_leaves_the_machine_is_refused(connect, family, address):
    with socket.socket(family) as sock, pytest.raises(NetworkForbiddenError, match="forbidden"):
        connect(sock, address)


def test_a_datagram_that_leaves_the_machine_is_refused():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        with pytest.raises(NetworkForbiddenError, match="forbidden"):
            sock.sendto(b"order", (OUTSIDE, 53))
        with pytest.raises(NetworkForbiddenError, match="forbidden"):
            sock.sendmsg([b"order"], [], 0, (OUTSIDE, 53))


@pytest.mark.parametrize("look_up", [lambda name: socket.getaddrinfo(name, 443), socket.gethostbyname])
def test_a_name_look_up_is_refused(look_up):
    with pytest.raises(NetworkForbiddenError, match=r"api\.robinhood\.com"):
        look_up("api.robinhood.com")


def test_loopback_stays_open():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def test_a_connected_socket_may_send_a_message_without_an_address():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.sendmsg([b"order"]) == len(b"order")


def test_a_unix_socket_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)  # a socket's path may have no more than about a hundred bytes
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("control")
        server.listen()
        client.connect("control")
        assert client.getpeername() == "control"


def test_a_child_process_is_guarded_too(tmp_path: Path):
    result = run_python(f"import socket; socket.create_connection(({OUTSIDE!r}, 443), 1)", home=tmp_path)
    assert result.returncode != 0
    assert "NetworkForbiddenError" in result.stderr


def test_a_child_process_sees_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ROBINHOOD_PASSWORD", "secret")
    monkeypatch.setenv("TRADING_BOT_LOGS_DIR", "elsewhere")
    environment = child_environment(tmp_path)
    assert not [name for name in environment if name.startswith(("ROBINHOOD", "TRADING_BOT"))]
    assert environment["HOME"] == str(tmp_path)


def test_the_tests_package_is_ours_and_not_the_one_robin_stocks_installs():
    assert Path(str(tests.__file__)) == REPOSITORY / "tests" / "__init__.py"
