"""The lives with which `python -m tests.simulation` begins, shared out among the files of a test each."""

from pathlib import Path

import pytest

from tests.simulation.lived import live, numbered, shown
from tests.simulation.long_run import ENOUGH
from tests.simulation.many import NUMBERED, NUMBERED_FILES

MARKS = [pytest.mark.timeout(max(600, NUMBERED)), pytest.mark.no_cover]


def live_through_part(part: int, folder: Path) -> None:
    """Live through the numbers of one part, one after another: the turns of `numbered` make all parts cost the same."""
    ends = [NUMBERED * at // NUMBERED_FILES for at in (part, part + 1)]
    lived = live(folder, map(numbered, range(*ends)))
    if lived.broken:
        first = numbered(min(lived.broken))
        (folder / "smaller").mkdir()
        pytest.fail(f"lives {sorted(lived.broken)}; the first, made small: {shown(first, folder / 'smaller')}")
    assert lived.never_reached() == [] or lived.count < ENOUGH
