"""What a run came to: how many submits, how each trouble was answered at each place, and every breach."""

import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.simulation.ambiguous.checks import Breach, Broken, Ended, breaches, endings
from tests.simulation.ambiguous.life import ANSWERS, BLOCKED, AmbiguousLife
from tests.simulation.ambiguous.troubles import PLACES, name_of
from tests.support.garbage import garbage_left_alone

COLUMNS: Sequence[str] = (*ANSWERS, *(ending for ending in Ended if ending is not Ended.NO_DOUBT))
"""How the call was answered, and, of the orders in doubt by then, what ended the doubt later."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """One breach, and the life to live again: ``python -m tests.simulation.ambiguous --first-life N --submits 1``."""

    life: int
    place: str
    breach: Breach

    def __str__(self) -> str:
        return f"life {self.life} ({self.place}): {self.breach.what}: {self.breach.name}: {self.breach.said}"


@dataclass
class Figures:
    """The sum of many lives."""

    lives: int = 0
    submits: int = 0
    asked_again: int = 0
    requests: int = 0
    copies: int = 0
    """Requests that reached the broker twice."""
    cells: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By place, trouble and column."""
    failed: list[Failed] = field(default_factory=list)

    def add(self, other: "Figures") -> None:
        self.lives += other.lives
        self.submits += other.submits
        self.asked_again += other.asked_again
        self.requests += other.requests
        self.copies += other.copies
        self.cells.update(other.cells)
        self.failed += other.failed

    def breaches(self) -> Mapping[Broken, int]:
        """Count how often each promise was broken."""
        return {what: sum(one.breach.what is what for one in self.failed) for what in Broken}

    def total(self, column: str) -> int:
        return sum(count for (_, _, each), count in self.cells.items() if each == column)

    def rows(self) -> Iterator[tuple[str, str, list[int]]]:
        """Yield each place and trouble with a count for each column."""
        for place, trouble in sorted({(place, trouble) for place, trouble, _ in self.cells}):
            yield place, trouble, [self.cells[place, trouble, column] for column in COLUMNS]


def lived(numbers: Iterable[int]) -> Figures:
    """Live these lives, and judge each."""
    figures = Figures()
    with garbage_left_alone():
        for number in numbers:
            life = AmbiguousLife(seed=number // len(PLACES), place=PLACES[number % len(PLACES)])
            try:
                life.live()
            except Exception as error:  # noqa: BLE001 - whatever a manager raises out of its calls is a find
                said = "".join(traceback.format_exception(error, limit=-4))
                breach = Breach(what=Broken.ENDED, name=type(error).__name__, said=said)
                figures.failed.append(Failed(life=number, place=str(life.place), breach=breach))
            figures.add(_of_one(life, number))
    return figures


def _of_one(life: AmbiguousLife, number: int) -> Figures:
    figures = Figures(lives=1, copies=life.broker.copied.total(), requests=len(life.broker.posts()))
    for asked, ending in endings(life):
        figures.cells[str(life.place), name_of(asked.trouble), asked.answer] += 1
        figures.submits += asked.answer != BLOCKED
        if ending is not Ended.NO_DOUBT:
            figures.cells[str(life.place), name_of(asked.trouble), ending] += 1
    figures.asked_again = sum(asked.is_again for asked in life.asked)
    figures.failed = [Failed(life=number, place=str(life.place), breach=breach) for breach in breaches(life)]
    return figures
