"""The append-only journal: written ahead, chained, rotated, replayed.

An append returns only when the line would survive a power loss, wherever somebody acts on it. After any write or
flush that did not succeed in full the file takes nothing more, and no intent is taken: a flush that failed once may
have dropped the data it then reports as written. Facts go on in a continuation beside it.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date
from pathlib import Path

from trading_bot.clock import Clock
from trading_bot.files import FileSystem
from trading_bot.order_management.events import UNSYNCED_KINDS, EventKind, JournalRecord, OrderEvent
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.anchor import HeadAnchor
from trading_bot.order_management.journal.chain import BadRecordError, ChainHead, encode, head_at
from trading_bot.order_management.journal.continuation import Continuation, Unfinished
from trading_bot.order_management.journal.identity import JournalIdentity, opening
from trading_bot.order_management.journal.joining import JoinedScan, put_away, read_joined
from trading_bot.order_management.journal.live_file import LiveFile, SpaceReserve
from trading_bot.order_management.journal.place import check_identity, damage_in, with_what_is_missing
from trading_bot.order_management.journal.rotation import LiveSegment, SegmentSwap
from trading_bot.order_management.journal.segments import (
    Integrity,
    JournalScan,
    SegmentLink,
    chaining,
    finished_name,
    next_segment,
    scan,
)
from trading_bot.order_management.outcomes import DurableIntent, PreparedOrder

__all__ = ["UNSYNCED_KINDS", "Integrity", "JournalIdentity", "JournalScan", "OrderLog", "scan"]

_MOST_UNFLUSHED = 256


class OrderLog:
    """One writer's journal. Threads may share it; processes may not, which the lease sees to.

    ``anchor`` keeps the head outside of the journal; without one, an end that was cut off goes unseen.
    ``reserve_bytes`` are held beside it for what happens at the broker once the disk is full; orders stop then.
    """

    def __init__(
        self,
        *,
        path: Path,
        identity: JournalIdentity,
        session_id: str,
        files: FileSystem,
        clock: Clock,
        process_id: Callable[[], int],
        anchor: HeadAnchor | None = None,
        reserve_bytes: int = 0,
    ) -> None:
        self.path = path
        self._identity = identity
        self._chained = chaining(clock, session_id=session_id)
        self._files = files
        self._clock = clock
        self._process_id = process_id
        self._anchor = anchor
        self._owner = process_id()
        self._swap = SegmentSwap(journal=path, files=files)
        self._reserve = SpaceReserve(path=path.with_name(f".{path.name}.reserve"), files=files, size=reserve_bytes)
        self._lock = threading.Lock()
        self._file = LiveFile(path=path, files=files)
        self._head = self._flushed = ChainHead.genesis()
        self._unflushed: list[JournalRecord] = []
        self._beside: Continuation | None = None
        self._segment = LiveSegment()
        self._refusal: OrderLogError | None = OrderLogError(f"the journal {path} is not open; call open() first")

    @property
    def head(self) -> ChainHead:
        """The number and hash of the last record."""
        return self._head

    @property
    def refusal(self) -> OrderLogError | None:
        """Why no intent can be appended, if so; and no fact either, unless they go on in a continuation."""
        return self._refusal

    @property
    def grown_bytes(self) -> int:
        """Bytes of the live segment beyond what was carried into it."""
        return self._file.size - self._segment.carried_bytes

    @property
    def link(self) -> SegmentLink | None:
        """The finished segment before the live one, if there is one."""
        return self._segment.link

    @property
    def begun_on(self) -> date | None:
        """The day, in UTC, on which the live segment was begun."""
        return self._segment.begun_on

    def open(self) -> JournalScan:
        """Open or create the file, set a torn end aside, take continuations in, and return what the live segment holds.

        A damaged journal is left untouched and stays closed to appends; the scan says so.

        Raises:
            OrderLogError: it cannot be opened or written, is no plain file of ours, or belongs to another account or
            mode.
        """
        try:
            self._files.make_folder(self.path.parent)
            self._swap.repair()
            data = self._file.open()
            joined = read_joined(self.path, data, files=self._files)
            found = self._checked(joined.story)
            self._head, self._file.size = found.head, found.good_bytes
            self._refusal = damage_in(self.path, found)
            if self._refusal is None:
                self._begin(found, joined)
                self._beside = Continuation(journal=self.path, files=self._files, chained=self._chained)
        except OrderLogError as error:
            self._refusal = error
            raise
        except OSError as error:
            raise self._refuse(
                f"cannot open the journal {self.path}: {error}; repair the disk or the folder"
            ) from error
        return found

    def append(self, event: OrderEvent) -> JournalRecord:
        """Write one event and return its record; once the file has failed, a fact goes on in a continuation.

        Raises:
            OrderLogError: it could not be written in full; no intent will be accepted any more.
        """
        with self._lock:
            try:
                return self._append(event)
            except OrderLogError:
                record = self._append_beside(event)
                if record is None:
                    raise
                return record

    def append_intent(self, event: OrderEvent, prepared: PreparedOrder) -> tuple[JournalRecord, DurableIntent]:
        """Write an order's intent; return its record and the proof that a gateway asks for.

        Raises:
            OrderLogError: the intent is not durable, so the order must not be sent.
        """
        if event.event is not EventKind.ORDER_INTENDED or event.client_order_id is None:
            raise OrderLogError("an intent is an order_intended event with a client order id; record it as one")
        if self._reserve.is_freed:
            raise OrderLogError(
                f"the disk of {self.path} is full; no order is taken until the bot is restarted on a free one"
            )
        record = self.append(event)
        return record, DurableIntent(
            client_order_id=event.client_order_id,
            ref_id=prepared.ref_id,
            terms=prepared.terms,
            body=prepared.body,
            body_digest=event.details["body_sha256"],
            journal_seq=record.seq,
        )

    def rotate(
        self,
        carried: Sequence[OrderEvent],
        *,
        confirm: Callable[[Sequence[JournalRecord]], None],
        then: Callable[[], None] = lambda: None,
    ) -> str:
        """Finish the live segment, begin the next one with ``carried``, and return the finished one's name.

        ``confirm`` is handed the records of the new segment, read back from its bytes, and raises if they do not tell
        what they have to. Nothing may be appended meanwhile that ``carried`` does not know of. ``then`` is called once
        the new segment is the journal; unless it returns, and whatever else interrupts this, the journal is closed.

        Raises:
            OrderLogError: nothing has changed and the old segment goes on; or, where `refusal` says so, the journal is
            closed.
        """
        with self._lock:
            self._refuse_unless_writable()
            number = self.link.number + 1 if self.link else 1
            name = finished_name(self.path, day=self._clock.now().astimezone(UTC).date(), number=number)
            link = SegmentLink(number=number, name=name, head=self._head)
            self._flush()
            try:
                self._file.check()
                data = next_segment(self._identity, link, carried, chained=self._chained)
                confirm(scan(data).records)
                self._swap.stage(data)
                self._swap.keep(name)
            except (OSError, BadRecordError) as error:
                with suppress(OSError):
                    self._swap.repair()
                raise OrderLogError(
                    f"the journal {self.path} could not be rotated: {error}; the same file goes on, repair the disk"
                ) from error
            self._take_over(data, then)
        return name

    def anchor_head(self) -> None:
        """Note outside of the journal how far it has been flushed.

        Raises:
            OSError: the note cannot be written; the older one stands.
        """
        with self._lock:
            if self._anchor is not None and self._beside is not None:
                self._anchor.save(self._flushed)

    def close(self) -> None:
        """Flush and close; later appends are refused."""
        with self._lock:
            if not self._file.is_open:
                return
            healthy, beside = self._refusal is None, self._beside
            self._refusal, self._beside = OrderLogError(f"the journal {self.path} is closed"), None
            if beside is not None:
                beside.close()
            self._file.close(flush=healthy)
            if beside is not None:
                self._note(self._head if healthy else self._flushed)

    def _checked(self, found: JournalScan) -> JournalScan:
        check_identity(self.path, found, identity=self._identity)
        anchored = self._anchor.load() if self._anchor is not None else None
        return with_what_is_missing(found, finished=self._swap.finished(), anchored=anchored)

    def _begin(self, found: JournalScan, joined: JoinedScan) -> None:
        kept = self.path.with_name(f"{self.path.name}.torn-{joined.suspect_seq}")
        if joined.suspect or joined.lines:
            self._file.set_aside(joined.suspect, kept=kept)
        for line in joined.lines:
            self._file.append(line)
        self._reserve.make()
        self._flush()
        put_away(self.path, joined.names, files=self._files)
        if not found.records:
            self._append(opening(self._identity))
        # The file may be here only by a rename that a killed process did not live to flush.
        self._files.sync_folder(self.path.parent)
        if joined.suspect:
            details = {"bytes": str(len(joined.suspect)), "kept_in": kept.name}
            self._append(OrderEvent(event=EventKind.TAIL_RECOVERED, reason=found.problem, details=details))
        self._segment = LiveSegment.of(found, now=self._clock.now())
        self._note(self._flushed)

    def _append(self, event: OrderEvent) -> JournalRecord:
        self._refuse_unless_writable()
        record = self._chained(event, self._head)
        is_done = False
        try:
            line = encode(record)
            if event.event is not EventKind.ORDER_INTENDED:
                self._unflushed.append(record)
            self._write(line, event.event)
            is_due = event.event not in UNSYNCED_KINDS or len(self._unflushed) > _MOST_UNFLUSHED
            if is_due:
                self._file.sync()
            self._head = head_at(record)
            if is_due:
                self._all_flushed()
            is_done = True
        except (OSError, BadRecordError) as error:
            raise self._refuse_for_good(error) from error
        finally:
            # A signal may end this anywhere; a line of which the head knows nothing must stay the last one.
            if not is_done and self._refusal is None:
                self._refuse(f"a write to the journal {self.path} was interrupted; restart the bot to read it anew")
        return record

    def _append_beside(self, event: OrderEvent) -> JournalRecord | None:
        beside, is_intent = self._beside, event.event is EventKind.ORDER_INTENDED
        if beside is None or self._refusal is None or is_intent or self._process_id() != self._owner:
            return None
        why = str(self._refusal.__cause__ or "a write was interrupted")
        record = beside.take(event, Unfinished(head=self._head, unflushed=tuple(self._unflushed), why=why))
        if record is not None:
            self._head = self._flushed = beside.head
        return record

    def _refuse_unless_writable(self) -> None:
        if self._refusal is not None:
            raise self._refusal
        if self._process_id() != self._owner:
            raise OrderLogError("a forked process may not write the journal; start a bot of its own")

    def _take_over(self, data: bytes, then: Callable[[], None]) -> None:
        # From the rename on it is not known which file is the journal, nor what continues it, until all has succeeded.
        self._refuse(f"a rotation of the journal {self.path} was interrupted; restart the bot to read it anew")
        beside, self._beside = self._beside, None
        try:
            self._publish(beside)
            self._file.reopen(len(data))
        except OSError as error:
            raise self._refuse_for_good(error) from error
        begun = scan(data)
        self._head = self._flushed = begun.head
        self._segment = LiveSegment.of(begun, now=self._clock.now())
        self._note(self._head)
        then()
        self._beside, self._refusal = beside, None

    def _publish(self, beside: Continuation | None) -> None:
        try:
            self._swap.publish()
        except OSError:
            with suppress(OSError):
                self._beside = beside if self._file.has_its_name() else None
            raise

    def _write(self, line: bytes, kind: EventKind) -> None:
        try:
            self._file.append(line)
        except OSError as error:
            if kind is EventKind.ORDER_INTENDED or not self._reserve.free_after(error):
                raise
            self._file.append(line)

    def _flush(self) -> None:
        try:
            self._file.sync()
        except OSError as error:
            raise self._refuse_for_good(error) from error
        self._all_flushed()

    def _all_flushed(self) -> None:
        self._flushed = self._head
        self._unflushed.clear()

    def _note(self, head: ChainHead) -> None:
        if self._anchor is not None:
            with suppress(OSError):  # an older note still finds every cut behind it, and the next one is tried again
                self._anchor.save(head)

    def _refuse_for_good(self, error: Exception) -> OrderLogError:
        return self._refuse(
            f"the journal {self.path} cannot be written: {error}; no order is sent until the bot is restarted on a "
            "healthy disk"
        )

    def _refuse(self, message: str) -> OrderLogError:
        self._refusal = OrderLogError(message)
        return self._refusal
