"""Lives that end by SIGKILL. One process imports everything once and forks a child for each life.

The broker's book lies in a file, outside of every life: it is written before an answer is given, so that a child that
dies on the way leaves the broker knowing more than itself. Commands come as lines of JSON, and each is answered by one.
"""

import json
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.support.broker_stand_in import Request
from tests.support.sim_invariants import Invariants
from tests.support.sim_world import SimWorld


class KilledWorld(SimWorld):
    """A world whose broker and time lie in a file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._kept = self.folder / "broker.pickle"
        if self._kept.exists():
            self.broker.book, self.broker._underway, slept, self.killed = pickle.loads(self._kept.read_bytes())
            self.clock.sleep(slept)
        self.broker.meanwhile = lambda request: self.keep()

    def keep(self) -> None:
        beside = self._kept.with_suffix(".new")
        beside.write_bytes(pickle.dumps((self.broker.book, self.broker._underway, self.clock.monotonic(), self.killed)))
        beside.replace(self._kept)

    def _note_post(self, request: Request) -> None:
        """The child may not live to tell, so it is judged at once."""
        super()._note_post(request)
        post = self.posts[-1]
        if len(post.intents) != 1 or post.was_killed:
            (self.folder / "broken").write_text(f"{request.form['ref_id']} was sent: {post}")


def _kill(world: SimWorld) -> None:
    world.life.moment("kill")
    world.kill()
    world.life.moment("killed")
    world.cancel_all()


def _sync(world: SimWorld) -> None:
    world.broker.book.fill(world.order("c2"), 3, world.clock.now())
    world.broker.book.cancel(world.order(), world.clock.now())
    world.sync()


STEPS: dict[str, Callable[[SimWorld], object]] = {
    "submit": lambda world: world.trade(client_order_id="c3", symbol="KO"),
    "cancel": lambda world: world.cancel(),
    "cancel_all": lambda world: world.cancel_all(),
    "kill": _kill,
    "sync": _sync,
    "recover": lambda world: None,
}


def prepare(folder: Path, _step: str, _die_at: int) -> None:
    """Leave two orders at the broker, one of them partly filled without our knowing."""
    world = KilledWorld(folder)
    world.started()
    world.trade()
    world.trade(client_order_id="c2", symbol="MSFT")
    world.broker.book.fill(world.order("c2"), 4, world.clock.now())
    world.stop()
    world.keep()


def live(folder: Path, step: str, die_at: int, *, by: signal.Signals = signal.SIGKILL) -> None:
    """Start, do the step, and be sent a signal at the chosen effect of either."""
    world = KilledWorld(folder)

    def end() -> None:
        world.life.is_over = by is signal.SIGKILL
        os.kill(os.getpid(), by)

    world.end = end
    if step == "recover":
        world.boot(die_at=die_at)
        return
    world.boot()
    world.life.die_in(die_at)
    try:
        STEPS[step](world)
    except KeyboardInterrupt:
        world.stop()


def judge(folder: Path, step: str, _die_at: int) -> None:
    """Start again, let everything settle, and raise what is broken."""
    world = KilledWorld(folder)
    if (folder / "broken").exists():
        raise AssertionError((folder / "broken").read_text())
    invariants = Invariants(world)
    world.boot()
    invariants.check()
    world.settle()
    invariants.check_settled()
    if step == "kill" and world.killed:
        world.trade(client_order_id="c4", symbol="KO")
        invariants.check()
    if len(world.broker.book.orders) > 3:
        raise AssertionError(f"the broker has {len(world.broker.book.orders)} orders of three that were asked for")


def _forked(run: Callable[[Path, str, int], None], folder: Path, step: str, die_at: int) -> tuple[int, str]:
    problem = folder / "problem"
    child = os.fork()
    if child == 0:
        code = 0
        try:
            run(folder, step, die_at)
        except BaseException:  # noqa: BLE001 - a forked child must end here, whatever happened
            problem.write_text(traceback.format_exc())
            code = 1
        os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), problem.read_text() if problem.exists() else ""


def main() -> None:
    runs: dict[str, Callable[[Path, str, int], None]] = {
        "prepare": prepare,
        "live": live,
        "interrupted": partial(live, by=signal.SIGINT),
        "terminated": partial(live, by=signal.SIGTERM),
        "judge": judge,
    }
    for line in sys.stdin:
        asked = json.loads(line)
        code, problem = _forked(runs[asked["run"]], Path(asked["folder"]), asked["step"], asked["die_at"])
        sys.stdout.write(json.dumps({"code": code, "problem": problem}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
