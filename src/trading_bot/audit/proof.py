"""The proof of a journal: its database, its audit log, and each against the other.

What is proven of the database: each record has the hash of its text; it names the hash before it; no number is missing;
the columns beside the text repeat it; an order that was decided has its keys; keys and standing pointers lead to a
record that fits. Of the audit log: the same chain, through its finished files. Of both: that they tell the same.

Not proven: that the records tell a possible story, which a start finds out, and that nobody wrote both anew.

Memory does not grow with the journal: rows come in pages, each read in a short transaction, beside a bot that writes.
A line of the log that equals its row byte by byte needs no proof of its own.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeAlias

from trading_bot.audit.log_lines import LogLines
from trading_bot.audit.stored_rows import ABSENT, COLUMNS, SEPARATOR, Row
from trading_bot.order_management.events import EventKind
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import GENESIS, BadRecordError, decode_alone
from trading_bot.order_management.journal.sql import column_text

_PAGE = 2_000
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_INTENDED = EventKind.ORDER_INTENDED.value
_DIFFER = "the database and the audit log have different records, each in a chain of its own"
_NAMED = {"client_order_id": 4, "ref_id": 5, "order_id": 6, "order": 4}
"""Where a row of a key or pointer has the name that the record it leads to must have."""

Fault: TypeAlias = tuple[int, str]
"""The number of the first record that is wrong, and what is wrong with it."""


class ProofRows(Protocol):
    """The database's rows, page by page."""

    def records(self, *, after: int, limit: int) -> Sequence[Row]:
        """Return up to ``limit`` rows of records numbered above ``after``."""
        ...

    def key_counts(self) -> Mapping[str, int]:
        """Return how many order keys there are of each kind."""
        ...

    def keys(self, kind: str, *, after: str, limit: int) -> Sequence[Row]:
        """Return up to ``limit`` order keys of a kind behind ``after``."""
        ...

    def pointers(self, *, after: tuple[str, str, int], limit: int) -> Sequence[Row]:
        """Return up to ``limit`` standing pointers behind ``after``."""
        ...


@dataclass(slots=True, kw_only=True)
class ChainProof:
    """How far one chain is proven. ``fault`` is what is wrong with the record after ``seq``."""

    seq: int = 0
    hash: str = GENESIS
    first: int | None = None
    """The number of its first record; an audit log may have lost its oldest files."""
    fault: Fault | None = None

    def advance(self, seq: int, digest: str) -> None:
        """Note one more record as proven."""
        self.seq, self.hash = seq, digest
        if self.first is None:
            self.first = seq


@dataclass(slots=True, kw_only=True)
class JournalProof:
    """What was proven, and what is wrong."""

    database: ChainProof = field(default_factory=ChainProof)
    log: ChainProof = field(default_factory=ChainProof)
    differ: Fault | None = None
    """The first record that each of them has in another form, if they do: one of them was written anew."""
    kept: Counter[str] = field(default_factory=Counter)
    """How many order keys of each kind were seen to lead to the record that gave them."""
    names: str | None = None
    """What is wrong with order keys or standing pointers, if anything is."""
    last_ts: str | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem is None

    @property
    def last_at(self) -> datetime | None:
        """When the last proven record was written."""
        return datetime.strptime(self.last_ts, _TIME).replace(tzinfo=UTC) if self.last_ts is not None else None

    @property
    def problem(self) -> str | None:
        """What is wrong, and with which of them; the database's own faults first."""
        found = []
        if self.database.fault is not None:
            found.append(f"the database is wrong from record {self.database.fault[0]} on: {self.database.fault[1]}")
        if self.names is not None:
            found.append(f"the database is wrong: {self.names}")
        if self.log.fault is not None:
            found.append(f"the audit log is wrong from record {self.log.fault[0]} on: {self.log.fault[1]}")
        if self.differ is not None:
            found.append(f"from record {self.differ[0]} on {self.differ[1]}")
        return "; ".join(found) or None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person may want to know of the audit log although nothing is wrong."""
        log, head = self.log, self.database.seq
        if self.log.fault is not None or not head:
            return ()
        if log.first is None:
            return ("there is no audit log; the next start of a bot makes it from the database",)
        begins = (f"the audit log begins with record {log.first}",) if log.first > 1 else ()
        if log.seq < head:
            return (*begins, f"the audit log ends with record {log.seq}; the next records of a bot complete it")
        return begins


def prove(rows: ProofRows, log: Path, *, on_record: Callable[[int], None] = lambda _seq: None) -> JournalProof:
    """Prove both, up to the first fault of each. ``on_record`` is told of the number of each page's last record.

    Raises:
        OrderLogError: the database cannot be read.
    """
    proof = JournalProof()
    with closing(LogLines(log)) as source:
        lines = _LogProof(source, proof)
        while page := rows.records(after=proof.database.seq, limit=_PAGE):
            if not _prove_page(page, proof, lines):
                break
            on_record(proof.database.seq)
        lines.finish()
    _prove_against_log(rows, proof, lines)
    if proof.database.fault is None:
        proof.names = _name_fault(rows, proof.kept)
    return proof


def _prove_page(page: Sequence[Row], proof: JournalProof, lines: "_LogProof") -> bool:
    chain = proof.database
    for row in page:
        chain.fault = _row_fault(row, chain)
        if chain.fault is not None:
            return False
        chain.advance(row[0], row[3])
        lines.compare(row)
        if row[4] is not None:
            proof.kept["client_order_id"] += row[4] == row[0]
            proof.kept["ref_id"] += row[5] == row[0]
    proof.last_ts = page[-1][1].partition(SEPARATOR)[0]
    return True


def _prove_against_log(rows: ProofRows, proof: JournalProof, lines: "_LogProof") -> None:
    """Prove that the database reaches to where the log ends, and has the same record there, and so before it."""
    database, log = proof.database, proof.log
    while database.fault is None and database.seq < log.seq:
        # A bot may have committed them while the log was read.
        page = rows.records(after=database.seq, limit=_PAGE)
        if not page:
            told = f"although the audit log goes on to record {log.seq}: the database was restored from a copy, or cut"
            database.fault = database.seq + 1, f"it is missing, {told}"
        else:
            _prove_page(page, proof, lines)
    if database.fault is None and proof.differ is None and log.first is not None:
        last = rows.records(after=log.seq - 1, limit=1)
        if last and last[0][3] != log.hash:
            proof.differ = log.seq, _DIFFER


def _row_fault(row: Row, chain: ChainProof) -> Fault | None:
    seq, columns, body, digest, kept_as, kept_by_ref = row
    wanted = chain.seq + 1
    if seq != wanted:
        return wanted, f"it is missing, and the next one is record {seq}"
    try:
        if hashlib.sha256(body.encode()).hexdigest() != digest:
            return wanted, "its hash does not match its content"
        raw = json.loads(body)
        event = raw["event"]
        problem = _column_problem(raw, columns, row, chain)
    except (AttributeError, LookupError, ValueError, TypeError, RecursionError):
        return wanted, "it is no record"
    if problem is None and event == _INTENDED and (kept_as is None or kept_by_ref is None):
        problem = "the order that it decides has no key, so that its id could be used twice"
    return None if problem is None else (wanted, problem)


def _column_problem(raw: Mapping[str, object], columns: str, row: Row, chain: ChainProof) -> str | None:
    get = raw.get
    values = [get(name, ABSENT) for name in COLUMNS]
    if get("prev") != chain.hash:
        return f"it does not follow record {chain.seq}"
    if get("seq") != row[0]:
        return "it has another number in its text"
    if SEPARATOR.join(values) != columns and SEPARATOR.join(map(_as_column, values)) != columns:  # type: ignore[arg-type]  # other types are no record
        return "the columns beside it say something else"
    return None


def _as_column(value: object) -> str:
    return column_text(value) if isinstance(value, str) and value != ABSENT else ABSENT


class _LogProof:
    """Walks through the log's lines beside the rows of the database."""

    def __init__(self, lines: LogLines, proof: JournalProof) -> None:
        self._proof = proof
        self._lines = lines
        self._line: bytes | None = None
        self._next()
        self._begin()

    def compare(self, row: Row) -> None:
        """Take the line of the record in ``row``, which is proven; a line that is not there yet is left for later."""
        proof = self._proof
        if self._line is None or row[0] != proof.log.seq + 1:
            return
        if proof.differ is None and self._line == f'{row[2][:-1]},"hash":"{row[3]}"}}\n'.encode():
            proof.log.advance(row[0], row[3])
            self._next()
            return
        self._take_alone()
        if proof.log.fault is None and proof.differ is None:
            proof.differ = row[0], _DIFFER

    def finish(self) -> None:
        """Take the lines that are left, or have come meanwhile."""
        if self._line is None and self._proof.log.fault is None:
            self._next()
            if self._proof.log.first is None:
                self._begin()
        while self._line is not None:
            self._take_alone()

    def _begin(self) -> None:
        if self._line is None:
            return
        try:
            first = decode_alone(self._line[:-1])
        except BadRecordError as error:
            self._fail(str(error))
            return
        self._proof.log.seq, self._proof.log.hash = first.seq - 1, first.prev

    def _take_alone(self) -> None:
        log, line = self._proof.log, self._line
        if line is None:
            return
        try:
            record = decode_alone(line[:-1])
        except BadRecordError as error:
            self._fail(str(error))
            return
        if record.seq > log.seq + 1:
            self._fail(f"it is missing, and the next one is record {record.seq}")
        elif (record.seq, record.prev) != (log.seq + 1, log.hash):
            self._fail(f"it is numbered {record.seq} and does not follow record {log.seq}")
        else:
            log.advance(record.seq, record.hash)
            self._next()

    def _fail(self, problem: str) -> None:
        self._proof.log.fault = self._proof.log.seq + 1, problem
        self._line = None

    def _next(self) -> None:
        try:
            self._line = self._lines.read()
        except OrderLogError as error:
            self._fail(str(error))


def _name_fault(rows: ProofRows, kept: Mapping[str, int]) -> str | None:
    for kind, count in rows.key_counts().items():
        # A name is unique, so as many good ones as there are in all are all of them.
        if count != kept.get(kind) and (fault := _key_fault(rows, kind)) is not None:
            return fault
    pointer: tuple[str, str, int] = ("", "", 0)
    while page := rows.pointers(after=pointer, limit=_PAGE):
        if (fault := next(filter(None, map(_lost_name, page)), None)) is not None:
            return f"the standing pointer {fault}"
        pointer = page[-1][0], page[-1][1], page[-1][2]
    return None


def _key_fault(rows: ProofRows, kind: str) -> str | None:
    key = ""
    while page := rows.keys(kind, after=key, limit=_PAGE):
        if (fault := next(filter(None, map(_lost_name, page)), None)) is not None:
            return f"the order key {fault}"
        key = page[-1][1]
    return None


def _lost_name(row: Row) -> str | None:
    kind, key, seq = row[:3]
    if row[3] is None:
        return f"{kind} {ascii(key)[:80]} leads to record {seq}, which is missing"
    if kind in _NAMED and row[_NAMED[kind]] != key:
        return f"{kind} {ascii(key)[:80]} leads to record {seq}, which does not have that name"
    return None
