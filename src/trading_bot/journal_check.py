"""Whether a journal verifies, told from the outside: another process may be writing it meanwhile."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.order_log import Integrity, JournalScan, scan


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


def verdict_on(journal: Path) -> ChainVerdict:
    """Verify the whole chain; a journal that is not there has no record that could be wrong.

    Raises:
        OrderLogError: it is there and cannot be read.
    """
    try:
        data = journal.read_bytes()
    except FileNotFoundError:
        data = b""
    except OSError as error:
        raise OrderLogError(f"cannot read the journal {journal}: {error.strerror}; check the folder") from error
    found = scan(data)
    return ChainVerdict(
        ok=found.ok,
        records=len(found.records),
        head=found.head.hash,
        last_at=found.records[-1].ts if found.records else None,
        problem=_problem(found),
    )


def _problem(found: JournalScan) -> str | None:
    if found.integrity is Integrity.TORN:
        return f"{found.problem}; a running bot may be writing it just now, and the next start sets it aside"
    return found.problem
