"""What a kill says while it works, and how long it may take."""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from trading_bot.clock import Seconds

_ANSWERS_A_LINE = 25
"""Answers to cancels for each line of progress. Chosen."""


class Stage(enum.StrEnum):
    """What a kill is at."""

    TRADING_OFF = "trading_off"
    ASKING = "asking"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class KillProgress:
    """One line of progress: ``count`` of ``total`` orders."""

    stage: Stage
    count: int = 0
    total: int = 0
    verdict_within_s: Seconds | None = None
    """The bound that is known by now, where it is news."""


ProgressListener: TypeAlias = Callable[[KillProgress], None]


def ignore_progress(_progress: KillProgress) -> None:
    """Listen to nothing."""


class CancelCount:
    """Counts the answers to one batch of cancels and reports every few of them."""

    def __init__(self, total: int, listener: ProgressListener) -> None:
        self._total = total
        self._listener = listener
        self._count = 0

    def __call__(self, _order_id: str) -> None:
        """Take one answer."""
        self._count += 1
        if self._count % _ANSWERS_A_LINE == 0 or self._count == self._total:
            self._listener(KillProgress(stage=Stage.ASKING, count=self._count, total=self._total))
