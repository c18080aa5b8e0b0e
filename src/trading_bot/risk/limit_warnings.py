"""Which limits are nearly used up, told once a crossing and day. Pure but for what it remembers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trading_bot.prose import dollars_in_words
from trading_bot.risk.limit_uses import LimitUse, Unit

REARMED_BELOW_PCT = 5
"""So many points below its threshold a warning is told again: a use that goes to and fro about it is told once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitWarning:
    """A limit of which ``threshold_pct`` or more is used."""

    use: LimitUse
    threshold_pct: int

    @property
    def message(self) -> str:
        """Say it in a sentence."""
        use = self.use
        of_symbol = f" in {use.symbol}" if use.symbol is not None else ""
        used, limit = (_in_words(each, use.unit) for each in (use.used, use.limit))
        return f"{use.per_cent} % of risk_management.{use.name} is used{of_symbol}: {used} of {limit}"


def _in_words(figure: Decimal | int | None, unit: Unit) -> str:
    return f"{dollars_in_words(Decimal(figure or 0))} dollars" if unit is Unit.DOLLARS else str(figure)


class LimitWarnings:
    """Remembers what was told. ``thresholds`` are whole per cents, ascending."""

    def __init__(self, thresholds: tuple[int, ...]) -> None:
        self._thresholds = thresholds
        self._day: date | None = None
        self._told: dict[str, int] = {}
        """The highest threshold told of each limit."""

    def crossed(self, uses: Iterable[LimitUse], *, day: date) -> Iterator[LimitWarning]:
        """Yield the highest threshold of each limit that was crossed since the last look."""
        if day != self._day:
            self._day, self._told = day, {}
        for use in uses:
            per_cent = use.per_cent or 0
            still = self._highest_at(min(self._told.get(use.name, 0), per_cent + REARMED_BELOW_PCT))
            reached = self._highest_at(per_cent)
            self._told[use.name] = max(reached, still)
            if reached > still:
                yield LimitWarning(use=use, threshold_pct=reached)

    def _highest_at(self, per_cent: int) -> int:
        return max((each for each in self._thresholds if each <= per_cent), default=0)
