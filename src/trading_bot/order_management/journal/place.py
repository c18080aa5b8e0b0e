"""Whether a journal is all there and nobody else's: its file, its folder, its earlier segments, its anchored head."""

import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from trading_bot.files import FileFacts, FileSystem
from trading_bot.order_management.exceptions import OrderLogDamagedError, OrderLogError
from trading_bot.order_management.journal.chain import ChainHead
from trading_bot.order_management.journal.identity import JournalIdentity
from trading_bot.order_management.journal.segments import Integrity, JournalScan

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def check_plain_file(ours: FileFacts, *, there: FileFacts | None, user: int) -> None:
    """Refuse an open file that is not, alone and under its name, a plain file of ``user``.

    Raises:
        OSError: with the reason.
    """
    if there is None or (there.device, there.inode) != (ours.device, ours.inode):
        raise OSError("the file was moved or replaced by somebody else")
    if not ours.is_regular or ours.links != 1:
        raise OSError("it is not a plain file with one name")
    if ours.owner != user or ours.mode & _WRITABLE_BY_OTHERS:
        raise OSError("it belongs to another user, or others may write it")


def check_place(journal: Path, *, files: FileSystem) -> None:
    """Refuse a folder in which somebody else could put another file in the journal's place.

    Raises:
        OSError: with the reason.
    """
    folder = files.facts_at(journal.parent.resolve())
    if folder is None or folder.owner not in (files.user(), 0):
        raise OSError("its folder belongs to another user")
    if folder.mode & _WRITABLE_BY_OTHERS and not folder.mode & stat.S_ISVTX:
        raise OSError("others may write its folder, so run 'chmod go-w' on it")


def check_identity(journal: Path, found: JournalScan, *, identity: JournalIdentity) -> None:
    """Refuse the journal of another account or mode.

    Raises:
        OrderLogError: whose it is.
    """
    if not found.records:
        return
    first = found.records[0].fact
    if (first.execution_mode, first.details.get("account_key")) != (identity.mode, identity.account_key):
        letters = identity.spellings.get(first.details.get("account_key", ""))
        if letters is not None and first.execution_mode == identity.mode:
            raise OrderLogError(
                f"account_number (...{identity.account_suffix}) is not written as the account of the journal "
                f"{journal}, which has {letters}; case counts, so write it like that"
            )
        raise OrderLogError(
            f"the journal {journal} belongs to another account or mode ({first.execution_mode}, account ending in "
            f"{first.details.get('account_suffix')}); point logs_dir at a folder of its own"
        )


def damage_in(journal: Path, found: JournalScan) -> OrderLogDamagedError | None:
    """Return the error that a damaged journal is, for whoever would append to it; None if it is not damaged."""
    if found.integrity is not Integrity.DAMAGED:
        return None
    return OrderLogDamagedError(
        f"the journal {journal} is damaged ({found.problem}); only cancels are possible until a person has looked: run "
        "'trading-bot audit verify'"
    )


def with_what_is_missing(found: JournalScan, *, finished: Mapping[int, str], anchored: ChainHead | None) -> JournalScan:
    """Return ``found`` as damaged if the journal once had what it has no more: an earlier segment, or its end."""
    return _damaged_by(found, _missing(found, finished=finished, anchored=anchored))


def with_what_was_cut_off(found: JournalScan, *, anchored: ChainHead | None) -> JournalScan:
    """Return ``found`` as damaged if the record at the head that was noted before is not there any more."""
    return _damaged_by(found, _contradiction(found, anchored) if anchored is not None else None)


def _damaged_by(found: JournalScan, problem: str | None) -> JournalScan:
    if problem is None or found.integrity is Integrity.DAMAGED:
        return found
    return replace(found, integrity=Integrity.DAMAGED, problem=problem)


def _missing(found: JournalScan, *, finished: Mapping[int, str], anchored: ChainHead | None) -> str | None:
    expected = {number: finished.get(number) for number in range(1, found.number)}
    if found.link is not None:
        expected[found.link.number] = found.link.name
    lost = [number for number, name in expected.items() if name is None or finished.get(number) != name]
    if lost:
        return f"segment {lost[0]} of {found.number} is missing beside it"
    if finished and max(finished) >= found.number:
        return f"it is older than its own finished segment {finished[max(finished)]}"
    return _contradiction(found, anchored) if anchored is not None else None


def _contradiction(found: JournalScan, anchored: ChainHead) -> str | None:
    if anchored.seq > found.head.seq:
        return f"it ends at record {found.head.seq} although {anchored.seq} were written: its end was cut off"
    position = anchored.seq - found.records[0].seq
    there = found.records[position].hash if position >= 0 else found.records[0].prev
    if position < -1 or there == anchored.hash:  # further back, the chain itself answers for the record
        return None
    return f"record {anchored.seq} is not the one that was written: the journal was exchanged"
