"""How many lives the tests of each file here live through; `python -m tests.simulation` lives many more."""

import os

SCHEDULES = int(os.environ.get("SIMULATION_SCHEDULES", "200"))
