"""One table of the network's costs: ``python -m tests.benchmarks.network TABLE [--old CHECKOUT_OF_0.1]``."""

import argparse
from pathlib import Path

from tests.benchmarks.network.stage import old_build
from tests.benchmarks.network.tables import TABLES
from tests.benchmarks.table import heading, show


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.network", description=__doc__)
    parser.add_argument("tables", nargs="+", choices=TABLES, metavar="TABLE", help=", ".join(TABLES))
    parser.add_argument("--old", type=Path)
    asked = parser.parse_args()
    old = None if asked.old is None else old_build(asked.old.resolve())
    for name in asked.tables:
        table = TABLES[name]
        heading(table.title, table.figure, table.beside)
        show(table.rows(old))


if __name__ == "__main__":
    main()
