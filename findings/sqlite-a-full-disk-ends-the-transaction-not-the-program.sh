#!/usr/bin/env bash
# SQLite: a statement that meets a full disk rolls back the whole transaction, and the next statement commits by itself.
#
# One would guess that a failed INSERT fails alone and leaves the transaction open, as a constraint does, or at least
# that later statements are refused until somebody rolls back, as PostgreSQL does. But after SQLITE_FULL (the
# manual names SQLITE_IOERR too) no transaction is open any more: what stood before the failed statement is gone,
# and what comes after it is outside any transaction, so each statement is durable at once. COMMIT then raises, which
# reads as "nothing was stored", while a part was: the second half without the first.
#
# What to do: after any error inside a transaction run nothing more on the connection but ROLLBACK, and that only if
# `in_transaction` is still true. Never catch around one statement in the middle.
#
# Seen with CPython 3.11.7, its sqlite3 on SQLite 3.40.1, and pysqlite3-binary 0.5.4.post2 with SQLite 3.51.1:
#
#   constraint: IntegrityError, in_transaction True;  third insert, COMMIT ok; stored: first, third
#   full disk: OperationalError, in_transaction False; third insert, COMMIT raises; stored: third
#
# Exits 0 while this is so, 1 once it is not. PYTHON names the interpreter (default python3). The full disk is made with
# `PRAGMA max_page_count`; a real one gives the same code.
set -euo pipefail

python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pysqlite3-binary==0.5.4.post2

cat >"$folder/try.py" <<'PYTHON'
import importlib
import sys


def tried(sqlite, second):
    connection = sqlite.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE record (name TEXT UNIQUE, body TEXT)")
    connection.execute("PRAGMA max_page_count = 6")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO record VALUES ('first', '')")
    try:
        connection.execute("INSERT INTO record VALUES (?, ?)", second)
        raised = "nothing"
    except sqlite.Error as error:
        raised = type(error).__name__
    is_open = connection.in_transaction
    connection.execute("INSERT INTO record VALUES ('third', '')")
    try:
        connection.execute("COMMIT")
        committed = "ok"
    except sqlite.OperationalError:
        committed = "raises"
    stored = [name for (name,) in connection.execute("SELECT name FROM record ORDER BY rowid")]
    connection.close()
    return raised, is_open, committed, stored


EXPECTED = {
    "constraint": ("IntegrityError", True, "ok", ["first", "third"]),
    "full disk": ("OperationalError", False, "raises", ["third"]),
}
SECOND = {"constraint": ("first", ""), "full disk": ("second", "x" * 100_000)}
as_guessed = True
for module in ("sqlite3", "pysqlite3.dbapi2"):
    sqlite = importlib.import_module(module)
    print(f"{module}, SQLite {sqlite.sqlite_version}")
    for name, second in SECOND.items():
        seen = tried(sqlite, second)
        raised, is_open, committed, stored = seen
        print(f"  {name}: {raised}, in_transaction {is_open}; third insert, COMMIT {committed}; stored: {', '.join(stored)}")
        as_guessed &= seen == EXPECTED[name]
sys.exit(not as_guessed)
PYTHON
"$folder/venv/bin/python" "$folder/try.py"
