"""The end of the audit log beside the database: what a start and a kill compare before they believe the database.

A database that was restored from a backup, or cut, is whole in itself. Only the log knows that there was more.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from trading_bot.order_management.events import JournalRecord
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.audit_files import first_record_in, last_good_record, last_record
from trading_bot.order_management.journal.chain import ChainHead, SealedRecord, head_at
from trading_bot.order_management.journal.identity import JournalIdentity


class CommittedRecords(Protocol):
    """The part of a journal that the audit log reads."""

    def read_head(self) -> ChainHead:
        """Return the number and hash of the last record."""
        ...

    def page(self, *, after: int, limit: int) -> Sequence[SealedRecord]:
        """Return up to ``limit`` records numbered above ``after``."""
        ...


class LogMatch(enum.StrEnum):
    """How the end of the audit log fits the database."""

    NO_LOG = "no_log"  # it is made from the database
    AGREES = "agrees"
    BEHIND = "behind"  # it lacks the last records, and gets them from the database
    AHEAD = "ahead"  # the database lacks records that were committed: it was restored or cut
    DIFFERS = "differs"  # the database has another record in that place
    UNREADABLE = "unreadable"  # nothing can be concluded


_DAMAGE = frozenset({LogMatch.AHEAD, LogMatch.DIFFERS})


@dataclass(frozen=True, slots=True, kw_only=True)
class LogComparison:
    """What a comparison found; ``problem`` says it with its remedy, where anything is wrong."""

    match: LogMatch
    log: ChainHead
    database: ChainHead
    problem: str | None = None

    @property
    def is_damage(self) -> bool:
        """Whether the database cannot be believed, so that no order may be sent."""
        return self.match in _DAMAGE


def compare_with_database(path: Path, database: CommittedRecords) -> LogComparison:
    """Compare the last record of the audit log at ``path`` with the database, which a bot may be writing meanwhile.

    Where its last line is damaged, the last good one before it still tells of a database that lacks records.

    Raises:
        OrderLogError: the database cannot be read.
    """
    unreadable: str | None = None
    try:
        # The log first: what is in it then was committed before, and has to be in the database now.
        last = last_record(path)
    except OrderLogError as error:
        unreadable, last = str(error), last_good_record(path)
    head = database.read_head()
    found = _compared(path, last, head, database)
    if unreadable is None or found.is_damage:
        return found
    return LogComparison(match=LogMatch.UNREADABLE, log=ChainHead.genesis(), database=head, problem=unreadable)


def _compared(path: Path, last: JournalRecord | None, head: ChainHead, database: CommittedRecords) -> LogComparison:
    if last is None:
        return LogComparison(match=LogMatch.NO_LOG, log=ChainHead.genesis(), database=head)
    end = head_at(last)
    if end.seq > head.seq:
        return LogComparison(match=LogMatch.AHEAD, log=end, database=head, problem=_ahead(path, end, head))
    stored = tuple(database.page(after=end.seq - 1, limit=1))
    if not stored or stored[0].record.hash != end.hash:
        return LogComparison(match=LogMatch.DIFFERS, log=end, database=head, problem=_differs(path, end))
    match = LogMatch.AGREES if end == head else LogMatch.BEHIND
    return LogComparison(match=match, log=end, database=head)


def refuse_log_of_another(path: Path, identity: JournalIdentity) -> None:
    """Refuse the log at ``path`` if it begins as that of another account: it is named by the last digits alone.

    Raises:
        OrderLogError: it does, or cannot be read.
    """
    first = first_record_in(path)
    stated = None if first is None else first.fact.details.get("account_key")
    if stated is not None and stated != identity.account_key:
        raise OrderLogError(
            f"the audit log {path} belongs to another account whose number ends alike; give each account a logs_dir of "
            "its own"
        )


def _ahead(path: Path, end: ChainHead, head: ChainHead) -> str:
    return (
        f"the journal's database ends at record {head.seq}, although record {end.seq} is in the audit log {path}: it "
        "was restored from a copy, or cut; put the newest database back, and run 'trading-bot audit verify'"
    )


def _differs(path: Path, end: ChainHead) -> str:
    return (
        f"record {end.seq} of the journal's database is another one than in the audit log {path}: one of them was "
        "exchanged, or belongs to another account; put the right one back, and run 'trading-bot audit verify'"
    )
