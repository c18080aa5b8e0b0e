"""The tables of a PostgreSQL journal: those of every engine, the lease and the arming, made once by whoever is first.

``UNIQUE (account, epoch)`` makes the epoch part of a key: so a take-over, which changes it, waits for every commit that
holds the row with ``FOR KEY SHARE``, while a renewal, which does not, waits for none.
"""

from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.tables import Cursor, check_schema_version, schema

_MAKING = 7303016401884271
"""The advisory lock of whoever makes the tables."""
_NAMES = ("record", "order_key", "standing", "schema_version", "lease", "arming")
_COUNT = """SELECT count(*) FROM pg_catalog.pg_class
    WHERE relname = ANY(%s) AND relkind IN ('r', 'p', 'v', 'f', 'm') AND pg_catalog.pg_table_is_visible(oid)"""
_SHARED = (
    """CREATE TABLE lease (
        account TEXT PRIMARY KEY, epoch BIGINT NOT NULL, holder TEXT NOT NULL,
        until TIMESTAMPTZ NOT NULL, free_from TIMESTAMPTZ NOT NULL, UNIQUE (account, epoch)
    )""",
    """CREATE TABLE arming (
        account TEXT PRIMARY KEY, kills BIGINT NOT NULL, arming TEXT, exits_only BOOLEAN NOT NULL,
        changed_by TEXT NOT NULL, changed_at TIMESTAMPTZ NOT NULL
    )""",
)


def check_tables(cursor: Cursor, *, journal: object) -> bool:
    """Return whether the tables are there; False where none of them is.

    Raises:
        OrderLogError: some are another program's, or all of another version.
    """
    # Not to_regclass: it answers from what this session remembers, also of what others have made meanwhile.
    cursor.execute(_COUNT, (list(_NAMES),))
    found = cursor.fetchone()[0]
    if found == 0:
        return False
    if found != len(_NAMES):
        raise OrderLogError(
            f"the {journal} holds tables of another program under our names; give the journal a database or a schema "
            "of its own"
        )
    check_schema_version(cursor, journal=journal)
    return True


def make_tables(cursor: Cursor, *, journal: object) -> None:
    """Make the tables unless they are there; two processes may do so at once.

    Raises:
        OrderLogError: as `check_tables`.
    """
    if check_tables(cursor, journal=journal):
        return
    cursor.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
    if not check_tables(cursor, journal=journal):
        for statement in (*schema(), *_SHARED):
            cursor.execute(statement)
    cursor.execute("COMMIT")
