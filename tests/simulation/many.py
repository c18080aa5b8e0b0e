"""How many lives the tests of each file here live through; `python -m tests.simulation` lives many more."""

import os

SCHEDULES = int(os.environ.get("SIMULATION_SCHEDULES", "200"))
"""About as many does `test_schedules` live; all of these tests together live twice as many."""

NUMBERED_FILES = 6
"""The files that share the numbered lives: tests of one file run in one process, and a build has several."""
NUMBERED = SCHEDULES
