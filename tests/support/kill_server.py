"""Lives that end by SIGKILL. One process imports everything once and forks a child for each life.

The broker's book lies in a file, outside of every life: it is written before an answer is given, so that a child that
dies on the way leaves the broker knowing more than itself. Commands come as lines of JSON, and each is answered by one.
"""

import gc
import json
import os
import pickle
import signal
import sqlite3
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.faults.steps import preview
from tests.support.broker_stand_in import Request
from tests.support.mortal import Life
from tests.support.sim_invariants import Invariants
from tests.support.sim_world import SimWorld
from trading_bot.config import PaperWire

STRUCK = 3
"""The exit code of a life that was struck and came to its end all the same."""

NEVER = 10**9
ENDINGS: Mapping[str, signal.Signals] = {
    "killed": signal.SIGKILL,
    "interrupted": signal.SIGINT,
    "terminated": signal.SIGTERM,
}
SETTLES_IN_S = 130
"""Long enough for the two looks, a minute apart, that the absence of an order takes."""


class KilledWorld(SimWorld):
    """A world whose broker and time lie in a file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._kept = self.folder / "broker.pickle"
        if self._kept.exists():
            self.broker.book, self.broker._underway, slept, self.killed = pickle.loads(self._kept.read_bytes())
            self.clock.sleep(slept)
        self._last = b""
        self.broker.meanwhile = lambda request: self.keep()

    def keep(self) -> None:
        data = pickle.dumps((self.broker.book, self.broker._underway, self.clock.monotonic(), self.killed))
        if data != self._last:
            beside = self._kept.with_suffix(".new")
            beside.write_bytes(data)
            beside.replace(self._kept)
            self._last = data

    def _note_post(self, request: Request) -> None:
        """The child may not live to tell, so it is judged at once."""
        super()._note_post(request)
        post = self.posts[-1]
        if len(post.intents) != 1 or post.was_killed:
            (self.folder / "broken").write_text(f"{request.form['ref_id']} was sent: {post}")


class MortalDatabase(sqlite3.Connection):
    """The journal, whose file SQLite writes by itself: the process may die between two statements."""

    life = Life()

    def cursor(self, factory=None):
        return super().cursor(factory or MortalCursor)

    def close(self) -> None:
        type(self).life.moment("close database")
        super().close()


class MortalCursor(sqlite3.Cursor):
    """Counts every statement but those that only read."""

    def execute(self, *arguments):
        if not arguments[0].lstrip().upper().startswith("SELECT"):
            MortalDatabase.life.moment("sql")
        return super().execute(*arguments)

    def executemany(self, *arguments):
        MortalDatabase.life.moment("sql")
        return super().executemany(*arguments)


def _kill(world: KilledWorld) -> None:
    world.life.moment("kill")
    world.kill()
    world.keep()
    world.life.moment("killed")
    world.cancel_all()


def _sync(world: KilledWorld) -> None:
    world.broker.book.fill(world.order("c2"), 3, world.clock.now())
    world.broker.book.cancel(world.order(), world.clock.now())
    world.sync()


def _submit(world: KilledWorld) -> None:
    world.trade(client_order_id="c3", symbol="KO")


def _exit(world: KilledWorld) -> None:
    """Leave 50 AAPL, which are sold at once; a bid for ten is still open."""
    world.broker.is_liquid = True
    world.exit("AAPL", 50)


STEPS: dict[str, Callable[[KilledWorld], object]] = {
    "submit": _submit,
    "cancel": lambda world: world.cancel(),
    "cancel_all": lambda world: world.cancel_all(),
    "kill": _kill,
    "sync": _sync,
    "recover": lambda world: None,
}
"""What a process is struck in. Recovering is its start."""
MORE_STEPS: dict[str, Callable[[KilledWorld], object]] = {
    "exit": _exit,
    "protect": lambda world: world.protect("AAPL", 10, name="p2"),
    "preview": preview,
}
"""What it is struck in over the agent interface only."""


def world_of(folder: Path) -> KilledWorld:
    """The world whose lives end; a folder says by its name if they speak the agent interface."""
    wire = PaperWire.AGENT if folder.name.startswith(PaperWire.AGENT) else PaperWire.PRIVATE
    return KilledWorld(folder, in_memory=False, wire=wire)


def prepare(folder: Path) -> None:
    """Leave two orders at the broker, one of them partly filled without our knowing."""
    world = world_of(folder)
    world.started()
    world.trade()
    world.trade(client_order_id="c2", symbol="MSFT")
    world.broker.book.fill(world.order("c2"), 4, world.clock.now())
    world.stop()
    world.keep()


def live(folder: Path, step: str, die_at: int, *, by: signal.Signals = signal.SIGKILL) -> bool:
    """Start, do the step, and be sent a signal at the chosen effect of it; whether it had so many."""
    world = world_of(folder)

    def end() -> None:
        world.life.is_over = by is signal.SIGKILL
        os.kill(os.getpid(), by)

    world.end = end
    try:
        world.boot(die_at=die_at if step == "recover" else None)
        MortalDatabase.life = world.life
        if step != "recover":
            world.life.die_in(die_at)
        (STEPS | MORE_STEPS)[step](world)
    except KeyboardInterrupt:
        world.stop()
    return world.life.die_at is not None and world.life.effects >= world.life.die_at


def judge(folder: Path, step: str) -> None:
    """Start again, let everything settle, and raise what is broken."""
    world = world_of(folder)
    if (folder / "broken").exists():
        raise AssertionError((folder / "broken").read_text())
    world.broker.meanwhile = lambda request: None  # nobody comes after this process
    invariants = Invariants(world)
    world.boot()
    invariants.check()
    world.settle(SETTLES_IN_S, every=61)
    invariants.check_settled()
    world.trade()
    if step == "kill" and world.killed:
        world.trade(client_order_id="c4", symbol="KO")
    invariants.check()
    if step != "exit" and len(world.broker.book.orders) > 3:
        raise AssertionError(f"the broker has {len(world.broker.book.orders)} orders of three that were asked for")


def rehearse(folder: Path) -> None:
    """Live once in the server itself: what is imported, compiled or read on the way, no child has to do again."""
    prepare(folder)
    judge(folder, "submit")


def _forked(run: Callable[[], object], problem: Path) -> tuple[int, str]:
    child = os.fork()
    if child == 0:
        code = 0
        try:
            code = STRUCK if run() else 0
        except BaseException:  # noqa: BLE001 - a forked child must end here, whatever happened
            problem.write_text(traceback.format_exc())
            code = 1
        os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), problem.read_text() if problem.exists() else ""


def _life(folder: Path, step: str, ending: str, die_at: int) -> tuple[int, str]:
    """Let one process live and another one judge what it left; the first one's exit code, and what is wrong."""
    code, problem = _forked(partial(live, folder, step, die_at, by=ENDINGS[ending]), folder / "problem")
    if not problem:
        _, problem = _forked(partial(judge, folder, step), folder / "problem")
    return code, problem


def main() -> None:
    real = sqlite3.connect
    # Only what writes the journal is mortal: the judge's reading is no effect of the process.
    mortal = {"factory": MortalDatabase}
    vars(sqlite3)["connect"] = lambda where, **how: real(where, **(how | mortal if "mode=rw" in where else how))
    with tempfile.TemporaryDirectory() as stage:
        rehearse(Path(stage))
    gc.collect()
    gc.freeze()  # children that collect would copy every page of the server
    for line in sys.stdin:
        asked = json.loads(line)
        folder, step = Path(asked["folder"]), asked["step"]
        if asked["ending"] == "prepare":
            code, problem = _forked(partial(prepare, folder), folder / "problem")
        else:
            code, problem = _life(folder, step, asked["ending"], asked["die_at"])
        sys.stdout.write(json.dumps({"code": code, "problem": problem}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
