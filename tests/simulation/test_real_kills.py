"""SIGKILL before and after each effect of each step, in real processes; then a start, and every promise is checked."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import trading_bot
from tests.support.kill_server import ENDINGS, STEPS, STRUCK
from tests.support.mortal import effects_apart

pytestmark = [
    pytest.mark.subprocess,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="lives are forked"),
]
ROOT = Path(__file__).parents[2]
MOST_EFFECTS = 200
LEAST_EFFECTS = {"recover": 20, "cancel": 10, "preview": 2}


class KillServer:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, ending: str, folder: Path, step: str, die_at: int = 0) -> tuple[int, str]:
        """Let one life end so, and have it judged: the exit code of its process, and what is wrong."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"ending": ending, "folder": str(folder), "step": step, "die_at": die_at}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return answer["code"], answer["problem"]


@pytest.fixture(scope="module")
def server() -> Iterator[KillServer]:
    source = Path(trading_bot.__file__).parents[1]
    untraced = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_PROCESS_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.kill_server"],
        cwd=ROOT,
        env={**untraced, "PYTHONPATH": f"{source}{os.pathsep}{ROOT}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        yield KillServer(process)
        assert process.stdin is not None
        process.stdin.close()


CELLS = [(step, ending) for step in STEPS for ending in ENDINGS if ending != "terminated" or step == "submit"]
"""Nothing of ours runs once a plain SIGTERM has come, as with SIGKILL, so it is sent in one step only."""


@pytest.mark.parametrize(("step", "ending"), CELLS)
def test_ended_at_each_effect(step, ending, server, tmp_path):
    """Killed, interrupted as by Ctrl-C, or terminated: the next start finds the truth."""
    check_effects(step, ending, server, tmp_path / "live")


STRUCK_AT = {
    "submit": (1, 4, 7, 10, 13, 16),
    "cancel": (6,),
    "cancel_all": (8,),
    "kill": (15,),
    "sync": (4,),
    "recover": (25,),
    "exit": (5, 30),
    "protect": (7,),
    "preview": (2,),
}
"""The effects of each step over the agent interface that are struck where not every one is."""


@pytest.mark.parametrize("step", STRUCK_AT)
def test_killed_at_effects_over_the_agent_interface(step, server, tmp_path):
    """At few of them in the build, at each with EFFECTS_APART=1, as `make prove` does."""
    if effects_apart(2) == 1:
        check_effects(step, "killed", server, tmp_path / "agent")
        return
    lives = Lives(server, step, tmp_path / "agent")
    for die_at in STRUCK_AT[step]:
        assert lives.ended("killed", die_at) == -ENDINGS["killed"], "the step has that many effects"


class Lives:
    """Lives of one step, each of which begins where the first one did."""

    def __init__(self, server: KillServer, step: str, folder: Path) -> None:
        self._server, self._step, self._folder = server, step, folder
        self._before = folder.parent / "before"
        folder.mkdir()
        assert server.ask("prepare", folder, step) == (0, "")
        shutil.copytree(folder, self._before)

    def ended(self, ending: str, die_at: int) -> int:
        """Let one end so, and the next one be judged; the exit code of the first."""
        shutil.rmtree(self._folder)  # the same place each time: the account remembers where its journal is
        shutil.copytree(self._before, self._folder)
        code, problem = self._server.ask(ending, self._folder, self._step, die_at)
        assert not problem, f"{ending} at effect {die_at} of {self._step}: {problem}"
        return code


def check_effects(step: str, ending: str, server: KillServer, folder: Path) -> None:
    lives = Lives(server, step, folder)
    for die_at in range(1, MOST_EFFECTS):
        code = lives.ended(ending, die_at)
        if code == 0:
            assert die_at > LEAST_EFFECTS.get(step, 5), "the step has effects to die at"
            return
        assert code in (STRUCK, -ENDINGS[ending])
    pytest.fail(f"{step} has more than {MOST_EFFECTS} effects; raise the bound")
