"""The whole journal, segment by segment, read without writing: what `audit verify` proves and what nobody forgets."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from trading_bot.files import FileSystem
from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.anchor import HeadAnchor
from trading_bot.order_management.journal.chain import BadRecordError, ChainHead, decode_alone
from trading_bot.order_management.journal.joining import JoinedScan, continuations, read_joined
from trading_bot.order_management.journal.place import with_what_was_cut_off
from trading_bot.order_management.journal.segments import Integrity, JournalScan, scan


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryVerdict:
    """``records`` in ``segments`` files follow from each other up to ``head``; ``problem`` says what does not."""

    integrity: Integrity
    records: int
    segments: int
    head: ChainHead
    last_at: datetime | None = None
    """When the record at ``head`` was written."""
    problem: str | None = None

    @property
    def ok(self) -> bool:
        """Whether everything is there and follows."""
        return self.integrity is Integrity.CLEAN


class JournalHistory:
    """Reads the live file, with what continues it, and follows the chain back through the finished segments."""

    def __init__(self, *, journal: Path, files: FileSystem) -> None:
        self.journal = journal
        self._files = files

    def segments(self, *, down_to: str | None = None) -> Iterator[tuple[str, JournalScan]]:
        """Yield name and content of each segment, newest first, and stop before the one named ``down_to``.

        Raises:
            OrderLogDamagedError: a finished segment is missing, damaged, or not the one that its successor names.
            OrderLogError: a file cannot be read.
        """
        name = self.journal.name
        found = self._joined().story
        while True:
            yield name, found
            link = found.link
            if link is None or link.name == down_to:
                return
            name, found = link.name, scan(self._read(link.name))
            if not found.ok or (found.head, found.number) != (link.head, link.number):
                problem = found.problem or "it is not the one that its successor names"
                raise OrderLogDamagedError(
                    f"segment {name} of the journal is damaged ({problem}); put it back from a copy, and run "
                    "'trading-bot audit verify'"
                )

    def finished(self, *, after: int) -> tuple[JournalRecord, ...]:
        """Return the records of the finished segments that are numbered above ``after``, oldest first.

        Raises:
            OrderLogError: as `segments`.
        """
        found = self.records(after=after)
        live = next(self.segments())[1]
        return tuple(record for record in found if record.seq < live.records[0].seq) if live.records else ()

    def continued(self) -> tuple[JournalRecord, ...]:
        """Return what continuations of the live file tell, oldest first; the live file may hold some of it as well.

        Raises:
            OrderLogError: as `segments`.
        """
        try:
            if not continuations(self.journal, files=self._files):
                return ()
        except OSError as error:
            raise self._unreadable(self.journal, error) from error
        found = self._joined()
        return found.story.records[len(found.story.records) - len(found.lines) :]

    def verify(self, anchor: HeadAnchor | None = None) -> HistoryVerdict:
        """Read everything, and see whether it reaches to the head that ``anchor`` has noted, if it has.

        Raises:
            OrderLogError: the live file is there and cannot be read.
        """
        anchored, unreadable = None, None
        try:
            # Before the journal: a bot at work moves both on, and never the note ahead of the journal.
            anchored = anchor.load() if anchor is not None else None
        except OrderLogError as error:
            unreadable = str(error)
        whole = self._verified(anchored)
        if not whole.ok:  # a bot that starts may have taken a continuation in between two files that were read
            whole = self._verified(anchored)
        if unreadable is None or not whole.ok:
            return whole
        problem = f"its records follow from each other, but whether its end is there is not known: {unreadable}"
        return replace(whole, integrity=Integrity.DAMAGED, problem=problem)

    def _verified(self, anchored: ChainHead | None) -> HistoryVerdict:
        whole = HistoryVerdict(integrity=Integrity.CLEAN, records=0, segments=0, head=ChainHead.genesis())
        live: JournalScan | None = None
        try:
            for _, found in self.segments():
                live = live or with_what_was_cut_off(found, anchored=anchored)
                whole = HistoryVerdict(
                    integrity=live.integrity,
                    records=whole.records + len(found.records),
                    segments=whole.segments + 1,
                    head=live.head,
                    last_at=live.records[-1].ts if live.records else None,
                    problem=live.problem,
                )
        except OrderLogError as error:
            if live is None:
                raise
            return replace(whole, integrity=Integrity.DAMAGED, problem=str(error))
        return whole

    def records(self, *, after: int = 0) -> tuple[JournalRecord, ...]:
        """Return the good records that are numbered above ``after``, oldest first.

        Raises:
            OrderLogError: as `segments`.
        """
        parts: list[tuple[JournalRecord, ...]] = []
        for _, found in self.segments():
            parts.append(tuple(record for record in found.records if record.seq > after))
            if found.records and found.records[0].seq <= after + 1:
                break
        return tuple(record for part in reversed(parts) for record in part)

    def records_of(self, segment: str, client_order_id: str) -> tuple[JournalRecord, ...]:
        """Return what one segment says of one order, without reading the rest of it as records.

        Raises:
            OrderLogError: the segment cannot be read, or a line of it is bad.
        """
        name = f'"client_order_id":{json.dumps(client_order_id)}'.encode()
        lines = self._read(segment).split(b"\n")
        try:
            records = tuple(decode_alone(line) for line in lines if name in line)
        except BadRecordError as error:
            raise OrderLogDamagedError(
                f"segment {segment} of the journal is damaged ({error}); run 'trading-bot audit verify'",
                client_order_id=client_order_id,
            ) from error
        return tuple(record for record in records if record.fact.client_order_id == client_order_id)

    def _joined(self) -> JoinedScan:
        data = self._read(self.journal.name)
        try:
            return read_joined(self.journal, data, files=self._files)
        except OSError as error:
            raise self._unreadable(self.journal, error) from error

    def _read(self, name: str) -> bytes:
        path = self.journal.with_name(name)
        try:
            if self._files.facts_at(path) is not None:
                return self._files.read(path)
        except OSError as error:
            raise self._unreadable(path, error) from error
        if path == self.journal:
            return b""
        raise OrderLogDamagedError(f"segment {path} of the journal is missing; put it back from a copy")

    @staticmethod
    def _unreadable(path: Path, error: OSError) -> OrderLogError:
        return OrderLogError(f"cannot read the journal {path}: {error.strerror or error}; check the folder")
