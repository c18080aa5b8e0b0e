"""The agent interface between processes: the stand-in is one, and each command is another that may be killed."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from tests.support.agent_life import AgentLife, agent_life
from tests.support.command_line import child_environment
from trading_bot.cli.exit_codes import ExitCode

pytestmark = pytest.mark.subprocess

BOUND_S = 60


def test_an_order_whose_process_was_killed_is_found_and_cancelled_by_a_kill(tmp_path):
    with agent_life(tmp_path, {"trading": {"mode": "live", "calendar": "always_open"}}) as life:
        life.server.ask("quote", "AAPL", "99.98", "100.00")
        assert life.log_in().returncode == ExitCode.DONE
        assert life("arm", "--confirm", "LIVE 0008").returncode == ExitCode.DONE
        life.server.ask("fault", "place_equity_order", "reply_lost")
        with started(life, "buy", "AAPL", "3", "--reference-price", "100", "--client-order-id", "c1") as struck:
            until(lambda: states(life) == ["unconfirmed"])
            struck.kill()
        assert life("sync").returncode == ExitCode.DONE
        (order,) = life.json("orders")["orders"]
        assert (order["client_order_id"], order["state"]) == ("c1", "confirmed")
        with started(life, "kill") as killing:
            until(lambda: states(life) == ["cancelled"])
            killing.send_signal(signal.SIGINT)
            assert killing.wait(BOUND_S) == ExitCode.OUTCOME_UNKNOWN
        assert life("buy", "AAPL", "3", "--reference-price", "100").returncode == ExitCode.REFUSED_BY_RULE
        assert len(life.server.ask("orders")) == 1
        assert life.server.ask("complaints") == []


def states(life: AgentLife) -> Sequence[str]:
    return [row["state"] for row in life.server.ask("orders")]


@contextmanager
def started(life: AgentLife, *arguments: str) -> "Iterator[subprocess.Popen[bytes]]":
    with subprocess.Popen(
        [*life.command, *arguments],
        cwd=life.home,
        env=child_environment(life.home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        yield process
        process.kill()


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BOUND_S
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)
