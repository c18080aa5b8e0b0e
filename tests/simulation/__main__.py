"""Many simulated lives in several processes: ``python -m tests.simulation --schedules 100000``.

Each number is one life (`lived.numbered`). The progress is kept in a file after each block of lives, so that the same
command goes on where an interrupted one stopped. It ends with 1 if a promise was broken or a story was never reached.
"""

import argparse
import sys
from pathlib import Path

from tests.simulation.long_run import Asked, run_all
from trading_bot.config import PaperWire

_FOLDER = Path(__file__).parent / "figures"


def _arguments(given: list[str] | None = None) -> Asked:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=2000, help="how many lives")
    parser.add_argument("--first-seed", type=int, default=0, help="the number of the first life")
    parser.add_argument("--workers", type=int, default=2, help="how many processes")
    parser.add_argument("--wire", choices=[*PaperWire, "both"], default="both", help="which interface is spoken")
    parser.add_argument("--state", type=Path, default=Path(".simulation.json"), help="where the progress is kept")
    parser.add_argument("--figures", type=Path, default=None, help=f"where figures are written, as {_FOLDER}/NAME.json")
    asked = parser.parse_args(given)
    return Asked(
        first=asked.first_seed,
        count=asked.schedules,
        workers=asked.workers,
        wire=None if asked.wire == "both" else PaperWire(asked.wire),
        state=asked.state,
        figures=asked.figures,
    )


if __name__ == "__main__":
    sys.exit(run_all(_arguments(), say=print))
