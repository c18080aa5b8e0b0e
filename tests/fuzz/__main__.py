"""``python -m tests.fuzz [DOOR ...] --inputs N --workers K --seed S``: give hostile inputs to doors and say what broke.

It ends with 1 if an input broke a promise, or if fewer were tried than asked for; each input that broke one is kept in
``--keep``. ``--first`` goes on where an earlier run ended, and ``--figures FILE`` writes what was run as JSON. A run
that dies, of a hang for example, leaves no figures.
"""

import argparse
import faulthandler
import json
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.fuzz.registry import TARGETS
from tests.fuzz.run import Broken, Tally, lived, rounds_of
from tests.support.guard import network_guard
from tests.support.long_runs import code_here, machine_of, replace_text

_HANG_S = 900
_EVERY_S = 30.0
_SHOWN = 20


@dataclass
class Work:
    """What a run has done so far."""

    options: argparse.Namespace
    tallies: dict[str, Tally]
    begun: float = field(default_factory=time.monotonic)

    @property
    def inputs(self) -> int:
        """How many inputs the doors took."""
        return sum(tally.inputs for tally in self.tallies.values())

    @property
    def broken(self) -> list[Broken]:
        """The inputs that broke a promise."""
        return [each for tally in self.tallies.values() for each in tally.broken]

    @property
    def hours(self) -> float:
        """How long it has taken."""
        return (time.monotonic() - self.begun) / 3600

    def tell(self) -> None:
        """Say how far it is."""
        said = f"{self.inputs} inputs, {len(self.broken)} broke a promise, in {self.hours:.2f} hours"
        sys.stdout.write(f"{said}, seed {self.options.seed}\n")
        sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Run, and return the exit code."""
    options = _options().parse_args(arguments)
    if unknown := set(options.doors) - set(TARGETS):
        raise SystemExit(f"there is no door {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    names = options.doors or list(TARGETS)
    work = Work(options, {name: Tally() for name in names})
    try:
        _do(work, rounds_of(names, inputs=options.inputs, first=options.first))
    except KeyboardInterrupt:
        sys.stdout.write("stopped before its end\n")
    for name, tally in work.tallies.items():
        endings = ", ".join(f"{count} {ended}" for ended, count in tally.endings.most_common(6))
        sys.stdout.write(f"{name}: {tally.inputs} inputs: {endings}\n")
    for each in work.broken[:_SHOWN]:
        _show(each, options.keep)
    work.tell()
    if options.figures:
        replace_text(options.figures, _figures(work))
    is_whole = work.inputs >= options.inputs > 0
    return 0 if is_whole and not work.broken else 1


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("doors", nargs="*", metavar="DOOR", help=f"all of {', '.join(TARGETS)} where none is named")
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="how many inputs of this seed to leave out")
    parser.add_argument(
        "--keep", type=Path, default=Path("fuzz-finds"), help="the folder for inputs that broke a promise"
    )
    parser.add_argument("--figures", type=Path)
    return parser


def _do(work: Work, parts: Iterable[tuple[str, range]]) -> None:
    said = time.monotonic()
    with ProcessPoolExecutor(max_workers=work.options.workers) as pool:
        asked = {pool.submit(_chunk, name, work.options.seed, numbers): name for name, numbers in parts}
        try:
            for future in as_completed(asked):
                work.tallies[asked[future]].add(future.result())
                if time.monotonic() - said > _EVERY_S:
                    said = time.monotonic()
                    work.tell()
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _chunk(name: str, seed: int, numbers: range) -> Tally:
    network_guard.install()
    # A hang that no signal ends (inside one call of C) is ended with the process, and its stack shown.
    faulthandler.dump_traceback_later(_HANG_S, exit=True, file=sys.__stderr__ or sys.stderr)
    try:
        return lived(name, seed, numbers)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _show(broken: Broken, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{broken.target}-{broken.seed}-{broken.number}"
    path.write_bytes(broken.data)
    sys.stdout.write(f"\n{broken.target}, seed {broken.seed}, number {broken.number}: {path}\n{broken.why}\n")


def _figures(work: Work) -> str:
    options, doors = work.options, " ".join(work.options.doors)
    sizes = f"--inputs {options.inputs} --workers {options.workers} --seed {options.seed}"
    sizes += f" --first {options.first}" if options.first else ""
    facts = {
        "name": "hostile inputs",
        "command": " ".join(f"python -m tests.fuzz {doors} {sizes}".split()),
        "seed": options.seed,
        "count": work.inputs,
        "violations": len(work.broken),
        "hours": round(work.hours, 3),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine_of(options.workers),
        "code": code_here(),
        "doors": {name: {"inputs": each.inputs, "endings": dict(each.endings)} for name, each in work.tallies.items()},
    }
    return json.dumps(facts, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
