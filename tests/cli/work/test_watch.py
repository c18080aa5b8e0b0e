"""``watch`` beside a bot: its events as lines or objects, until its end; a runner takes the place of the bot."""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.command_clients import WatchedRunner, says, strange_holder
from tests.support.command_line import CommandResult
from tests.support.command_line_bench import CommandLineBench, own_process_settings
from tests.support.paper_market import MONDAY
from tests.support.told_events import EVENTS, FILLED
from trading_bot.bot_events import BotEvent
from trading_bot.cli.account_place import place_of
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work.watch import watch as watch_command
from trading_bot.clock import SystemClock
from trading_bot.config import Config
from trading_bot.control.server import ControlServer
from trading_bot.event_feeds import EventFeed, EventFeeds, EventsMissed

LINES = [
    "submitted       buy 10 AAPL limit 99.85 [manual] (c1)",
    "filled          buy 4 AAPL at 99.80: 4 filled, 6 left (c1)",
    "cancelled       buy AAPL 4 filled at 99.80 on average: asked for (c1)",
    "ALERT           terms_differ: 9 is not 10 (c1)",
    "ALERT           exit_not_sold: no [2J quote",
    "halted          no entries in AAPL: it was left; run 'resume AAPL'",
    "resumed         entries in the account, by alice: all is well",
]


@pytest.fixture
def cli(tmp_path: Path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


def socket_of(cli: CommandLineBench) -> Path:
    socket = place_of(Config.from_env_and_json(cli.config)).state.control_socket
    socket.parent.mkdir(parents=True, exist_ok=True)
    return socket


class TellingFeeds(EventFeeds):
    """Tells a watcher its events as soon as it is there, and ends."""

    def __init__(self, *events: BotEvent) -> None:
        super().__init__()
        self._events = events

    def open_feed(self, limit: int = 100) -> EventFeed:
        feed = super().open_feed(limit)
        self.tell(self._events)
        self.end_feeds()
        return feed


@contextmanager
def bot_that(cli: CommandLineBench, feeds: EventFeeds) -> Iterator[None]:
    server = ControlServer(path=socket_of(cli), clock=SystemClock())
    server.start(WatchedRunner(feeds))
    yield
    server.stop()
    server.let_watchers_go()


def watch(cli: CommandLineBench, *options: str, events: tuple[BotEvent, ...] = EVENTS) -> CommandResult:
    with bot_that(cli, TellingFeeds(*events)):
        return cli(*options, "watch")


def test_each_event_is_one_line_until_the_bot_stops(cli: CommandLineBench):
    done = watch(cli)
    assert done.returncode == 0
    assert [line.split("  ", 1) for line in done.stdout.splitlines()] == [["10:00:00 EST", line] for line in LINES]
    assert done.stderr.splitlines() == [
        "trading-bot: watching the bot of process 4711; Ctrl-C ends it",
        "trading-bot: the bot has stopped",
    ]


def test_under_json_each_line_is_the_event_as_documented(cli: CommandLineBench):
    done = watch(cli, "--json", "--quiet")
    words = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert words == [
        *("order_submitted", "order_filled", "order_ended", "alert", "alert", "trading_halted", "trading_resumed")
    ]
    assert json.loads(done.stdout.splitlines()[1]) == {
        "v": 1,
        "event": "order_filled",
        "at": "2026-11-23T15:00:00.000000Z",
        "client_order_id": "c1",
        "order_id": "b1",
        "symbol": "AAPL",
        "correlation_id": "r1",
        "side": "buy",
        "quantity": "4",
        "price": "99.80",
        "execution_id": "x1",
        "executed_at": "2026-11-23T15:00:00.000000Z",
        "new_quantity": "4",
        "cumulative_quantity": "4",
        "remaining_quantity": "6",
    }


def test_a_fill_without_a_price_and_one_that_was_told_before_are_said_to_be_so(cli: CommandLineBench):
    bare = replace(FILLED, price=None, execution_id=None, executed_at=None)
    late = replace(FILLED, new_quantity=Decimal(0))
    partly = replace(FILLED, new_quantity=Decimal(1))
    first, second, third = watch(cli, events=(bare, late, partly)).stdout.splitlines()
    assert first.endswith("buy 4 AAPL at a price that is not listed yet: 4 filled, 6 left (c1)")
    assert second.endswith("buy 4 AAPL at 99.80 (told before): 4 filled, 6 left (c1)")
    assert third.endswith("buy 4 AAPL at 99.80 (1 of them new): 4 filled, 6 left (c1)")


def test_missed_events_and_those_of_a_newer_bot_are_shown_for_what_they_are(cli: CommandLineBench):
    missed = EventsMissed(at=MONDAY, count=3)
    (line,) = watch(cli, events=(missed,)).stdout.splitlines()  # type: ignore[arg-type]  # as a full feed has it
    assert "MISSED          3 events were not read in time" in line
    newer = b'{"progress":{"event":{"event":"tea_time","at":"2026-11-23T15:00:00Z"}}}\n{"reply":{}}\n'
    with strange_holder(socket_of(cli), says(newer)):
        done = cli("watch")
    assert 'tea_time        {"event": "tea_time"' in done.stdout


def test_without_a_bot_there_is_one_line_with_the_remedy_and_exit_code_7(cli: CommandLineBench):
    done = cli("watch")
    assert (done.returncode, done.stdout) == (7, "")
    (line,) = done.stderr.splitlines()
    assert "no bot is running" in line
    assert "trading-bot run" in line


def test_a_bot_that_goes_without_a_word_is_exit_code_7(cli: CommandLineBench):
    with strange_holder(socket_of(cli), says(b'{"progress":{"watching":{"pid":1}}}\n')):
        done = cli("--json", "watch")
    assert done.returncode == 7
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert error["code"] == "bot_gone"
    assert "audit tail" in error["message"]


def test_a_reader_that_goes_away_ends_it_as_if_it_had_read_enough(
    cli: CommandLineBench, capsys: pytest.CaptureFixture[str]
):
    with bot_that(cli, TellingFeeds(*EVENTS)), own_process_settings():
        ending = watch_command(Invocation(config=cli.config, quiet=True), is_left=lambda: True)
    assert (ending, capsys.readouterr().out) == (ExitCode.DONE, "")


def test_ctrl_c_ends_it_with_130_and_no_complaint(cli: CommandLineBench):
    main = threading.get_ident()

    class InterruptingFeeds(EventFeeds):
        def open_feed(self, limit: int = 100) -> EventFeed:
            signal.pthread_kill(main, signal.SIGINT)
            return super().open_feed(limit)

    feeds = InterruptingFeeds()
    with bot_that(cli, feeds):
        done = cli("--quiet", "watch")
        feeds.end_feeds()
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
