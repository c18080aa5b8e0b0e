"""Numbers as options: what is no number of the range is a usage error, infinities and NaN included."""

import math
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """A range of numbers. click's own lets NaN pass, which is neither below the least nor above the greatest."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number if it is finite and in the range."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a number of this range; write plain digits.", param, ctx)
        return number
