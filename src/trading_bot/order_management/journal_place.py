"""Whether a journal is all there and nobody else's: its file, its folder, its earlier segments, its anchored head."""

import stat
from collections.abc import Mapping
from pathlib import Path

from trading_bot.files import FileFacts, FileSystem
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.records import ChainHead
from trading_bot.order_management.segments import JournalIdentity, JournalScan

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
        raise OrderLogError(
            f"the journal {journal} belongs to another account or mode ({first.execution_mode}, account ending in "
            f"{first.details.get('account_suffix')}); point logs_dir at a folder of its own"
        )


def what_is_missing(found: JournalScan, *, finished: Mapping[int, str], anchored: ChainHead | None) -> str | None:
    """Say what a journal once had and has no more: an earlier segment, or the end up to its anchored head."""
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
