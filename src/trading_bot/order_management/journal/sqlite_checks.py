"""What a start checks of a SQLite file because SQLite does not: that one wrong bit of a page has hidden no row.

A row's hash proves the row, but a flipped bit in a page's own bookkeeping makes rows vanish without an error. Two such
losses would harm at once: a standing pointer (an open order would be forgotten) and the end of the records (the next
one would be written a second time). So triggers keep the count and a sum of all standing pointers in a table of their
own, and the last record is looked up in two trees: in the index, and in the table behind it.

The cost grows with what stands, not with history. Lost rows elsewhere are found by ``audit verify``.
"""

from trading_bot.order_management.journal.chain import ChainHead
from trading_bot.order_management.journal.tables import Cursor

_OF_A_POINTER = "(({row}.seq * 2654435761 + ifnull(unicode({row}.key), 0) * 40503 + length({row}.key)) % 4294967296)"
"""Its weight: two that differ in one bit hardly ever weigh the same."""
_NEW, _OLD, _EACH = (_OF_A_POINTER.format(row=row) for row in ("NEW", "OLD", "standing"))

STANDING_SUM = (
    """CREATE TABLE standing_sum (
        account TEXT NOT NULL PRIMARY KEY, number BIGINT NOT NULL, weight BIGINT NOT NULL
    ) WITHOUT ROWID""",
    f"""CREATE TRIGGER standing_added AFTER INSERT ON standing BEGIN
        INSERT INTO standing_sum (account, number, weight) VALUES (NEW.account, 1, {_NEW})
        ON CONFLICT (account) DO UPDATE SET number = number + 1, weight = weight + excluded.weight;
    END""",  # noqa: S608 (our own formula)
    f"""CREATE TRIGGER standing_removed AFTER DELETE ON standing BEGIN
        UPDATE standing_sum SET number = number - 1, weight = weight - {_OLD}
        WHERE account = OLD.account;
    END""",  # noqa: S608
)
_STANDING = f"SELECT account, count(*), sum({_EACH}) FROM standing GROUP BY account"  # noqa: S608 (our own formula)
_NOTED = "SELECT account, number, weight FROM standing_sum WHERE number <> 0 OR weight <> 0"
_LAST_ROW = "SELECT seq FROM record ORDER BY rowid DESC LIMIT 1"


def lost_rows(cursor: Cursor, *, head: ChainHead) -> str | None:
    """Return which rows that a start needs are missing, if any are; the database holds one account."""
    cursor.execute(_LAST_ROW)
    last = cursor.fetchone()
    if (last[0] if last else 0) != head.seq:
        return f"its index ends at record {head.seq}, and its table at another one"
    cursor.execute(_STANDING)
    standing = cursor.fetchall()
    cursor.execute(_NOTED)
    if standing != cursor.fetchall():
        return "pointers to records that still count are missing or changed"
    return None
