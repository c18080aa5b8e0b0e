"""One bot's share of a shared journal, as a process of its own: it does what its standard input says, and tells.

python -m tests.support.postgres_holder URL HOLDER LEASE_S HORIZON_S

``hold`` takes the account and opens the journal; ``order NAME`` does what a submit does to the journal and the lease:
it commits the intent, then asks under the send lock whether it may send. ``orders`` commits without end.
"""

import sys
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

from tests.contract.test_journals import commit_of
from tests.support.journal_engines import OURS, SESSION
from tests.support.postgres_bench import QUICK
from trading_bot.account_in_use import AccountInUseError
from trading_bot.clock import SystemClock
from trading_bot.latch import SendLock
from trading_bot.lease import Lease, OwnersSendLock
from trading_bot.order_management.exceptions import OrderLogError
from trading_bot.order_management.journal.identity import first_record
from trading_bot.order_management.journal.postgres import PostgresJournal
from trading_bot.order_management.journal.postgres_connection import Database
from trading_bot.order_management.ports import SendRefusedError
from trading_bot.shared_lease import PostgresLease, SharedHolding


class Holder:
    """What one line asks for."""

    def __init__(self, url: str, name: str, lease_s: float, horizon_s: float) -> None:
        clock = SystemClock()
        folder = Path(mkdtemp(prefix="bot-holder-"))
        database = Database(url, clock=clock, times=QUICK)
        lease = PostgresLease(database, account_key=OURS.account_key, holder=name, horizon_s=horizon_s, lease_s=lease_s)
        self._holding = SharedHolding(Lease(path=folder / "lease.lock"), lease)
        self._send_lock = OwnersSendLock(
            SendLock(path=folder / "send.lock", clock=clock), check_owner=self._holding.ensure_owner
        )
        self._journal = PostgresJournal(
            database,
            identity=OURS,
            epoch=lambda: lease.epoch,
            first_record=lambda: first_record(OURS, clock=clock, session_id=SESSION),
        )

    def hold(self) -> str:
        try:
            self._holding.acquire()
        except AccountInUseError as error:
            return f"refused {error}"
        self._journal.open()
        return "held"

    def order(self, name: str) -> str:
        try:
            self._journal.commit(commit_of(self._journal.head, name))
        except OrderLogError as error:
            stored = type(error).__name__
        else:
            stored = "stored"
        return f"{stored} {self._sending()}"

    def _sending(self) -> str:
        try:
            self._send_lock.acquire(5)
        except SendRefusedError:
            return "refused"
        self._send_lock.release()
        return "sent"


def main() -> None:
    url, name, lease_s, horizon_s = sys.argv[1:]
    holder = Holder(url, name, float(lease_s), float(horizon_s))
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "hold":
            _say(holder.hold())
        elif word == "order":
            _say(holder.order(*rest))
        else:
            for number in count(1):
                _say(f"order-{number} {holder.order(f'order-{number}')}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
