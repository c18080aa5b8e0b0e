"""The journal's head, noted outside of the journal: whoever cuts its end off has to know of the note as well.

The note is written lazily and never runs ahead of what has been flushed, so a power loss makes no false alarm. What was
appended after the last note can be cut off unseen; nothing here can stop somebody who may write both files.
"""

import json
from pathlib import Path

from trading_bot.files import FileSystem
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.chain import ChainHead

_VERSION = 1


class HeadAnchor:
    """The note in the account's state folder."""

    def __init__(self, *, path: Path, files: FileSystem) -> None:
        self._path = path
        self._files = files
        self._saved: ChainHead | None = None

    def load(self) -> ChainHead | None:
        """Return the noted head, or None if none was noted yet.

        Raises:
            OrderLogError: there is a note that cannot be read.
        """
        try:
            if self._files.facts_at(self._path) is None:
                return None
            self._saved = _head_in(self._files.read(self._path))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise OrderLogError(
                f"cannot read {self._path}: {error}; run 'trading-bot audit verify', and delete the file if the "
                "journal is whole"
            ) from error
        return self._saved

    def save(self, head: ChainHead) -> None:
        """Note a head that is on disk; the same head is written once.

        Raises:
            OSError: it cannot be written.
        """
        if head == self._saved:
            return
        self._files.make_folder(self._path.parent)
        self._files.replace(self._path, json.dumps({"v": _VERSION, "seq": head.seq, "hash": head.hash}).encode())
        self._saved = head


def _head_in(data: bytes) -> ChainHead:
    raw = json.loads(data)
    seq, digest = raw["seq"], raw["hash"]
    if raw["v"] != _VERSION or type(seq) is not int or not isinstance(digest, str):
        raise ValueError("it is no head of a journal")
    return ChainHead(seq=seq, hash=digest)
