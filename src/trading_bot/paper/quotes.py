"""Where the paper market's prices come from: a recorded file, or a seeded walk around a reference price."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from trading_bot.paper.chance import draw
from trading_bot.wrong_values import in_words, named

TICKER = re.compile(r"[A-Z]{1,5}([.][A-Z])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketQuote:
    """The visible market of one symbol from ``at`` until its next quote; prices in dollars, sizes in shares."""

    symbol: str
    at: datetime
    bid: Decimal
    ask: Decimal
    bid_size: int
    ask_size: int
    halted: bool = False

    def __post_init__(self) -> None:
        """Refuse a market that cannot exist: it would fill orders at prices nobody showed."""
        if not 0 < self.bid <= self.ask:
            raise ValueError(f"bid {self.bid} and ask {self.ask}: both are positive and the bid is not above the ask")
        if self.bid_size < 0 or self.ask_size < 0:
            raise ValueError(f"sizes {self.bid_size} and {self.ask_size}: neither is below zero")
        if self.at.tzinfo is None:
            raise ValueError(f"the time {self.at} has no zone; add one such as Z")


class QuoteSource(Protocol):
    """The market as the exchange sees it. The same question always has the same answer."""

    def knows(self, symbol: str) -> bool:
        """Return whether the symbol is listed, with or without a quote yet."""
        ...

    def quote(self, symbol: str, now: datetime) -> MarketQuote | None:
        """Return the latest quote at or before ``now``, if there is one."""
        ...

    def updates(self, symbol: str, after: datetime, until: datetime) -> Iterable[MarketQuote]:
        """Return every quote later than ``after`` and not later than ``until``, oldest first."""
        ...

    def observe_reference(self, symbol: str, price: Decimal, now: datetime) -> None:
        """Take note of what an order's sender thinks the symbol costs; saying it again changes nothing."""
        ...


class QuoteFileError(ValueError):
    """A recorded quote is unusable; correct the line that is named."""

    def __init__(self, source: str, line_number: int, problem: str) -> None:
        super().__init__(f"{source}, line {line_number}: {problem}")
        self.source = source
        self.line_number = line_number


class QuoteFileUnreadableError(QuoteFileError):
    """The quotes file itself cannot be opened; correct its name in the settings."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path.name, 0, problem)
        self.args = (f"paper.quotes_file {path} cannot be read ({problem}); correct its name or remove it",)


_Price = Annotated[Decimal, Field(max_digits=20, decimal_places=10)]
_Size = Annotated[int, Field(le=10**15)]


class _QuoteLine(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    at: AwareDatetime
    symbol: str = Field(pattern=f"^{TICKER.pattern}$")
    bid: _Price
    ask: _Price
    bid_size: _Size
    ask_size: _Size
    halted: bool = False


class ReplayQuotes:
    """Recorded quotes, one JSON object a line: at, symbol, bid, ask, bid_size, ask_size and, optionally, halted.

    Raises:
        QuoteFileError: a line is unreadable, impossible or out of order, or there is none at all.
    """

    def __init__(self, lines: Iterable[str], *, name: str = "quotes") -> None:
        self._quotes: dict[str, list[MarketQuote]] = {}
        self._times: dict[str, list[datetime]] = {}
        latest: datetime | None = None
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            quote = _read_line(line, name, number)
            if latest is not None and quote.at < latest:
                raise QuoteFileError(name, number, "earlier than the line before it; sort the lines by their time")
            latest = quote.at
            self._add(quote, name, number)
        if latest is None:
            raise QuoteFileError(name, 0, "no quotes; record at least one line")
        self.first_at = min(times[0] for times in self._times.values())
        """When the first quote was shown."""
        self.last_at = latest
        """When the last quote was shown."""

    @classmethod
    def from_file(cls, path: Path) -> "ReplayQuotes":
        """Read the quotes of a UTF-8 file.

        Raises:
            QuoteFileError: as for the class; `QuoteFileUnreadableError` where it cannot be opened.
        """
        try:
            with path.open(encoding="utf-8") as lines:
                return cls(lines, name=path.name)
        except OSError as error:
            raise QuoteFileUnreadableError(path, error.strerror or str(error)) from error
        except UnicodeDecodeError as error:
            raise QuoteFileError(path.name, 0, "not UTF-8 text; save it as UTF-8") from error

    def knows(self, symbol: str) -> bool:
        """Return whether the recording has the symbol."""
        return symbol in self._quotes

    def quote(self, symbol: str, now: datetime) -> MarketQuote | None:
        """Return the latest recorded quote at or before ``now``."""
        index = bisect_right(self._times.get(symbol, []), now)
        return self._quotes[symbol][index - 1] if index else None

    def updates(self, symbol: str, after: datetime, until: datetime) -> Iterable[MarketQuote]:
        """Return the recorded quotes later than ``after`` up to ``until``."""
        times = self._times.get(symbol, [])
        return self._quotes.get(symbol, [])[bisect_right(times, after) : bisect_right(times, until)]

    def observe_reference(self, symbol: str, price: Decimal, now: datetime) -> None:
        """Leave the recording as it is."""

    def _add(self, quote: MarketQuote, name: str, number: int) -> None:
        times = self._times.setdefault(quote.symbol, [])
        if times and times[-1] == quote.at:
            raise QuoteFileError(name, number, f"a second {quote.symbol} quote at one time; give each its own time")
        times.append(quote.at)
        self._quotes.setdefault(quote.symbol, []).append(quote)


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"the time {moment} is beyond the calendar") from error


def _read_line(line: str, name: str, number: int) -> MarketQuote:
    try:
        row = _QuoteLine.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = named(".".join(str(part) for part in first["loc"])) or "the line"
        if first["type"] != "missing" and first["input"] is None:
            problem = in_words(first, if_null="leave the line out or give a price")
        else:
            problem = f"{in_words(first)}; correct the line or record it again"
        raise QuoteFileError(name, number, f"{field} {problem}") from error
    try:
        return MarketQuote(
            symbol=row.symbol,
            at=_in_utc(row.at),
            bid=row.bid,
            ask=row.ask,
            bid_size=row.bid_size,
            ask_size=row.ask_size,
            halted=row.halted,
        )
    except ValueError as error:
        raise QuoteFileError(name, number, f"{error}; correct or remove the line") from error


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(seconds=5)
_SHOCK_CENTIBPS = 1_300
_MEMORY = tuple(Decimal("0.82") ** lag for lag in range(32))
_CENTIBPS = Decimal(1_000_000)
_HALF_SPREAD = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reference:
    price: Decimal
    at: datetime


class SeededWalkQuotes:
    """A market that wanders around each symbol's last reference price and is always drawn back to it.

    A new quote comes every five seconds. Its distance from the reference is the sum of the shocks since the reference
    was observed, each fading by 18 % a step: some 13 basis points typically, so that a limit 10 to 15 points away
    fills about every second minute. A symbol that nobody has named a price for has no quote.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._references: dict[str, _Reference] = {}

    def knows(self, symbol: str) -> bool:
        """Return whether the symbol looks like a ticker."""
        return TICKER.fullmatch(symbol) is not None

    def observe_reference(self, symbol: str, price: Decimal, now: datetime) -> None:
        """Let the walk of this symbol start at ``price``, a positive number of dollars, from ``now`` on."""
        self._references[symbol] = _Reference(price=price, at=now)

    def quote(self, symbol: str, now: datetime) -> MarketQuote | None:
        """Return the quote of the step that ``now`` falls into."""
        reference = self._references.get(symbol)
        if reference is None or now < reference.at:
            return None
        return self._quote_of(symbol, reference, _step_of(now))

    def updates(self, symbol: str, after: datetime, until: datetime) -> Iterator[MarketQuote]:
        """Return one quote a step, and the one that a reference observed in between began with."""
        reference = self._references.get(symbol)
        if reference is None:
            return
        first = _step_of(reference.at) if after < reference.at else _step_of(after) + 1
        for step in range(first, _step_of(until) + 1):
            quote = self._quote_of(symbol, reference, step)
            if quote.at <= until:
                yield quote

    def _quote_of(self, symbol: str, reference: _Reference, step: int) -> MarketQuote:
        price = reference.price * (1 + self._distance(symbol, step, step - _step_of(reference.at)))
        tick = Decimal("0.01") if price >= 1 else Decimal("0.0001")
        bid = max((price * (1 - _HALF_SPREAD)).quantize(tick, ROUND_FLOOR), tick)
        ask = max((price * (1 + _HALF_SPREAD)).quantize(tick, ROUND_CEILING), bid)
        return MarketQuote(
            symbol=symbol,
            at=max(_EPOCH + step * _STEP, reference.at),
            bid=bid,
            ask=ask,
            bid_size=self._size(symbol, "bid", step),
            ask_size=self._size(symbol, "ask", step),
        )

    def _distance(self, symbol: str, step: int, age: int) -> Decimal:
        shocks = (weight * _shock(self._seed, symbol, step - lag) for lag, weight in enumerate(_MEMORY[:age]))
        return sum(shocks, Decimal(0)) / _CENTIBPS

    def _size(self, symbol: str, side: str, step: int) -> int:
        if draw(self._seed, symbol, side, "small", step, low=1, high=4) == 1:
            return draw(self._seed, symbol, side, "odd lot", step, low=1, high=25)
        return 100 * draw(self._seed, symbol, side, "round lots", step, low=1, high=9)


def _step_of(moment: datetime) -> int:
    return (moment - _EPOCH) // _STEP


@lru_cache(maxsize=4096)
def _shock(seed: int, symbol: str, step: int) -> int:
    return draw(seed, symbol, "shock", step, low=-_SHOCK_CENTIBPS, high=_SHOCK_CENTIBPS)
