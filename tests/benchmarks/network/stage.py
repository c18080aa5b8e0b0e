"""The stand-in of the broker and its clients, each in a process of its own, as the rows use them."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from tests.benchmarks.builds import HERE, Builds, python_of
from tests.benchmarks.network.broker_book import ACCOUNT
from tests.benchmarks.network.exchanges import Exchange
from tests.support.loopback_broker.authority import TestAuthority
from tests.support.paper_market import MONDAY

_DRIVERS = Path(__file__).parent
_SETTINGS: dict[str, Any] = {
    "trading": {"mode": "live"},
    "account_number": ACCOUNT,
    "risk_management": {
        "max_order_notional": 25_000,
        "max_position_notional": 50_000,
        "max_trades_per_day": 100_000,
    },
    "order_management": {"max_pending_per_side": 100, "duplicate_window_s": 0},
    "logs_dir": "logs",
    "state_dir": "state",
}


class ClientFailedError(RuntimeError):
    """A client ended, or answered what makes its figures worthless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A checkout with the libraries of its own environment."""

    name: str
    checkout: Path
    risk: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Settings of ``risk_management`` that only this build knows."""


def this_build(builds: Builds) -> Build:
    return Build(
        name="this build", checkout=builds.this, risk={"max_open_orders": 1000, "max_entries_per_minute": None}
    )


def old_build(builds: Builds) -> Build | None:
    return None if builds.old is None else Build(name="0.1", checkout=builds.old)


_NO_BOT = Build(name="no bot", checkout=HERE)
"""Whose libraries a client uses that is no bot."""


class Speaker:
    """A process that answers each line of JSON with one."""

    def __init__(self, command: list[str], **how: Any) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **how)

    def line(self) -> str:
        assert self._process.stdout is not None
        line = str(self._process.stdout.readline())
        if not line:
            raise ClientFailedError(f"{self._process.args!r} has ended with {self._process.wait()}")
        return line

    def ask(self, what: str, /, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps({'ask': what, **arguments})}\n")
        self._process.stdin.flush()
        return json.loads(self.line())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a whole process did, from its start to its end."""

    took_s: float
    exchanges: list[Exchange]
    output: str


class Stage:
    """One stand-in, and any number of clients with homes of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = TestAuthority(folder / "authority")
        self._ahead_s = (MONDAY - datetime.now(UTC)).total_seconds()
        certificate = self._authority.certify().file
        command = [sys.executable, "-m", "tests.benchmarks.network.broker_process", certificate, str(self._ahead_s)]
        self._broker = Speaker([str(part) for part in command], cwd=HERE)
        self._port = int(self._broker.line())
        self._homes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._broker.__exit__(*error)

    def fresh(self, round_trip_ms: int, *, page_size: int = 100) -> None:
        """Begin with an empty account at the end of a line of this length."""
        self._broker.ask("fresh", round_trip_s=round_trip_ms / 1000, page_size=page_size)

    def line(self, round_trip_ms: int) -> None:
        """Make the line longer or shorter."""
        self._broker.ask("line", round_trip_s=round_trip_ms / 1000)

    def book(self, do: str, **arguments: Any) -> None:
        """Do something to the broker's book; see `BusyBook`."""
        self._broker.ask("book", do=do, **arguments)

    def mishap(self, what: str, kind: str) -> None:
        """Let a request meet with a mishap; see `Broker`."""
        self._broker.ask("mishap", what=what, kind=kind)

    def calm(self) -> None:
        self._broker.ask("calm")

    def exchanges(self) -> list[Exchange]:
        """Return what the broker heard since the last time."""
        heard = self._broker.ask("exchanges")
        return [Exchange(what=what, began=began, ended=ended) for what, began, ended in heard]

    def home(self, build: Build, risk: Mapping[str, Any] = MappingProxyType({}), **orders: float) -> Path:
        """Return a new home with a live account, logged in and armed; ``risk`` and ``orders`` are settings of it."""
        self._homes += 1
        home = self._folder / f"home-{self._homes}"
        home.mkdir(mode=0o700)
        limits = {**_SETTINGS["risk_management"], **build.risk, **risk}
        settings = {"risk_management": limits, "order_management": {**_SETTINGS["order_management"], **orders}}
        (home / "config.json").write_text(json.dumps({**_SETTINGS, **settings}))
        with self._speaker("drive_bot.py", build, home) as client:
            client.ask("prepare", account=ACCOUNT)
        return home

    @contextmanager
    def bot(self, build: Build, *, home: Path | None = None, **how: bool) -> Iterator[Speaker]:
        """Lend a running bot of a build in a process of its own; ``how`` goes to `start` of `drive_bot`."""
        with self._speaker("drive_bot.py", build, home or self.home(build)) as client:
            client.ask("start", **how)
            self.exchanges()
            yield client
            client.ask("stop")

    def speaker(self, build: Build, home: Path) -> Speaker:
        """Return a process of a build that has no bot yet."""
        return self._speaker("drive_bot.py", build, home)

    @contextmanager
    def other(self, driver: str) -> Iterator[Speaker]:
        """Lend a client that is no bot, such as ``drive_post.py``."""
        with self._speaker(driver, _NO_BOT, self._folder) as client:
            yield client

    def run(self, build: Build, home: Path, *arguments: str) -> Ran:
        """Run a command line of a build from its start to its end."""
        return self._ran([python_of(build.checkout), "-m", "trading_bot", *arguments], build, home)

    def run_floor(self, *arguments: str) -> Ran:
        """Run a process that does nothing but one order on a new connection."""
        command = [sys.executable, str(_DRIVERS / "drive_post.py"), "--once", *arguments]
        return self._ran(command, _NO_BOT, self._folder)

    def _ran(self, command: list[str], build: Build, home: Path) -> Ran:
        self.exchanges()
        began = time.perf_counter()
        done = subprocess.run(
            command, cwd=home, env=self._environment(build, home), capture_output=True, text=True, check=False
        )
        took_s = time.perf_counter() - began
        if done.returncode:
            raise ClientFailedError(f"{command} ended with {done.returncode}: {done.stderr[-2000:]}")
        return Ran(took_s=took_s, exchanges=self.exchanges(), output=done.stdout)

    def _speaker(self, driver: str, build: Build, home: Path) -> Speaker:
        with ExitStack() as stack:
            errors = stack.enter_context((home / "errors").open("a"))
            return Speaker(
                [python_of(build.checkout), str(_DRIVERS / driver)],
                cwd=home,
                env=self._environment(build, home),
                stderr=errors,
            )

    def _environment(self, build: Build, home: Path) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join((str(_DRIVERS / "on_loopback"), str(build.checkout / "src"))),
            "BENCH_CA_FILE": str(self._authority.ca_file),
            "BENCH_PORT": str(self._port),
            "BENCH_AHEAD_S": str(self._ahead_s),
        }


@contextmanager
def stage() -> Iterator[Stage]:
    """Set up a stage in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, Stage(Path(folder)) as made:
        yield made
