"""Whether a journal verifies, told from the outside: another process may be writing it meanwhile."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trading_bot.files import LocalFiles
from trading_bot.order_management.book.freezes import Freeze
from trading_bot.order_management.book.pointers import StandingPointers
from trading_bot.order_management.book.standing import StandingFacts
from trading_bot.order_management.journal.anchor import HeadAnchor
from trading_bot.order_management.journal.history import HistoryVerdict, JournalHistory
from trading_bot.order_management.journal.segments import Integrity


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainVerdict:
    """``records`` of the journal verify; ``problem`` says what is wrong behind them, if anything is."""

    ok: bool
    records: int
    head: str
    """The hash of the last good record: whoever wrote it down can tell later that nothing was cut off."""
    last_at: datetime | None
    """When the last good record was written."""
    problem: str | None


def verdict_on(journal: Path, *, anchor: Path | None = None) -> ChainVerdict:
    """Verify the whole chain through all segments; a journal that was never begun has no record that could be wrong.

    ``anchor`` is the file outside of the journal in which its head is noted; one that is not there proves nothing.

    Raises:
        OrderLogError: it is there and cannot be read.
    """
    files = LocalFiles()
    noted = HeadAnchor(path=anchor, files=files) if anchor is not None else None
    found = JournalHistory(journal=journal, files=files).verify(noted)
    return ChainVerdict(
        ok=found.ok,
        records=found.records,
        head=found.head.hash,
        last_at=found.last_at,
        problem=_problem(found),
    )


def freezes_on_record(journal: Path, *, now: datetime) -> tuple[Freeze, ...]:
    """Return what stops entries at ``now``, as far as the journal tells.

    Raises:
        OrderLogError: it is there and cannot be read, or does not verify.
    """
    standing = StandingFacts(StandingPointers())
    for record in JournalHistory(journal=journal, files=LocalFiles()).records():
        standing.note(record)
    return tuple(freeze for freeze in standing.freezes() if not freeze.is_over(now))


def _problem(found: HistoryVerdict) -> str | None:
    if found.integrity is Integrity.TORN:
        return f"{found.problem}; a running bot may be writing it just now, and the next start sets it aside"
    return found.problem
