"""Bugs of rooms that the other lists do not come to: the lease, approvals, commits in doubt, deadlines, decisions."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeAlias

import pytest

from trading_bot.agent import order_rows, outcomes
from trading_bot.lease import Lease
from trading_bot.order_management.calculator import round_down
from trading_bot.order_management.cancel.tracker import CancelTracker
from trading_bot.order_management.decisions.operator_decisions import OperatorDecisions
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal import sqlite
from trading_bot.order_management.journal.database_files import DatabaseFiles
from trading_bot.order_management.journal.record_writer import RecordWriter
from trading_bot.order_management.journal.sql import AccountRows
from trading_bot.order_management.journal.tables import Cursor
from trading_bot.order_management.models import Side
from trading_bot.order_management.submit import pricing

Plant: TypeAlias = Callable[[pytest.MonkeyPatch], None]


def _second_writer_not_fenced(patch: pytest.MonkeyPatch) -> None:
    """A process whose lease another one has taken over goes on sending."""
    patch.setattr(Lease, "ensure_owner", lambda self: None)


def _commit_in_doubt_taken_for_failed(patch: pytest.MonkeyPatch) -> None:
    """Go on over the same connection as if nothing of it could have been stored, or were needed."""
    real = RecordWriter.write

    def doubt(self, why: str) -> OrderLogError:
        self._in_doubt = False
        return OrderLogError(why)

    def write(self, batch):
        try:
            return real(self, batch)
        finally:
            self.failure = None

    patch.setattr(sqlite.SqliteJournal, "_doubt", doubt)
    patch.setattr(RecordWriter, "_keep_aside", lambda self, batch, sealed: None)
    patch.setattr(RecordWriter, "write", write)


def _log_not_stored_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DatabaseFiles, "store_log_again", lambda self: None)


class _Hasty:
    """Commits after each kind of row."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self.rowcount = -1

    def executemany(self, statement, rows):
        self._cursor.executemany(statement, rows)
        self.rowcount = self._cursor.rowcount
        self._cursor.execute("COMMIT")
        self._cursor.execute("BEGIN IMMEDIATE")

    def __getattr__(self, name):
        return getattr(self._cursor, name)


def _commit_in_parts(patch: pytest.MonkeyPatch) -> None:
    real = AccountRows.add
    patch.setattr(AccountRows, "add", lambda self, cursor, commit: real(self, _Hasty(cursor), commit))


def _approval_taken_for_working(patch: pytest.MonkeyPatch) -> None:
    for module in (order_rows, outcomes):
        patch.setattr(module, "awaits_approval", lambda _row: False)


def _release_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OperatorDecisions, "release", lambda self, *_, **__: None)


def _cancel_without_deadline(patch: pytest.MonkeyPatch) -> None:
    real = CancelTracker.follow
    patch.setattr(
        CancelTracker, "follow", lambda self, targets, *, within_s: real(self, targets, within_s=100 * within_s)
    )


def _sells_below_the_reference(patch: pytest.MonkeyPatch) -> None:
    """By less than the collar, so that a broker takes it and only the promise is broken."""
    real = vars(pricing)["price_terms"]

    def cheaper(*args, **named):
        priced = real(*args, **named)
        below = round_down(priced.limit_price * Decimal("0.996"))
        return priced if priced.side is Side.BUY else replace(priced, limit_price=below)

    patch.setattr(pricing, "price_terms", cheaper)


ROOMS: Mapping[str, Plant] = {
    "a sell rests below its reference": _sells_below_the_reference,
    "a cancel waits for ever": _cancel_without_deadline,
    "a second writer is not fenced": _second_writer_not_fenced,
    "a commit of unknown outcome is taken for failed": _commit_in_doubt_taken_for_failed,
    "a log that was not flushed is believed": _log_not_stored_again,
    "a commit is made in parts": _commit_in_parts,
    "an approval is taken for working": _approval_taken_for_working,
    "a release is forgotten": _release_forgotten,
}
