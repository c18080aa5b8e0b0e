"""A long run of lives: divided into blocks, kept as it goes on, and summed up in figures."""

import hashlib
import json
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias

from tests.simulation.lived import Lived, live, numbered, shown
from tests.support.long_runs import code_here, machine_of, replace_text
from trading_bot.config import PaperWire

_ROOT = Path(__file__).parents[2]
_PROGRESS_EVERY_S = 10.0
_LONGEST_LIFE_S = 60.0
"""Seconds of CPU. A life takes a tenth of one; what takes so long does not end."""
ENOUGH = 1000
"""Of so many lives, every story has to be one."""
_MADE_SMALL = 3
"""How many of the broken lives are made small at the end."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which lives to live, and where the progress and the figures go; ``wire`` None means both in turns."""

    first: int
    count: int
    workers: int
    state: Path
    wire: PaperWire | None = None
    figures: Path | None = None
    block: int = 25
    """After how many lives the progress is kept."""

    @property
    def command(self) -> str:
        options = f"--schedules {self.count} --first-seed {self.first} --wire {self.wire or 'both'}"
        return f"python -m tests.simulation {options}"

    def blocks(self) -> Iterator[range]:
        for begin in range(self.first, self.first + self.count, self.block):
            yield range(begin, min(begin + self.block, self.first + self.count))


@cache
def digest_of_code() -> str:
    """Return a digest of the product and of its tests: lives of other code prove nothing of this one."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in ("src", "tests") for path in (_ROOT / folder).rglob("*.py")):
        digest.update(str(path.relative_to(_ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@dataclass
class Progress:
    """What has been lived so far, of one command, over all times it was begun."""

    command: str
    code: str = field(default_factory=digest_of_code)
    done: set[int] = field(default_factory=set)
    """The first number of each block that is done."""
    lived: Lived = field(default_factory=Lived)
    seconds: float = 0.0

    def add(self, block: range, lived: Lived) -> None:
        self.done.add(block.start)
        self.lived.add(lived)

    def text(self) -> str:
        lived = self.lived
        kept = {"count": lived.count, "reached": lived.reached, "broken": lived.broken}
        return json.dumps(
            {"command": self.command, "code": self.code, "done": sorted(self.done), "seconds": self.seconds, **kept}
        )

    @classmethod
    def read(cls, path: Path, command: str) -> "Progress":
        """Return what an interrupted run of the same command over the same code has left, or a beginning."""
        kept = json.loads(path.read_text()) if path.exists() else {}
        if (kept.get("command"), kept.get("code")) != (command, digest_of_code()):
            return cls(command=command)
        broken = {int(number): problem for number, problem in kept["broken"].items()}
        lived = Lived(count=kept["count"], reached=Counter(kept["reached"]), broken=broken)
        return cls(command=command, done=set(kept["done"]), lived=lived, seconds=kept["seconds"])


LiveBlock: TypeAlias = Callable[[range, PaperWire | None], Lived]


def run_all(asked: Asked, *, say: Callable[[str], object], live_through: LiveBlock | None = None) -> int:
    """Live through all of them and say what came of it; 1 if that is not what was promised.

    ``live_through`` lives one block, in a process of its own where there are several workers.
    """
    live_through = live_through or live_block
    progress = Progress.read(asked.state, asked.command)
    if progress.done:
        say(f"going on behind {progress.lived.count:,} lives, which {asked.state} tells of")
    began, before = time.monotonic(), progress.seconds
    told, lived_before = began, progress.lived.count
    left = [block for block in asked.blocks() if block.start not in progress.done]
    for block, lived in _lived(asked, live_through, left):
        progress.add(block, lived)
        now = time.monotonic()
        progress.seconds = before + now - began
        replace_text(asked.state, progress.text())
        _keep_figures(asked, progress)
        for number, problem in lived.broken.items():
            say(f"life {number} breaks a promise: {problem}")
        if now - told >= _PROGRESS_EVERY_S:
            told = now
            say(_in_words(asked, progress, (progress.lived.count - lived_before) / (now - began)))
    return _summed_up(asked, progress, say)


def _lived(asked: Asked, live_through: LiveBlock, blocks: Sequence[range]) -> Iterator[tuple[range, Lived]]:
    if asked.workers <= 1:
        yield from ((block, live_through(block, asked.wire)) for block in blocks)
        return
    left = iter(blocks)
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("forkserver")) as pool:
        running: dict[Future[Lived], range] = {}
        while True:
            # Few are waiting at any time, so that an interrupted run ends soon.
            while len(running) <= asked.workers and (block := next(left, None)) is not None:
                running[pool.submit(live_through, block, asked.wire)] = block
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(done), done.result()


def live_block(block: range, wire: PaperWire | None) -> Lived:
    """Live through one block in this process; what raises or does not end is a broken life too."""
    folder = Path(tempfile.mkdtemp(prefix="lives-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    lived = Lived()
    try:
        for number in block:
            own = folder / str(number)
            own.mkdir()
            lived.add(_live_one(number, wire, own))
            shutil.rmtree(own)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return lived


def _live_one(number: int, wire: PaperWire | None, folder: Path) -> Lived:
    try:
        with _in_bounds():
            return live(folder, [numbered(number, wire)])
    except Exception:  # noqa: BLE001 - whatever a bot raises out of its calls is a find
        return Lived(count=1, broken={number: traceback.format_exc(limit=-4)})


@contextmanager
def _in_bounds() -> Iterator[None]:
    def end(_number: int, _frame: object) -> None:
        raise TimeoutError(f"it took more than {_LONGEST_LIFE_S:.0f} s of CPU")

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, _LONGEST_LIFE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _in_words(asked: Asked, progress: Progress, rate: float) -> str:
    count = progress.lived.count
    left_min = (asked.count - count) / max(rate, 0.01) / 60
    broken = len(progress.lived.broken)
    return f"{count:,} of {asked.count:,} lives, {rate:.1f} a second, {broken} broken, {left_min:.0f} min left"


def _summed_up(asked: Asked, progress: Progress, say: Callable[[str], object]) -> int:
    lived = progress.lived
    for number in sorted(lived.broken)[:_MADE_SMALL]:
        with tempfile.TemporaryDirectory() as folder:
            say(f"life {number}, made small: {shown(numbered(number, asked.wire), Path(folder))}")
        say(f"again: python -m tests.simulation --schedules 1 --first-seed {number} --wire {asked.wire or 'both'}")
    for story, times in sorted(lived.reached.items()):
        say(f"{times:10,}  {story}")
    never = lived.never_reached() if asked.count >= ENOUGH else []
    say(f"never reached: {', '.join(never)}" if never else "every story was reached" if asked.count >= ENOUGH else "")
    rate = lived.count / max(progress.seconds, 0.001)
    say(f"{lived.count:,} lives in {progress.seconds / 3600:.2f} h, {rate:.1f} a second; {len(lived.broken)} broken")
    asked.state.unlink(missing_ok=True)
    return 1 if lived.broken or never or not lived.count else 0


def _keep_figures(asked: Asked, progress: Progress) -> None:
    """Write the figures of what has been lived so far: those of an interrupted run are worth something too."""
    if asked.figures is not None:
        replace_text(asked.figures, json.dumps(figures(asked, progress), indent=2) + "\n")


def figures(asked: Asked, progress: Progress) -> dict[str, object]:
    """Return the run as docs/guarantees.md shows it."""
    return {
        "name": f"schedules, {'both wires' if asked.wire is None else f'the {asked.wire} wire'}",
        "command": f"{asked.command} --workers {asked.workers}",
        "seed": asked.first,
        "count": progress.lived.count,
        "violations": len(progress.lived.broken),
        "broken": sorted(progress.lived.broken),
        "hours": round(progress.seconds / 3600, 2),
        "a_second": round(progress.lived.count / max(progress.seconds, 0.001), 1),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine_of(asked.workers),
        "code": code_here(),
        "reached": dict(sorted(progress.lived.reached.items())),
    }
