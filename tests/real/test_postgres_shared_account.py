"""What startup joins for a shared account, over a real PostgreSQL."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.contract.test_journals import place
from tests.support.journal_engines import OURS, SESSION
from tests.support.postgres_bench import PostgresBench
from tests.support.postgres_server import PostgresServer
from trading_bot.account_in_use import AccountInUseError
from trading_bot.config import Config
from trading_bot.latch import Latch
from trading_bot.lease import Lease
from trading_bot.order_management.journal.identity import first_record
from trading_bot.startup.shared_account import SharedAccount, shared_account
from trading_bot.startup.surroundings import default_surroundings

pytestmark = pytest.mark.subprocess

AROUND = default_surroundings()


def parts_on(machine: str, url: str) -> SharedAccount:
    made = shared_account(Config(journal_url=SecretStr(url)), AROUND, account_key=OURS.account_key, machine=machine)
    assert made is not None
    return made


def test_two_machines_follow_each_other(postgres: PostgresServer, tmp_path: Path):
    bench = PostgresBench(postgres)
    one, two = (parts_on(name, bench.url) for name in ("one", "two"))
    here, there = (
        parts.holding(Lease(path=tmp_path / str(n) / "lock"), horizon_s=0) for n, parts in enumerate((one, two))
    )
    here.acquire()
    journal = one.journal(OURS, lambda: first_record(OURS, clock=AROUND.clock, session_id=SESSION))
    journal.open()
    place(journal, "first")
    with pytest.raises(AccountInUseError, match=r"as one \(pid"):
        there.acquire()
    assert two.reader().read_head() == journal.head
    journal.close()
    here.release()
    there.acquire()
    heir = two.journal(replace(OURS), None)
    assert heir.open().head == journal.head
    heir.close()
    there.release()


def test_a_kill_on_one_machine_disarms_the_other(postgres: PostgresServer, tmp_path: Path):
    bench = PostgresBench(postgres)
    latches = [
        parts_on(name, bench.url).latch(Latch(path=tmp_path / name / "armed", clock=AROUND.clock, new_id=AROUND.new_id))
        for name in ("one", "two")
    ]
    for latch in latches:
        latch.arm(by="a person")
    latches[0].engage()
    assert latches[1].reason_not_armed() is not None
    for latch in latches:
        latch.close()
