"""Which symbol an instrument id stands for: remembered in a file, asked for many at a time, never waited for long.

An order or a position names its instrument by id. Nothing that is decided about one row may wait for the name of
another, so names are learned for all rows of a reply together, in one request, within `PATIENCE_S`. What cannot be
learned in that time stays without a name. A name learned once is kept in the account's state folder and asked for again
on another exchange date, because companies change their names.
"""

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from trading_bot.clock import Clock, Seconds
from trading_bot.error_handling.policies import RetryPolicy
from trading_bot.files import FileSystem
from trading_bot.market_hours import NYSE_ZONE
from trading_bot.order_management.exceptions import OrderStatusError
from trading_bot.robinhood.account_wire import InstrumentNames
from trading_bot.robinhood.fields import MaybeFlag, MaybeId, MaybeSymbol, Payload, is_broker_id, parse_payload
from trading_bot.robinhood.reads import BrokerReads, NotAtBrokerError
from trading_bot.robinhood.strict_json import UnreadableReplyError, strict_json

PATIENCE_S: Seconds = 3.0
"""How long one reply waits for all names that are new in it."""

IDS_A_REQUEST = 50
MAX_SINGLE_LOOK_UPS = 5
"""How many ids that a request for many did not answer are then asked for one by one."""

MAX_REMEMBERED = 5000
SPARED_S: Seconds = 5.0
"""For how long nothing is asked after a look-up that took long and failed."""

_COSTLY_S: Seconds = 1.0
_ONCE = RetryPolicy(max_attempts=1, initial_delay_s=0, max_delay_s=0, jitter_s=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownName:
    """What an instrument is called, and whether the broker called it active; None where it did not say."""

    symbol: str
    is_active: bool | None
    seen_on: date
    """The exchange date on which the broker said so."""


class SymbolTable:
    """Instrument ids and their names. Safe to share between threads; a file that cannot be read or written is none."""

    def __init__(self, *, path: Path | None = None, files: FileSystem | None = None) -> None:
        self._path, self._files = path, files
        self._lock = threading.Lock()
        self._names: dict[str, KnownName] | None = None

    def get(self, instrument_id: str) -> str | None:
        """Return the symbol of an instrument, if it is known."""
        known = self.known(instrument_id)
        return None if known is None else known.symbol

    def known(self, instrument_id: str) -> KnownName | None:
        """Return all that is known of an instrument's name."""
        with self._lock:
            return self._loaded().get(instrument_id)

    def items(self) -> tuple[tuple[str, str], ...]:
        """Return every known id with its symbol."""
        with self._lock:
            return tuple((instrument_id, known.symbol) for instrument_id, known in self._loaded().items())

    def ids_of(self, symbol: str) -> tuple[str, ...]:
        """Return the ids that are known under a symbol: the active ones, else all."""
        with self._lock:
            known = {instrument_id: name for instrument_id, name in self._loaded().items() if name.symbol == symbol}
        active = tuple(instrument_id for instrument_id, name in known.items() if name.is_active)
        return active or tuple(known)

    def remember(self, names: Mapping[str, KnownName]) -> None:
        """Keep names, here and in the file; that the file cannot be written costs a look-up later and nothing more."""
        with self._lock:
            table = self._loaded()
            if all(table.get(instrument_id) == name for instrument_id, name in names.items()):
                return
            for instrument_id, name in names.items():
                table.pop(instrument_id, None)
                table[instrument_id] = name
            while len(table) > MAX_REMEMBERED:
                del table[next(iter(table))]
            if self._path is not None and self._files is not None:
                with suppress(OSError):
                    self._files.replace(self._path, _written(table))

    def _loaded(self) -> dict[str, KnownName]:
        if self._names is None:
            self._names = dict(_stored(self._path, self._files))
        return self._names


class SymbolLookup:
    """Learns the names that a table does not have. With ``asks`` False it never does."""

    def __init__(self, *, reads: BrokerReads, clock: Clock, table: SymbolTable, asks: bool = True) -> None:
        self._reads = reads
        self._clock = clock
        self._table = table
        self._asks = asks
        self._zone = ZoneInfo(NYSE_ZONE)
        self._unknown_on: dict[str, date] = {}
        self._spared: list[Seconds] = [0.0]

    def by(self, deadline: Seconds) -> "SymbolLookup":
        """Return the same look-up, which is over by ``deadline``; both remember what either learns."""
        return self.reading(self._reads.by(deadline))

    def reading(self, reads: BrokerReads) -> "SymbolLookup":
        """Return the same look-up with other reads; both remember what either learns."""
        other = object.__new__(SymbolLookup)
        vars(other).update(vars(self), _reads=reads)
        return other

    def today(self) -> date:
        """Return the exchange date."""
        return self._clock.now().astimezone(self._zone).date()

    def learn(self, instrument_ids: Iterable[str], *, afresh: bool = False) -> None:
        """Learn names that are new; with ``afresh`` also those that were not asked for today. Never raises."""
        today, began = self.today(), self._clock.monotonic()
        wanted = [each for each in dict.fromkeys(instrument_ids) if self._is_wanted(each, today, afresh=afresh)]
        if not (wanted and self._asks) or began < self._spared[0]:
            return
        try:
            self._ask(wanted, self._hurried(began + PATIENCE_S))
        except OrderStatusError:
            now = self._clock.monotonic()
            if now - began >= _COSTLY_S:
                self._spared[0] = now + SPARED_S

    def note(self, names: Iterable[tuple[str, str | None]]) -> None:
        """Take in names that rows of the broker's gave along with an instrument's id."""
        said = {instrument_id: symbol for instrument_id, symbol in names if symbol is not None}
        known = {instrument_id: self._table.known(instrument_id) for instrument_id in said}
        changed = {
            each: symbol for each, symbol in said.items() if (name := known[each]) is None or name.symbol != symbol
        }
        today = self.today()
        self._table.remember(
            {each: KnownName(symbol=symbol, is_active=None, seen_on=today) for each, symbol in changed.items()}
        )

    def unknown(self) -> frozenset[str]:
        """Return the ids of which the broker said today that it has no such instrument."""
        today = self.today()
        return frozenset(each for each, said_on in self._unknown_on.items() if said_on == today)

    def _is_wanted(self, instrument_id: str, today: date, *, afresh: bool) -> bool:
        if not is_broker_id(instrument_id) or self._unknown_on.get(instrument_id) == today:
            return False
        known = self._table.known(instrument_id)
        return known is None or (afresh and (known.seen_on != today or known.is_active is None))

    def _hurried(self, soon: Seconds) -> BrokerReads:
        until = self._reads.repeater.deadline
        return replace(self._reads.by(soon if until is None else min(soon, until)), policy=_ONCE)

    def _ask(self, wanted: list[str], reads: BrokerReads) -> None:
        with suppress(OrderStatusError):  # a broker that takes no list of ids may still answer for each
            for start in range(0, len(wanted), IDS_A_REQUEST):
                some = wanted[start : start + IDS_A_REQUEST]
                self._take_in(some, _rows(reads.get("/instruments/", (("ids", ",".join(some)),))))
        left = [each for each in wanted if self._is_wanted(each, self.today(), afresh=True)]
        for instrument_id in left[:MAX_SINGLE_LOOK_UPS]:
            try:
                self._take_in([instrument_id], [reads.get(f"/instruments/{instrument_id}/")])
            except NotAtBrokerError:
                self._unknown_on[instrument_id] = self.today()

    def _take_in(self, asked: list[str], rows: Iterable[object]) -> None:
        today = self.today()
        names = (name for row in rows if (name := _name(row)) is not None and name.id in asked)
        self._table.remember(
            {name.id: KnownName(symbol=name.symbol, is_active=name.is_active, seen_on=today) for name in names}
        )


def _name(row: object) -> InstrumentNames | None:
    try:
        return parse_payload(InstrumentNames, row)
    except UnreadableReplyError:
        return None


def _rows(reply: object) -> Iterable[object]:
    # Only the first page: an answer to so few ids has no second one, and a broker that ignores the ids has thousands.
    rows = reply.get("results") if isinstance(reply, dict) else None
    return rows if isinstance(rows, list) else ()


class _Stored(Payload):
    id: MaybeId = None
    symbol: MaybeSymbol = None
    active: MaybeFlag = None
    seen_on: str = ""


def _stored(path: Path | None, files: FileSystem | None) -> Iterator[tuple[str, KnownName]]:
    if path is None or files is None:
        return
    try:
        table = strict_json(files.read(path))
    except (OSError, UnreadableReplyError):
        return
    for row in table if isinstance(table, list) else ():
        with suppress(ValueError):
            kept = parse_payload(_Stored, row)
            if kept.id is not None and kept.symbol is not None:
                seen_on = date.fromisoformat(kept.seen_on)
                yield kept.id, KnownName(symbol=kept.symbol, is_active=kept.active, seen_on=seen_on)


def _written(table: Mapping[str, KnownName]) -> bytes:
    rows = [
        {"id": each, "symbol": known.symbol, "active": known.is_active, "seen_on": known.seen_on.isoformat()}
        for each, known in table.items()
    ]
    return json.dumps(rows, indent=0).encode()
