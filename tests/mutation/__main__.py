"""Mutants of a room, or of the files that changed: ``make mutate``, or ``python -m tests.mutation [ROOM...]``.

Without a room it takes the files named with ``--files``, or those that differ from ``--base``. A room's run writes its
figures to tests/mutation/figures and the page docs/mutation.md. It ends with 1 if a mutant survived for which
tests/mutation/reasons.toml has no reason.
"""

import argparse
import importlib.util
import sys

if importlib.util.find_spec("mutmut") is None:
    sys.exit("mutants need mutmut, which only `make mutate` installs; run that once")

from tests.mutation.page import write_page
from tests.mutation.rooms import changed_files, rooms, rooms_of
from tests.mutation.run import Asked, run


def main(asked: argparse.Namespace) -> int:
    """Run what was asked for and return the exit code."""
    if asked.page:
        write_page()
        return 0
    known = rooms()
    chosen = [known[name] for name in asked.rooms]
    if not chosen:
        chosen = rooms_of(asked.files or changed_files(asked.base))
    if not chosen:
        sys.stdout.write(f"no source file differs from {asked.base}; name one with FILES=... or a room with ROOM=...\n")
        return 0
    wanted = Asked(
        seed=asked.seed,
        count=asked.count,
        minutes=asked.minutes,
        budget_s=asked.seconds,
        only_survivors=asked.survivors,
        only_known=asked.known,
        matching=asked.matching,
    )
    unexplained = [run(room, wanted, page=bool(asked.rooms)) for room in chosen]
    return 1 if any(unexplained) else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("rooms", nargs="*", metavar="ROOM", choices=[*rooms(), []], help=f"one of {', '.join(rooms())}")
    parser.add_argument("--files", nargs="+", metavar="FILE", help="source files, instead of a room")
    parser.add_argument("--base", default="main", help="the branch that changed files are compared with")
    parser.add_argument("--seed", type=int, default=1, help="draws the mutants")
    parser.add_argument("--count", type=int, default=400, help="how many a room; all where it has fewer")
    parser.add_argument("--minutes", type=float, default=600, help="stop after so long, and say what was not tried")
    parser.add_argument("--seconds", type=float, default=8, help="what the tests of one mutant may take together")
    parser.add_argument("--survivors", action="store_true", help="leave out what an earlier run here has killed")
    parser.add_argument("--known", action="store_true", help="try nothing: count what earlier runs here have found")
    parser.add_argument("--page", action="store_true", help="only write docs/mutation.md anew, from the figures kept")
    parser.add_argument("--matching", default="", help="only mutants whose line as printed has this in it")
    sys.exit(main(parser.parse_args()))
