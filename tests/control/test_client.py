"""What the sending side concludes when the holder does not behave."""

import socket
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.command_clients import GREETS, says, strange_holder
from trading_bot.account_in_use import AccountInUseError
from trading_bot.clock import Seconds, SystemClock
from trading_bot.control.address import listen
from trading_bot.control.client import HolderAbsentError, HolderSilentError, ReplyLostError, send_to_holder
from trading_bot.operations import (
    CancelAll,
    CancelOrder,
    Command,
    ListOrders,
    ListPositions,
    Ping,
    PlaceOrder,
    PreviewOrder,
    ShowStatus,
    Synchronize,
)
from trading_bot.order_json import JsonObject
from trading_bot.order_management.exceptions import OrderNotSentError, OrderOutcomeUnknownError
from trading_bot.order_management.models import Side

BUY = PlaceOrder(symbol="TSLA", side=Side.BUY, quantity=1, reference_price=Decimal("250.30"))
ORDERS_CHANGE = [BUY, CancelOrder(id="c-1"), CancelAll()]
NOTHING_CHANGES = [
    PreviewOrder(symbol="TSLA", side=Side.BUY, quantity=1, reference_price=Decimal("250.30")),
    ListOrders(),
    ShowStatus(id="c-1"),
    Synchronize(),
    ListPositions(),
]
BAD_ANSWERS = [
    b"",
    b"\n",
    b"<html>\n",
    b"[]\n",
    b'{"reply":1}\n',
    b'{"error":{}}\n',
    b'{"reply":{}}',
    b"[" * 90_000 + b"\n",
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


def send(path: Path, command: Command, *, timeout_s: Seconds = 5, pid: int | None = None) -> JsonObject:
    return send_to_holder(path, command, clock=SystemClock(), timeout_s=timeout_s, pid=pid)


@pytest.mark.parametrize("command", [*ORDERS_CHANGE, *NOTHING_CHANGES, Ping()], ids=lambda each: type(each).__name__)
def test_where_nobody_listens_nothing_was_asked(path: Path, command: Command):
    with pytest.raises(HolderAbsentError, match="process 12 holds this account") as raised:
        send(path, command, pid=12)
    assert isinstance(raised.value, AccountInUseError)
    assert raised.value.pid == 12


@pytest.mark.parametrize("command", [*ORDERS_CHANGE, *NOTHING_CHANGES, Ping()], ids=lambda each: type(each).__name__)
def test_a_holder_that_hangs_is_found_out_before_it_is_given_anything(path: Path, command: Command):
    with listen(path) as listener:
        with pytest.raises(HolderSilentError, match="does not answer") as raised:
            send(path, command, timeout_s=0.05, pid=12)
        listener.settimeout(1)
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(65536) == b'{"command":"ping"}\n'
    assert raised.value.pid == 12
    assert not isinstance(raised.value, HolderAbsentError)


@pytest.mark.parametrize("answer", BAD_ANSWERS)
@pytest.mark.parametrize("command", ORDERS_CHANGE, ids=lambda each: type(each).__name__)
def test_a_lost_answer_about_an_order_is_unknown_and_never_asked_for_again(path: Path, command: Command, answer: bytes):
    with (
        strange_holder(path, GREETS, says(answer)),
        pytest.raises(ReplyLostError, match="look at the orders") as raised,
    ):
        send(path, command)
    assert isinstance(raised.value, OrderOutcomeUnknownError)
    assert raised.value.code == "reply_lost"
    assert "process 4711" in str(raised.value)


@pytest.mark.parametrize("answer", BAD_ANSWERS)
@pytest.mark.parametrize("command", NOTHING_CHANGES, ids=lambda each: type(each).__name__)
def test_a_lost_answer_that_changes_no_order_is_a_silent_holder(path: Path, command: Command, answer: bytes):
    with strange_holder(path, GREETS, says(answer)), pytest.raises(HolderSilentError) as raised:
        send(path, command)
    assert raised.value.pid == 4711


def test_an_answer_that_does_not_come_in_time_is_lost(path: Path):
    def holds_on(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    with strange_holder(path, GREETS, holds_on), pytest.raises(ReplyLostError, match="in time"):
        send(path, BUY, timeout_s=0.05)


def test_progress_keeps_a_long_answer_alive(path: Path):
    def works_long(connection: socket.socket) -> None:
        connection.recv(65536)
        for _ in range(4):
            SystemClock().sleep(0.1)
            connection.sendall(b'{"progress":{}}\n')
        connection.sendall(b'{"reply":{"done":true}}\n')

    with strange_holder(path, GREETS, works_long):
        assert send(path, CancelAll(), timeout_s=0.3) == {"done": True}


def test_a_request_goes_out_once(path: Path):
    seen: list[bytes] = []

    def reads(then: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
        def talk(connection: socket.socket) -> None:
            seen.append(connection.recv(65536))
            then(connection)

        return talk

    greet, hang_up = reads(lambda connection: connection.sendall(b'{"reply":{}}\n')), reads(lambda _connection: None)
    with strange_holder(path, greet, hang_up), pytest.raises(ReplyLostError):
        send(path, CancelAll())
    assert seen == [b'{"command":"ping"}\n', b'{"command":"cancel_all","include_external":false}\n']


def test_a_holder_whose_pid_nobody_knows_is_named_by_its_role(path: Path):
    with pytest.raises(HolderAbsentError, match="the process that holds this account does not answer"):
        send(path, Ping())


def test_a_socket_that_may_not_be_used_is_a_silent_holder(path: Path):
    path.symlink_to(path)
    with pytest.raises(HolderSilentError, match="symbolic links") as raised:
        send(path, Ping())
    assert not isinstance(raised.value, HolderAbsentError)


def test_an_answer_may_come_from_a_holder_that_did_not_listen(path: Path):
    """A holder that refuses the call says so and hangs up; its reason must not be lost to the broken pipe."""
    refusal = b'{"error":{"type":"OrderNotSentError","code":"busy","message":"try again"}}\n'

    with strange_holder(path, lambda connection: connection.sendall(refusal)), pytest.raises(OrderNotSentError):
        send(path, Ping())
