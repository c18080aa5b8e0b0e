"""The arming of an account that several machines share: a row in the journal's database, beside each machine's latch.

Both must stand: the machine's own armed file, which says until when, and the row, which says that nobody has killed the
account since a person armed it, on whatever machine. A kill removes the file, then marks the row if it can be reached
within `MARKING_S`, and waits no longer. A row that cannot be read counts as killed for new orders: then the journal
cannot be written either.

Arming on one machine arms the account. Another machine trades under it if its own file still stands.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading_bot.clock import Seconds
from trading_bot.latch import Latch, LatchError, LatchState
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.postgres_connection import Database, DatabaseCursor
from trading_bot.order_management.journal.postgres_rows import DatabaseRows
from trading_bot.order_management.journal.postgres_tables import make_tables
from trading_bot.order_management.ports import ArmingId, LatchLook

MARKING_S: Seconds = 2.0
"""How long a kill waits for the row."""

_KILL = """INSERT INTO arming AS a (account, kills, arming, exits_only, changed_by, changed_at)
    VALUES (%s, 1, NULL, false, %s, clock_timestamp())
    ON CONFLICT (account) DO UPDATE
    SET kills = a.kills + 1, arming = NULL, exits_only = false, changed_by = EXCLUDED.changed_by,
        changed_at = EXCLUDED.changed_at"""
_ARM = """INSERT INTO arming AS a (account, kills, arming, exits_only, changed_by, changed_at)
    VALUES (%(account)s, 0, %(arming)s, %(exits_only)s, %(by)s, clock_timestamp())
    ON CONFLICT (account) DO UPDATE
    SET arming = EXCLUDED.arming, exits_only = EXCLUDED.exits_only, changed_by = EXCLUDED.changed_by,
        changed_at = EXCLUDED.changed_at WHERE a.kills = %(kills)s RETURNING kills"""
_BEGIN = """INSERT INTO arming (account, kills, arming, exits_only, changed_by, changed_at)
    VALUES (%s, 0, %s, false, 'first paper start', clock_timestamp()) ON CONFLICT DO NOTHING"""
_READ = "SELECT kills, arming, exits_only FROM arming WHERE account = %s"
_OFF = LatchState.DISARMED
_STRICTNESS = (LatchState.ARMED, LatchState.EXITS_ONLY, LatchState.EXPIRED, LatchState.DISARMED)
_ARM_IT = "arm it with `trading-bot arm`"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmingRow:
    """What the row says; ``arming`` is None while the account is killed or was never armed."""

    kills: int = 0
    arming: str | None = None
    exits_only: bool = False


class ArmingRows:
    """The row of one account. ``by`` names this machine to people."""

    def __init__(self, database: Database, *, account_key: str, by: str) -> None:
        self._database = database
        self._rows = DatabaseRows(database)
        self._account = account_key
        self._by = by

    def read(self) -> ArmingRow:
        """Return what the row says now; raises OrderLogError where that cannot be told."""
        return self._rows.ask(self._read, failed="asked for the arming")

    def kill(self) -> None:
        """Mark the account as killed; raises OrderLogError where that cannot be done."""
        self._rows.ask(self._killed, failed="marked as killed")

    def arm(self, arming: str, *, after: ArmingRow, exits_only: bool) -> bool:
        """Arm the account unless it was killed ``after`` that reading; say whether that was done."""
        values = {
            "account": self._account,
            "arming": arming,
            "exits_only": exits_only,
            "by": self._by,
            "kills": after.kills,
        }

        def armed(cursor: DatabaseCursor) -> bool:
            cursor.execute_named(_ARM, values)
            return cursor.fetchone() is not None

        return self._rows.ask(armed, failed="armed")

    def begin(self, arming: str) -> None:
        """Arm a paper account that has no row yet."""
        self._rows.ask(lambda cursor: cursor.execute(_BEGIN, (self._account, arming)), failed="armed")

    def close(self) -> None:
        """Close the connection."""
        self._rows.close()

    def _read(self, cursor: DatabaseCursor) -> ArmingRow:
        make_tables(cursor, journal=self._database)
        cursor.execute(_READ, (self._account,))
        row = cursor.fetchone()
        return ArmingRow() if row is None else ArmingRow(kills=row[0], arming=row[1], exits_only=row[2])

    def _killed(self, cursor: DatabaseCursor) -> None:
        make_tables(cursor, journal=self._database)
        cursor.execute(_KILL, (self._account, self._by))


class SharedLatch:
    """A `latch.Latch` and the row: takes the latch's place wherever it is asked, armed or engaged."""

    def __init__(self, local: Latch, rows: ArmingRows, *, new_id: Callable[[], str]) -> None:
        self._local = local
        self._rows = rows
        self._new_id = new_id

    def is_armed(self) -> bool:
        """Whether orders may be sent now."""
        return self.state() is LatchState.ARMED

    def state(self) -> LatchState:
        """Say what file and row together allow."""
        here, (shared, _, _) = self._local.state(), self._judge()
        return max(here, shared, key=_STRICTNESS.index)

    def look(self) -> LatchLook:
        """Read file and row once each, and say what both allow; another kill or arming anywhere changes the arming."""
        local, (state, reason, arming) = self._local.look(), self._judge()
        return LatchLook(
            arming=None if local.arming is None or arming is None else ArmingId(f"{local.arming}/{arming}"),
            not_armed=local.not_armed or reason,
            not_reducing=local.not_reducing or (reason if state is _OFF else None),
        )

    def reason_not_armed(self) -> str | None:
        """Say why orders may not be sent and what to do; None if they may."""
        return self.look().not_armed

    def armed_until(self) -> datetime | None:
        """Return when this machine's arming ends."""
        return self._local.armed_until()

    def arm(self, *, by: str, hours: int | Decimal | None = None, exits_only: bool = False) -> None:
        """Allow trading on this machine, and for the account.

        Raises:
            ValueError, LatchError: as `Latch.arm`; LatchError also where a kill came in meanwhile, and the account is
                not armed, or where the row could not be written: then what it said before may still stand.
        """
        try:
            before = self._rows.read()
            self._local.arm(by=by, hours=hours, exits_only=exits_only)
            is_armed = self._rows.arm(self._new_id(), after=before, exits_only=exits_only)
        except OrderLogError as error:
            raise LatchError(
                f"the account could not be armed: {error}; an earlier arming may still stand, so run "
                "`trading-bot kill` if nothing may be sent"
            ) from error
        if not is_armed:
            raise LatchError(
                "the account is not armed: it was killed meanwhile on another machine; arm again if that is what you "
                "want"
            )

    def engage(self) -> None:
        """Kill: remove the file, then mark the row, for which it waits `MARKING_S` and no longer.

        Raises:
            LatchError: other processes, of this machine or of another, may still trade.
        """
        problems: list[str] = []
        try:
            self._local.engage()
        except LatchError as error:
            problems.append(str(error))
        problem = self._mark()
        if problem is not None:
            problems.append(
                f"this machine is stopped, but the shared journal is not marked as killed ({problem}); kill on every "
                "other machine of the account too"
            )
        if problems:
            raise LatchError("; ".join(problems))

    def initialise_paper(self) -> bool:
        """Arm a paper account the first time it is ever used, here and in the row; raises as `arm`."""
        is_first = self._local.initialise_paper()
        try:
            if self._rows.read() == ArmingRow():
                self._rows.begin(self._new_id())
        except OrderLogError as error:
            raise LatchError(f"the account is not armed: {error}") from error
        return is_first

    def close(self) -> None:
        """Close the connection to the row; the next question opens another."""
        self._rows.close()

    def _judge(self) -> tuple[LatchState, str | None, str | None]:
        try:
            row = self._rows.read()
        except OrderLogError as error:
            return _OFF, f"it cannot be told whether the account is armed in the shared journal: {error}", None
        if row.arming is None:
            return _OFF, f"the account is not armed in the shared journal; {_ARM_IT}", None
        if row.exits_only:
            reason = f"the account is armed for exits only in the shared journal; {_ARM_IT}"
            return LatchState.EXITS_ONLY, reason, row.arming
        return LatchState.ARMED, None, row.arming

    def _mark(self) -> str | None:
        # In a thread, because not even the look-up of the server's name may keep a kill waiting.
        answers: list[str | None] = []

        def mark() -> None:
            try:
                self._rows.kill()
            except OrderLogError as error:
                answers.append(str(error))
            else:
                answers.append(None)
                self._rows.close()

        marking = threading.Thread(target=mark, name="marking the kill", daemon=True)
        marking.start()
        marking.join(MARKING_S)
        return answers[0] if answers else f"no answer within {MARKING_S:.0f} seconds"
