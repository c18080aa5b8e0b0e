"""``stop`` beside a bot that ends, one that does not, and none; a runner takes the place of the bot."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command_line_bench import CommandLineBench
from trading_bot.cli.account_place import place_of
from trading_bot.cli.exit_codes import ExitCode
from trading_bot.clock import SystemClock
from trading_bot.config import Config
from trading_bot.control.server import ControlServer
from trading_bot.lease import Lease
from trading_bot.operations import AskToStop, Command, Progress, no_progress
from trading_bot.order_json import JsonObject
from trading_bot.state_folder import StateFolder


@pytest.fixture
def cli(tmp_path: Path) -> CommandLineBench:
    return CommandLineBench(tmp_path)


def state_of(cli: CommandLineBench) -> StateFolder:
    state = place_of(Config.from_env_and_json(cli.config)).state
    state.root.mkdir(parents=True, exist_ok=True)
    return state


class Holder:
    """Answers as a bot with open orders would, and does ``on_asked``."""

    def __init__(self, on_asked: Callable[[], None], *, open_orders: int, on_stop: str) -> None:
        self._on_asked = on_asked
        self._answer: JsonObject = {"v": 1, "pid": 77, "open_orders": open_orders, "on_stop": on_stop}

    def perform(self, command: Command, on_progress: Progress = no_progress) -> JsonObject:
        if isinstance(command, AskToStop):
            self._on_asked()
        return self._answer


@contextmanager
def bot(cli: CommandLineBench, *, ends: bool, open_orders: int = 0, on_stop: str = "leave") -> Iterator[None]:
    state = state_of(cli)
    lease = Lease(path=state.lease)
    lease.acquire()
    server = ControlServer(path=state.control_socket, clock=SystemClock())
    holder = Holder(lease.release if ends else lambda: None, open_orders=open_orders, on_stop=on_stop)
    server.start(holder)
    yield
    server.stop()
    lease.release()


@pytest.mark.parametrize(
    ("open_orders", "on_stop", "said"),
    [
        (0, "leave", "process 77 has ended; no orders were open"),
        (1, "leave", "process 77 has ended; 1 order was open, and nothing is done about that"),
        (3, "cancel", "process 77 has ended; 3 orders were open, and on_stop is cancel"),
    ],
)
def test_it_waits_for_the_end_and_says_what_was_open(cli, open_orders, on_stop, said):
    with bot(cli, ends=True, open_orders=open_orders, on_stop=on_stop):
        done = cli("stop")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{said}\n", "")


def test_a_bot_that_does_not_end_is_an_error_with_what_may_be_done(cli):
    with bot(cli, ends=False):
        done = cli("stop", "--wait", "0.2")
    assert done.returncode == ExitCode.NOT_SENT
    assert done.stdout.startswith("process 77 was asked to end")
    assert "bot.is_asked_to_stop" in done.stderr


def test_without_a_wait_it_only_asks(cli):
    with bot(cli, ends=False):
        answer = cli.json("stop", "--wait", "0")
    assert (answer["pid"], answer["stopped"]) == (77, False)


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_where_no_bot_runs_nothing_is_to_be_done(cli, option):
    done = cli(*option, "stop")
    assert done.returncode == ExitCode.DONE
    if option:
        assert json.loads(done.stdout) == {"v": 1, "stopped": True, "pid": None}
    else:
        assert done.stderr == "trading-bot: no bot is running\n"


def test_a_holder_that_takes_no_commands_is_no_absent_one(cli):
    lease = Lease(path=state_of(cli).lease)
    lease.acquire()
    done = cli("stop")
    lease.release()
    assert done.returncode == ExitCode.ACCOUNT_IN_USE
    assert "takes no commands" in done.stderr
