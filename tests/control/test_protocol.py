import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.support.fake_bot import envelope
from trading_bot.clock import SystemClock, VirtualClock
from trading_bot.control.protocol import Channel, ChannelError, encoded, error_json, read_error
from trading_bot.order_management import exceptions
from trading_bot.order_management.exceptions import OrderCancellationError, OrderError, OrderRejectedError
from trading_bot.order_management.models import ClientOrderId, OrderState
from trading_bot.order_management.results import CancelResult, CancelVerdict

KINDS = [kind for kind in vars(exceptions).values() if isinstance(kind, type) and issubclass(kind, OrderError)]
RESULT = CancelResult(
    client_order_id=ClientOrderId("c-1"),
    order_id=None,
    symbol="TSLA",
    verdict=CancelVerdict.UNKNOWN,
    state=OrderState.PENDING_CANCEL,
    filled_quantity=Decimal("2.5"),
    reason="no answer",
)


def _some(kind: type[OrderError]) -> OrderError:
    if kind is OrderRejectedError:
        return OrderRejectedError("no", reason="halted", status_code=400, symbol="TSLA", envelope=envelope())
    if kind is OrderCancellationError:
        return OrderCancellationError("no", results=[RESULT], order_id="o-1")
    return kind("no", client_order_id="c-1", order_id="o-1", symbol="TSLA", code="special", envelope=envelope())


def _facts(error: OrderError) -> dict[str, object]:
    return {"message": str(error)} | vars(error)


@pytest.mark.parametrize("kind", KINDS)
def test_every_order_error_arrives_as_it_was_raised(kind: type[OrderError]):
    error = _some(kind)
    arrived = read_error(json.loads(encoded(error_json(error))))
    assert type(arrived) is kind
    assert _facts(arrived) == _facts(error)


def test_an_error_of_a_narrower_kind_travels_as_the_kind_everybody_knows():
    class TooManyTradesError(exceptions.TradingHaltedError):
        pass

    arrived = read_error(error_json(TooManyTradesError("enough", code="trades")))
    assert (type(arrived), arrived.code) == (exceptions.TradingHaltedError, "trades")


def test_an_error_of_a_newer_version_is_still_an_order_error():
    arrived = read_error({"type": "OrderLostError", "code": "lost", "message": "gone", "since": "today"})
    assert (type(arrived), arrived.code, str(arrived)) == (OrderError, "lost", "gone")


@pytest.mark.parametrize(
    "value",
    [
        *(None, "no", {"type": "OrderError"}, {"type": 1, "code": "a", "message": "b"}),
        {"type": "OrderError", "code": "a", "message": "b", "order": {"symbol": 3}},
    ],
)
def test_what_is_no_error_is_not_taken_for_one(value: object):
    with pytest.raises(ChannelError, match="cannot be read"):
        read_error(value)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_lines_are_cut_wherever_the_bytes_were(ends: tuple[socket.socket, socket.socket]):
    ours, theirs = ends
    channel = Channel(ours, clock=SystemClock())
    theirs.sendall(b"one\ntwo\nthr")
    first = [channel.read_line(longest=10, timeout_s=1) for _ in range(2)]
    theirs.sendall(b"ee\n")
    assert [*first, channel.read_line(longest=10, timeout_s=1)] == [b"one", b"two", b"three"]


def test_a_line_has_a_longest_length(ends: tuple[socket.socket, socket.socket]):
    ours, theirs = ends
    theirs.sendall(b"12345\n123456\n")
    channel = Channel(ours, clock=SystemClock())
    assert channel.read_line(longest=5, timeout_s=1) == b"12345"
    with pytest.raises(ChannelError, match="longer than 5 bytes"):
        channel.read_line(longest=5, timeout_s=1)


def test_a_line_without_end_is_given_up_once_it_is_too_long(ends: tuple[socket.socket, socket.socket]):
    ours, theirs = ends
    theirs.sendall(b"1234567")
    with pytest.raises(ChannelError, match="longer than 5 bytes"):
        Channel(ours, clock=SystemClock()).read_line(longest=5, timeout_s=1)


def test_a_line_that_comes_in_drips_has_one_deadline_as_a_whole(ends: tuple[socket.socket, socket.socket]):
    ours, theirs = ends

    class Dripping(VirtualClock):
        def monotonic(self) -> float:
            self.sleep(1)
            theirs.sendall(b"x")
            return super().monotonic()

    clock = Dripping(datetime(2026, 11, 23, tzinfo=UTC))
    with pytest.raises(ChannelError, match="in time"):
        Channel(ours, clock=clock).read_line(longest=1000, timeout_s=5)
    assert clock.monotonic() < 10


def test_silence_and_hanging_up_end_the_wait(ends: tuple[socket.socket, socket.socket]):
    ours, theirs = ends
    channel = Channel(ours, clock=SystemClock())
    with pytest.raises(ChannelError, match="in time"):
        channel.read_line(longest=10, timeout_s=0.01)
    theirs.close()
    with pytest.raises(ChannelError, match="hung up"):
        channel.read_line(longest=10, timeout_s=1)


def test_sending_says_whether_everything_went(ends: tuple[socket.socket, socket.socket]):
    ours, theirs = ends
    channel = Channel(ours, clock=SystemClock())
    assert channel.send({"reply": {}}, timeout_s=1)
    assert not channel.send({"reply": "x" * 10_000_000}, timeout_s=0.01)
    theirs.close()
    assert not channel.send({"reply": {}}, timeout_s=1)
