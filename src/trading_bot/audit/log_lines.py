"""The lines of an audit log, file by file, beside a bot that may write them."""

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from trading_bot.order_management.journal.audit_files import log_files, unreadable
from trading_bot.order_management.journal.chain import MAX_LINE_BYTES


class LogLines:
    """The lines of all files, also where a bot writes on or finishes the live one meanwhile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._done: set[tuple[int, int]] = set()

    def read(self) -> bytes | None:
        """Return the next line with its newline; None where there is none yet.

        Raises:
            OrderLogError: a file cannot be read.
        """
        try:
            while self._file is not None or self._open_next():
                if (line := self._read_line()) is not None:
                    return line
                if not self._has_next():
                    return None
                self.close()
        except OSError as error:
            raise unreadable(self._path, error) from error
        return None

    def close(self) -> None:
        """Close the file that is open."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read_line(self) -> bytes | None:
        if self._file is None:
            return None
        line = self._file.readline(MAX_LINE_BYTES + 1)
        if line.endswith(b"\n") or len(line) > MAX_LINE_BYTES:
            return line
        if line and self._has_next():
            return line  # a finished file ends in the middle of a line
        # It is being written, or was cut short by a crash and will be written anew.
        self._file.seek(-len(line), os.SEEK_CUR)
        return None

    def _has_next(self) -> bool:
        return self._next_file() is not None

    def _open_next(self) -> bool:
        file = self._next_file()
        if file is None:
            return False
        self._file = file.open("rb")
        status = os.fstat(self._file.fileno())
        self._done.add((status.st_dev, status.st_ino))
        return True

    def _next_file(self) -> Path | None:
        for file in log_files(self._path):
            with suppress(FileNotFoundError):  # it got another name just now
                status = file.stat()
                if (status.st_dev, status.st_ino) not in self._done:
                    return file
        return None
