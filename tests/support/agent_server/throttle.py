"""How the server throttles, by what was measured: 4 calls a second for ever; at 8, the limit after about 100 calls."""

from datetime import datetime
from decimal import Decimal

PER_S = Decimal(4)
SPARE = Decimal(46)
"""Calls beyond that rate that are let through; 5 s of quiet give 20 of them back."""


class Throttle:
    """Counts calls of one login. ``refused`` says how many were throttled."""

    def __init__(self) -> None:
        self.refused = 0
        self._used = Decimal(0)
        self._at: datetime | None = None

    def refuses(self, now: datetime) -> bool:
        """Count a call; whether it is one too many."""
        quiet = Decimal(0) if self._at is None else Decimal((now - self._at).total_seconds())
        self._at = now
        self._used = max(self._used - quiet * PER_S, Decimal(0))
        if self._used >= SPARE:
            self.refused += 1
            return True
        self._used += 1
        return False
