"""Machines that share one account: each has a home of its own, and all have one journal.

The paper exchange is a file of one machine and refuses links, so it is carried to the machine that trades next.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.command_line_bench import CommandLineBench
from tests.support.postgres_bench import PostgresBench
from trading_bot.order_management.models import ExecutionMode
from trading_bot.startup.account_number import PAPER_ACCOUNT
from trading_bot.state_folder import account_key

KEY = account_key(ExecutionMode.PAPER, PAPER_ACCOUNT)
FOLDER = f"{ExecutionMode.PAPER}-{KEY}"
REF_ID = re.compile(r'"ref_id": ?"([^"]+)"')


class Machines:
    """Makes machines; ``bench`` is where their journal is."""

    def __init__(self, root: Path, bench: PostgresBench) -> None:
        self._root = root
        self.bench = bench

    def machine(self, name: str) -> CommandLineBench:
        """Set one up that nothing has run on yet."""
        home = self._root / name
        home.mkdir()
        return CommandLineBench(home, {"journal_url": self.bench.url})


def carry_exchange(source: CommandLineBench, target: CommandLineBench) -> None:
    """Let the exchange of ``source``, as it is now, be the one of ``target``."""
    copy = exchange_of(target)
    copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy.unlink(missing_ok=True)
    copy.touch(mode=0o600)
    with closing(sqlite3.connect(exchange_of(source))) as old, closing(sqlite3.connect(copy)) as new:
        old.backup(new)


def ordered_at(desk: CommandLineBench) -> list[str]:
    """Return the ref_id of each order that the exchange of a machine has, sorted."""
    with closing(sqlite3.connect(exchange_of(desk))) as exchange:
        rows = exchange.execute("SELECT value FROM part UNION ALL SELECT value FROM closed_order").fetchall()
    return sorted(name for (text,) in rows for name in REF_ID.findall(text))


def exchange_of(desk: CommandLineBench) -> Path:
    return desk.home / "state" / FOLDER / "paper.sqlite3"
