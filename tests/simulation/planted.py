"""How soon each planted bug is found: ``python -m tests.simulation.planted --figures FILE`` plants them all.

It ends with 1 if one is not found. The guarantees quote the figures.
"""

import argparse
import json
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.simulation.directed_schedules import DIRECTED, setting_for
from tests.simulation.first_seeds import FIRST_SEEDS
from tests.simulation.planted_bugs import PLANTED, SETTINGS
from tests.simulation.planted_table import TABLE
from tests.support.long_runs import code_here, machine_of, replace_text
from tests.support.sim_invariants import BrokenInvariantError
from tests.support.sim_schedule import PLAIN, Setting, run, setting_of, steps_of
from tests.support.sim_steps import Step
from trading_bot.order_management.exceptions import OrderLogDamagedError
from trading_bot.order_management.journal.sql import check_follows

WITHIN = 1000
"""A bug that so many schedules of chance do not find is not found."""


def found_after(bug: str, patch: pytest.MonkeyPatch, folder: Path, *, looks_early: bool = False) -> int | None:
    """Plant a bug and return how many schedules it takes until the promise that it breaks is seen broken.

    Other promises may be broken before. None: no schedule showed it. With ``looks_early`` the schedule that found the
    bug before comes first: that saves time, and the number returned is no measure of anything.
    """
    PLANTED[bug](patch)
    promise, _ = TABLE[bug]
    for count, (steps, setting) in enumerate(_schedules(bug, looks_early=looks_early), 1):
        if promise in _broken(Path(tempfile.mkdtemp(dir=folder)), steps, setting):
            return count
    return None


def _schedules(bug: str, *, looks_early: bool) -> Iterator[tuple[Sequence[Step], Setting]]:
    """Yield what may find the bug: a schedule made for it, or else what chance brings about."""
    if bug in DIRECTED:
        yield DIRECTED[bug], setting_for(bug)
        return
    early = [FIRST_SEEDS[bug]] if looks_early and bug in FIRST_SEEDS else []
    for seed in dict.fromkeys((*early, *range(WITHIN))):
        yield steps_of(seed), setting_of(seed, SETTINGS.get(bug, PLAIN))


def _broken(folder: Path, steps: Sequence[Step], setting: Setting) -> set[str]:
    """Live through a schedule, and return the promises that were found broken."""
    try:
        run(folder, steps, setting)
    except BrokenInvariantError as error:
        return set(re.findall("^([ILP][0-9]+) ", str(error), re.MULTILINE))
    except OrderLogDamagedError:
        return {"I12"}  # a journal that contradicts itself goes on no more by itself
    except ValueError as error:
        if not _is_out_of_order(error):
            raise
        return {"I12"}
    return set()


def _is_out_of_order(error: ValueError) -> bool:
    """Whether the journal itself refused a record out of order; any other such error is no find of the checker's."""
    *_, last = traceback.extract_tb(error.__traceback__)
    return (Path(last.filename).name, last.name) == ("sql.py", check_follows.__name__)


def figures(after: Mapping[str, int | None], *, took_s: float) -> Mapping[str, object]:
    """Return the run as docs/guarantees.md shows it."""
    rows = [[bug, *TABLE[bug], count, "directed" if bug in DIRECTED else "chance"] for bug, count in after.items()]
    return {
        "name": "planted bugs",
        "command": "python -m tests.simulation.planted",
        "seed": 0,
        "count": len(after),
        "violations": sum(count is None for count in after.values()),
        "hours": round(took_s / 3600, 2),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine_of(1),
        "code": code_here(),
        "columns": ["bug", "promise", "room", "found after so many schedules", "of"],
        "rows": rows,
    }


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.planted", description=__doc__)
    parser.add_argument("bugs", nargs="*", metavar="BUG", help="only these")
    parser.add_argument("--figures", type=Path, help="write the figures to this file")
    asked = parser.parse_args(given)
    if unknown := [bug for bug in asked.bugs if bug not in PLANTED]:
        parser.error(f"there is no planted bug {unknown[0]!r}; tests/simulation/planted_table.py lists them")
    began, after = time.monotonic(), dict[str, int | None]()
    for bug in asked.bugs or PLANTED:
        with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
            after[bug] = found_after(bug, patch, Path(folder))
        sys.stdout.write(f"{after[bug] or 'not found':>9}  {bug}\n")
    told = figures(after, took_s=time.monotonic() - began)
    if asked.figures is not None:
        replace_text(asked.figures, json.dumps(told, indent=1) + "\n")
    return 1 if told["violations"] or not after else 0


if __name__ == "__main__":
    sys.exit(main())
