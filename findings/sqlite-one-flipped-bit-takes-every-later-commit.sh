#!/usr/bin/env bash
# SQLite, WAL mode: one flipped bit in the -wal file removes every commit behind it, and nothing says so.
#
# One would guess that a write-ahead log with checksums reports a bad checksum, or loses the one transaction that was
# hit. But a bad frame is read as the end of the log, which is how a torn write after a crash looks: the transactions
# behind it, each of them synced and acknowledged, are not read either. `PRAGMA integrity_check` says "ok", a checkpoint
# reports success for the frames before it, and the first clean close deletes the -wal with the only copy of the rest.
#
# A checkpoint is no protection by itself: until the next commit begins the log anew, a fully copied -wal still stands
# over the database, and what is left of it in front of the flipped bit hides the newer pages below.
#
# What to do: keep the number and hash of the last record in a second place (a log of one's own, the other side), and
# compare them at every start. Keep the -wal short (wal_checkpoint(TRUNCATE) empties it), because only what is in it can
# go this way. Copy a -wal away before opening a database that was not closed cleanly, if its rows matter.
#
# Seen with CPython 3.11.7, its sqlite3 on SQLite 3.40.1, and pysqlite3-binary 0.5.4.post2 with SQLite 3.51.1:
#
#   committed 10, killed; one bit flipped: 4 rows, integrity ok, checkpoint (0, 6, 6); after close: no -wal
#   committed 10, wal_checkpoint, killed; one bit flipped: 4 rows, integrity ok, checkpoint (0, 6, 6); after close: no -wal
#
# Exits 0 while this is so, 1 once it is not. PYTHON names the interpreter (default python3).
set -euo pipefail

python=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check pysqlite3-binary==0.5.4.post2

cat >"$folder/write.py" <<'PYTHON'
import importlib
import os
import signal
import sys

sqlite = importlib.import_module(sys.argv[1])
connection = sqlite.connect(sys.argv[2], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA synchronous = FULL")
connection.execute("CREATE TABLE record (seq INTEGER PRIMARY KEY, body TEXT)")
for seq in range(1, 11):
    connection.execute("INSERT INTO record VALUES (?, ?)", (seq, f"order {seq}"))
for pragma in sys.argv[3:]:
    connection.execute(f"PRAGMA {pragma}")
os.kill(os.getpid(), signal.SIGKILL)
PYTHON

cat >"$folder/try.py" <<'PYTHON'
import importlib
import subprocess
import sys
from pathlib import Path

HEADER, FRAME = 32, 24 + 4096
folder = Path(sys.argv[1])


def tried(name, *pragmas):
    sqlite = importlib.import_module(name)
    path = folder / f"{name}-{len(pragmas)}.db"
    wal = path.with_name(f"{path.name}-wal")
    subprocess.run([sys.executable, folder / "write.py", name, path, *pragmas], check=False)
    data = bytearray(wal.read_bytes())
    frames = (len(data) - HEADER) // FRAME
    data[HEADER + FRAME * (frames // 2) + 200] ^= 1
    wal.write_bytes(data)
    connection = sqlite.connect(path)
    (rows,) = connection.execute("SELECT count(*) FROM record").fetchone()
    (integrity,) = connection.execute("PRAGMA integrity_check").fetchone()
    checkpoint = connection.execute("PRAGMA wal_checkpoint").fetchone()
    connection.close()
    print(
        f"  {', '.join(['committed 10', *pragmas, 'killed'])}; one bit flipped: {rows} rows, integrity {integrity}, "
        f"checkpoint {checkpoint}; after close: {'a' if wal.exists() else 'no'} -wal"
    )
    return rows, integrity, checkpoint, wal.exists()


seen = []
for name in ("sqlite3", "pysqlite3.dbapi2"):
    print(f"{name}, SQLite {importlib.import_module(name).sqlite_version}")
    seen += [tried(name), tried(name, "wal_checkpoint")]
sys.exit(seen != [(4, "ok", (0, 6, 6), False)] * 4)
PYTHON
"$folder/venv/bin/python" "$folder/try.py" "$folder"
