"""Every benchmark in one run: ``make bench``, or ``python -m tests.benchmarks [--records N] [--old CHECKOUT]``.

Nothing here fails for being slow: figures depend on the machine, so what counts are ratios of one run on a calm one.
The last build of version 0.1 is checked out from the repository's history into a temporary folder.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks import audit_verify, journal_database, order_cpu, start_times
from tests.benchmarks.table import heading, show

LAST_OF_0_1 = "2d73d4901707"
_HERE = Path(__file__).parents[2]


@contextmanager
def old_checkout(folder: Path) -> Iterator[Path | None]:
    """Yield the last build of 0.1 in an environment of its own; None, once that was said, where that cannot be had."""
    git = ["git", "-C", str(_HERE), "worktree"]
    made = subprocess.run([*git, "add", "--detach", folder, LAST_OF_0_1], check=False, capture_output=True, text=True)
    if made.returncode:
        sys.stdout.write(
            f"\nno comparison with 0.1: its last commit {LAST_OF_0_1} is not in this history; fetch the whole history, "
            f"or give --old with a checkout of it\n"
        )
        yield None
        return
    try:
        # Its libraries are not ours.
        installed = subprocess.run(["make", "-C", folder, "install"], check=False, capture_output=True, text=True)
        if installed.returncode:
            sys.stdout.write(f"\nno comparison with 0.1: it cannot be installed:\n{installed.stderr}\n")
        yield None if installed.returncode else folder
    finally:
        subprocess.run([*git, "remove", "--force", folder], check=True, capture_output=True)


def beside_old(old: Path) -> None:
    """Print what is compared with the build of 0.1."""
    heading("processor time", "this build", "0.1")
    show(order_cpu.rows(old))
    heading("time from start to end", "this build", "0.1")
    show(start_times.rows(old / "src"))


def alone(folder: Path, records: int) -> None:
    """Print what is compared with bare imports and loops, and with a short journal."""
    heading("processor time from start to end", "this build", "the import")
    show(start_times.floor_rows())
    heading("one commit", "journal", "bare sqlite3")
    show(journal_database.append_rows(folder))
    few = journal_database.grown(folder / "few", journal_database.FEW)
    many = journal_database.grown(folder / "many", records)
    heading("a journal of so many records", f"{records:,}", f"{journal_database.FEW:,}")
    show(journal_database.history_rows(few, many))
    heading("audit verify", "audit verify", "decode, hash")
    proven = folder / "proven"
    proven.mkdir(mode=0o700)
    show(audit_verify.rows(proven, records))


def main(records: int, old: Path | None) -> None:
    """Print every table."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if old is not None:
            beside_old(old)
        else:
            with old_checkout(folder / "old") as checkout:
                if checkout is not None:
                    beside_old(checkout)
        alone(folder, records)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--records", type=int, default=journal_database.MANY)
    parser.add_argument("--old", type=Path)
    asked = parser.parse_args()
    main(asked.records, None if asked.old is None else asked.old.resolve())
