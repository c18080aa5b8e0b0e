"""Both ends of the control socket against each other, with a scripted runner behind it."""

import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.command_clients import BusyRunner, ScriptedRunner, WatchedRunner
from tests.support.paper_market import MONDAY
from trading_bot.bot_events import TradingResumed
from trading_bot.clock import SystemClock
from trading_bot.control.address import ControlPathError, connect, listen, peer_user
from trading_bot.control.client import (
    HolderAbsentError,
    HolderSilentError,
    ReplyLostError,
    follow_holder,
    send_to_holder,
)
from trading_bot.control.protocol import LONGEST_REQUEST
from trading_bot.control.server import MOST_AT_ONCE, MOST_WATCHING, ControlServer
from trading_bot.event_feeds import FEED_LIMIT, EventFeeds
from trading_bot.operations import (
    CancelAll,
    Command,
    ListOrders,
    Ping,
    Progress,
    WatchEvents,
    no_progress,
)
from trading_bot.order_json import JsonObject
from trading_bot.order_management.exceptions import (
    OrderNotSentError,
    OrderRejectedError,
    OrderValidationError,
    TradingHaltedError,
)

CLOCK = SystemClock()
TIMEOUT_S = 5.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@pytest.fixture
def runner() -> ScriptedRunner:
    return ScriptedRunner()


@pytest.fixture
def server(path: Path, runner: ScriptedRunner) -> Iterator[ControlServer]:
    server = ControlServer(path=path, clock=CLOCK, patience_s=0.5)
    server.start(runner)
    yield server
    server.stop()


def send(path: Path, command: Command, on_progress: Callable[[JsonObject], None] = lambda _part: None) -> JsonObject:
    return send_to_holder(path, command, clock=CLOCK, timeout_s=TIMEOUT_S, on_progress=on_progress)


def exchange(path: Path, request: bytes) -> list[dict[str, object]]:
    """Send raw bytes and return the lines of the answer up to the hang-up."""
    with connect(path, timeout_s=TIMEOUT_S) as connection:
        connection.sendall(request)
        return [json.loads(line) for line in connection.makefile("rb")]


@pytest.mark.usefixtures("server")
def test_a_command_is_performed_as_if_it_were_sent_here(path: Path, runner: ScriptedRunner):
    runner.reply = {"v": 1, "orders": []}
    assert send(path, ListOrders(all=True)) == {"v": 1, "orders": []}
    assert runner.performed == [Ping(), ListOrders(all=True)]


@pytest.mark.usefixtures("server")
def test_progress_arrives_in_order_before_the_reply(path: Path, runner: ScriptedRunner):
    runner.parts = [{"order": 1}, {"order": 2}]
    assert exchange(path, b'{"command":"cancel_all"}\n') == [
        {"progress": {"order": 1}},
        {"progress": {"order": 2}},
        {"reply": {"v": 1}},
    ]
    seen: list[JsonObject] = []
    send(path, CancelAll(), seen.append)
    assert seen == runner.parts


@pytest.mark.usefixtures("server")
def test_an_order_error_of_the_holder_is_raised_to_the_asker(path: Path, runner: ScriptedRunner):
    runner.error = OrderRejectedError("no", reason="halted", status_code=400)
    with pytest.raises(OrderRejectedError, match="no") as raised:
        send(path, Ping())
    assert (raised.value.reason, raised.value.status_code) == ("halted", 400)


@pytest.mark.parametrize(
    "request_",
    [
        b"\n",
        b"buy TSLA\n",
        b'{"command":"do_as_i_mean"}\n',
        b'{"command":"ping","by":"me"}\n',
        b'{"command":"list_orders","all":1}\n',
        b"\xff\xfe\n",
        b"[" * 60_000 + b"\n",
        b"x" * (LONGEST_REQUEST + 2),
    ],
)
@pytest.mark.usefixtures("server")
def test_a_bad_request_is_refused_and_harms_nobody(path: Path, runner: ScriptedRunner, request_: bytes):
    (answer,) = exchange(path, request_)
    assert isinstance(answer["error"], dict)
    assert (answer["error"]["type"], answer["error"]["code"]) == ("OrderValidationError", "bad_request")
    assert runner.performed == []
    assert send(path, Ping()) == runner.reply


@pytest.mark.usefixtures("server")
def test_the_longest_request_is_taken(path: Path, runner: ScriptedRunner):
    request = b'{"command":"ping"}'
    assert exchange(path, request.rjust(LONGEST_REQUEST) + b"\n") == [{"reply": runner.reply}]


@pytest.mark.usefixtures("server")
def test_who_asks_for_nothing_is_let_go(path: Path):
    (answer,) = exchange(path, b'{"command":"ping"}')  # no end of line
    assert "nothing came in time" in str(answer["error"])


def test_one_call_too_many_is_told_to_come_back(path: Path, server: ControlServer, runner: ScriptedRunner):
    callers = [connect(path, timeout_s=TIMEOUT_S) for _ in range(MOST_AT_ONCE)]
    with pytest.raises(OrderNotSentError, match="try again") as raised:
        send(path, Ping())
    assert raised.value.code == "busy"
    callers[0].sendall(b'{"command":"ping"}\n')
    assert callers[0].makefile("rb").read() == b'{"reply":{"v":1}}\n'
    assert send(path, Ping()) == runner.reply
    server.stop()
    for caller in callers:
        caller.close()


def test_another_user_is_refused(path: Path, runner: ScriptedRunner):
    server = ControlServer(path=path, clock=CLOCK, user_of=lambda _connection: os.geteuid() + 1)
    server.start(runner)
    with pytest.raises(TradingHaltedError, match="use the account") as raised:
        send(path, Ping())
    server.stop()
    assert raised.value.code == "not_allowed"
    assert runner.performed == []


def test_where_the_system_names_no_user_the_file_mode_decides(path: Path, runner: ScriptedRunner):
    server = ControlServer(path=path, clock=CLOCK, user_of=lambda _connection: None)
    server.start(runner)
    assert send(path, Ping()) == runner.reply
    server.stop()


@pytest.mark.usefixtures("server")
def test_the_user_at_the_other_end_is_known(path: Path):
    with connect(path, timeout_s=TIMEOUT_S) as connection:
        assert peer_user(connection) == os.geteuid()


def test_a_caller_who_goes_away_loses_the_news_and_not_the_work(path: Path):
    runner = BusyRunner()
    runner.parts = [{"order": 1}]
    server = ControlServer(path=path, clock=CLOCK)
    server.start(runner)
    with connect(path, timeout_s=TIMEOUT_S) as connection:
        connection.sendall(b'{"command":"cancel_all"}\n')
        assert runner.begun.acquire(timeout=5)
    runner.finish.set()
    assert send(path, Ping()) == runner.reply
    server.stop()
    assert runner.performed == [CancelAll(), Ping()]


def test_a_stop_waits_for_work_and_its_caller_gets_the_answer(path: Path):
    runner = BusyRunner()
    server = ControlServer(path=path, clock=CLOCK)
    server.start(runner)
    with connect(path, timeout_s=TIMEOUT_S) as connection:
        connection.sendall(b'{"command":"cancel_all"}\n')
        assert runner.begun.acquire(timeout=5)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        stopping.join(0.05)
        assert stopping.is_alive()
        runner.finish.set()
        stopping.join(5)
        assert not stopping.is_alive()
        assert connection.makefile("rb").read() == b'{"reply":{"v":1}}\n'


def test_a_stop_waits_no_longer_than_it_was_told(path: Path):
    runner = BusyRunner()
    server = ControlServer(path=path, clock=CLOCK, drain_s=0.05)
    server.start(runner)
    with connect(path, timeout_s=TIMEOUT_S) as connection:
        connection.sendall(b'{"command":"cancel_all"}\n')
        assert runner.begun.acquire(timeout=5)
        begun = CLOCK.monotonic()
        server.stop()
        assert CLOCK.monotonic() - begun < 3
        runner.finish.set()
        connection.makefile("rb").read()


def test_a_stop_hangs_up_at_once_on_who_has_asked_for_nothing(path: Path, runner: ScriptedRunner):
    server = ControlServer(path=path, clock=CLOCK, patience_s=30)
    server.start(runner)
    with connect(path, timeout_s=TIMEOUT_S) as connection:
        begun = CLOCK.monotonic()
        while not server.calls:
            CLOCK.sleep(0.001)
        server.stop()
        assert CLOCK.monotonic() - begun < 3
        connection.makefile("rb").read()


def test_a_command_that_comes_during_the_stop_is_not_taken_up(path: Path):
    runner = BusyRunner()
    server = ControlServer(path=path, clock=CLOCK, patience_s=30)
    server.start(runner)
    with connect(path, timeout_s=TIMEOUT_S) as late, connect(path, timeout_s=TIMEOUT_S) as working:
        working.sendall(b'{"command":"cancel_all"}\n')
        assert runner.begun.acquire(timeout=5)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        late.makefile("rb").read()  # hung up on
        runner.finish.set()
        stopping.join(5)
    assert runner.performed == [CancelAll()]


def test_after_a_stop_nobody_listens_and_the_file_is_gone(path: Path, server: ControlServer):
    server.stop()
    server.stop()
    assert not path.exists()
    with pytest.raises(HolderAbsentError):
        send(path, Ping())


def test_a_stopped_server_can_start_again(path: Path, server: ControlServer, runner: ScriptedRunner):
    server.stop()
    server.start(runner)
    assert send(path, Ping()) == runner.reply


def test_a_server_that_never_started_stops(path: Path):
    ControlServer(path=path, clock=CLOCK).stop()
    assert not path.exists()


@pytest.mark.usefixtures("server")
def test_socket_and_folder_are_the_users_alone(path: Path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_socket_a_crash_left_behind_is_replaced(path: Path, runner: ScriptedRunner):
    listen(path).close()
    assert path.is_socket()
    with pytest.raises(HolderAbsentError):
        send(path, Ping())
    server = ControlServer(path=path, clock=CLOCK)
    server.start(runner)
    assert send(path, Ping()) == runner.reply
    server.stop()


def test_what_is_no_socket_is_left_alone(path: Path, runner: ScriptedRunner):
    path.write_text("mine")
    with pytest.raises(ControlPathError, match="move it elsewhere"):
        ControlServer(path=path, clock=CLOCK).start(runner)
    assert path.read_text() == "mine"


def test_a_path_too_long_for_an_address_works_all_the_same(tmp_path: Path, runner: ScriptedRunner):
    path = tmp_path / ("state" * 40) / "control.sock"
    path.parent.mkdir()
    server = ControlServer(path=path, clock=CLOCK)
    server.start(runner)
    assert send(path, Ping()) == runner.reply
    server.stop()
    assert not path.exists()


@pytest.mark.parametrize("act", [lambda path, **around: connect(path, timeout_s=1, **around), listen])
def test_where_the_system_has_no_way_round_a_long_path_is_refused(tmp_path: Path, act: Callable[..., socket.socket]):
    path = tmp_path / ("state" * 40) / "control.sock"
    path.parent.mkdir()
    with pytest.raises(ControlPathError, match="set state_dir"):
        act(path, open_files=tmp_path / "no-such-folder")


def test_no_child_process_inherits_a_socket(path: Path):
    with listen(path) as listener, connect(path, timeout_s=TIMEOUT_S) as caller:
        assert not listener.get_inheritable()
        assert not caller.get_inheritable()


class Defective(ScriptedRunner):
    """Fails in a way nobody foresaw."""

    def perform(self, command: Command, on_progress: Progress = no_progress) -> JsonObject:
        super().perform(command, on_progress)
        if isinstance(command, CancelAll):
            raise ZeroDivisionError
        return self.reply


def test_a_defect_ends_one_call_and_not_the_server(path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[type[BaseException]] = []
    monkeypatch.setattr(threading, "excepthook", lambda arguments: seen.append(arguments.exc_type))
    server = ControlServer(path=path, clock=CLOCK)
    server.start(Defective())
    with pytest.raises(ReplyLostError):
        send(path, CancelAll())
    assert send(path, Ping()) == {"v": 1}
    server.stop()
    assert seen == [ZeroDivisionError]


def test_a_request_that_is_too_long_never_leaves(path: Path, server: ControlServer, runner: ScriptedRunner):
    class LongCommand(Ping):
        text: str = "x" * LONGEST_REQUEST

    with pytest.raises(OrderValidationError, match="longer than"):
        send(path, LongCommand())
    server.stop()
    assert runner.performed == []


class TestWatchers:
    """A command without an end: told in parts until the runner ends it, and in nobody's way."""

    @pytest.fixture
    def feeds(self) -> EventFeeds:
        return EventFeeds()

    @pytest.fixture
    def watched(self, path: Path, feeds: EventFeeds) -> Iterator[ControlServer]:
        server = ControlServer(path=path, clock=CLOCK, patience_s=0.5)
        server.start(WatchedRunner(feeds))
        yield server
        server.stop()
        feeds.end_feeds()
        server.let_watchers_go()

    @pytest.mark.usefixtures("watched")
    def test_one_gets_each_event_as_it_happens_and_then_the_end(self, path: Path, feeds: EventFeeds):
        with closing(watch(path)) as parts:
            assert next(parts) == {"watching": {"pid": 4711}}
            feeds.tell([resumed("first")])
            event = next(parts)["event"]
            assert isinstance(event, dict)
            assert (event["event"], event["reason"]) == ("trading_resumed", "first")
            feeds.tell([resumed("last")])
            feeds.end_feeds()
            assert [part["event"]["reason"] for part in parts] == ["last"]  # type: ignore[index]

    def test_several_watch_at_once_and_take_no_commands_place(
        self, path: Path, feeds: EventFeeds, watched: ControlServer
    ):
        with ExitStack() as stack:
            watchers = [stack.enter_context(closing(watch(path))) for _ in range(MOST_WATCHING)]
            assert all(next(parts) for parts in watchers)
            assert watched.calls == 0
            with pytest.raises(OrderNotSentError, match="watch the bot already") as raised:
                next(watch(path))
            assert raised.value.code == "busy"
            assert send(path, Ping()) == {"v": 1}
            feeds.tell([resumed("to all")])
            assert all("event" in next(parts) for parts in watchers)

    def test_one_that_reads_nothing_keeps_nobody_and_learns_what_it_missed(self, path: Path, feeds: EventFeeds):
        server = ControlServer(path=path, clock=CLOCK)
        server.start(WatchedRunner(feeds))
        with closing(watch(path)) as parts:
            assert next(parts)
            feeds.tell(resumed("x" * 1_000) for _ in range(2 * FEED_LIMIT))
            feeds.end_feeds()
            events = [part["event"] for part in parts if part]
        words = [event["event"] for event in events if isinstance(event, dict)]
        assert words.count("events_missed") >= 1
        missed = sum(int(event["count"]) for event in events if isinstance(event, dict) and "count" in event)
        assert words.count("trading_resumed") + missed == 2 * FEED_LIMIT
        server.stop()
        server.let_watchers_go()

    @pytest.mark.usefixtures("watched")
    def test_one_that_goes_away_is_forgotten(self, path: Path, feeds: EventFeeds):
        with closing(watch(path)) as parts:
            assert next(parts)
            (thread,) = [each for each in threading.enumerate() if each.name == "trading-bot-control-call"]
        while thread.is_alive():
            feeds.tell([resumed("anybody?")])
            thread.join(0.01)

    def test_a_stop_does_not_wait_for_one_that_reads_nothing(self, path: Path, feeds: EventFeeds):
        server = ControlServer(path=path, clock=CLOCK, farewell_s=0)
        server.start(WatchedRunner(feeds))
        parts = watch(path)
        assert next(parts)
        server.stop()
        server.let_watchers_go()
        with pytest.raises(HolderSilentError, match="hung up"):
            list(parts)


def watch(path: Path) -> Generator[JsonObject, None, None]:
    return follow_holder(path, WatchEvents(), clock=CLOCK, timeout_s=TIMEOUT_S)


def resumed(reason: str) -> TradingResumed:
    return TradingResumed(at=MONDAY, symbol=None, cause=None, reason=reason, by="alice")
