"""A live account on the agent interface at real terminals: commands as processes, and the stand-in as another one."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.command_line import REPOSITORY, CommandResult, child_environment

ACCOUNT = "512340008"


@dataclass(kw_only=True)
class AgentLife:
    """Runs commands in ``home``; ``server`` is the stand-in's process."""

    home: Path
    server: "ServerProcess"

    @property
    def command(self) -> list[str]:
        where = [str(self.server.port), self.server.ca_file]
        program = [sys.executable, "-m", "tests.support.agent_server.bot_process"]
        return [*program, *where, "-c", str(self.home / "config.json")]

    def __call__(self, *arguments: str, stdin: str = "") -> CommandResult:
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self.home,
            env=child_environment(self.home),
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=100,
            check=False,
        )
        return CommandResult(returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def json(self, *arguments: str) -> Any:
        return json.loads(self("--json", *arguments).stdout)

    def log_in(self) -> CommandResult:
        """Log in as a person does who opens the address in a browser."""
        with subprocess.Popen(
            [*self.command, "login", "--no-browser"],
            cwd=self.home,
            env=child_environment(self.home),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        ) as process:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if found := re.search(r"https://robinhood\.com/oauth\?\S+", line):
                    with urllib.request.urlopen(self.server.ask("browse", found[0]), timeout=30) as page:
                        page.read()
            return CommandResult(returncode=process.wait(), stdout=said, stderr="")


class ServerProcess:
    """The stand-in as a process of its own, told what to do by lines of JSON."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        told = self._answer()
        self.port, self.ca_file = int(told["port"]), str(told["ca_file"])

    def ask(self, *command: object) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@contextmanager
def agent_life(home: Path, settings: Mapping[str, object]) -> Iterator[AgentLife]:
    """A running server, and a folder with the settings of an account that nobody has logged in to yet."""
    plain = {
        "logs_dir": "logs",
        "state_dir": "state",
        "gateway": "agent",
        "account_number": ACCOUNT,
        "trading": {"mode": "live"},
    }
    (home / "config.json").write_text(json.dumps({**plain, **settings}), encoding="utf-8")
    environment = child_environment(home)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.agent_server", str(home / "authority")],
        cwd=REPOSITORY,
        env={**environment, "PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], str(REPOSITORY)])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        yield AgentLife(home=home, server=ServerProcess(process))
        assert process.stdin is not None
        process.stdin.close()
