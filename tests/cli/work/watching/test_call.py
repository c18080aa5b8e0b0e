"""What `watch` does at a terminal before and after its screen."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.work.watching.test_bot_link import Bot, serving
from tests.support.command_line_bench import CommandLineBench, own_process_settings
from trading_bot.cli.account_place import place_of
from trading_bot.cli.errors import CommandError
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.cli.invocation import Invocation
from trading_bot.cli.work.watch import is_at_terminal, watch
from trading_bot.cli.work.watching.call import watch_screen
from trading_bot.cli.work.watching.screen import Ending, WatchApp
from trading_bot.config import Config


class Called:
    """One call at a terminal, and what stands around it."""

    def __init__(self, home: Path) -> None:
        self.cli = CommandLineBench(home)
        self.config = Config.from_env_and_json(self.cli.config)
        self.state = place_of(self.config).state
        self.bot = Bot()

    @property
    def invocation(self) -> Invocation:
        return Invocation(config=self.cli.config, no_color=True)

    @contextmanager
    def beside_a_bot(self) -> Iterator[None]:
        self.state.control_socket.parent.mkdir(parents=True, exist_ok=True)
        with own_process_settings(), serving(self.state.control_socket, self.bot):
            yield


@pytest.fixture
def called(tmp_path: Path) -> Called:
    return Called(tmp_path)


@pytest.mark.parametrize(("ending", "code"), [(Ending.LEFT, ExitCode.DONE), (Ending.INTERRUPTED, ExitCode.INTERRUPTED)])
def test_the_screen_begins_with_a_first_view_and_its_ending_is_the_exit_code(
    called: Called, ending: Ending, code: ExitCode
):
    apps: list[WatchApp] = []

    def run(app: WatchApp) -> Ending:
        apps.append(app)
        return ending

    with called.beside_a_bot():
        assert watch_screen(called.invocation, called.config, run=run) is code
    (app,) = apps
    assert (app.no_color, app.header_lines[0].plain[:27]) == (True, " PAPER   account ...0001   ")


def test_a_kill_takes_the_armed_file_first_and_its_exit_code_is_the_kills(called: Called):
    called.cli("arm", "--confirm", "PAPER")
    assert called.state.latch.exists()
    killed: list[Invocation] = []

    def run(app: WatchApp) -> Ending:
        app._switch_off()
        assert not called.state.latch.exists()
        return Ending.KILL

    def kill(invocation: Invocation) -> ExitCode:
        killed.append(invocation)
        return ExitCode.OUTCOME_UNKNOWN

    with called.beside_a_bot():
        assert watch_screen(called.invocation, called.config, run=run, kill=kill) is ExitCode.OUTCOME_UNKNOWN
    assert killed == [called.invocation]


def test_a_cancel_that_is_under_way_is_waited_for_and_told_after_the_screen(called: Called, capsys):
    def run(app: WatchApp) -> Ending:
        app._link.cancel("first")
        threading.Timer(0.05, called.bot.may_cancel.set).start()
        return Ending.LEFT

    with called.beside_a_bot():
        assert watch_screen(called.invocation, called.config, run=run) is ExitCode.DONE
    assert capsys.readouterr().err.splitlines() == [
        "trading-bot: waiting for the answer to 1 cancel",
        "trading-bot: cancelled: TSLA order first",
    ]


def test_a_screen_that_fails_is_an_error_with_what_to_do(called: Called):
    with called.beside_a_bot(), pytest.raises(CommandError, match="the live view failed"):
        watch_screen(called.invocation, called.config, run=lambda _app: None)


def test_at_a_terminal_too_there_is_one_line_where_no_bot_runs(called: Called, watched):
    watched()
    with own_process_settings(), pytest.raises(CommandError, match="no bot is running that could be watched"):
        watch(called.invocation)


@pytest.mark.parametrize(
    ("options", "term", "is_screen"),
    [
        ({}, "xterm", True),
        ({"no_input": True}, "xterm", False),
        ({"json": True}, "xterm", False),
        ({"quiet": True}, "xterm", False),
        ({}, "dumb", False),
    ],
)
def test_the_screen_is_for_terminals_that_can_show_it_and_lines_are_for_the_rest(watched, options, term, is_screen):
    watched(term)
    assert is_at_terminal(Invocation(**options)) is is_screen


@pytest.mark.parametrize("piped", ["stdin", "stdout", "stderr"])
def test_a_pipe_at_any_end_gets_lines(watched, monkeypatch: pytest.MonkeyPatch, piped):
    watched()
    monkeypatch.setattr(getattr(sys, piped), "isatty", lambda: False)
    assert not is_at_terminal(Invocation())


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let a person watch all three streams."""

    def at(term: str = "xterm") -> None:
        monkeypatch.setenv("TERM", term)
        for stream in (sys.stdin, sys.stdout, sys.stderr):
            monkeypatch.setattr(stream, "isatty", lambda: True)

    return at
