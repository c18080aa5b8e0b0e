"""A journal database that somebody has written in by hand."""

import sqlite3
from contextlib import closing
from pathlib import Path


def alter(database: Path, old: str, new: str) -> None:
    """Replace a text in every record; their hashes stay as they were."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE record SET body = replace(body, ?, ?)", (old, new))


def bodies(database: Path) -> list[str]:
    """What is stored now."""
    with closing(sqlite3.connect(database)) as connection:
        return [str(row[0]) for row in connection.execute("SELECT body FROM record ORDER BY seq")]
