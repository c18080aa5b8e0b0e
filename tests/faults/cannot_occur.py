"""The cells of the grid that have no test, because what they describe cannot occur in this design.

As few as possible: a cell that can be struck has a test. `test_grid` fails when a cell is in neither place, or in both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a cell cannot occur, and when that was looked at last."""

    since: date
    why: str


CANNOT_OCCUR: Mapping[str, Reason] = {}
