"""SIGKILL before and after each effect of each step, in real processes; then a start, and every promise is checked."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import trading_bot
from tests.support.kill_server import STEPS

pytestmark = [
    pytest.mark.subprocess,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="lives are forked"),
]
ROOT = Path(__file__).parents[2]
MOST_EFFECTS = 120
MOST_INTERRUPTED = 20
STRIDE = 4


class KillServer:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, run: str, folder: Path, step: str, die_at: int = 0) -> tuple[int, str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"run": run, "folder": str(folder), "step": step, "die_at": die_at}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["code"], answer["problem"]


@pytest.fixture(scope="module")
def server() -> Iterator[KillServer]:
    source = Path(trading_bot.__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.kill_server"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{source}{os.pathsep}{ROOT}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        yield KillServer(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.mark.parametrize(
    ("step", "ending"),
    [
        *((step, "live") for step in STEPS),
        ("submit", "interrupted"),
        ("submit", "terminated"),
        ("cancel", "interrupted"),
    ],
)
def test_ended_at_each_effect(step, ending, server, tmp_path):
    """Killed, interrupted as by Ctrl-C, or terminated: the next start finds the truth."""
    folder, before = tmp_path / "live", tmp_path / "before"
    folder.mkdir()
    assert server.ask("prepare", folder, step) == (0, "")
    shutil.copytree(folder, before)
    deaths = 0
    for die_at in range(1, MOST_EFFECTS, STRIDE):
        shutil.rmtree(folder)  # the same place each time: the account remembers where its journal is
        shutil.copytree(before, folder)
        code, problem = server.ask(ending, folder, step, die_at)
        assert code in (0, -signal.SIGKILL, -signal.SIGTERM), problem
        deaths += code != 0
        assert server.ask("judge", folder, step) == (0, ""), f"{ending} at effect {die_at} of {step}"
        if code == 0 and (ending != "interrupted" or die_at > MOST_INTERRUPTED):
            break
    assert deaths >= 2 or ending == "interrupted"
