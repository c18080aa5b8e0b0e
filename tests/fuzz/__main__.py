"""``python -m tests.fuzz [DOOR ...] --inputs N --workers K --seed S``: give hostile inputs to doors and say what broke.

It ends with 1 if an input broke a promise; each such input is kept in ``--keep``. ``--first`` goes on where an earlier
run ended, and ``--figures FILE`` writes what was run as JSON.
"""

import argparse
import faulthandler
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path

from tests.fuzz.registry import TARGETS
from tests.fuzz.run import Broken, Tally, lived, numbers_of
from tests.support.guard import network_guard

_CHUNK = 2000
_HANG_S = 900
_EVERY_S = 30.0
_SHOWN = 20


def main(arguments: list[str]) -> int:
    """Run, and return the exit code."""
    options = _options().parse_args(arguments)
    begun = time.monotonic()
    tallies = _run(options)
    hours = (time.monotonic() - begun) / 3600
    for name, tally in tallies.items():
        endings = ", ".join(f"{count} {ended}" for ended, count in tally.endings.most_common(6))
        sys.stdout.write(f"{name}: {tally.inputs} inputs: {endings}\n")
    broken = [each for tally in tallies.values() for each in tally.broken]
    for each in broken[:_SHOWN]:
        _show(each, options.keep)
    total = sum(tally.inputs for tally in tallies.values())
    sys.stdout.write(f"{total} inputs, {len(broken)} broke a promise, in {hours:.2f} hours, seed {options.seed}\n")
    if options.figures:
        options.figures.write_text(_figures(options, tallies, hours), encoding="utf-8")
    return 1 if broken else 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("doors", nargs="*", metavar="DOOR", help=f"all of {', '.join(TARGETS)} where none is named")
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first input of each door")
    parser.add_argument(
        "--keep", type=Path, default=Path("fuzz-finds"), help="the folder for inputs that broke a promise"
    )
    parser.add_argument("--figures", type=Path)
    return parser


def _run(options: argparse.Namespace) -> dict[str, Tally]:
    if unknown := set(options.doors) - set(TARGETS):
        raise SystemExit(f"there is no door {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    numbers = numbers_of(options.inputs)
    if options.doors:
        each = -(-options.inputs // len(options.doors))
        numbers = {name: range(each) for name in options.doors}
    chunks = [
        (name, range(options.first + begin, options.first + min(begin + _CHUNK, len(whole))))
        for name, whole in numbers.items()
        for begin in range(0, len(whole), _CHUNK)
    ]
    tallies = {name: Tally() for name in numbers}
    said, done = time.monotonic(), 0
    with ProcessPoolExecutor(max_workers=options.workers) as pool:
        asked = {pool.submit(_chunk, name, options.seed, part): name for name, part in chunks}
        for future in as_completed(asked):
            tally = future.result()
            tallies[asked[future]].add(tally)
            done += tally.inputs
            if time.monotonic() - said > _EVERY_S:
                said = time.monotonic()
                found = sum(len(each.broken) for each in tallies.values())
                sys.stdout.write(f"{done} inputs, {found} broke a promise\n")
                sys.stdout.flush()
    return tallies


def _chunk(name: str, seed: int, numbers: range) -> Tally:
    network_guard.install()
    # A hang that no signal ends (inside one call of C) is ended with the process, and its stack shown.
    faulthandler.dump_traceback_later(_HANG_S, exit=True)
    try:
        return lived(name, seed, numbers)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _show(broken: Broken, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / f"{broken.target}-{broken.seed}-{broken.number}"
    path.write_bytes(broken.data)
    sys.stdout.write(f"\n{broken.target}, seed {broken.seed}, number {broken.number}: {path}\n{broken.why}\n")


def _figures(options: argparse.Namespace, tallies: dict[str, Tally], hours: float) -> str:
    doors = " ".join(options.doors)
    command = (
        f"python -m tests.fuzz {doors} --inputs {options.inputs} --workers {options.workers} --seed {options.seed}"
    )
    facts = {
        "name": "hostile inputs",
        "command": " ".join(command.split()),
        "seed": options.seed,
        "count": sum(tally.inputs for tally in tallies.values()),
        "violations": sum(len(tally.broken) for tally in tallies.values()),
        "hours": round(hours, 3),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": "two cores",
        "doors": {name: {"inputs": each.inputs, "endings": dict(each.endings)} for name, each in tallies.items()},
    }
    return json.dumps(facts, indent=1) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
