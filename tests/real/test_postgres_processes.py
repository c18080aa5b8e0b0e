"""Two processes and one account: killed, stopped, and taken over."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.contract.test_journals import place
from tests.support.command_line import REPOSITORY
from tests.support.postgres_bench import PostgresBench
from tests.support.postgres_server import PostgresServer
from trading_bot.account_in_use import HeldElsewhereError
from trading_bot.shared_lease import PostgresLease

pytestmark = pytest.mark.subprocess

PATIENCE_S = 60.0
LEASE_S = 3.0
HORIZON_S = 0.5


class Child:
    """A holder in a process of its own."""

    def __init__(self, bench: PostgresBench, name: str) -> None:
        command = [sys.executable, "-m", "tests.support.postgres_holder", bench.url, name, str(LEASE_S), str(HORIZON_S)]
        source = os.pathsep.join(str(REPOSITORY / folder) for folder in ("src", "."))
        self.process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": source},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, line: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.heard()

    def heard(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def stop(self) -> None:
        """Stop it, and wait until the kernel says that it stands still."""
        self.process.send_signal(signal.SIGSTOP)
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=PATIENCE_S)


@pytest.fixture
def bench(postgres: PostgresServer) -> Iterator[PostgresBench]:
    made = PostgresBench(postgres)
    yield made
    made.close()


@pytest.fixture
def child(bench: PostgresBench) -> Iterator[Child]:
    with ExitStack() as stack:
        made = Child(bench, "child")
        stack.callback(made.end)
        assert made.ask("hold") == "held"
        yield made


def taken_over(bench: PostgresBench) -> PostgresLease:
    """Ask until the account is free; each refusal says how long that takes at most."""
    lease = bench.lease("heir", lease_s=60)
    give_up_at = bench.clock.monotonic() + PATIENCE_S
    while bench.clock.monotonic() < give_up_at:
        try:
            lease.acquire()
        except HeldElsewhereError as error:
            bench.clock.sleep(min(error.free_in_s, 0.2) + 0.01)
        else:
            return lease
    raise TimeoutError("the account never became free")


def test_what_a_killed_holder_has_told_is_there_and_the_next_one_goes_on(bench, child):
    first = child.ask("orders")
    told = [first, *(child.heard() for _ in range(20))]
    child.process.kill()
    died = bench.clock.monotonic()
    told += [line for line in child.process.stdout if line.endswith("\n")]
    lease = taken_over(bench)
    took = bench.clock.monotonic() - died
    names = [line.split()[0] for line in told]
    assert {line.split()[1] for line in told} == {"stored"}
    journal = bench.journal_under(lease)
    opened = journal.open()
    assert opened.problem is None
    recorded = [record.fact.client_order_id for record in opened.standing]
    # One more may have been committed, whose news was not heard any more.
    assert recorded[: len(names)] == names
    assert len(recorded) <= len(names) + 1
    place(journal, "after")
    # It was renewed a third of a lease before it died at the latest.
    assert took >= LEASE_S * 2 / 3 + HORIZON_S - 0.1


def test_a_holder_that_was_stopped_past_its_lease_sends_and_stores_nothing_more(bench, child):
    assert child.ask("order before") == "stored sent"
    child.stop()
    lease = taken_over(bench)
    journal = bench.journal_under(lease)
    journal.open()
    (ours,) = place(journal, "ours")
    child.go_on()
    assert child.ask("order late") == "FencedError refused"
    assert bench.reader().read_head().seq == ours.seq


def test_a_holder_that_was_stopped_and_not_followed_goes_on(bench, child):
    assert child.ask("order before") == "stored sent"
    child.stop()
    child.go_on()
    assert child.ask("order after") == "stored sent"


def test_a_second_process_waits(bench, child):
    second = Child(bench, "second")
    try:
        assert second.ask("hold").startswith("refused another trading-bot holds this account as child")
    finally:
        second.end()
