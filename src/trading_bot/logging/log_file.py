"""A log file that is begun anew when it is full. Whatever happens to it, nobody waits for it and nothing ends by it."""

import logging
import os
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from trading_bot.files import PRIVATE_FILE

EARLIER_FILES = 9
"""How many full files are kept. Chosen."""


class LogFile(RotatingFileHandler):
    """The file at ``path``, private and in UTF-8, with the earlier ones beside it; one process writes it.

    A line that cannot be written is lost: orders are more than their log, and the journal has all that counts.
    """

    def __init__(self, path: Path, *, max_bytes: int) -> None:
        super().__init__(path, maxBytes=max_bytes, backupCount=EARLIER_FILES, encoding="utf-8", delay=True)

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
        return TextIOWrapper(os.fdopen(descriptor, "ab"), encoding=self.encoding)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Lose the line."""
