"""Bugs that only the real database or the real side files can show, planted as those of `planted_bugs` are."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import pytest

from trading_bot.order_management.book import side_import
from trading_bot.order_management.book.import_book import ImportBook
from trading_bot.order_management.journal import sqlite
from trading_bot.order_management.journal.audit_log import AuditLog
from trading_bot.order_management.journal.side_files import SideFile

Plant: TypeAlias = Callable[[pytest.MonkeyPatch], None]


def _database_not_flushed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sqlite, "_PRAGMAS", (*sqlite._PRAGMAS, "PRAGMA synchronous = OFF"))


def _side_lines_not_flushed(patch: pytest.MonkeyPatch) -> None:
    def append(self, descriptor, line) -> None:
        self._files.write_at(descriptor, line, self._size)

    patch.setattr(SideFile, "_append", append)


def _side_files_removed_untaken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(side_import._Run, "commit", lambda self: None)


def _logged_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    trails: list[AuditLog] = []
    real, compare = sqlite.SqliteJournal.commit, AuditLog.compare

    def compared(self, database):
        trails.append(self)
        return compare(self, database)

    def commit(self, commit) -> None:
        for trail in trails[-1:]:
            trail.append(commit.records)
        real(self, commit)

    patch.setattr(AuditLog, "compare", compared)
    patch.setattr(sqlite.SqliteJournal, "commit", commit)


def _side_lines_do_not_stand(patch: pytest.MonkeyPatch) -> None:
    real = ImportBook.take_pointers

    def take(self):
        real(self)
        return (), ()

    patch.setattr(ImportBook, "take_pointers", take)


DATABASE: Mapping[str, Plant] = {
    "the database is not flushed": _database_not_flushed,
    "side lines are not flushed": _side_lines_not_flushed,
    "side files are removed before they are taken over": _side_files_removed_untaken,
    "what was kept aside does not stand once it is taken over": _side_lines_do_not_stand,
    "the audit log is written before the commit": _logged_before_the_commit,
}
