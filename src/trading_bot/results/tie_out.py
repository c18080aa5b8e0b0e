"""Whether the broker's cash is what the fills explain: a tie-out from the one before it. Pure.

Expected cash = cash at the last tie-out + what all fills moved since, less their fees where these are on record.
Deposits, dividends, interest, fees that no record tells and trades made elsewhere move cash too, for good reasons, and
no reply of the broker that is read here tells them apart from an error of ours. So only cash that is *missing* beyond
what is tolerated and explained counts against the account:
``docs/decisions/2026-11-28-missing-cash-halts-entries.md`` has the reasons.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_bot.order_management.event_details import TieOutDetails
from trading_bot.order_management.models import EXACT, Side, exact_sum
from trading_bot.prose import dollars_in_words
from trading_bot.results.history import TradeFill

EXPLAINED_BEYOND = Decimal("1.10")
"""How far above its latest price a share bought elsewhere may have cost. Chosen: a day's move of most shares."""

_BPS = Decimal(10_000)


class Verdict(enum.StrEnum):
    """What a tie-out of cash came to."""

    BEGUN = "begun"
    """There was none before it: the next one goes on from here."""
    AGREES = "agrees"
    MORE = "more"
    """The broker has more than the fills explain: a deposit, a dividend, a sale elsewhere."""
    EXPLAINED = "explained"
    """It has less, by no more than shares that were bought elsewhere may have cost."""
    LESS = "less"
    NOT_TOLD = "not_told"
    """Nothing can be concluded now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What fills moved, in dollars."""

    net: Decimal
    """Taken in by sells less paid for buys and for the fees that are known."""
    traded: Decimal
    """Sells and buys added up, without fees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareDifference:
    """A symbol of which the broker holds another number of shares than the fills explain."""

    symbol: str
    broker: Decimal
    expected: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a tie-out rests on, as read at one moment."""

    at: datetime
    cash: Decimal | None
    """The account's own money; None where the broker does not say."""
    movement: Movement
    """Of all fills on record."""
    shares: tuple[ShareDifference, ...]
    bought_elsewhere: Decimal = Decimal(0)
    """What shares that came from elsewhere since the last tie-out are worth, in dollars."""
    problem: str | None = None
    """Why nothing can be concluded from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """What cash may be missing for fees that are not known and small charges."""

    dollars: Decimal
    traded_bps: Decimal

    def of(self, traded: Decimal) -> Decimal:
        """Return the dollars that may be missing where that much was traded."""
        return EXACT.add(self.dollars, EXACT.divide(EXACT.multiply(traded, self.traded_bps), _BPS))


@dataclass(frozen=True, slots=True, kw_only=True)
class TieOut:
    """One tie-out; amounts in dollars, None where they are not known."""

    verdict: Verdict
    reading: Reading
    since: datetime | None
    """When the one before it was."""
    expected: Decimal | None = None
    tolerated: Decimal | None = None
    explained: Decimal | None = None
    """What shares bought elsewhere may have cost."""

    @property
    def difference(self) -> Decimal | None:
        """The broker's cash less what the fills explain."""
        if self.expected is None or self.reading.cash is None:
            return None
        return EXACT.subtract(self.reading.cash, self.expected)

    @property
    def reason(self) -> str:
        """Say which number differs, and by how much."""
        cash, expected, difference = self.reading.cash, self.expected, self.difference
        if cash is None or expected is None or difference is None:
            return self.reading.problem or "the broker does not say how much cash there is"
        return (
            f"cash: the broker shows {dollars_in_words(cash)} dollars and the fills explain "
            f"{dollars_in_words(expected)}, {dollars_in_words(abs(difference))} are missing"
        )


def movement_of(fills: Iterable[TradeFill]) -> Movement:
    """Add up what fills moved."""
    sold: list[Decimal] = []
    bought: list[Decimal] = []
    fees: list[Decimal] = []
    for fill in fills:
        fees.append(fill.fees or Decimal(0))  # what is not known is part of what is tolerated
        (sold if fill.side is Side.SELL else bought).append(fill.amount)
    taken, paid = exact_sum(sold), exact_sum(bought)
    net = EXACT.subtract(EXACT.subtract(taken, paid), exact_sum(fees))
    return Movement(net=net, traded=EXACT.add(taken, paid))


def tie_out(reading: Reading, before: TieOutDetails | None, *, at: datetime | None, tolerance: Tolerance) -> TieOut:
    """Compare a reading with the tie-out ``before`` it, which was ``at`` that moment."""
    if reading.cash is None or reading.problem is not None:
        return TieOut(verdict=Verdict.NOT_TOLD, reading=reading, since=at)
    if before is None:
        return TieOut(verdict=Verdict.BEGUN, reading=reading, since=None)
    moved = EXACT.subtract(reading.movement.net, before.movement)
    expected = EXACT.add(before.cash, moved)
    tolerated = tolerance.of(abs(EXACT.subtract(reading.movement.traded, before.traded)))
    explained = EXACT.multiply(reading.bought_elsewhere, EXPLAINED_BEYOND)
    difference = EXACT.subtract(reading.cash, expected)
    return TieOut(
        verdict=_verdict(difference, tolerated, explained),
        reading=reading,
        since=at,
        expected=expected,
        tolerated=tolerated,
        explained=explained,
    )


def _verdict(difference: Decimal, tolerated: Decimal, explained: Decimal) -> Verdict:
    if abs(difference) <= tolerated:
        return Verdict.AGREES
    if difference > 0:
        return Verdict.MORE
    return Verdict.EXPLAINED if EXACT.minus(difference) <= EXACT.add(tolerated, explained) else Verdict.LESS
