"""Which orders a listing can show at most, so that the others need not be looked at."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRange:
    """Bounds of a listing; None and true bound nothing."""

    closed: bool = True
    below: int | None = None
    """Only orders with a smaller number."""
    updated_since: datetime | None = None


EVERYTHING = OrderRange()
