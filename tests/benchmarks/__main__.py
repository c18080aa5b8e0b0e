"""Every benchmark, or those that are named: ``make bench``, or ``python -m tests.benchmarks [TABLE...]``.

A whole run writes its tables into docs/benchmarks.md; named ones are written there with ``--page``. Nothing fails for
being slow: figures depend on the machine, so what counts are ratios of one run on a calm one. The last build of version
0.1 is checked out from the repository's history into a temporary folder, unless ``--old`` names a checkout.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.builds import BEFORE_REPLAYS, HERE, LAST_OF_0_1, Builds, checkout_of
from tests.benchmarks.network.stage import ClientFailedError
from tests.benchmarks.table import Asked, as_markdown, measured, with_figures
from tests.benchmarks.tables import TABLES

PAGE = HERE / "docs" / "benchmarks.md"

_FAILURES = (ClientFailedError, RuntimeError, OSError, subprocess.SubprocessError, ValueError, KeyError)


def main(asked: argparse.Namespace) -> None:
    """Measure, print, and write the page where the run is a whole one."""
    names = asked.tables or [name for name, table in TABLES.items() if asked.long or not table.only_when_long]
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        wanted = Asked(folder=folder, is_long=asked.long, builds=_builds(stack, asked, folder))
        figures = {name: as_markdown(TABLES[name], measured(TABLES[name], wanted, _FAILURES)) for name in names}
    sys.stdout.write(f"\n{(time.monotonic() - began) / 60:.1f} minutes\n")
    if asked.page or not asked.tables:
        figures["run"] = _run(names, wanted, time.monotonic() - began)
        PAGE.write_text(with_figures(PAGE.read_text(), figures))


def _builds(stack: ExitStack, asked: argparse.Namespace, folder: Path) -> Builds:
    """Return what is compared: in a whole run, with what is checked out where no checkout was named."""

    def other(given: Path | None, commit: str, *, with_libraries: bool) -> Path | None:
        if given is not None or asked.tables:
            return given
        return stack.enter_context(checkout_of(commit, folder / commit, with_libraries=with_libraries))

    return Builds(
        this=asked.this,
        old=other(asked.old, LAST_OF_0_1, with_libraries=True),
        before_replays=other(asked.before_replays, BEFORE_REPLAYS, with_libraries=False),
    )


def _run(names: list[str], asked: Asked, took_s: float) -> str:
    left_out = [name for name in TABLES if name not in names]
    tables = f"all tables but {', '.join(f'`{name}`' for name in left_out)}" if left_out else "all tables"
    beside = "with" if asked.builds.old else "without"
    return (
        f"Last run: {datetime.now(UTC):%Y-%m-%d}, {tables} in {took_s / 60:.0f} minutes, {beside} 0.1 beside it; "
        f"{os.cpu_count()} processors under a load of {os.getloadavg()[0]:.1f}, {platform.system()} "
        f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}; the long journal has "
        f"{asked.records:,} records."
    )


def _folder(text: str) -> Path:
    return Path(text).resolve()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"one of {', '.join(TABLES)}; all without one")
    parser.add_argument("--old", type=_folder, help="a checkout of 0.1")
    parser.add_argument("--before-replays", type=_folder, help=f"a checkout of {BEFORE_REPLAYS}, for `replay`")
    parser.add_argument("--this", type=_folder, default=HERE, help="measure orders and commands of this checkout")
    parser.add_argument("--long", action="store_true", help="a million records, 10,000 signals, and the soak")
    parser.add_argument("--page", action="store_true", help="write what was measured into docs/benchmarks.md")
    given = parser.parse_args()
    unknown = [name for name in given.tables if name not in TABLES]
    if unknown:
        parser.error(f"no table is called {', '.join(unknown)}; there are {', '.join(TABLES)}")
    main(given)
