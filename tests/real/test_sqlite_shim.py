"""The fault layer below SQLite does what the tests that stand on it believe. No journal of ours takes part."""

import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.sqlite_shim.disk import CrashedDisk, Fate, Piece
from tests.support.sqlite_shim.statements import Boundaries, watched
from tests.support.sqlite_shim.vfs import Call, Fault, Shim, Way

pytestmark = pytest.mark.subprocess

SYNC_FAILS = Fault(way=Way.FAIL, calls=frozenset({Call.SYNC}), suffix="-wal")


def connected(path: Path, shim: Shim) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{path}?vfs={shim.name}", uri=True, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS row (value TEXT)")
    return connection


def rows(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM row").fetchone()[0])


@pytest.fixture
def shim() -> Shim:
    return Shim()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.sqlite3"


def test_every_commit_is_seen_as_writes_and_one_sync_of_the_wal(shim, path):
    with closing(connected(path, shim)) as connection:
        before = len(shim.steps)
        connection.execute("INSERT INTO row VALUES ('one')")
        seen = [(step.call, Path(step.file).name) for step in shim.steps[before:]]
    wal = f"{path.name}-wal"
    assert seen == [(Call.WRITE, wal), (Call.WRITE, wal), (Call.SYNC, wal)]


def test_a_recording_rebuilds_the_very_bytes_on_the_disk(shim, path):
    with closing(connected(path, shim)) as connection:
        for number in range(20):
            connection.execute("INSERT INTO row VALUES (?)", (str(number) * 500,))
            if number == 9:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        rebuilt = CrashedDisk().follow(shim.steps).whole()
        assert {Path(name): data for name, data in rebuilt.items()} == {
            each: each.read_bytes() for each in path.parent.iterdir() if not each.name.endswith("-shm")
        }


@pytest.mark.parametrize(
    ("way", "error"),
    [(Way.FAIL, "SQLITE_IOERR_FSYNC"), (Way.FULL, "SQLITE_FULL"), (Way.DROP, None)],
    ids=str,
)
def test_a_fault_reaches_the_python_of_whoever_commits(shim, path, way, error):
    with closing(connected(path, shim)) as connection:
        shim.arm(replace(SYNC_FAILS, way=way))
        raised = None
        try:
            connection.execute("INSERT INTO row VALUES ('one')")
        except sqlite3.OperationalError as failure:
            raised = failure.sqlite_errorname
        assert raised == error
        assert [step.is_done for step in shim.steps if step.call is Call.SYNC][-1] is False


def test_a_torn_write_stores_its_first_half(shim, path):
    with closing(connected(path, shim)) as connection:
        shim.arm(Fault(way=Way.TEAR, at=2, calls=frozenset({Call.WRITE}), suffix="-wal"))
        with pytest.raises(sqlite3.OperationalError):
            connection.execute("INSERT INTO row VALUES ('one')")
        assert len([step for step in shim.steps if step.call is Call.WRITE][-1].data) == 2048


def test_a_connection_that_names_no_layer_is_caught_while_the_layer_is_the_default(shim, path):
    with shim.as_default(), closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE row (value TEXT)")
    seen = len(shim.steps)
    assert seen > 0
    assert rows(path) == 0
    assert len(shim.steps) == seen


def test_a_commit_whose_sync_was_dropped_may_be_gone_after_a_crash(shim, path, tmp_path):
    with closing(connected(path, shim)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        shim.arm(replace(SYNC_FAILS, way=Way.DROP, lasts=True))
        connection.execute("INSERT INTO row VALUES ('one')")
        disk = CrashedDisk().follow(shim.steps)
    left = set()
    for number, image in enumerate(disk.images(random.Random(1), sample=9)):
        crashed = tmp_path / str(number)
        crashed.mkdir()
        for name, data in image.items():
            (crashed / Path(name).name).write_bytes(data)
        left.add(rows(crashed / path.name))
    assert left == {0, 1}


@pytest.mark.parametrize(
    ("fate", "content"), [(Fate.STORED, b"ab\0\0xy"), (Fate.LOST, b"ab"), (Fate.ZEROS, b"ab\0\0\0\0")]
)
def test_a_write_behind_the_end_is_stored_lost_or_zeros(fate, content):
    found = bytearray(b"ab")
    Piece(4, b"xy").put_on(found, fate)
    assert found == content


def test_every_statement_has_two_boundaries(path):
    boundaries = Boundaries()
    with watched(boundaries), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE row (value TEXT)")
        connection.execute("INSERT INTO row VALUES (1)")
    statements = ["CREATE TABLE row (value TEXT)", "INSERT INTO row VALUES (1)"]
    assert boundaries.passed == [f"{moment} {each}" for each in statements for moment in ("before", "after")]


def test_flushes_that_are_left_out_are_recorded_as_made(path):
    shim = Shim(flushes=False)
    with closing(connected(path, shim)):
        flushed = CrashedDisk().follow(shim.steps)
        (only, *others) = flushed.images(random.Random(1), sample=4)
    assert any(step.call is Call.SYNC and step.is_done for step in shim.steps)
    assert only == flushed.whole()
    assert others == []
